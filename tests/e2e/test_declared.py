"""What a lock says against what was installed from it by its own tool: nothing to find; and one
finding for each thing that was changed afterwards."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.catalog.go_modules import library, publish
from tests.catalog.test_python_environments import wheel
from tests.e2e.builds import ENGINES, Bom, git
from tests.e2e.npm_registry import NpmRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.builds import Key

pytestmark = pytest.mark.e2e

MODULES = "node_modules"


def run(*arguments: str | Path, cwd: Path, more: dict[str, str] | None = None) -> None:
    environment = Bom(cwd).variables(**(more or {}))
    done = subprocess.run(
        [str(item) for item in arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def told(document: dict[str, Any], kind: str) -> list[str]:
    """The sentences of a kind of annotation, without the kind."""
    start = f"{kind}: "
    return [
        entry["text"].removeprefix(start)
        for entry in document.get("annotations", [])
        if entry["text"].startswith(start)
    ]


def scanned(bom: Bom, folder: Path) -> list[str]:
    done = bom("scan", folder, cwd=folder, more={"SOURCE_DATE_EPOCH": "1"})
    return told(json.loads(done.stdout), "finding")


# --- npm -----------------------------------------------------------------------------------------

SHOP = {
    "name": "shop",
    "version": "1.0.0",
    "workspaces": ["packages/*"],
    "dependencies": {"top": "^1.0.0", "shared": "1.0.0", "called": "npm:real@1.0.0"},
    "optionalDependencies": {"other-system": "1.0.0"},
    "devDependencies": {"tests": "1.0.0"},
}
ONE = {"name": "@shop/one", "version": "1.0.0", "dependencies": {"shared": "2.0.0"}}


@pytest.fixture(scope="module")
def shop(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Projects as `npm ci` leaves them, by its options; each is made once."""
    npm = need("npm")
    root = tmp_path_factory.mktemp("npm")
    source = root / "source"
    (source / "packages/one").mkdir(parents=True)
    (source / "package.json").write_text(json.dumps(SHOP))
    (source / "packages/one/package.json").write_text(json.dumps(ONE))
    made: dict[str, Path] = {}
    with NpmRegistry() as registry:
        registry.add("shared", "1.0.0")
        registry.add("shared", "2.0.0")
        registry.add("shared", "2.0.1")
        registry.add("real", "1.0.0")
        registry.add("tests", "1.0.0", dependencies={"only-tests": "1.0.0"})
        registry.add("only-tests", "1.0.0")
        registry.add("other-system", "1.0.0", os=["openbsd"])
        inner = {"bundled": "1.0.0"}
        registry.add(
            *("top", "1.0.0", inner),
            dependencies={"shared": "^1.0.0", "bundled": "1.0.0"},
            bundleDependencies=["bundled"],
        )

        def call(folder: Path, *words: str) -> None:
            quiet = ("--no-audit", "--no-fund", "--no-update-notifier")
            own = f"--registry={registry.url}", f"--cache={root / 'cache'}"
            run(npm, *words, *quiet, *own, cwd=folder)

        call(source, "install", "--package-lock-only")

        def project(options: str = "") -> Path:
            if options not in made:
                folder = made[options] = root / f"project-{len(made)}"
                shutil.copytree(source, folder)
                call(folder, "ci", *options.split())
            return made[options]

        yield project


@pytest.mark.parametrize(
    "options", ["", "--omit=dev", "--omit=dev --omit=optional", "--install-strategy=nested"]
)
def test_what_npm_ci_installs_is_what_the_lock_says(
    bom: Bom, shop: Callable[[str], Path], options: str
) -> None:
    assert scanned(bom, shop(options)) == []


