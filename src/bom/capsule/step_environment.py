"""What the steps of a build out of a capsule are told: where its packages are served.

Variables, and files in the container's /dev, by a `runc` of ours in front of the engine's
(`step_settings`): nothing of it is in a Dockerfile, a history or a layer.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from typing import TYPE_CHECKING

from bom.capsule import deb, mirror, step_settings
from bom.errors import EnvironmentLacks

if TYPE_CHECKING:
    from pathlib import Path


def steps_runc(folder: Path, path: str) -> Path:
    """A new folder with a `runc` that gives the build's steps settings.json."""
    runc = shutil.which("runc", path=path)
    if runc is None:
        raise EnvironmentLacks("runc is not on PATH", hint="install it: dockerd needs it")
    programs = folder / "bin"
    programs.mkdir(mode=0o700)
    words = (sys.executable, "-I", step_settings.__file__, runc, str(folder / "settings.json"))
    (programs / "runc").write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    (programs / "runc").chmod(0o700)
    return programs


def settings(host: str, folder: Path, packages: Path) -> dict[str, dict[str, str]]:
    """What leads pip, apt and npm to the mirror on this address, for step_settings (pip's
    configuration, environment variables; apt.conf(5): APT_CONFIG is read beside the image's own
    files). New files are made in `folder`."""
    variables = _index(host)
    if (packages / "npm").is_dir():
        variables |= registry_settings(host)
    files: dict[str, str] = {}
    if (packages / deb.NAME).exists():
        texts = {
            "bom-apt.conf": 'Dir::Etc::SourceList "/dev/bom-apt.list";\n'
            'Dir::Etc::SourceParts "/dev/null";\n'
            f'Acquire::http::Proxy::{host} "DIRECT";\n',
            "bom-apt.list": f"deb [trusted=yes] http://{host}:{mirror.PORT}/apt ./\n",
        }
        for name, text in texts.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o644)  # apt reads as a user of its own
            files[name] = str(folder / name)
        variables["APT_CONFIG"] = "/dev/bom-apt.conf"
    return {"variables": variables, "files": files}


def _index(host: str) -> dict[str, str]:
    return {
        "PIP_INDEX_URL": f"http://{host}:{mirror.PORT}/simple",
        "PIP_TRUSTED_HOST": host,
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "no_proxy": host,
    }


def registry_settings(host: str) -> dict[str, str]:
    """What leads npm there, also from the hosts that a lock names (npm, config)."""
    return {
        "npm_config_registry": f"http://{host}:{mirror.PORT}/npm/",
        "npm_config_replace_registry_host": "always",
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
    }
