"""The Python that is installed for: which it is, what markers say there, where things go.

It is asked itself, in isolated mode (`python -I`): no variables, no folder of the user's.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping  # noqa: TC003 - pydantic reads it
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from bom.errors import BomError, EnvironmentLacks, Refused
from bom.printable import printable_os

if TYPE_CHECKING:
    from bom.install.protocol import Request

_PATIENCE: Final = 60  # seconds
_CONFIGURATION: Final = "pyvenv.cfg"  # at the top of a virtual environment (PEP 405)
# What a marker may ask for (PyPA "Dependency specifiers"), and sysconfig's folders.
_PROBE: Final = """
import importlib.util, json, os, platform, sys, sysconfig
def version(info):
    kind = info.releaselevel
    return "%d.%d.%d" % info[:3] + ("" if kind == "final" else kind[0] + str(info.serial))
print(json.dumps({
    "markers": {
        "implementation_name": sys.implementation.name,
        "implementation_version": version(sys.implementation.version),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    },
    "paths": sysconfig.get_paths(),
    "prefix": sys.prefix,
    "base_prefix": sys.base_prefix,
    "executable": sys.executable,
    "has_pip": importlib.util.find_spec("pip") is not None,
}))
"""


class Interpreter(BaseModel):
    """What an interpreter says of itself. `paths`: sysconfig's, by name; `markers`: what markers
    are evaluated with."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    markers: Mapping[str, str]
    paths: Mapping[str, str]
    prefix: str
    base_prefix: str
    executable: str
    has_pip: bool

    @property
    def site(self) -> Path:
        return Path(self.paths["purelib"])

    @property
    def is_virtual(self) -> bool:
        return self.prefix != self.base_prefix

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders that an install writes into."""
        names = ("purelib", "platlib", "scripts", "data", "include")
        return tuple(sorted({Path(self.paths[name]) for name in names if name in self.paths}))


def interpreter(request: Request) -> Interpreter:
    """The one that the user names, the active environment's, or `python3` on PATH.

    Raises EnvironmentLacks where there is none, Refused where its packages are the operating
    system's (PEP 668) and no folder of the user's own is asked for.
    """
    path = _named(request)
    try:
        done = subprocess.run(
            [path, "-I", "-c", _PROBE],
            env=clean(request.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _no_python(path) from error
    try:
        found = Interpreter.model_validate(json.loads(done.stdout))
        if not {"purelib", "platlib", "scripts", "data"} <= set(found.paths):
            raise _no_python(path)
    except (ValueError, ValidationError) as error:
        raise _no_python(path) from error
    if request.target is None:
        _refuse_managed(found, request.environment)
    return found


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables for a Python that is to load what it has installed and nothing else."""
    drop = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT", "__PYVENV_LAUNCHER__")
    kept = {name: value for name, value in environment.items() if name not in drop}
    return {**kept, "PYTHONIOENCODING": "utf-8"}


def _named(request: Request) -> str:
    import shutil

    if request.python is not None:
        return _executable(request.python)
    if active := request.environment.get("VIRTUAL_ENV"):
        return _executable(Path(active))
    found = shutil.which("python3", path=request.environment.get("PATH"))
    if found is None:
        raise EnvironmentLacks("there is no python3 on PATH", hint="name one with --python")
    return found


def _executable(path: Path) -> str:
    """Of an environment its interpreter; else the path itself, links in it kept: an environment
    is known by the path that it is called by."""
    if not path.is_dir():
        if not path.exists():
            raise BomError(
                f"--python: there is no {printable_os(str(path))}",
                hint="name an interpreter or an environment",
            )
        return str(path.absolute())
    if not (path / _CONFIGURATION).is_file():
        raise BomError(
            f"{printable_os(str(path))} is no virtual environment",
            hint="`python3 -m venv FOLDER` makes one; --target installs into a plain folder",
        )
    return str((path / "bin" / "python").absolute())


def _no_python(path: str) -> EnvironmentLacks:
    return EnvironmentLacks(
        f"{printable_os(path)} does not answer as a Python interpreter does",
        hint="name another one with --python",
    )


def _refuse_managed(found: Interpreter, environment: Mapping[str, str]) -> None:
    """PEP 668: a marker file in the standard library's folder of a Python that is no virtual
    environment says that its packages belong to the operating system."""
    allowed = environment.get("PIP_BREAK_SYSTEM_PACKAGES", "").lower() in ("1", "true", "yes", "on")
    if found.is_virtual or allowed:
        return
    if (Path(found.paths.get("stdlib", "")) / "EXTERNALLY-MANAGED").is_file():
        raise Refused(
            f"the packages of {printable_os(found.executable)} belong to the operating system",
            hint="`python3 -m venv FOLDER`, then --python FOLDER",
        )
