"""A module proxy in a folder, and a project that uses it: what tests of Go build from, without a
network."""

from __future__ import annotations

import os
import subprocess
import zipfile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LIBRARY: Final = "package {0}\n\nfunc Name() string {{ return {1!r} }}\n".replace("{1!r}", '"{0}"')

GO_MOD: Final = """\
module example.org/Shop/app

go 1.21

require (
\texample.org/Upper/dep v1.0.0
\texample.org/big v2.1.0+incompatible
\texample.org/loc v0.0.0
\texample.org/old v1.1.0
)

replace example.org/loc => ./loc

replace example.org/old v1.1.0 => example.org/new v1.2.0
"""
MAIN: Final = """\
package main

import (
\t"example.org/Upper/dep"
\t"example.org/big"
\t"example.org/loc"
\t"example.org/old"
)

var token = ""

func main() { println(dep.Name(), big.Name(), loc.Name(), old.Name(), token) }
"""


def library(name: str) -> str:
    return _LIBRARY.format(name)


def publish(proxy: Path, path: str, version: str, go_mod: str, files: Mapping[str, str]) -> None:
    """Put a module into the proxy, as the GOPROXY protocol has it."""
    escaped = "".join(f"!{c.lower()}" if c.isupper() else c for c in path)
    folder = proxy / escaped / "@v"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{version}.info").write_text(f'{{"Version":"{version}"}}')
    (folder / f"{version}.mod").write_text(go_mod)
    with (folder / "list").open("a") as versions:
        versions.write(f"{version}\n")
    with zipfile.ZipFile(folder / f"{version}.zip", "w") as packed:
        for name, content in {"go.mod": go_mod, **files}.items():
            if content:
                packed.writestr(f"{path}@{version}/{name}", content)


class Workshop:
    """A project with its own module cache; `go(...)` runs in it."""

    def __init__(self, go: str, root: Path) -> None:
        self.root = root
        self.app = root / "app"
        self._go = go
        proxy = root / "proxy"
        deep = "module example.org/deep\n\ngo 1.18\n"
        publish(proxy, "example.org/deep", "v0.3.0", deep, {"deep.go": library("deep")})
        publish(
            proxy,
            "example.org/Upper/dep",
            "v1.0.0",
            "module example.org/Upper/dep\n\ngo 1.18\n\nrequire example.org/deep v0.3.0\n",
            {
                "dep.go": 'package dep\n\nimport "example.org/deep"\n\n'
                "func Name() string { return deep.Name() }\n"
            },
        )
        publish(
            proxy,
            "example.org/big",
            "v2.1.0+incompatible",
            "module example.org/big\n",
            {"go.mod": "", "big.go": library("big")},
        )
        for path, version in (("example.org/old", "v1.1.0"), ("example.org/new", "v1.2.0")):
            files = {"old.go": library("old")}
            publish(proxy, path, version, "module example.org/old\n\ngo 1.18\n", files)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("GO", "CGO"))},
            "GOPROXY": f"{proxy.as_uri()},off",
            "GOSUMDB": "off",
            "GOMODCACHE": str(root / "modules"),
            "GOFLAGS": "-modcacherw -buildvcs=false",
            "GOTOOLCHAIN": "local",
            "GOWORK": "",
        }
        (self.app / "loc").mkdir(parents=True)
        (self.app / "go.mod").write_text(GO_MOD)
        (self.app / "main.go").write_text(MAIN)
        (self.app / "loc/go.mod").write_text("module example.org/loc\n\ngo 1.21\n")
        (self.app / "loc/loc.go").write_text(library("loc"))
        self.go("mod", "tidy")

    def go(
        self, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> str:
        """Standard output of `go ARGUMENTS`, in the project, with these variables too."""
        done = subprocess.run(
            [self._go, *arguments],
            cwd=cwd or self.app,
            env=self.environment | dict(env or {}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
