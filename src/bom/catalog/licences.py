"""Licences as packages state them, in SPDX's words where that is sure, else by their own name.

Nothing is concluded from licence texts. Sources: SPDX License List (through cyclonedx's schema),
Debian's machine-readable copyright format 1.0 ("License specification"), PEP 639 and the trove
classifiers.
"""

from __future__ import annotations

import re
from bisect import bisect
from functools import lru_cache
from typing import Final

from bom.model import Licence
from bom.printable import printable_name

NAME_LIMIT: Final = 60  # characters; what is longer is no name but the text itself

_GNU: Final = re.compile(
    r"(?P<family>A?GPL|LGPL)[- ]?v?(?P<version>[1-3](?:\.\d)?)(?P<later>\+|-only|-or-later)?\Z",
    re.I,
)
_GFDL: Final = re.compile(
    r"GFDL(?P<niv>-NIV)?-(?P<version>1\.[1-3])(?P<later>\+?)(?P<none>-no-invariants?)?\Z", re.I
)
_BLANK_LINE: Final = re.compile(r"\n[ \t]*(?=\n)")
# Of any case, and spelt out: with re.I the search for a line's end takes twice as long.
_LICENSE_FIELD: Final = re.compile(r"\n[Ll][Ii][Cc][Ee][Nn][Ss][Ee]:[ \t]*([^\n]*)")
_NOT_TEXT_ALONE: Final = re.compile(r"\n(?:[Ff][Ii][Ll][Ee][Ss]|[Ff][Oo][Rr][Mm][Aa][Tt]):")
_OPERATOR: Final = re.compile(r"\s+(and|or)\s+", re.I)
_TOKEN: Final = re.compile(r"[()]|[^\s()]+")
_ALIASES: Final = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache-2": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "apache software license - version 2.0": "Apache-2.0",
    "apache software license, version 2.0": "Apache-2.0",
    "the apache license, version 2.0": "Apache-2.0",
    "the apache software license, version 2.0": "Apache-2.0",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "eclipse distribution license - v 1.0": "BSD-3-Clause",
    "eclipse public license - v 1.0": "EPL-1.0",
    "eclipse public license - v 2.0": "EPL-2.0",
    "eclipse public license 1.0": "EPL-1.0",
    "eclipse public license 2.0": "EPL-2.0",
    "eclipse public license v1.0": "EPL-1.0",
    "eclipse public license v2.0": "EPL-2.0",
    "epl 2.0": "EPL-2.0",
    "expat": "MIT",
    "expat license": "MIT",
    "isc license": "ISC",
    "mit license": "MIT",
    "the mit license": "MIT",
    "the mit license (mit)": "MIT",
    "mpl 2.0": "MPL-2.0",
    "mpl-2": "MPL-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "mozilla public license, version 2.0": "MPL-2.0",
    "artistic-2": "Artistic-2.0",
}
# Trove classifiers that name exactly one licence; the others ("BSD License") stay names.
_CLASSIFIERS: Final = {
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}
_CLASSIFIER_ROOT: Final = "License :: "
# Addresses that hold one licence's text and no other.
_ADDRESSES: Final = {
    "apache.org/licenses/license-2.0": "Apache-2.0",
    "creativecommons.org/publicdomain/zero/1.0": "CC0-1.0",
    "eclipse.org/legal/epl-2.0": "EPL-2.0",
    "eclipse.org/legal/epl-v10": "EPL-1.0",
    "eclipse.org/legal/epl-v20": "EPL-2.0",
    "eclipse.org/org/documents/edl-v10": "BSD-3-Clause",
    "eclipse.org/org/documents/epl-2.0": "EPL-2.0",
    "mozilla.org/mpl/2.0": "MPL-2.0",
}
_BY_ID: Final = ("opensource.org/licenses/", "opensource.org/license/", "spdx.org/licenses/")


def stated_licence(text: str) -> Licence | None:
    """One field's statement; None where it is empty or a licence's whole text."""
    text = _plain(text)
    if not text:
        return None
    known = _known(text)
    if known:
        return Licence(known, "id")
    expression = _expression(text)
    if expression:
        return Licence(expression, "expression")
    return Licence(text, "name") if len(text) <= NAME_LIMIT else None


def classified_licence(classifier: str) -> Licence | None:
    """The licence of a trove classifier; None where the classifier is about something else."""
    if not classifier.startswith(_CLASSIFIER_ROOT):
        return None
    name = _plain(classifier.split(" :: ")[-1])
    if not name or name == "OSI Approved":
        return None
    known = _CLASSIFIERS.get(name)
    return Licence(known, "id") if known else Licence(name[:200], "name")


def maven_licence(name: str, url: str) -> Licence | None:
    """The licence of a POM: its name where that is sure, else its address where that is, else
    whatever name it has."""
    stated = stated_licence(name)
    if stated is not None and stated.form != "name":
        return stated
    known = _by_address(url)
    return Licence(known, "id") if known else stated


