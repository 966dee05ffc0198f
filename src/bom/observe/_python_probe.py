"""What a Python interpreter says of itself and of the tools installed for it.

The program below runs in the *build's* interpreter, isolated (`-I`), so it keeps to what
Python 3.8 has. It hashes an installed distribution by DESIGN's rule: SHA-256 over `sha256sum`
lines of the files in RECORD, sorted, without scripts, byte code and what the installer wrote.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path  # noqa: TC003 - pydantic needs it when it runs
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TIMEOUT: Final = 10  # seconds
_PROGRAM: Final = r"""
import hashlib, json, os, platform, re, sys
from importlib import metadata
LEFT_OUT = {
    "RECORD",
    "INSTALLER",
    "REQUESTED",
    "bom-install.json",
    "direct_url.json",
    "uv_cache.json",
    "uv_build.json",
}

def content(dist):
    lines = []
    for file in dist.files or ():
        path = str(file).replace(os.sep, "/")
        if path.startswith(("../", "/")) or path.endswith(".pyc"):
            continue
        if file.name in LEFT_OUT and ".dist-info/" in path:
            continue
        try:
            digest = hashlib.sha256(dist.locate_file(file).read_bytes()).hexdigest()
        except OSError:
            return ""
        lines.append(digest.encode() + b"  " + path.encode("utf-8", "surrogateescape") + b"\n")
    return hashlib.sha256(b"".join(sorted(lines))).hexdigest() if lines else ""

def of_module(name):
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        pass
    for dist in metadata.distributions():
        top = (dist.read_text("top_level.txt") or "").split()
        if name in top or any(str(f) == name + "/__main__.py" for f in dist.files or ()):
            return dist
    return None

def of_script(name):
    for dist in metadata.distributions():
        for entry in dist.entry_points:
            if entry.group == "console_scripts" and entry.name == name:
                return dist
    return None

def told(dist):
    if dist is None:
        return None
    editable = '"editable": true' in (dist.read_text("direct_url.json") or "")
    return {"name": re.sub(r"[-_.]+", "-", dist.metadata["Name"] or "").lower(),
            "version": dist.version or "", "digest": "" if editable else content(dist),
            "editable": editable}

asked = json.loads(sys.argv[1])
print(json.dumps({
    "implementation": platform.python_implementation().lower(),
    "version": platform.python_version(),
    "executable": os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable),
    "modules": {name: told(of_module(name)) for name in asked["modules"]},
    "scripts": {name: told(of_script(name)) for name in asked["scripts"]},
}))
"""


class PythonTool(BaseModel):
    """An installed distribution. `digest`: hex SHA-256 over its content, "" where there is none."""

    name: str
    version: str
    digest: str
    editable: bool


class PythonAnswer(BaseModel):
    """`executable`: the real binary, behind virtual environments and shims."""

    implementation: str
    version: str
    executable: Path
    modules: dict[str, PythonTool | None]
    scripts: dict[str, PythonTool | None]


def ask_python(
    interpreter: Path,
    modules: Sequence[str],
    scripts: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
) -> PythonAnswer | None:
    """What `interpreter` says; None where it can't be run or says nothing that can be read.

    `cwd` matters to launchers that choose a version by folder; `-I` keeps it off the import path.
    """
    asked = json.dumps({"modules": list(modules), "scripts": list(scripts)})
    try:
        done = subprocess.run(
            (str(interpreter), "-I", "-c", _PROGRAM, asked),
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT,
            check=False,
        )
        return PythonAnswer.model_validate_json(done.stdout)
    except (OSError, subprocess.SubprocessError, ValidationError):
        return None
