"""Installed files against what their package manager's record states of them.

A file that is not there is no mismatch (dpkg's path-exclude, images that drop documentation), and
neither is one whose digest can't be had: that one counts as not checkable, never as right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bom.model import Finding, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.catalog.protocol import FileView

PROPERTY: Final = "bom-seal:integrity"
_NAMED: Final = 20  # mismatches of one component that are told one by one


class Stated(NamedTuple):
    """One row of a record: `path` as the view has it, `algorithm` "sha256", "sha1", "md5" or
    "sha256-160" (the first 160 bits; any other can't be checked), `value` in hex."""

    path: str
    algorithm: str
    value: str


def check(view: FileView, ref: str, stated: Iterable[Stated]) -> tuple[Property, list[Finding]]:
    """The component's property `bom-seal:integrity`, and a finding for each file that differs.

    Leave out of `stated` what may rightly differ (edited conffiles, files diverted away).
    """
    rows = equal = absent = 0
    wrong: list[tuple[Stated, str]] = []
    for row in stated:
        rows += 1
        entry = view.entry(row.path)
        if entry is None or entry.type != "file":
            absent += 1
            continue
        actual = _actual(view, row, entry.sha256)
        if actual == row.value.lower():
            equal += 1
        elif actual:
            wrong.append((row, actual))
    unchecked = rows - absent - equal - len(wrong)
    if not rows:
        value = "not checkable: its record states no digests"
    elif wrong:
        value = f"modified {len(wrong)} of {rows}"
    elif unchecked == rows - absent and unchecked:
        value = "not checkable: the digests that its record states were not computed"
    elif rows == absent:
        value = "not checkable: none of its files is there"
    elif unchecked or absent:
        value = f"verified {equal} of {rows}"
    else:
        value = f"verified {rows}"
    findings = [
        Finding(
            "modified",
            "an installed file is not what its package's record states",
            f"{row.algorithm}:{row.value.lower()}",
            f"{row.algorithm}:{actual}",
            printable_name(row.path),
            ref,
        )
        for row, actual in sorted(wrong)[:_NAMED]
    ]
    if len(wrong) > _NAMED:
        more = f"{len(wrong) - _NAMED} more installed files are not what its record states"
        findings.append(Finding("modified", more, ref=ref))
    return Property(PROPERTY, value), findings


def _actual(view: FileView, row: Stated, sha256: str) -> str:
    if row.algorithm == "sha256":
        return sha256
    if row.algorithm == "sha256-160":
        return sha256[:40]
    if row.algorithm in ("md5", "sha1"):
        return view.digest(row.path, "md5" if row.algorithm == "md5" else "sha1") or ""
    return ""
