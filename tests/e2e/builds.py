"""What the end-to-end tests build with: the command line in a home of its own, projects in git."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ENGINES = ("modern", "classic")


@dataclass(frozen=True)
class Bom:
    """The command line in a home of its own, with nothing of the user's in it."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def variables(self, **more: str) -> dict[str, str]:
        drop = ("BOM_KEY", "GIT_", "SOURCE_DATE_EPOCH", "DOCKER_", "BUILDX_", "BUILDKIT_")
        plain = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
        path = os.pathsep.join([str(Path(sys.executable).parent), plain.get("PATH", "")])
        return {
            **plain,
            "PATH": path,
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.environment,
            **more,
        }

    def __call__(
        self,
        *arguments: str | Path,
        cwd: Path,
        code: int | None = 0,
        more: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `bom`; `code` is the exit code it must end with (None: any)."""
        done = subprocess.run(
            [sys.executable, "-m", "bom", *map(str, arguments)],
            cwd=cwd,
            env=self.variables(**(more or {})),
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
            timeout=300,
        )
        assert "Traceback" not in done.stderr, done.stderr
        if code is not None:
            assert done.returncode == code, f"{done.returncode}: {done.stdout}\n{done.stderr}"
        return done

    def on(self, engine: dict[str, str]) -> Bom:
        """The same home on an engine. The venv's python stays first on PATH."""
        path = os.pathsep.join([str(Path(sys.executable).parent), engine["PATH"]])
        mine = {k: v for k, v in engine.items() if k.startswith(("DOCKER_", "BUILD"))}
        return Bom(self.home, {**self.environment, **mine, "PATH": path})


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    settings += ["-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *settings, *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
            "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
        },
    ).stdout


def project(example: str, folder: Path) -> Path:
    """A copy of an example as a git repository with one commit."""
    ignored = shutil.ignore_patterns("dist", "build", "__pycache__", ".*_cache")
    shutil.copytree(EXAMPLES / example, folder, ignore=ignored)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "example")
    return folder


@dataclass(frozen=True)
class Key:
    private: Path
    public: Path


@dataclass(frozen=True)
class Package:
    """A built and sealed Python package; `built` holds the same files as they were built."""

    root: Path
    wheel: Path
    sdist: Path
    built: Path


DOCKERFILE = """\
FROM {base}
ARG MODE=slow
LABEL mode=$MODE
COPY message.txt /srv/message.txt
RUN echo $MODE >/srv/mode && rm -rf /usr/share/doc/tzdata
CMD ["cat", "/srv/message.txt"]
"""


@dataclass(frozen=True)
class Image:
    """A built and sealed image on one engine. `tag` is what it is called there."""

    kind: str
    engine: dict[str, str]
    bom: Bom
    context: Path
    tar: Path
    tag: str

    def docker(self, *arguments: str | Path, code: int = 0) -> str:
        done = subprocess.run(
            ["docker", *map(str, arguments)],
            env=self.engine,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout
