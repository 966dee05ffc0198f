"""What the copyright file of a Debian package says of its licences (Debian Policy 12.5).

The machine-readable format (copyright-format/1.0) *declares* them. Any other file is prose. From
it licences are *concluded* where it says them in so many words: the sentence by which the FSF's
licences are granted, and the files of /usr/share/common-licenses that it points to. Where it
holds the text of any other licence too, an exception or a choice, nothing is concluded.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom.catalog.licences import debian_licences, stated_licence
from bom.model import Licence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.catalog.protocol import FileView

_PROSE_LIMIT: Final = 1024 * 1024  # bytes; so long a file holds more than a few sentences say

_MARGIN: Final = re.compile(r"\n[ \t]*[*#/|;]{0,3}[ \t]*")
_GRANT: Final = re.compile(
    r"GNU (?P<kind>Lesser |Library |Affero )?(?:General Public License|GPL)(?: \([AL]?GPL\))?"
    r"(?: as published by the Free Software Foundation)?[,;:]?"
    r"(?: \(?either)? (?:version |v)(?P<version>[123](?:\.[01])?)(?: of the License)?"
    r"(?=(?P<rest>.{0,60}))"
)
_LATER: Final = re.compile(
    r"[,;]? ?(?:or|and)[,;]? \(?(?:at your option,?\)?,? )?(?:any )?(?:later|newer|higher)\b"
)
_ONLY: Final = re.compile(
    r"(?: only\b|(?: as published by the Free Software Foundation)?(?: only)?[.;](?: |$))"
)
_FAMILIES: Final = {"": "GPL", "Lesser ": "LGPL", "Library ": "LGPL", "Affero ": "AGPL"}
_COMMON: Final = re.compile(r"/usr/share/common-licenses/([A-Za-z]+(?:-\d(?:\.\d)?)?)")
_EXACT: Final = frozenset(["Apache-2.0", "CC0-1.0", "MPL-1.1", "MPL-2.0"])
_PERL: Final = re.compile(r"under the same terms as (?:the )?Perl(?: itself| programming)", re.I)
_PERL_TERMS: Final = Licence("Artistic-1.0-Perl OR GPL-1.0-or-later", "expression", "concluded")
# What says that there is more to it than the grants and references: other licences' texts and
# names, exceptions, other terms for some files.
_MORE: Final = re.compile(
    r"permission (?:is |to )?(?:hereby|use|granted|copy)|redistribution and use|redistributions"
    r"|\bexceptions?\b|exempt|may be used,? |as you (?:wish|like)|public domain|proprietary"
    r"|\b(?:BSD|MIT|X11|Expat|ISC|zlib|Boost|Beerware|Python Software Foundation|Mozilla"
    r"|Creative Commons|SIL|OFL|OpenSSL|Sleepycat|CDDL|EPL|EUPL|WTFPL|Unlicense)\b"
    r"|debian packaging is|packaging (?:is|are) (?:licen[cs]ed|released|under|copyright)"
    r"|dual|alternative(?:ly)?\b|either of|following licen[cs]es|other licen[cs]es?\b",
    re.I,
)


def package_licences(files: FileView, name: str) -> tuple[tuple[Licence, ...], str]:
    """The licences of a package, and what is not known of them, "" for nothing."""
    raw = files.read(f"usr/share/doc/{name}/copyright")
    if raw is None:
        return (), "its copyright file is not there"
    stated = debian_licences(raw)
    if stated is not None:
        return stated, "" if stated else "its copyright file names none"
    concluded = concluded_licences(raw)
    why = "its copyright file is not in the machine-readable format"
    return concluded, "" if concluded else why


def concluded_licences(copyright_file: bytes) -> tuple[Licence, ...]:
    """The licences that a copyright file in prose grants or points to, sorted; none where it
    isn't sure that these are all.

    A reference to a version of the GPL that no sentence grants stays a name (`GPL-2`): whether
    later versions may be chosen is not known. One that names no version says too little.
    """
    if len(copyright_file) > _PROSE_LIMIT:
        return ()
    text = copyright_file.decode("utf-8", "replace")
    if _MORE.search(text):
        return ()  # most end here, before their lines are joined
    text = " ".join(_MARGIN.sub(" ", text).split())
    referred = set(_COMMON.findall(text))
    found = set(_grants(text))
    if _MORE.search(text):
        return ()
    if _PERL.search(text):
        others = {name for name in referred if not name.startswith(("Artistic", "GPL"))}
        return () if others or found else (_PERL_TERMS,)
    if "Artistic" in referred:
        return ()
    granted = {item.value.partition("-")[0] for item in found}
    for name in referred:
        family, _, version = name.partition("-")
        if name in _EXACT:
            found.add(Licence(name, "id", "concluded"))
        elif family not in granted:
            if not version:
                return ()  # of which version, it doesn't say
            found.add(Licence(name, "name", "concluded"))
    return tuple(sorted(found))


def _grants(text: str) -> Iterator[Licence]:
    for grant in _GRANT.finditer(text):
        family = _FAMILIES[grant["kind"] or ""]
        if _LATER.match(grant["rest"]):
            suffix = "+"
        elif _ONLY.match(grant["rest"]):
            suffix = ""
        else:
            continue  # only or later: it isn't clear
        licence = stated_licence(f"{family}-{grant['version']}{suffix}")
        if licence is not None and licence.form == "id":
            yield replace(licence, acknowledgement="concluded")
