"""`bom checksums verify`: locks, caches and download folders against the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bom.checksums.digests import of_file
from bom.checksums.model import Project, Wanted
from bom.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.builder.protocol import Progress
    from bom.checksums.places import Found, Places
    from bom.report.checksums_record import Checksums, PackageChecksum

_Package = tuple[str, str, str]


@dataclass(slots=True)
class _Index:
    """The entries by what they can be found by."""

    by_package: dict[_Package, list[PackageChecksum]] = field(default_factory=dict)
    by_key: dict[str, list[PackageChecksum]] = field(default_factory=dict)
    digests: frozenset[str] = frozenset()


def verified(
    recorded: Checksums, project: Project, caches: Places, folders: Places, progress: Progress
) -> tuple[list[Finding], int]:
    """What is wrong, and how many files had the recorded digest.

    `caches` are the user's: they hold other projects' files too, so only what is recorded counts.
    `folders` hold what this project downloads, and nothing else. Raises BomError where a file can't
    be read.
    """
    index = _indexed(recorded)
    findings = [*_locks(index, project), *_pinned(recorded, project)]
    checked = 0
    mine = sorted(folders.all())
    others = sorted(found for found in caches.all() if found.key in index.by_key)
    wrong: set[str] = set()
    for number, found in enumerate((*mine, *others), start=1):
        progress.start(f"check {number}/{len(mine) + len(others)}", 0)
        problem = _file(index, found, number <= len(mine))
        if problem is None:
            checked += found.key in index.by_key or number <= len(mine)
        elif (text := f"{problem.code} {problem.where}") not in wrong:
            wrong.add(text)
            findings.append(problem)
    progress.done()
    findings += _not_there(index, mine)
    return findings, checked


def _indexed(recorded: Checksums) -> _Index:
    from bom.checksums.places import keys

    index = _Index(digests=frozenset(item.sha256 for item in recorded.packages))
    for item in recorded.packages:
        package = (item.ecosystem, item.name, item.version)
        index.by_package.setdefault(package, []).append(item)
        wanted = Wanted(*package, item.file, own=item.own)
        for key in filter(None, keys(wanted)):
            index.by_key.setdefault(key, []).append(item)
    return index


def _locks(index: _Index, project: Project) -> Iterable[Finding]:
    asked: set[PackageChecksum] = set()
    for item in project.files:
        if not item.version:
            continue  # it stands among what has no checksum
        entries = index.by_package.get((item.ecosystem, item.name, item.version), [])
        entry = next((one for one in entries if item.sha256 and one.sha256 == item.sha256), None)
        entry = entry or next((one for one in entries if one.file == item.file), None)
        if entry is None and entries and not item.sha256 and not item.own:
            entry = entries[0]  # the lock states no digest, as Maven's pom.xml never does
        if entry is None:
            known = "" if not entries else " (other files of it are)"
            yield Finding(
                "unrecorded",
                f"{item.shown} is asked for and not in the file{known}",
                where=item.place,
            )
            continue
        asked.add(entry)
        for expected, stated in ((entry.sha256, item.sha256), (entry.own, item.own)):
            if stated and expected != stated:
                message = f"the lock asks for another file of {item.shown}"
                yield Finding("checksum", message, expected, stated, item.place)
                break
    for entries in index.by_package.values():
        for entry in entries:
            # no lock lists what a Maven repository holds
            if entry not in asked and entry.ecosystem != "maven":
                yield Finding("gone", f"no lock asks for {_shown(entry)} any more")


def _pinned(recorded: Checksums, project: Project) -> Iterable[Finding]:
    for kind, before, now in (
        ("image", {(item.name, item.digest) for item in recorded.images}, set(project.images)),
        ("commit", {(item.name, item.commit) for item in recorded.commits}, set(project.commits)),
    ):
        for name, digest in sorted(now - before):
            yield Finding("unrecorded", f"{name} is asked for by a {kind} that is not in the file",
                          found=digest)  # fmt: skip
        for name, digest in sorted(before - now):
            yield Finding("gone", f"nothing asks for this {kind} of {name} any more", digest)


def _file(index: _Index, found: Found, ours: bool) -> Finding | None:
    """What is wrong with one file."""
    digests = of_file(found.path, found.ecosystem if found.ecosystem != "golang" else "")
    entries = index.by_key.get(found.key, [])
    content = found.ecosystem == "npm" and "." not in found.key
    if content and digests.sha512 != found.key:
        message = "this file of npm's cache is not the one that it is stored as"
        return Finding("checksum", message, f"sha512:{found.key}", f"sha512:{digests.sha512}",
                       str(found.path))  # fmt: skip
    if entries:
        expected = sorted({item.sha256 for item in entries})
        if digests.sha256 in expected:
            return None
        message = f"this file of {_shown(entries[0])} is another one than was recorded"
        return Finding("checksum", message, ", ".join(expected), digests.sha256, str(found.path))
    if not ours or digests.sha256 in index.digests:
        return None
    message = "this file is in no line of the file"
    return Finding("unrecorded", message, found=digests.sha256, where=str(found.path))


def _not_there(index: _Index, mine: list[Found]) -> Iterable[Finding]:
    """Of ecosystems that the folders hold files of, packages without any."""
    ecosystems = {found.ecosystem for found in mine}
    names = {found.key for found in mine}
    if not names:
        return
    from bom.checksums.places import keys

    for (ecosystem, name, version), entries in index.by_package.items():
        if ecosystem not in ecosystems:
            continue
        wanted = [Wanted(ecosystem, name, version, item.file, own=item.own) for item in entries]
        if any(item.file for item in wanted) and not any(
            key in names for item in wanted for key in keys(item)
        ):
            yield Finding("gone", f"no file of {_shown(entries[0])} is in the folders")


def _shown(entry: PackageChecksum) -> str:
    return f"{entry.ecosystem} {entry.name} {entry.version}" + (
        f" ({entry.file})" if entry.file else ""
    )
