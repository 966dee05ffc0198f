"""A storage of podman and buildah for tests alone: nothing of theirs meets the machine's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = """\
[storage]
driver = "overlay"
graphroot = "{folder}/root"
runroot = "{folder}/run"
[storage.options.overlay]
skip_mount_home = "true"
"""


@dataclass(frozen=True)
class Containers:
    """One storage: `environment` leads both programs to it."""

    folder: Path
    environment: dict[str, str]

    @classmethod
    def at(cls, folder: Path) -> Containers:
        """An empty storage in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        configuration = folder / "storage.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder))
        drop = ("CONTAINER", "BUILDAH_", "BOM_", "DOCKER_", "SOURCE_DATE_EPOCH", "GIT_")
        plain = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
        return cls(folder, {**plain, "CONTAINERS_STORAGE_CONF": str(configuration)})

    def __call__(self, program: str, *words: str | Path, cwd: Path | None = None) -> str:
        """Run podman or buildah on this storage; what it prints."""
        done = subprocess.run(
            [program, *map(str, words)],
            env=self.environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def image_id(self, name: str) -> str:
        return self("podman", "image", "inspect", "--format", "{{.Id}}", name)

    def remove(self) -> None:
        """A build that failed leaves its container behind, mounted."""
        self("buildah", "rm", "--all")
        shutil.rmtree(self.folder)
