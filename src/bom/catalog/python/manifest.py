"""What a Python project asks for: pyproject.toml (PEP 621, PEP 735, PEP 518, Poetry's older
table), setup.cfg and Pipfile. Parsed only: a setup.py is code, so what it decides is a gap."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from packaging.requirements import InvalidRequirement, Requirement

from bom.catalog.python.folders import file_text, joined
from bom.catalog.python.names import extras_in, name, names, version
from bom.catalog.python.requirements import REQUIREMENT_LIMIT
from bom.catalog.stated import Unreadable, strings, table, tables, text, toml_document
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bom.catalog.python.folders import ProjectFolder

REQUESTS_LIMIT: Final = 100_000  # requirements of one file; groups can include each other
_GROUP_DEPTH: Final = 32
_EXTRAS_SHOWN: Final = 100  # of those that ask for one package
_QUOTED: Final = re.compile(r"""\"([^\"]*)\"|'([^']*)'""")
_KEY: Final = re.compile(r"""\s*["']?([A-Za-z0-9._-]+)["']?\s*=""")
# PEP 518: what a pyproject.toml without a [build-system] table means.
_LEGACY_BACKEND: Final = "setuptools.build_meta:__legacy__"

Purpose = Literal["runtime", "extra", "group", "build"]


@dataclass(frozen=True, slots=True, order=True)
class Requested:
    """One requirement as the project states it. `specifier` is as spelled there.

    `of`: the extra's or group's name. `purpose` "group" and "build" don't ship.
    """

    name: str
    purpose: Purpose = "runtime"
    of: str = ""
    specifier: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    url: str = ""
    location: str = ""
    line: int = 0

    @property
    def ships(self) -> bool:
        return self.purpose in {"runtime", "extra"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """A project's own statements. `name` is normalised, "" where it has none (an application).

    `requires_python`: the interpreters that it runs on, as it spells them. `extras`: the names of
    its own, normalised.
    """

    name: str = ""
    version: str = ""
    requires_python: str = ""
    build_backend: str = ""
    extras: frozenset[str] = frozenset()
    declared: tuple[Requested, ...] = ()
    gaps: tuple[Gap, ...] = ()


def read(folder: ProjectFolder) -> Manifest:
    """What the project in the folder states. What can't be read is a gap of the manifest."""
    manifest = Manifest()
    for called, reader in (
        ("pyproject.toml", _pyproject),
        ("setup.cfg", _setup_cfg),
        ("Pipfile", _pipfile),
    ):
        if called not in folder.names:
            continue
        try:
            manifest = _merge(manifest, reader(folder))
        except Unreadable as error:
            broken = _broken(folder.shown(called), str(error))
            manifest = _merge(manifest, Manifest(gaps=(broken,)))
    if "setup.py" in folder.names:
        why = "setup.py decides by running code, which is not run; only declared facts are read"
        gap = Gap("dependency.declared", folder.shown("setup.py"), why)
        manifest = _merge(manifest, Manifest(build_backend=_LEGACY_BACKEND, gaps=(gap,)))
    return manifest


def requirement(
    spelled: str, purpose: Purpose = "runtime", of: str = "", location: str = "", line: int = 0
) -> Requested:
    """A PEP 508 requirement. Raises Unreadable."""
    try:
        if len(spelled) > REQUIREMENT_LIMIT:
            raise Unreadable("states a requirement that is too long")
        wanted = Requirement(spelled)
    except (InvalidRequirement, RecursionError) as error:
        raise Unreadable("states a requirement that is none (PEP 508)") from error
    return Requested(
        name(wanted.name),
        purpose,
        of,
        str(wanted.specifier),
        tuple(sorted(name(extra) for extra in wanted.extras)),
        str(wanted.marker or ""),
        wanted.url or "",
        location,
        line,
    )


def extra_of(marker: str) -> str:
    """The extra that a built package's requirement belongs to, "" where it always holds."""
    return ", ".join(extras_in(marker))


def _broken(where: str, why: str) -> Gap:
    return Gap("dependency.declared", where, f"the file {why}")


def _merge(first: Manifest, second: Manifest) -> Manifest:
    return Manifest(
        first.name or second.name,
        first.version or second.version,
        first.requires_python or second.requires_python,
        first.build_backend or second.build_backend,
        first.extras | second.extras,
        tuple(sorted({*first.declared, *second.declared})),
        tuple(sorted({*first.gaps, *second.gaps})),
    )


class _Collector:
    """Requirements found in one file, and those of its statements that can't be read."""

    def __init__(self, location: str, source: str) -> None:
        self.location = location
        self.declared: list[Requested] = []
        self.gaps: list[Gap] = []
        self.extras: set[str] = set()
        self._lines: dict[str, int] = {}
        self._keys: dict[str, int] = {}
        for number, line in enumerate(source.splitlines(), 1):
            self._lines.setdefault(line.strip(), number)
            for double, single in _QUOTED.findall(line):
                self._lines.setdefault(double or single, number)
            if key := _KEY.match(line):
                self._keys.setdefault(name(key[1]), number)

    def line_of_key(self, called: str) -> int:
        """Where a table's key that normalises to `called` stands first."""
        return self._keys.get(called, 0)

    def add(self, items: Iterable[str], purpose: Purpose, of: str = "") -> None:
        if purpose == "extra":
            self.extras.add(name(of))
        for spelled in items:
            if len(self.declared) >= REQUESTS_LIMIT:
                self.gaps.append(_broken(self.location, "states too many requirements"))
                return
            line = self._lines.get(spelled, 0)
            try:
                found = requirement(spelled, purpose, of, self.location, line)
            except Unreadable as error:
                where = f"{self.location}:{line}" if line else self.location
                self.gaps.append(_broken(where, str(error)))
            else:
                self.declared.append(found)

    def manifest(
        self, called: str = "", stated: str = "", interpreters: str = "", backend: str = ""
    ) -> Manifest:
        return Manifest(
            called,
            stated,
            interpreters,
            backend,
            frozenset(self.extras),
            tuple(self.declared),
            tuple(self.gaps),
        )


def read_script(source: str, location: str, above: int) -> Manifest:
    """What the block of metadata in a script states; `above`: how many lines stand before it.
    Raises Unreadable."""
    document = toml_document(source)
    found = _Collector(location, "\n" * above + source)
    found.add(strings(document.get("dependencies")), "runtime")
    return found.manifest(interpreters=text(document.get("requires-python")))


# --- pyproject.toml ----------------------------------------------------------------------------


def _pyproject(folder: ProjectFolder) -> Manifest:
    document, source = folder.toml("pyproject.toml")
    found = _Collector(folder.shown("pyproject.toml"), source)
    project = table(document.get("project"))
    tool = table(document.get("tool"))
    poetry = table(tool.get("poetry"))
    build = table(document.get("build-system"))
    found.add(strings(project.get("dependencies")), "runtime")
    for extra, wanted in table(project.get("optional-dependencies")).items():
        found.add(strings(wanted), "extra", extra)
    found.add(strings(build.get("requires")), "build")
    groups = table(document.get("dependency-groups"))
    for group in groups:
        found.add(_group(groups, group), "group", group)
    # What uv and PDM had before there were groups (PEP 735).
    found.add(strings(table(tool.get("uv")).get("dev-dependencies")), "group", "dev")
    for group, wanted in table(table(tool.get("pdm")).get("dev-dependencies")).items():
        found.add(strings(wanted), "group", group)
    _poetry(poetry, found)
    dynamic = {"dependencies", "optional-dependencies"}.intersection(
        strings(project.get("dynamic"))
    )
    for key in sorted(dynamic):
        _dynamic(tool, key, folder, found)
    called = name(project.get("name")) or name(poetry.get("name"))
    backend = text(build.get("build-backend"))
    if not backend and (project or build):
        backend = _LEGACY_BACKEND
    interpreters = text(project.get("requires-python")) or text(
        table(poetry.get("dependencies")).get("python")
    )
    stated = version(project.get("version")) or version(poetry.get("version"))
    return found.manifest(called, stated, interpreters, backend)


def _group(groups: Mapping[str, Any], wanted: str) -> list[str]:
    """A PEP 735 group with the groups it includes."""
    out: list[str] = []
    waiting, seen = [wanted], set[str]()
    by_name = {name(spelled): items for spelled, items in groups.items()}
    while waiting and len(seen) < _GROUP_DEPTH:
        group = name(waiting.pop())
        if group in seen:
            continue
        seen.add(group)
        items = by_name.get(group)
        out += strings(items)
        waiting += [text(item.get("include-group")) for item in tables(items)]
    return list(dict.fromkeys(out))


def _dynamic(tool: Mapping[str, Any], key: str, folder: ProjectFolder, found: _Collector) -> None:
    """setuptools takes dynamic dependencies from files that it names; other backends run code."""
    stated = table(table(tool.get("setuptools")).get("dynamic")).get(key)
    sources = {"": stated} if key == "dependencies" else table(stated)
    if not stated:
        why = f"{key} are dynamic: the build backend decides when it runs"
        found.gaps.append(Gap("dependency.declared", found.location, why))
    for extra, place in sources.items():
        for listed in strings(table(place).get("file")):
            # setuptools takes files below the project's folder only.
            inside = joined("", listed)
            try:
                if not inside:
                    raise Unreadable("lies outside the project")
                source = file_text(folder.files, folder.at(inside))
            except Unreadable as error:
                found.gaps.append(_broken(f"{found.location}: {listed}", str(error)))
                continue
            inner = _Collector(folder.shown(inside), source)
            inner.add(_listed(source), "extra" if extra else "runtime", extra)
            found.declared += inner.declared
            found.extras |= inner.extras
            found.gaps += inner.gaps


def _listed(source: str) -> list[str]:
    """The requirements of a plain list: setuptools reads lines and comments, no options."""
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in source.splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def _poetry(poetry: Mapping[str, Any], found: _Collector) -> None:
    """Poetry's own tables: version constraints in its own syntax, kept as spelled."""
    sections: list[tuple[object, Purpose, str]] = [
        (poetry.get("dependencies"), "runtime", ""),
        (poetry.get("dev-dependencies"), "group", "dev"),
    ]
    for group, content in table(poetry.get("group")).items():
        sections.append((table(content).get("dependencies"), "group", group))
    asking: dict[str, list[str]] = {}
    for extra, items in sorted(table(poetry.get("extras")).items()):
        found.extras.add(name(extra))
        for called in names(items):
            asking.setdefault(called, []).append(extra)
    for section, purpose, of in sections:
        for spelled, constraint in table(section).items():
            called = name(spelled)
            if not called or called == "python":
                continue
            for wanted in tables(constraint) or [table(constraint)]:
                item = _listed_by_name(wanted, called, found)
                item = replace(item, purpose=purpose, of=of)
                if purpose == "runtime" and wanted.get("optional") is True:
                    extras = asking.get(called, [])[:_EXTRAS_SHOWN]
                    item = replace(item, purpose="extra", of=", ".join(extras))
                if isinstance(constraint, str):
                    item = replace(item, specifier=constraint)
                found.declared.append(item)


def _listed_by_name(wanted: Mapping[str, Any], called: str, found: _Collector) -> Requested:
    return Requested(
        called,
        specifier=text(wanted.get("version")),
        extras=names(wanted.get("extras")),
        marker=text(wanted.get("markers")),
        url=next((text(wanted[k]) for k in ("git", "url", "path", "file") if k in wanted), ""),
        location=found.location,
        line=found.line_of_key(called),
    )


# --- setup.cfg and Pipfile ---------------------------------------------------------------------


def _setup_cfg(folder: ProjectFolder) -> Manifest:
    source = folder.text("setup.cfg")
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(source)
    except configparser.Error as error:
        raise Unreadable("is no setup.cfg") from error
    found = _Collector(folder.shown("setup.cfg"), source)

    def listed(section: str, key: str) -> list[str]:
        value = parser.get(section, key, fallback="")
        separated = value if "\n" in value else value.replace(";", "\n")
        return [item for item in _listed(separated) if not item.startswith(("file:", "attr:"))]

    found.add(listed("options", "install_requires"), "runtime")
    found.add(listed("options", "setup_requires"), "build")
    if parser.has_section("options.extras_require"):
        for extra in parser.options("options.extras_require"):
            found.add(listed("options.extras_require", extra), "extra", extra)
    return found.manifest(
        name(parser.get("metadata", "name", fallback="")),
        version(parser.get("metadata", "version", fallback="")),
        parser.get("options", "python_requires", fallback=""),
    )


def _pipfile(folder: ProjectFolder) -> Manifest:
    document, source = folder.toml("Pipfile")
    found = _Collector(folder.shown("Pipfile"), source)
    for section, content in document.items():
        if section in {"source", "requires", "scripts", "pipenv"}:
            continue
        for spelled, constraint in table(content).items():
            if not (called := name(spelled)):
                continue
            item = _listed_by_name(table(constraint), called, found)
            item = replace(
                item,
                purpose="runtime" if section == "packages" else "group",
                of="" if section == "packages" else section,
                specifier=item.specifier or text(constraint),
            )
            found.declared.append(item)
    return found.manifest()
