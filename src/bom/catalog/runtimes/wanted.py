"""Which files of a view tell of language runtimes, by their paths alone."""

from __future__ import annotations

import re
from typing import Final

PYTHON_HEADER: Final = "patchlevel.h"
NODE_HEADER: Final = "node_version.h"
CONFIG: Final = "pyvenv.cfg"  # of a virtual environment (PEP 405)
PYTHON_PLACE: Final = re.compile(
    r"(?P<prefix>(?:.*/)?)include/python(?P<version>[23]\.\d{1,3})(?P<abi>[a-z]{0,3})/patchlevel\.h\Z",
    re.S,
)
NODE_PLACE: Final = re.compile(r"(?P<prefix>(?:.*/)?)include/node/node_version\.h\Z", re.S)


def wants(path: str) -> bool:
    """Whether the file is a runtime's header or makes its folder a virtual environment."""
    return path.rpartition("/")[2] == CONFIG or states_version(path)


def states_version(path: str) -> bool:
    """Whether a file is a header that states a runtime's version."""
    if path.endswith(f"/{NODE_HEADER}"):
        return NODE_PLACE.match(path) is not None
    return path.endswith(f"/{PYTHON_HEADER}") and PYTHON_PLACE.match(path) is not None
