"""`bom checksums` as a user calls it, on locks and files made here: what is recorded, what is
refused."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import pytest
from click.testing import CliRunner
from tests.loopback import folder_served

from bom.cli import bom

if TYPE_CHECKING:
    from click.testing import Result

SCHEMAS: Final = Path(__file__).resolve().parents[2] / "schemas"
WHEEL: Final = b"a wheel"
GZIP: Final = b"\x1f\x8b an npm package"
DIGEST: Final = "11" * 32


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def integrity(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def module_zip(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"example.org/Dep@v1.0.0/{name}.go", text)
    return out.getvalue()


class Project:
    """A project with a lock of each kind, and folders with what it downloads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        self.write("requirements.txt", f"six==1.16.0 --hash=sha256:{sha256(WHEEL)}\n")
        self.npm(GZIP)
        self.file("six-1.16.0-py2.py3-none-any.whl", WHEEL)
        self.content(GZIP)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def npm(self, data: bytes) -> None:
        packages = {
            "": {"name": "app", "version": "1.0.0", "dependencies": {"left-pad": "1.3.0"}},
            "node_modules/left-pad": {
                "version": "1.3.0",
                "resolved": "https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz",
                "integrity": integrity(data),
            },
        }
        self.write("package.json", json.dumps(packages[""]))
        self.write("package-lock.json", json.dumps({"lockfileVersion": 3, "packages": packages}))

    def file(self, name: str, data: bytes) -> Path:
        path = self.downloads / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def content(self, data: bytes) -> Path:
        """In npm's cache."""
        name = hashlib.sha512(data).hexdigest()
        return self.file(f"_cacache/content-v2/sha512/{name[:2]}/{name[2:4]}/{name[4:]}", data)

    def record(self, *more: str) -> Result:
        return self.run("record", *more)

    def verify(self, *more: str) -> Result:
        return self.run("verify", *more)

    def run(self, verb: str, *more: str) -> Result:
        from_ = [] if "--from" in more else ["--from", str(self.downloads)]
        return CliRunner().invoke(
            bom, ["checksums", verb, "--project", str(self.folder), *from_, *more]
        )

    def recorded(self) -> list[dict[str, Any]]:
        found = json.loads((self.folder / "checksums.json").read_text())
        packages: list[dict[str, Any]] = found["packages"]
        return packages


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("GOMODCACHE", "GOPATH", "CARGO_HOME", "npm_config_cache"):
        monkeypatch.delenv(name, raising=False)
    return Project(tmp_path)


def codes(done: Result) -> list[str]:
    """Of the findings that text tells."""
    names = ("checksum", "unrecorded", "gone")
    return [line.partition(":")[0] for line in done.stdout.splitlines() if line.startswith(names)]


def test_the_file_has_a_line_for_each_file_and_equal_inputs_give_equal_bytes(
    project: Project,
) -> None:
    done = project.record()
    assert (done.exit_code, done.stdout) == (
        0,
        "good: 2 recorded files, 2 read here, 0 findings, 0 without a checksum\n",
    )
    assert (project.folder / "checksums.json").read_text() == (
        '{\n"format": 1,\n"packages": [\n'
        '  {"ecosystem": "npm", "name": "left-pad", "version": "1.3.0", "file":'
        f' "left-pad-1.3.0.tgz", "sha256": "{sha256(GZIP)}", "own": "{integrity(GZIP)}",'
        ' "url": "https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz"},\n'
        '  {"ecosystem": "pypi", "name": "six", "version": "1.16.0", "file":'
        f' "six-1.16.0-py2.py3-none-any.whl", "sha256": "{sha256(WHEEL)}",'
        f' "own": "sha256:{sha256(WHEEL)}", "url": ""}}\n'
        '],\n"images": [],\n"commits": []\n}\n'
    )
    before = (project.folder / "checksums.json").read_bytes()
    project.record()
    assert (project.folder / "checksums.json").read_bytes() == before
    assert project.verify().exit_code == 0


def test_the_file_and_the_results_keep_their_schemas(project: Project) -> None:
    results = [project.record("--json").stdout, project.verify("--json").stdout]
    project.npm(b"another")
    results += [project.record("--json").stdout, project.verify("--json").stdout]
    for name, texts in (
        ("checksums", [(project.folder / "checksums.json").read_text()]),
        ("checksums-result", results),
    ):
        schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
        validator = jsonschema_rs.validator_for(schema)
        for text in texts:
            assert [error.message for error in validator.iter_errors(json.loads(text))] == []


