"""All Python distributions in a file system, with what they brought and what they hold inside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom.catalog.protocol import Owned
from bom.catalog.python import record, sboms, vendored
from bom.catalog.python.installed import Installed, read
from bom.catalog.python.owners import owners
from bom.catalog.python.requires import Environments
from bom.catalog.python.sites import Info, find, is_vendored
from bom.catalog.python.wanted import EGG, SBOMS, SITE_FOLDERS
from bom.model import Component, Dependency, Gap, Property
from bom.printable import printable_name
from bom.purl import pypi_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bom.catalog.protocol import FileView
    from bom.catalog.python.owners import Owner
    from bom.catalog.python.sites import Found
    from bom.model import Finding

SHADOWED: Final = "bom-seal:python:shadowed-by"


def installed(view: FileView) -> Iterator[Dependency | Gap | Finding | Owned]:
    """Every distribution, once for each place where it is."""
    everything = _Everything(view)
    yield from everything.gaps
    environments = Environments(view, everything.items)
    shadows: dict[str, list[str]] = {}
    for item in everything.items:
        shadows.setdefault(item.component.purl, []).append(environments.shadowed_by(item))
    for item in everything.items:
        component, found = item.component, list(item.gaps)
        inside: list[Component] = []
        for part in everything.inside(item):
            if isinstance(part, Component):
                inside.append(part)
            else:
                found.append(part)
        properties = set(component.properties)
        if all(shadows[component.purl]):
            # It ships, but its interpreter (and pip list) sees another copy.
            by = environments.shadowed_by(item)
            properties.add(Property(SHADOWED, printable_name(by)))
        yield Dependency(
            replace(
                component,
                properties=tuple(sorted(properties)),
                requires=tuple(sorted(environments.edges(item))),
                components=_unique(inside),
            ),
            direct=item.requested,
            content=item.content,
        )
        yield from item.findings
        yield from found
        yield from environments.unmet(item)
        if not item.owner:
            yield _owned(item)


class _Everything:
    """`items`: all installed distributions, sorted by path. `gaps`: what could not be read."""

    def __init__(self, view: FileView) -> None:
        self._view = view
        found = find(entry.path for entry in view.wanted())
        self.gaps: list[Gap] = []
        self._owners: Mapping[str, Owner] = owners(view, [*found.installed, *found.inside])
        self._sboms: dict[str, tuple[str, ...]] = {}
        self._infos: dict[str, list[Info]] = {}  # of copies, by the info of what vendors them
        self._lists: dict[str, list[str]] = {}
        items = list(self._read(self._linked(found)))
        waiting = {info.metadata: info for info in found.inside if info.metadata}
        lists = set(found.vendor_lists)
        self._claim(items, waiting, lists)
        apart = []
        for path, info in sorted(waiting.items()):
            if "METADATA" in info.files and "RECORD" in info.files and not is_vendored(info.site):
                apart.append(info)  # a folder of its own (`pip install --target`) below another
            else:
                why = "it lies inside a package that nothing lists"
                self.gaps.append(Gap("component", printable_name(path.rpartition("/")[0]), why))
        more = list(self._read(apart))
        self._claim(more, {}, lists)
        self.items: Sequence[Installed] = sorted((*items, *more), key=lambda item: item.info)

    def inside(self, item: Installed) -> Iterator[Component | Gap]:
        """What a distribution holds inside itself."""
        ref = item.component.purl
        for path in self._sboms.get(item.info, ()):
            yield from sboms.read(self._view, path, item.component)
        copies = self._infos.get(item.info, [])
        yield from vendored.from_infos(self._view, copies, ref)
        lists = self._lists.get(item.info, [])
        for path in lists:
            folder = path.rpartition("/")[0]
            if item.listed.paths is None:
                below = [entry.path for entry in self._view.below(folder)]
            else:
                below = [one for one in item.listed.paths if one.startswith(f"{folder}/")]
            yield from vendored.from_list(self._view, path, below, ref)
        stated = {path.rpartition("/")[0] for path in lists} | {info.site for info in copies}
        for folder in vendored.unstated(item.listed.paths or (), stated):
            why = "it holds vendored copies, and nothing states which"
            yield Gap("component", printable_name(folder), why, ref)

    def _read(self, infos: Iterable[Info]) -> Iterator[Installed]:
        for info in infos:
            item = read(self._view, info, self._owners.get(info.path))
            if isinstance(item, Gap):
                self.gaps.append(item)
                continue
            kept = sorted(name for name in info.files if name.startswith(f"{SBOMS}/"))
            self._sboms[info.path] = tuple(
                f"{info.path}/{name}" for name in kept if name != f"{SBOMS}/{sboms.OWN}"
            )
            yield item

    def _linked(self, found: Found) -> Iterator[Info]:
        """The records, those of setuptools' development installs in place of their egg-links."""
        for info in found.installed:
            if not info.path.endswith(".egg-link"):
                yield info
                continue
            raw = (self._view.read(info.path) or b"")[:4096].decode("utf-8", "surrogateescape")
            project = record.below_root("", raw.split("\n", 1)[0].strip())
            linked = found.elsewhere.get(project, [])
            yield from linked
            if not linked:
                why = "it only points to a project outside of site-packages"
                self.gaps.append(Gap("component", printable_name(info.path), why))

    def _claim(self, items: Iterable[Installed], waiting: dict[str, Info], lists: set[str]) -> None:
        """Give copies and lists to the distribution whose files they are; by its packages' names
        where nothing lists its files."""
        names: dict[str, str] = {}
        for item in items:
            if item.listed.paths is not None:
                for path in item.listed.paths:
                    if path in waiting:
                        self._infos.setdefault(item.info, []).append(waiting.pop(path))
                    elif path in lists:
                        lists.remove(path)
                        self._lists.setdefault(item.info, []).append(path)
            for folder in (*item.listed.folders, *_packages(item)):
                names.setdefault(folder, item.info)
        for path in sorted(waiting):
            if owner := _owner(path, names):
                self._infos.setdefault(owner, []).append(waiting.pop(path))
        for path in sorted(lists):
            if owner := _owner(path, names):
                lists.remove(path)
                self._lists.setdefault(owner, []).append(path)