def add(name: str, version: str, place: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        (root / place).mkdir(parents=True)
        (root / place / "package.json").write_text(json.dumps({"name": name, "version": version}))

    return change


def replaced(place: str, old: str, new: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        (path,) = root.glob(place)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def removed(place: str) -> Callable[[Path], object]:
    return lambda root: shutil.rmtree(root / place)


def another_tarball(root: Path) -> None:
    record = root / MODULES / ".package-lock.json"
    document = json.loads(record.read_text())
    document["packages"][f"{MODULES}/top"]["integrity"] = "sha512-" + "A" * 86 + "=="
    record.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            removed(f"{MODULES}/top"),
            "missing: top 1.0.0: the lock file asks for it and it is not installed"
            " (package-lock.json:LINE)",
        ),
        (
            removed(f"{MODULES}/called"),
            "missing: real 1.0.0: the lock file asks for it and it is not installed"
            " (package-lock.json:LINE)",
        ),
        (
            removed(f"packages/one/{MODULES}/shared"),
            "missing: shared 2.0.0: the lock file asks for it and it is not installed"
            " (package-lock.json:LINE)",
        ),
        (
            add("@x/evil", "6.6.6", f"{MODULES}/@x/evil"),
            "additional: @x/evil 6.6.6: it is installed, and package-lock.json does not list it"
            f" ({MODULES}/@x/evil/package.json)",
        ),
        (
            add("evil", "6.6.6", f"packages/one/{MODULES}/evil"),
            "additional: evil 6.6.6: it is installed, and package-lock.json does not list it"
            f" (packages/one/{MODULES}/evil/package.json)",
        ),
        (
            replaced(f"{MODULES}/top/package.json", '"version": "1.0.0"', '"version": "1.0.1"'),
            "version: top 1.0.1: another version is installed than the lock file states: expected"
            f" 1.0.0 (package-lock.json:LINE), found 1.0.1 ({MODULES}/top/package.json)",
        ),
        (
            another_tarball,
            "hash: top 1.0.0: it was installed from another file than the lock file states:"
            " expected SHA-512 DIGEST (package-lock.json:LINE), found SHA-512 "
            + "0" * 128
            + f" ({MODULES}/top/package.json)",
        ),
    ],
    ids=["removed", "alias removed", "in a workspace", "added", "there", "version", "tarball"],
)
def test_each_change_to_what_npm_installed_is_one_finding(
    bom: Bom,
    shop: Callable[[str], Path],
    tmp_path: Path,
    change: Callable[[Path], object],
    expected: str,
) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(shop("--omit=dev"), folder, symlinks=True)
    change(folder)
    name = expected.split()[1].replace("real", "called")
    place = f"packages/one/{MODULES}/shared" if name == "shared" else f"{MODULES}/{name}"
    line = line_of(folder, place) if "LINE" in expected else 0
    digest = ""
    if "DIGEST" in expected:
        stated = json.loads((folder / "package-lock.json").read_text())["packages"][place][
            "integrity"
        ]
        digest = base64.b64decode(stated.removeprefix("sha512-")).hex()
    assert scanned(bom, folder) == [expected.replace("LINE", str(line)).replace("DIGEST", digest)]


# --- images --------------------------------------------------------------------------------------