def test_sha1_stands_beside_sha256_and_never_alone(project: Project) -> None:
    assert project.record("--sha1").exit_code == 0
    for item, data in zip(project.recorded(), (GZIP, WHEEL), strict=True):
        assert item["sha1"] == hashlib.sha1(data, usedforsecurity=False).hexdigest()
        assert item["sha256"] == sha256(data)


def test_what_has_no_checksum_is_named_and_the_rest_is_written(project: Project) -> None:
    project.write("Dockerfile", f"FROM debian:12\nFROM python:3@sha256:{DIGEST}\nCOPY . .\n")
    project.npm(b"not in any folder")
    done = project.record()
    assert done.exit_code == 1
    assert done.stdout == (
        "BAD: 1 recorded file, 1 read here, 0 findings, 2 without a checksum\n"
        "no checksum: debian: Dockerfile states no digest of it\n"
        "no checksum: npm left-pad 1.3.0 (left-pad-1.3.0.tgz): no lock states its SHA-256, and no"
        " file of it is there (--from, --download)\n"
    )
    assert [item["name"] for item in project.recorded()] == ["six"]
    assert project.record("--allow-lacking").exit_code == 0


def test_a_file_that_is_not_what_the_lock_states_is_refused_and_nothing_written(
    project: Project,
) -> None:
    project.content(GZIP).write_bytes(GZIP + b"!")
    done = project.record()
    assert (done.exit_code, codes(done)) == (1, ["checksum"])
    assert not (project.folder / "checksums.json").exists()


def test_another_file_of_the_same_version_is_found(project: Project) -> None:
    project.record()
    project.file("six-1.16.0-py2.py3-none-any.whl", b"another wheel")
    done = project.verify()
    assert done.exit_code == 1
    assert done.stdout.splitlines()[1:] == [
        "checksum: this file of pypi six 1.16.0 (six-1.16.0-py2.py3-none-any.whl) is another one"
        f" than was recorded ({project.downloads}/six-1.16.0-py2.py3-none-any.whl)",
        f"  expected {sha256(WHEEL)}",
        f"  found    {sha256(b'another wheel')}",
    ]


def test_a_file_of_npm_s_cache_that_was_changed_is_found(project: Project) -> None:
    project.record()
    project.content(GZIP).write_bytes(GZIP + b"!")
    assert codes(project.verify()) == ["checksum"]


def test_a_file_that_is_new_and_one_that_is_gone_are_found(project: Project) -> None:
    project.record()
    (project.downloads / "six-1.16.0-py2.py3-none-any.whl").unlink()
    project.file("evil-1.0-py3-none-any.whl", b"evil")
    done = project.verify()
    assert codes(done) == ["unrecorded", "gone"]
    assert (
        "gone: no file of pypi six 1.16.0 (six-1.16.0-py2.py3-none-any.whl) is in the folders"
        in (done.stdout)
    )


def test_a_lock_that_asks_for_something_else_is_refused(project: Project) -> None:
    project.record()
    project.npm(b"another")
    assert codes(project.verify()) == ["checksum"]
    project.npm(GZIP)
    project.write("requirements.txt", f"flask==1.0 --hash=sha256:{DIGEST}\n")
    assert codes(project.verify("--allow-lacking")) == ["unrecorded", "gone"]


def test_images_and_actions_are_held_to_their_digests_and_commits(project: Project) -> None:
    workflow = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: a/b@{}\n"
    project.write("Dockerfile", f"FROM python:3@sha256:{DIGEST}\nCOPY . .\n")
    project.write(".github/workflows/ci.yml", workflow.format("a" * 40))
    assert project.record().exit_code == 0
    found = json.loads((project.folder / "checksums.json").read_text())
    assert found["images"] == [{"name": "python", "digest": f"sha256:{DIGEST}"}]
    assert found["commits"] == [{"name": "a/b", "commit": "a" * 40}]
    assert project.verify().exit_code == 0
    project.write("Dockerfile", f"FROM python:3@sha256:{'22' * 32}\nCOPY . .\n")
    project.write(".github/workflows/ci.yml", workflow.format("b" * 40))
    assert codes(project.verify()) == ["unrecorded", "gone", "unrecorded", "gone"]


