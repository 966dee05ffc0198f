"""The recorded base images against what their names stand for here."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Final

from bom.rebuild.tools import ToolDifference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bom.builder.kept import Images
    from bom.model import Hash

_KIND: Final = "base-image"
_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")
_PROGRAMS: Final = ("docker", "podman")  # buildah says no digests of a name


def moved(
    recorded: Mapping[str, Sequence[Hash]], images: Images | None
) -> tuple[ToolDifference, ...]:
    """Every base image whose name stands for another one in the store that builds here.

    Nothing is said of one that isn't there (the builder will fetch it), and of one whose digest
    the store doesn't know (an image that came from no registry, on the classic store).
    """
    if images is None or images.program not in _PROGRAMS:
        return ()
    found = []
    for name, digests in sorted(recorded.items()):
        wanted = {item.value for item in digests if item.alg == "SHA-256"}
        here = _digests(images, name) if wanted else set()
        if here and not wanted & here:
            shown = (f"sha256:{sorted(side)[0][:12]}" for side in (wanted, here))
            found.append(ToolDifference(name, _KIND, *shown))
    return tuple(found)


def _digests(images: Images, name: str) -> set[str]:
    """What registries serve the image by that has this name here, hex."""
    done = subprocess.run(
        [*images.prefix, "image", "inspect", "--format", "{{json .RepoDigests}}", name],
        env=dict(images.environment),
        cwd=images.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    said = done.stdout.decode("utf-8", "replace")
    return set(_DIGEST.findall(said)) if done.returncode == 0 else set()