def _packages(item: Installed) -> Iterator[str]:
    prefix = f"{item.site}/" if item.site else ""
    yield prefix + pypi_name(item.component.name).replace("-", "_")


def _owner(path: str, names: Mapping[str, str]) -> str:
    for _ in range(16):
        path = path.rpartition("/")[0]
        if not path:
            break
        if path in names:
            return names[path]
    return ""


def _unique(components: Iterable[Component]) -> tuple[Component, ...]:
    """One for each ref: what a list pins and what its own record says is one copy."""
    found: dict[str, Dependency] = {}
    for item in components:
        known = found.get(item.bom_ref)
        found[item.bom_ref] = known.merged(Dependency(item)) if known else Dependency(item)
    return tuple(sorted(item.component for item in found.values()))


def _owned(item: Installed) -> Owned:
    """What it brought: what its record lists, and the record itself with all that its installer
    wrote there."""
    ref = item.component.purl
    if item.info.endswith(EGG):
        return Owned(ref, (item.info,))
    if item.listed.paths is not None or item.info.endswith("/EGG-INFO"):
        return Owned(ref, item.listed.paths or (), (item.info, *item.listed.folders))
    folders = item.listed.folders or (item.info,)
    # A project installed for development stays the project's own.
    if item.site.rpartition("/")[2] not in SITE_FOLDERS and item.info.endswith(".egg-info"):
        return Owned(ref, (), (item.info,))
    rule = record.TOP_LEVEL_RULE if item.listed.folders else ""
    return Owned(ref, (item.info, *item.listed.modules), folders, rule)
