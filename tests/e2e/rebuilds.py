"""What tests of `bom rebuild` do over and over: build and seal a project, build it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.e2e.builds import Bom, Key, git

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

TAR = "tar cf app.tar --sort=name --mtime=@0 --owner=0 --group=0 --format=gnu README\n"


@dataclass(frozen=True)
class Rebuilder:
    """`bom rebuild` in a folder of its own for temporary files, where nothing may be left."""

    bom: Bom
    key: Key
    room: Path

    def __call__(
        self, artifact: Path, *arguments: str | Path, code: int = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        done = self.bom(
            *("rebuild", artifact, "--key", self.key.public, *arguments),
            cwd=self.room.parent,
            code=code,
            more={"TMPDIR": str(self.room), **variables},
        )
        assert list(self.room.iterdir()) == []
        return done


def sealed(bom: Bom, key: Key, root: Path, *command: str) -> Path:
    command = command or ("sh", "build.sh")
    bom("build", "--key", key.private, "--", *command, cwd=root)
    return root / "app.tar"


def commit(root: Path, **files: str) -> None:
    for name, text in files.items():
        (root / name.replace("_", ".")).write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "more")
