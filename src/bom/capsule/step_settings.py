"""Stands before runc and gives the steps of a build variables and files that no layer and no
history of the image has: where the packages of a capsule are served.

A variable that a Dockerfile or a command line sets would be another build. Run as a file by itself:
step_settings.py RUNC SETTINGS.json ARGUMENTS... (OCI runtime-spec, config.md: process.env, mounts).
SETTINGS has `variables`, and `files`: name in /dev, which is a file system of the container's own,
so that nothing is left of the place where one is mounted -> path here.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def bundle(arguments: list[str]) -> Path | None:
    """The folder of the container that runc is to start; None for its other calls."""
    for number, word in enumerate(arguments):
        if word in ("--bundle", "-b") and number + 1 < len(arguments):
            return Path(arguments[number + 1])
        if word.startswith("--bundle="):
            return Path(word.partition("=")[2])
    return None


def with_variables(config: dict[str, Any], variables: dict[str, str]) -> dict[str, Any]:
    """The container's configuration with these in place of its own of the same names."""
    process = config["process"]
    own = [item for item in process.get("env", ()) if item.partition("=")[0] not in variables]
    added = [f"{name}={value}" for name, value in sorted(variables.items())]
    return {**config, "process": {**process, "env": [*own, *added]}}


def with_files(config: dict[str, Any], files: dict[str, str]) -> dict[str, Any]:
    """The container's configuration with these files in its /dev, to be read only."""
    added = [
        {"destination": f"/dev/{name}", "type": "bind", "source": path, "options": ["bind", "ro"]}
        for name, path in sorted(files.items())
    ]
    return {**config, "mounts": [*config.get("mounts", ()), *added]}


def main(runc: str, settings: str, arguments: list[str]) -> None:
    """Does not return. Raises OSError, ValueError for a container that is none."""
    folder = bundle(arguments)
    if folder is not None:
        file = folder / "config.json"
        given = json.loads(Path(settings).read_bytes())
        config = with_variables(json.loads(file.read_bytes()), given["variables"])
        config = with_files(config, given["files"])
        file.write_text(json.dumps(config))
    os.execv(runc, [runc, *arguments])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