def test_a_go_module_is_recorded_only_where_its_h1_is_the_one_in_go_sum(project: Project) -> None:
    data = module_zip(a="package a\n", b="package a\n")
    rows = "".join(
        f"{hashlib.sha256(b'package a' + bytes([10])).hexdigest()}  example.org/Dep@v1.0.0/{n}.go\n"
        for n in "ab"
    )
    own = "h1:" + base64.b64encode(hashlib.sha256(rows.encode()).digest()).decode()
    project.write("go.mod", "module example.org/a\ngo 1.21\nrequire example.org/Dep v1.0.0\n")
    project.write("go.sum", f"example.org/Dep v1.0.0 {own}\nexample.org/Dep v1.0.0/go.mod {own}\n")
    place = "gomod/cache/download/example.org/!dep/@v/v1.0.0.zip"
    project.file(place, data)
    call = ("--from", str(project.downloads / "gomod"), "--from", str(project.downloads))
    assert project.record(*call).exit_code == 0
    [entry] = [item for item in project.recorded() if item["ecosystem"] == "golang"]
    assert (entry["sha256"], entry["own"]) == (sha256(data), own)
    assert entry["url"] == "https://proxy.golang.org/example.org/%21dep/@v/v1.0.0.zip"
    assert project.verify(*call).exit_code == 0
    project.file(place, module_zip(a="package a // changed\n", b="package a\n"))
    assert codes(project.verify(*call)) == ["checksum"]
    assert codes(project.record(*call))[0] == "checksum"
    project.file(place, b"no zip")
    done = project.record(*call)
    assert "is no zip of a Go module" in str(getattr(done.exception, "reason", ""))


def test_a_maven_repository_is_recorded_whole_and_its_sidecars_must_fit(project: Project) -> None:
    dependency = "<groupId>org.a</groupId><artifactId>b</artifactId><version>1.0</version>"
    project.write(
        "pom.xml",
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>x</groupId><artifactId>y</artifactId><version>1</version><dependencies>"
        f"<dependency>{dependency}</dependency></dependencies></project>",
    )
    lacking = project.record().stdout
    assert "no checksum: pom.xml: it states only what is asked for directly" in lacking
    for name in ("org/a/b/1.0/b-1.0.jar", "org/a/b/1.0/b-1.0.pom", "org/c/d/2/d-2.jar"):
        project.file(f"m2/{name}", name.encode())
        sha1 = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
        project.file(f"m2/{name}.sha1", sha1.encode())
    call = ("--from", str(project.downloads / "m2"), "--from", str(project.downloads))
    for child in ("six-1.16.0-py2.py3-none-any.whl", "_cacache"):
        (project.downloads / child).rename(project.folder.parent / child)
    call = ("--from", str(project.downloads / "m2"), "--from", str(project.folder.parent))
    (project.downloads / "m2").rename(project.folder.parent.parent / "m2")
    call = ("--from", str(project.folder.parent.parent / "m2"),
            "--from", str(project.folder.parent))  # fmt: skip
    assert project.record(*call, "--allow-lacking").exit_code == 0
    found = [(item["name"], item["file"]) for item in project.recorded()
             if item["ecosystem"] == "maven"]  # fmt: skip
    assert found == [("org.a:b", "b-1.0.jar"), ("org.a:b", "b-1.0.pom"), ("org.c:d", "d-2.jar")]
    repository = project.folder.parent.parent / "m2"
    (repository / "org/c/d/2/d-2.jar").write_bytes(b"another")
    assert codes(project.verify("--from", str(repository), "--allow-lacking")) == ["checksum"]
    assert codes(project.record("--from", str(repository))) == ["checksum"]


def test_a_nuget_package_is_recorded_by_its_file_and_keeps_its_content_hash(
    project: Project,
) -> None:
    content = base64.b64encode(hashlib.sha512(b"without its signature").digest()).decode()
    resolved = {"type": "Direct", "requested": "[13.0.1, )", "resolved": "13.0.1",
                "contentHash": content}  # fmt: skip
    lock = {"version": 1, "dependencies": {"net8.0": {"Newtonsoft.Json": resolved}}}
    project.write("packages.lock.json", json.dumps(lock))
    place = "newtonsoft.json/13.0.1/newtonsoft.json.13.0.1.nupkg"
    project.file(place, b"a package")
    assert project.record().exit_code == 0
    [entry] = [item for item in project.recorded() if item["ecosystem"] == "nuget"]
    assert (entry["sha256"], entry["own"]) == (sha256(b"a package"), f"contentHash:{content}")
    assert entry["url"] == f"https://api.nuget.org/v3-flatcontainer/{place}"
    assert project.verify().exit_code == 0
    project.file(place, b"another")
    assert codes(project.verify()) == ["checksum"]