def built(
    bom: Bom, key: Key, engine: dict[str, str], context: Path, tag: str, *options: str
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """What `bom build` prints of an image's build, its result and its BOM."""
    git(context, "init", "-q")
    git(context, "add", "-A")
    git(context, "commit", "-q", "-m", "app")
    out = context.parent / f"{context.name}.tar"
    result = context.parent / f"{context.name}.json"
    wrapped = bom.on(engine)
    done = wrapped(
        *("build", "-o", out, "--key", key.private, "--result", result, "--"),
        *("docker", "build", "-t", tag, *options, "."),
        cwd=context,
    )
    shown = wrapped("show", "--json", out, cwd=context).stdout
    subprocess.run(["docker", "image", "rm", "--force", tag], env=engine, capture_output=True)
    return done.stderr, json.loads(result.read_text()), json.loads(shown)


@pytest.mark.parametrize("kind", ENGINES)
def test_an_image_is_held_against_a_lock_that_only_its_build_context_has(
    bom: Bom, key: Key, need: Need, shop: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    engine = need.engine(kind)
    good, bad = tmp_path / "good", tmp_path / "bad"
    for context in (good, bad):
        shutil.copytree(shop("--omit=dev"), context, symlinks=True)
        dockerfile = f"FROM scratch\nCOPY {MODULES} /srv/{MODULES}\nCOPY packages /srv/packages\n"
        (context / "Dockerfile").write_text(dockerfile)
    printed, result, document = built(bom, key, engine, good, f"bom-e2e/declared-{kind}:1")
    assert told(document, "finding") == result["artifacts"][0]["findings"] == []
    assert "finding" not in printed
    assert not [text for text in told(document, "gap") if "dependency.compared" in text]

    hostile = "\x1b]0;owned\x07::add-mask::x<img src=x>"
    add("evil", "6.6.6", f"{MODULES}/evil")(bad)
    add("top", "1.0.2", f"{MODULES}/called/{MODULES}/top")(bad)
    add("hostile", hostile, f"{MODULES}/hostile")(bad)
    removed(f"{MODULES}/shared")(bad)
    printed, result, document = built(bom, key, engine, bad, f"bom-e2e/declared-{kind}:2")
    findings = told(document, "finding")
    line = line_of(bad, f"{MODULES}/shared")
    stated = line_of(bad, f"{MODULES}/top")
    assert findings == [
        "additional: evil 6.6.6: it is installed, and package-lock.json does not list it"
        f" (srv/{MODULES}/evil/package.json)",
        "missing: shared 1.0.0: the lock file asks for it and it is not installed"
        f" (package-lock.json:{line})",
        "version: top 1.0.2: another version is installed than the lock file states: expected"
        f" 1.0.0 (package-lock.json:{stated}), found 1.0.2"
        f" (srv/{MODULES}/called/{MODULES}/top/package.json)",
    ]
    assert result["artifacts"][0]["findings"] == findings
    assert f", {len(findings)} findings\n" in printed
    assert "\x1b" not in printed
    verified = bom("verify", "--key", key.public, bad.parent / "bad.tar", cwd=bad).stdout
    assert f"then found {len(findings)} things wrong when it was built" in verified


def line_of(folder: Path, place: str) -> int:
    lines = (folder / "package-lock.json").read_text().splitlines()
    return next(n for n, text in enumerate(lines, 1) if f'"{place}": {{' in text)


# --- pip -----------------------------------------------------------------------------------------

PYPROJECT = """\
[project]
name = "Web.Shop"
version = "1.0"
dependencies = ["one", "elsewhere; sys_platform == 'win32'"]
[project.optional-dependencies]
more = ["extra"]
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# A backend that needs no other package: what is tested is the install, not who built the wheel.
BACKEND = """\
import pathlib, zipfile
def build_wheel(folder, settings=None, metadata=None):
    name = "web_shop-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as out:
        info = "web_shop-1.0.dist-info"
        out.writestr("web_shop.py", "")
        out.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: web-shop\\nVersion: 1.0\\n")
        out.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        out.writestr(f"{info}/RECORD", "")
    return name
"""


def pinned(path: Path, marker: str = "") -> str:
    """A line of a requirements file for a wheel."""
    name, version = path.name.split("-")[:2]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{name}=={version}{marker} \\\n    --hash=sha256:{digest}\n"


@pytest.fixture(scope="module")
def web(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a virtual environment that pip filled from its hashed requirements, and with
    requirements of its tests that are not installed."""
    root = tmp_path_factory.mktemp("pip") / "web"
    wheels = root.parent / "wheels"
    wheels.mkdir()
    root.mkdir()
    one, two = wheel(wheels, "one", "1.0", "two>=1"), wheel(wheels, "two", "1.5")
    absent = wheel(wheels, "elsewhere", "1.0")
    extra, tests = wheel(wheels, "extra", "1.0"), wheel(wheels, "tests", "1.0")
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "backend.py").write_text(BACKEND)
    windows = pinned(absent, " ; sys_platform == 'win32'")
    (root / "requirements.txt").write_text(pinned(one) + pinned(two) + windows + pinned(extra))
    (root / "requirements-dev.txt").write_text(pinned(tests))
    run(need("python"), "-m", "venv", ".venv", cwd=root)
    pip = root / ".venv/bin/pip"
    quiet = ("--no-index", "--disable-pip-version-check", "--find-links", wheels)
    # `extra` is the extra's, and nobody asked for that one
    (root.parent / "some.txt").write_text(pinned(one) + pinned(two) + windows)
    some = ("--require-hashes", "-r", root.parent / "some.txt")
    run(pip, "install", *quiet, *some, cwd=root)
    run(pip, "install", *quiet, "--no-deps", "--no-build-isolation", ".", cwd=root)
    return root


def test_what_pip_installs_from_hashed_requirements_is_what_they_say(bom: Bom, web: Path) -> None:
    assert scanned(bom, web) == []


def site(root: Path) -> Path:
    (folder,) = root.glob(".venv/lib/python3*/site-packages")
    return folder


def added(root: Path) -> None:
    (site(root) / "evil-1.dist-info").mkdir()
    text = "Metadata-Version: 2.1\nName: evil\nVersion: 1\n"
    (site(root) / "evil-1.dist-info/METADATA").write_text(text)


def from_another_file(root: Path) -> None:
    other = root.parent / "other"
    other.mkdir()
    made = wheel(other, "two", "1.5", "one")
    # older versions of pip record a local file's digest only where it was stated
    stated = f"two @ {made.as_uri()}#sha256={hashlib.sha256(made.read_bytes()).hexdigest()}"
    words = ("install", "--no-index", "--no-deps", "--force-reinstall", stated)
    run(root / ".venv/bin/python", "-m", "pip", *words, cwd=root)


def renamed(root: Path) -> None:
    folder = site(root)
    text = (folder / "two-1.5.dist-info/METADATA").read_text()
    (folder / "two-1.5.dist-info").rename(folder / "two-1.6.dist-info")
    (folder / "two-1.6.dist-info/METADATA").write_text(text.replace("1.5", "1.6"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda root: shutil.rmtree(site(root) / "two-1.5.dist-info"),
            "missing: two 1.5: the lock file asks for it and it is not installed"
            " (requirements.txt:3)",
        ),
        (
            lambda root: (
                shutil.copytree(site(root) / "two-1.5.dist-info", site(root) / "evil-1.dist-info")
                and (site(root) / "evil-1.dist-info/METADATA").write_text(
                    "Metadata-Version: 2.1\nName: evil\nVersion: 1\n"
                )
            ),
            "additional: evil 1: it is installed, and none of requirements-dev.txt,"
            " requirements.txt lists it (SITE/evil-1.dist-info)",
        ),
        (
            renamed,
            "version: two 1.6: another version is installed than the lock file states: expected"
            " 1.5 (requirements.txt:3), found 1.6 (SITE/two-1.6.dist-info)",
        ),
        (from_another_file, "hash: two 1.5: "),
    ],
    ids=["removed", "added", "version", "another wheel"],
)
def test_each_change_to_what_pip_installed_is_one_finding(
    bom: Bom, web: Path, tmp_path: Path, change: Callable[[Path], object], expected: str
) -> None:
    folder = tmp_path / "web"
    shutil.copytree(web, folder, symlinks=True)
    change(folder)
    place = site(folder).relative_to(folder).as_posix()
    # a METADATA that no longer fits its RECORD is `modified` besides
    (finding,) = [text for text in scanned(bom, folder) if not text.startswith("modified: ")]
    assert finding.startswith(expected.replace("SITE", place))


