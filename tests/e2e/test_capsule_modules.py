"""Capsules of builds whose packages Go, cargo and npm fetch, and building again out of them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import Bom, Key, git
from tests.e2e.test_capsule import no_network
from tests.loopback import folder_served

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Need

pytestmark = pytest.mark.e2e


class Project:
    """A project in git, in folder `app`; a build of it, its capsule, and a rebuild without any
    network."""

    def __init__(self, bom: Bom, key: Key, folder: Path, need: Need) -> None:
        self.bom, self.key, self.folder, self.need = bom, key, folder, need
        self.root = folder / "app"
        self.root.mkdir()
        self.capsule = folder / "app.capsule.tar"

    def commit(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            (self.root / name).write_text(text)
        git(self.root, "init", "-q")
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "-m", "app")

    def build(self, script: str, more: dict[str, str]) -> Path:
        self.bom(
            *("build", "--key", self.key.private, "--normalize", "--artifact", "out.tar", "--"),
            *("sh", "-c", f"{script} && tar cf out.tar out"),
            cwd=self.root,
            more=more,
        )
        sealed = self.folder / "out.tar"
        (self.root / "out.tar").rename(sealed)
        git(self.root, "clean", "-fdxq")
        return sealed

    def collect(
        self, sealed: Path, more: dict[str, str], *words: str, code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        call = ("capsule", sealed, "-o", self.capsule, "--key", self.key.public)
        return self.bom(
            *call,
            "--source",
            self.root,
            "--without-tools",
            *words,
            cwd=self.folder,
            code=code,
            more=more,
        )

    def modules(self) -> dict[str, str]:
        """Name -> purl of what a package manager has fetched."""
        with tarfile.open(self.capsule) as tar:
            opened = tar.extractfile("capsule.json")
            assert opened is not None
            record = json.load(opened)
        return {item["name"]: item["purl"] for item in record["items"] if item["role"] == "module"}

    def rebuilt(self, more: dict[str, str]) -> str:
        self.root.rename(self.folder / "app.gone")
        done = subprocess.run(
            [
                *no_network(self.need),
                *(sys.executable, "-m", "bom", "rebuild", self.capsule, "--offline"),
                *("--key", self.key.public, "--json"),
            ],
            cwd=self.folder,
            env=self.bom.variables(**more),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        verdict: str = json.loads(done.stdout)["verdict"]
        return verdict


@pytest.fixture
def project(bom: Bom, key: Key, tmp_path: Path, need: Need) -> Project:
    return Project(bom, key, tmp_path, need)


def test_go_modules_come_out_of_the_capsule(project: Project, need: Need) -> None:
    go = need("go")
    proxy = project.folder / "proxy"
    versions = proxy / "example.org/!dep/@v"
    versions.mkdir(parents=True)
    (versions / "v1.0.0.info").write_text('{"Version":"v1.0.0"}')
    (versions / "v1.0.0.mod").write_text("module example.org/Dep\n")
    with zipfile.ZipFile(versions / "v1.0.0.zip", "w") as out:
        out.writestr("example.org/Dep@v1.0.0/go.mod", "module example.org/Dep\n")
        out.writestr("example.org/Dep@v1.0.0/dep.go", 'package dep\n\nconst Word = "dep"\n')
    # what was compiled once for other tests is taken; it is kept by its inputs
    cache = subprocess.run([go, "env", "GOCACHE"], capture_output=True, text=True, check=True)
    more = {
        "GOPROXY": proxy.as_uri(),
        "GOSUMDB": "off",
        "GOTOOLCHAIN": "local",
        "GOCACHE": cache.stdout.strip(),
        "CGO_ENABLED": "0",
    }
    (project.root / "go.mod").write_text(
        "module example.org/app\n\ngo 1.20\n\nrequire example.org/Dep v1.0.0\n"
    )
    (project.root / "main.go").write_text(
        'package main\n\nimport "example.org/Dep"\n\nfunc main() { println(dep.Word) }\n'
    )
    environment = {**project.bom.variables(**more), "GOFLAGS": "-mod=mod"}
    subprocess.run([go, "mod", "tidy"], cwd=project.root, env=environment, check=True)
    project.commit({".gitignore": "out\nout.tar\n"})
    sealed = project.build("go build -trimpath -o out/app .", more)
    project.collect(sealed, more)
    assert project.modules() == {
        "go/example.org/!dep/@v/v1.0.0.info": "",
        "go/example.org/!dep/@v/v1.0.0.mod": "",
        "go/example.org/!dep/@v/v1.0.0.zip": "pkg:golang/example.org/Dep@v1.0.0",
    }
    assert project.rebuilt({"GOCACHE": more["GOCACHE"], "GOPROXY": "off"}) == "same"


def test_crates_come_out_of_the_capsule_and_are_called_as_at_home(
    project: Project, need: Need
) -> None:
    """A program has its crates' paths in it: those of the user's own CARGO_HOME."""
    need("cargo")
    registry, home = project.folder / "registry", project.bom.home / ".cargo"
    (registry / "index/ti/ny").mkdir(parents=True)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in (
            ("Cargo.toml", '[package]\nname = "tinydep"\nversion = "1.0.0"\nedition = "2021"\n'),
            ("src/lib.rs", "pub fn f(v: &[u8], i: usize) -> u8 { v[i] }\n"),
        ):
            entry = tarfile.TarInfo(f"tinydep-1.0.0/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    (registry / "tinydep-1.0.0.crate").write_bytes(data.getvalue())
    digest = hashlib.sha256(data.getvalue()).hexdigest()
    row = {"name": "tinydep", "vers": "1.0.0", "deps": [], "features": {}, "yanked": False}
    (registry / "index/ti/ny/tinydep").write_text(json.dumps({**row, "cksum": digest}) + "\n")
    (project.root / "src").mkdir()
    (project.root / "src/main.rs").write_text(
        "fn main() { let a: Vec<u8> = std::env::args().map(|x| x.len() as u8).collect();\n"
        ' println!("{}", tinydep::f(&a, a.len() / 2)); }\n'
    )
    more = {
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup")),
        "CARGO_HOME": str(home),
    }
    with folder_served(registry) as url:
        (registry / "index/config.json").write_text(
            json.dumps({"dl": f"{url}{{crate}}-{{version}}.crate"})
        )
        home.mkdir()
        (home / "config.toml").write_text(
            '[source.crates-io]\nreplace-with = "here"\n[source.here]\n'
            f'registry = "sparse+{url}index/"\n[registry]\ntoken = "hidden"\n'
        )
        project.commit(
            {
                "Cargo.toml": '[package]\nname = "app"\nversion = "1.0.0"\nedition = "2021"\n'
                '[dependencies]\ntinydep = "1"\n',
                ".gitignore": "out\nout.tar\ntarget\n",
            }
        )
        environment = project.bom.variables(**more)
        subprocess.run(
            ["cargo", "generate-lockfile", "--quiet"],
            cwd=project.root,
            env=environment,
            check=True,
        )
        project.commit({})
        script = "cargo build --release --locked -q && mkdir out && cp target/release/app out"
        sealed = project.build(script, more)
        project.collect(sealed, more)
    modules = project.modules()
    crates = {name.rpartition("/")[2]: purl for name, purl in modules.items() if purl}
    assert crates == {"tinydep-1.0.0.crate": "pkg:cargo/tinydep@1.0.0"}
    assert "cargo/config.toml" in modules
    assert b"hidden" not in project.capsule.read_bytes()
    (home / "config.toml").unlink()
    assert project.rebuilt(more) == "same"


def test_npm_packages_come_out_of_the_capsule(project: Project, need: Need) -> None:
    need("npm")
    registry = project.folder / "registry"
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in (
            ("package.json", '{"name": "@s/tiny", "version": "1.0.0"}'),
            ("index.js", "module.exports = 1\n"),
        ):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    file = registry / "@s/tiny/-/tiny-1.0.0.tgz"
    file.parent.mkdir(parents=True)
    file.write_bytes(data.getvalue())
    digest = base64.b64encode(hashlib.sha512(data.getvalue()).digest()).decode()
    with folder_served(registry) as url:
        project.commit(
            {
                "package.json": '{"name": "app", "dependencies": {"@s/tiny": "^1.0.0"}}',
                ".gitignore": "out\nout.tar\nnode_modules\n",
                "package-lock.json": npm_lock(f"{url}@s/tiny/-/tiny-1.0.0.tgz", digest),
            }
        )
        script = "npm ci && mkdir out && cp -r node_modules/@s out"
        more = {"npm_config_cache": str(project.folder / "cache")}
        sealed = project.build(script, more)
        project.collect(sealed, more)
    assert project.modules() == {"npm/@s/tiny/-/tiny-1.0.0.tgz": "pkg:npm/%40s/tiny@1.0.0"}
    assert project.rebuilt({}) == "same"


def npm_lock(url: str, digest: str) -> str:
    tiny = {"version": "1.0.0", "resolved": url, "integrity": f"sha512-{digest}"}
    packages = {
        "": {"name": "app", "dependencies": {"@s/tiny": "^1.0.0"}},
        "node_modules/@s/tiny": tiny,
    }
    return json.dumps({"name": "app", "lockfileVersion": 3, "packages": packages})
