"""The tools that took part in a build by podman or buildah.

Both build with the buildah library that is linked into them; podman states its version. A step
(`RUN`) is run by an OCI runtime, or without one where the isolation is chroot.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.builder.tool_facts import RunHere, stated, used

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.builder.podman.program import Info, Program
    from bom.model import Observation

CHROOT: Final = "chroot"
_SERVICE: Final = "podman's service"


def of_podman(program: Program, info: Info, isolation: str) -> Iterator[Observation]:
    """The client; the buildah that it builds with; the runtime, hashed where it runs here."""
    here = [RunHere("client", "podman", program.path, program.stated_version())]
    runtime = info.host.runtime
    path = Path(runtime.path)
    if info.host.remote:
        yield from stated("engine", "podman", info.version.version, _SERVICE)
    if isolation != CHROOT and runtime.name:
        version = runtime.version.partition("\n")[0].rpartition(" ")[2]
        if info.host.remote or not runtime.path or not path.is_file():
            yield from stated("runtime", runtime.name, version, "podman")
        else:
            here.append(RunHere("runtime", runtime.name, path.resolve(), version))
    yield from used(here)
    yield from stated("builder", "buildah", info.host.buildah, "podman")


def of_buildah(program: Program, runtime: str, isolation: str) -> Iterator[Observation]:
    """The program, which is client and builder in one, and the runtime by name: buildah states
    neither where it is nor its version."""
    yield from used([RunHere("client", "buildah", program.path, program.stated_version())])
    if isolation != CHROOT and (name := runtime or program.info().host.runtime_name):
        yield from stated("runtime", Path(name).name, "", "buildah")