PIP_IMAGE = """\
FROM {base} AS build
COPY wheels requirements.txt /src/
RUN python3 -m venv /opt/venv && /opt/venv/bin/pip install --no-index \\
    --disable-pip-version-check --find-links /src --require-hashes -r /src/requirements.txt
FROM {base}
COPY --from=build /opt/venv /opt/venv
RUN rm -r /opt/venv/lib/python3*/site-packages/two*
"""


@pytest.mark.parametrize("kind", ENGINES)
def test_an_environment_of_another_stage_is_held_against_the_context_s_requirements(
    bom: Bom, key: Key, need: Need, tmp_path: Path, kind: str
) -> None:
    engine = need.engine(kind)
    context = tmp_path / "app"
    wheels = context / "wheels"
    wheels.mkdir(parents=True)
    one, two = wheel(wheels, "one", "1.0", "two>=1"), wheel(wheels, "two", "1.5")
    (context / "requirements.txt").write_text(pinned(one) + pinned(two))
    dockerfile = PIP_IMAGE.format(base=need.base_image(engine))
    (context / "Dockerfile").write_text(dockerfile)
    tag = f"bom-e2e/declared-pip-{kind}:1"
    _, _, document = built(bom, key, engine, context, tag, "--network=none")
    # copies: the base image's pip is another one than the environment's, of the same version
    assert [text for text in told(document, "finding") if not text.startswith("copies: ")] == [
        "missing: two 1.5: the lock file asks for it and it is not installed (requirements.txt:3)"
    ]


