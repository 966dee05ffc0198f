"""What a package's License tag states: an SPDX expression (Fedora since 2022, openSUSE), or the
short names that Fedora had before (the "Callaway" system).

Only a short name that stands for exactly one licence is put into SPDX's words; of families
("BSD", "LGPLv2+ with exceptions", "Public Domain") the name stays as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from bom.catalog.licences import stated_licence
from bom.model import Licence

_LIMIT: Final = 1000  # characters; what is longer is no name
_WORDS: Final = re.compile(r"([()]|\s(?:and|or)\s)")
_SURE: Final = {
    "AGPLv3": "AGPL-3.0-only",
    "AGPLv3+": "AGPL-3.0-or-later",
    "ASL 1.0": "Apache-1.0",
    "ASL 1.1": "Apache-1.1",
    "ASL 2.0": "Apache-2.0",
    "Artistic 2.0": "Artistic-2.0",
    "Boost": "BSL-1.0",
    "CC0": "CC0-1.0",
    "CDDL": "CDDL-1.0",
    "CPL": "CPL-1.0",
    "EPL": "EPL-1.0",
    "GPL+": "GPL-1.0-or-later",
    "GPLv1": "GPL-1.0-only",
    "GPLv2": "GPL-2.0-only",
    "GPLv2+": "GPL-2.0-or-later",
    "GPLv3": "GPL-3.0-only",
    "GPLv3+": "GPL-3.0-or-later",
    "LGPLv2": "LGPL-2.0-only",
    "LGPLv2+": "LGPL-2.0-or-later",
    "LGPLv2.1": "LGPL-2.1-only",
    "LGPLv2.1+": "LGPL-2.1-or-later",
    "LGPLv3": "LGPL-3.0-only",
    "LGPLv3+": "LGPL-3.0-or-later",
    "MPLv1.0": "MPL-1.0",
    "MPLv1.1": "MPL-1.1",
    "MPLv2.0": "MPL-2.0",
    "QPL": "QPL-1.0",
    "SISSL": "SISSL",
    "zlib": "Zlib",
}


@lru_cache(4096)  # the same few stand in many packages
def rpm_licence(text: str) -> Licence | None:
    """The licence that a tag states; None where it states none."""
    text = " ".join(text.split())
    if not text or len(text) > _LIMIT:
        return None
    parts = [part for part in _WORDS.split(text) if part.strip()]
    spelt = " ".join(_SURE.get(part.strip(), part.strip()) for part in parts)
    found = None if _ambiguous(parts) else stated_licence(spelt)
    if found is None or found.form == "name":
        return Licence(text, "name")
    return found


def _ambiguous(parts: list[str]) -> bool:
    """Whether `and` and `or` stand beside each other without brackets: Fedora's rules had no
    order for them, SPDX's do."""
    levels: list[set[str]] = [set()]
    for part in parts:
        if part == "(":
            levels.append(set())
        elif part == ")":
            if len(levels) > 1:
                levels.pop()
        elif part.strip() in ("and", "or"):
            levels[-1].add(part.strip())
            if len(levels[-1]) > 1:
                return True
    return False