def bundle_licences(header: str) -> tuple[Licence, ...]:
    """The licences of a Bundle-License header (OSGi Core 3.2.1.6): names or addresses by commas,
    each with attributes behind `;`. Only what is sure, sorted."""
    found = set()
    for clause in header.split(","):
        name = clause.partition(";")[0].strip().strip('"')
        stated = stated_licence(name)
        if stated is not None and stated.form != "name":
            found.add(stated)
        elif known := _by_address(name):
            found.add(Licence(known, "id"))
    return tuple(sorted(found))


def _by_address(url: str) -> str:
    """The SPDX ID of the licence whose text is at `url`, or ""."""
    scheme, _, rest = url.strip().lower().partition("://")
    if scheme not in ("http", "https"):
        return ""
    bare = rest.removeprefix("www.").rstrip("/")
    for ending in (".txt", ".html", ".php"):
        bare = bare.removesuffix(ending)
    for root in _BY_ID:
        if bare.startswith(root):
            return _spdx_id(bare.removeprefix(root))
    return _ADDRESSES.get(bare, "")


def debian_licences(copyright_file: bytes) -> tuple[Licence, ...] | None:
    """The licences that a Debian copyright file states, sorted.

    None where the file is not in the machine-readable format. The names of the header's and the
    files' paragraphs count; a paragraph of its own for a licence only gives that one's text.
    """
    text = copyright_file.decode("utf-8", "surrogateescape")
    if not re.match(r"\s*Format(-Specification)?:\s*\S*(copyright-format|dep5|DEP5)", text, re.I):
        return None
    text = f"\n{text}"
    found = set()
    bounds = [blank.start() for blank in _BLANK_LINE.finditer(text)]
    paragraph, counts = -1, False
    for field in _LICENSE_FIELD.finditer(text):
        after = bisect(bounds, field.start())
        if after != paragraph:
            paragraph = after
            start = bounds[after - 1] if after else 0
            end = bounds[after] if after < len(bounds) else len(text)
            counts = _NOT_TEXT_ALONE.search(text, start, end) is not None
        if counts:
            licence = _debian_synopsis(field[1])
            if licence is not None:
                found.add(licence)
    return tuple(sorted(found))


@lru_cache(4096)  # the same few stand in many packages
def _debian_synopsis(text: str) -> Licence | None:
    text = _plain(text)
    if "," in text:  # a comma changes what binds first; SPDX has none
        return Licence(text, "name") if len(text) <= NAME_LIMIT else None
    parts = _OPERATOR.split(text)
    known = [_with_exception(part) for part in parts[::2]]
    if len(known) > 1 and all(known):
        words = [str(word) for word in known]
        for place, operator in enumerate(parts[1::2]):
            words.insert(2 * place + 1, operator.upper())
        return Licence(" ".join(words), "expression")
    if len(known) == 1 and known[0] and " WITH " in known[0]:
        return Licence(known[0], "expression")
    return stated_licence(text)


def _with_exception(text: str) -> str:
    licence, _, exception = text.partition(" with ")
    known = _known(licence.strip())
    if not exception or not known:
        return known if not exception else ""
    named = _spdx_id(exception.removesuffix(" exception").strip().replace(" ", "-"))
    return f"{known} WITH {named}" if named else ""


def _known(text: str) -> str:
    """The SPDX ID that `text` surely means, or ""."""
    if found := _GNU.match(text):
        version = found["version"] if "." in found["version"] else found["version"] + ".0"
        suffix = "-or-later" if found["later"] in ("+", "-or-later") else "-only"
        return _spdx_id(f"{found['family']}-{version}{suffix}")
    if found := _GFDL.match(text):
        invariants = "-no-invariants" if found["niv"] or found["none"] else ""
        suffix = "-or-later" if found["later"] else "-only"
        return _spdx_id(f"GFDL-{found['version']}{invariants}{suffix}")
    return _ALIASES.get(text.lower()) or _spdx_id(text)


def _spdx_id(text: str) -> str:
    from cyclonedx.spdx import fixup_id

    return fixup_id(text) or ""


def _expression(text: str) -> str:
    """An SPDX expression with its IDs spelt as the list does, or ""."""
    from cyclonedx.spdx import is_expression

    words = _TOKEN.findall(text)
    if len(words) < 3 or len(text) > 1000:
        return ""
    spelt = []
    for word in words:
        if word.upper() in ("AND", "OR", "WITH"):
            spelt.append(word.upper())
            continue
        known = word if word in "()" or word.startswith("LicenseRef-") else _known(word)
        if not known:
            return ""
        spelt.append(known)
    made = " ".join(spelt).replace("( ", "(").replace(" )", ")")
    return made if is_expression(made) else ""


def _plain(text: str) -> str:
    return " ".join(printable_name(text).split())
