"""Gaps in the document: what could not be had, at what it is about, and what is incomplete by it.

One reason is one annotation, with all that it is about as its subjects: forty packages whose
copyright files can't be read are one thing to know, and none of them is left out.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bom.compose.component import Json
    from bom.model import Dependency

# An annotation must have a time (CycloneDX 1.6). Where neither SOURCE_DATE_EPOCH nor a commit
# gives one, this one stands for "no time is known", next to the gap that says so.
NO_TIME: Final = "1970-01-01T00:00:00Z"
_NO_HASH: Final = ("component.hash", "dependency.hash")
_GO_SUM: Final = "bom-seal:go:h1"  # no file's hash, and all that identifies a module in a program


def unhashed(shipped: Sequence[Dependency], known: Iterable[Gap]) -> set[Gap]:
    """A gap for every component without any hash that none of the `known` ones explains."""
    explained = {gap.ref for gap in known if gap.what in _NO_HASH}
    found = set()
    for item in shipped:
        part = item.component
        hashed = part.hashes or any(entry.hashes for entry in part.distributions)
        hashed = hashed or any(item.name == _GO_SUM for item in part.properties)
        if not hashed and part.bom_ref not in explained and part.type != "operating-system":
            found.add(
                Gap("dependency.hash", part.bom_ref, "no hash is stated or known", part.bom_ref)
            )
    return found


def as_annotations(
    gaps: Iterable[Gap], names: Mapping[str, str], root: str, timestamp: str
) -> list[Json]:
    """One for each gap, sorted; those that differ only in the component they are about are one.

    `names`: of everything in the document that a gap can be about, by bom-ref. What is about
    nothing there is about the `root`.
    """
    alike: dict[tuple[str, str, str], list[Gap]] = defaultdict(list)
    for gap in sorted(gaps):
        place = _place(gap, names, root)
        told_by_ref = place != root and _names_it(gap, names[place])
        alike[gap.what, gap.why, "" if told_by_ref else f"{gap.where}\n{place}"].append(gap)
    made = []
    for (what, why, _), group in alike.items():
        subjects = sorted({_place(gap, names, root) for gap in group})
        where = group[0].where if len(subjects) == 1 else f"{len(subjects)} components"
        made.append(annotation("gap", f"{what}: {where}: {why}", subjects, timestamp))
    return sorted(made, key=lambda entry: (entry["text"], entry["bom-ref"]))


def _names_it(gap: Gap, name: str) -> bool:
    """Whether `where` only names the component that the gap is about: by ref, by name with group
    or without, or (of a component inside another) by the purl with which its ref ends."""
    bare = name.rpartition("/")[2]
    return gap.where in (gap.ref, name, bare) or gap.ref.endswith(f":{gap.where}")


def compositions(gaps: Iterable[Gap], names: Mapping[str, str], root: str) -> list[Json]:
    """Completeness is never claimed: incomplete where a gap is known, else unknown."""
    incomplete = sorted({_place(gap, names, root) for gap in gaps})
    out: list[Json] = []
    if incomplete:
        out.append({"aggregate": "incomplete", "assemblies": incomplete})
    if root not in incomplete:
        out.append({"aggregate": "unknown", "assemblies": [root]})
    return out


def _place(gap: Gap, names: Mapping[str, str], root: str) -> str:
    if gap.ref in names:
        return gap.ref
    built_with = f"build:{gap.ref}"
    return built_with if built_with in names else root


def annotation(kind: str, text: str, subjects: Sequence[str], timestamp: str) -> Json:
    """An annotation whose bom-ref says of what `kind` it is."""
    key = "\n".join((*subjects, text))
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return {
        "bom-ref": f"{kind}:{digest[:16]}",
        "subjects": list(subjects),
        "annotator": {"component": {"type": "application", "name": "bom-seal"}},
        "timestamp": timestamp,
        "text": text,
    }
