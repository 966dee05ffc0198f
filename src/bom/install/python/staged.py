"""What pip or uv put together, before it goes to its place: put in order, and held against what
was to be installed, file by file.
"""

from __future__ import annotations

import base64
import csv
import io
import os
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from packaging.version import InvalidVersion, Version

from bom.install.intake import NotInstalled
from bom.installed.python import receipt, wheel_files
from bom.installed.python.site import digest, distributions, is_cached, placed
from bom.model import Finding
from bom.printable import printable_os

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from bom.install.python.client import Package
    from bom.install.python.layout import Layout
    from bom.installed.python.site import Distribution

CODE: Final = "not-as-sealed"
_OTHER: Final = "the installer wrote other bytes"
_MACHINES_OWN: Final = ("direct_url.json", "uv_cache.json", "uv_build.json")


def put_in_order(layout: Layout, requested: str) -> dict[str, Distribution]:
    """The staged packages, their RECORDs without what says something about this machine only.

    `requested`: the one that the user asked for; the others came with it (REQUESTED).
    """
    for site in layout.staged_sites:
        for item in distributions(site).values():
            drop = {f"{item.info.name}/{name}" for name in _MACHINES_OWN}
            if item.name != requested:
                drop.add(f"{item.info.name}/REQUESTED")
            _rewrite(item, drop, layout)
    return layout.staged()


def write_receipt(item: Distribution, text: str) -> None:
    """Put a receipt into the artifact's dist-info and its RECORD."""
    data = text.encode()
    (item.info / receipt.NAME).write_bytes(data)
    encoded = base64.urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode()
    row = [f"{item.info.name}/{receipt.NAME}", f"sha256={encoded}", str(len(data))]
    rows = [*_rows(item.info / "RECORD"), row]
    _write(item.info / "RECORD", rows)


def check(layout: Layout, found: Mapping[str, Distribution], packages: Sequence[Package]) -> None:
    """Raises NotInstalled where anything staged is not as in the packages."""
    wrong: list[Finding] = []
    listed: set[Path] = set()
    by_name = {package.name: package for package in packages}
    for name, item in found.items():
        held = by_name[name].files if name in by_name else {}
        wrong += _against_record(item, held, layout, listed)
    for path in layout.staged_files():
        if path not in listed and not is_cached(str(path)):
            wrong.append(_finding("the installer wrote a file that nobody lists", path, layout))
    for name in sorted({*found, *by_name}):
        wrong += _against_package(found.get(name), by_name.get(name), name, layout)
    wrong = _told(wrong, found, packages, layout)
    if wrong:
        raise NotInstalled(
            f"nothing is installed: {wrong[0].message}: {wrong[0].where}",
            wrong,
            hint="is the installer itself what it should be?",
        )


def _told(
    wrong: list[Finding],
    found: Mapping[str, Distribution],
    packages: Sequence[Package],
    layout: Layout,
) -> list[Finding]:
    """The findings, where two packages hold different files of one name with that as reason."""
    holders: dict[str, dict[str, str]] = {}
    for package in packages:
        if package.name in found:
            for path, stated in package.files.items():
                place = printable_os(str(layout.final(found[package.name].site / path)))
                holders.setdefault(place, {})[stated] = package.name
    return [
        replace(
            item, message=f"{' and '.join(sorted(held.values()))} both hold a file of this name"
        )
        if len(held := holders.get(item.where, {})) > 1
        else item
        for item in wrong
    ]


def _against_record(
    item: Distribution, held: Mapping[str, str], layout: Layout, listed: set[Path]
) -> Iterable[Finding]:
    if item.rows is None:
        yield _finding("the installer wrote no RECORD", item.info, layout)
        return
    for path, stated in item.rows.items():
        place = placed(item.site, path)
        listed.add(place)
        if is_cached(path):
            continue  # made anew
        actual = digest(place)
        if place.is_symlink() or not actual:
            yield _finding("the installer did not write a file of a package", place, layout)
        elif stated and stated != actual:
            own = held.get(path) == actual
            message = "the package's own RECORD states other bytes" if own else _OTHER
            yield _finding(message, place, layout, stated, actual)


def _against_package(
    item: Distribution | None, package: Package | None, name: str, layout: Layout
) -> Iterable[Finding]:
    if item is None:
        yield Finding(CODE, "the installer left a package out", where=name)
        return
    if package is None:
        yield Finding(CODE, "the installer put a package there that nobody asked for", where=name)
        return
    if not _same_version(item.version, package.version):
        yield Finding(
            CODE, "the installer put another version there", package.version, item.version, name
        )
    for path, stated in package.files.items():
        yield from _compared(item.site / path, stated, layout)
    if package.wheel is None:
        return
    for member in wheel_files.members(package.wheel):
        folder = layout.staged_scheme(member.scheme) if member.scheme else None
        if folder is not None and member.is_python_script:
            place = folder / member.path
            rest = wheel_files.without_first_line(place.read_bytes()) if place.is_file() else b""
            actual = f"sha256:{sha256(rest).hexdigest()}"
            if actual != member.digest:
                yield _finding(_OTHER, place, layout, member.digest, actual)
        elif folder is not None:
            yield from _compared(folder / member.path, member.digest, layout)


def _compared(place: Path, stated: str, layout: Layout) -> Iterable[Finding]:
    actual = digest(place)
    if actual != stated:
        yield _finding(_OTHER, place, layout, stated, actual)


def _same_version(one: str, two: str) -> bool:
    try:
        return Version(one) == Version(two)
    except InvalidVersion:
        return one == two


def _finding(
    message: str, place: Path, layout: Layout, expected: str = "", found: str = ""
) -> Finding:
    return Finding(CODE, message, expected, found, printable_os(str(layout.final(place))))


def _rewrite(item: Distribution, drop: set[str], layout: Layout) -> None:
    rows = []
    for row in _rows(item.info / "RECORD"):
        path = layout.record_path(row[0]) if row else ""
        if path in drop:
            placed(item.site, path).unlink(missing_ok=True)
        elif path and not layout.is_lost(item.site, path):
            rows.append([path, *row[1:]])
    _write(item.info / "RECORD", rows)


def _rows(record: Path) -> list[list[str]]:
    raw = record.read_bytes().decode("utf-8", "surrogateescape")
    return [row for row in csv.reader(io.StringIO(raw, newline="")) if row]


def _write(record: Path, rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(sorted(rows))
    part = record.with_name("RECORD.part")
    part.write_bytes(out.getvalue().encode("utf-8", "surrogateescape"))
    os.replace(part, record)  # noqa: PTH105 - a name that may be no UTF-8
