"""The first program in a network namespace of its own: brings its loopback up, starts what serves
packages there, then is another program.

Run as a file by itself, so it imports nothing of `bom`: loopback.py FOLDER PROGRAM..., FOLDER
with the packages, "" for none. A new namespace has a loopback that is
down (network_namespaces(7)); `ip` need not be installed.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Final

_SIOCSIFFLAGS: Final = 0x8914  # netdevice(7)
_IFF_UP: Final = 0x1
_IFF_RUNNING: Final = 0x40


def up() -> None:
    """Raises OSError where this process may not."""
    request = struct.pack("16sh22x", b"lo", _IFF_UP | _IFF_RUNNING)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


if __name__ == "__main__":
    up()
    if sys.argv[1]:
        mirror = Path(__file__).with_name("mirror.py")
        subprocess.Popen([sys.executable, "-I", str(mirror), sys.argv[1]])
    os.execvp(sys.argv[2], sys.argv[2:])