# --- Go ------------------------------------------------------------------------------------------


def test_the_programs_of_a_go_module_are_held_against_its_sums(
    bom: Bom, need: Need, tmp_path: Path
) -> None:
    proxy, root = tmp_path / "proxy", tmp_path / "shop"
    for version in ("v1.0.0", "v1.1.0"):
        go_mod = "module example.org/dep\n\ngo 1.18\n"
        publish(proxy, "example.org/dep", version, go_mod, {"dep.go": library("dep")})
    for name in ("one", "two"):
        (root / name).mkdir(parents=True)
        text = 'package main\n\nimport "example.org/dep"\n\nfunc main() { println(dep.Name()) }\n'
        (root / name / "main.go").write_text(text)
    go_mod = "module example.org/shop\n\ngo 1.18\n\nrequire example.org/dep v1.0.0\n"
    (root / "go.mod").write_text(go_mod)
    variables = {
        "GOPROXY": f"{proxy.as_uri()},off",
        "GOSUMDB": "off",
        "GOMODCACHE": str(tmp_path / "modules"),
        "GOCACHE": str(tmp_path / "cache"),
        "GOFLAGS": "-modcacherw -buildvcs=false",
        "GOTOOLCHAIN": "local",
    }
    go = need("go")
    run(go, "mod", "tidy", cwd=root, more=variables)
    for name in ("one", "two"):
        run(go, "build", "-o", f"bin/{name}", f"./{name}", cwd=root, more=variables)
    assert scanned(bom, root) == []

    sums = (root / "go.sum").read_text()
    (line, *_) = [text for text in sums.splitlines() if " v1.0.0 h1:" in text]
    stated = line.rpartition("h1:")[2]
    (root / "go.sum").write_text(sums.replace(stated, "A" * 43 + "="))
    assert scanned(bom, root) == [
        "hash: example.org/dep v1.0.0: it was installed from another file than the lock file"
        f" states: expected h1 {'A' * 43}=, found h1 {stated} (bin/{name})"
        for name in ("one", "two")
    ]
    (root / "go.mod").write_text(go_mod.replace("v1.0.0", "v1.1.0"))
    assert scanned(bom, root) == [
        "version: example.org/dep v1.0.0: another version is installed than the lock file states:"
        f" expected v1.1.0 (go.mod:5), found v1.0.0 (bin/{name})"
        for name in ("one", "two")
    ]