def test_a_lock_that_states_sha1_alone_is_held_to_it(project: Project) -> None:
    sha1 = hashlib.sha1(GZIP, usedforsecurity=False).hexdigest()
    (project.folder / "package-lock.json").unlink()
    project.write(
        "yarn.lock",
        '# yarn lockfile v1\n\n\nleft-pad@1.3.0:\n  version "1.3.0"\n'
        f'  resolved "https://registry.yarnpkg.com/left-pad/-/left-pad-1.3.0.tgz#{sha1}"\n',
    )
    (project.downloads / "_cacache").rename(project.folder.parent / "unused")
    project.file("left-pad-1.3.0.tgz", GZIP)
    assert project.record().exit_code == 0
    [entry, _] = project.recorded()
    assert (entry["sha256"], entry["own"]) == (sha256(GZIP), f"sha1:{sha1}")
    project.file("left-pad-1.3.0.tgz", GZIP + b"!")
    assert codes(project.record()) == ["checksum"]


def test_the_user_s_caches_are_read_without_from_and_other_projects_files_there_are_fine(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_cache", str(project.downloads))
    project.content(b"\x1f\x8b of another project")
    call = ["checksums", "record", "--project", str(project.folder)]
    assert CliRunner().invoke(bom, call).exit_code == 0
    call[1] = "verify"
    assert CliRunner().invoke(bom, call).exit_code == 0
    project.content(GZIP).write_bytes(GZIP + b"!")
    assert codes(CliRunner().invoke(bom, call)) == ["checksum"]


def test_what_is_downloaded_is_held_against_the_lock(project: Project, tmp_path: Path) -> None:
    served = tmp_path / "served"
    place = served / "left-pad" / "-"
    place.mkdir(parents=True)
    (place / "left-pad-1.3.0.tgz").write_bytes(GZIP)
    index = served / "six" / "index.html"
    index.parent.mkdir()
    files = [{"filename": "six-1.16.0.tar.gz", "url": "../six.tar.gz?x=1#y",
              "hashes": {"sha256": sha256(WHEEL)}}]  # fmt: skip
    index.write_text(json.dumps({"files": files}))
    for child in project.downloads.iterdir():
        child.rename(tmp_path / child.name)
    lock = project.folder / "package-lock.json"
    with folder_served(served) as url:
        secret = url.replace("http://", "http://user:secret@")
        lock.write_text(lock.read_text().replace("https://registry.npmjs.org/", url))
        more = ("--download", "--registry", f"pypi={url}", "--registry", f"npm={secret}")
        assert project.record(*more).exit_code == 0
        assert [(item["file"], item["url"]) for item in project.recorded()] == [
            ("left-pad-1.3.0.tgz", f"{url}left-pad/-/left-pad-1.3.0.tgz"),
            ("six-1.16.0.tar.gz", f"{url}six.tar.gz"),
        ]
        (place / "left-pad-1.3.0.tgz").write_bytes(b"another")
        (project.folder / "checksums.json").unlink()
        assert codes(project.record(*more)) == ["checksum"]
        (place / "left-pad-1.3.0.tgz").unlink()
        done = project.record(*more)
        assert "left-pad-1.3.0.tgz answers 404" in done.stdout
        assert "secret" not in done.stdout
    done = project.record(*more)
    assert getattr(done.exception, "exit_code", None) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is no such JSON"),
        ("[]", "Input should be an object"),
        ('{"format": 2}', "has format 2"),
        ('{"packages": [{"ecosystem": "npm"}]}', "packages.0.name: Field required"),
        ('{"unknown": 1}', "unknown"),
        ("[" * 100_000, "can't be read"),
        ('{"images": [{"name": "a", "digest": "sha1:00"}]}', "images.0.digest"),
    ],
)
def test_a_file_that_is_none_is_refused(project: Project, text: str, why: str) -> None:
    (project.folder / "checksums.json").write_text(text)
    done = project.verify()
    assert why in str(getattr(done.exception, "reason", done.exception))
    assert getattr(done.exception, "exit_code", None) == 2


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (("verify",), "there is no"),
        (("record", "--registry", "npm"), "is no ECOSYSTEM=URL"),
        (("record", "--registry", "npm=file:///etc"), "is no ECOSYSTEM=URL"),
        (("record", "--file", "nope/x"), "is not there"),
    ],
)
def test_a_wrong_call_is_refused(project: Project, call: tuple[str, ...], why: str) -> None:
    done = project.run(*call)
    assert why in str(getattr(done.exception, "reason", done.exception))


def test_hostile_names_stay_words(project: Project) -> None:
    project.record()
    project.file("::add-mask::x\x1b]0;owned\x07-1.0-py3-none-any.whl", b"x")
    done = project.verify()
    assert codes(done) == ["unrecorded"]
    assert all(line.isprintable() for line in done.stdout.splitlines())
