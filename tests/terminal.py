"""`bom` on a terminal of a given width: a real pseudo-terminal, and what arrives at it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Final

BOM: Final = Path(sys.executable).parent / "bom"


def shown(folder: Path, columns: int, *words: str, **variables: str) -> tuple[int, str]:
    """The exit code and all that `bom` writes, colours as `␛[…m`, without carriage returns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {
        "PATH": f"{BOM.parent}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        **variables,
    }
    with subprocess.Popen(
        [BOM, *words],
        cwd=folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as running:
        os.close(theirs)
        pieces = []
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux says EIO when the other end is closed
                break
            if not piece:
                break
            pieces.append(piece)
        code = running.wait()
    os.close(ours)
    return code, b"".join(pieces).decode().replace("\r\n", "\n").replace("\x1b", "␛")
