"""What a Python project asks for: pyproject.toml (PEP 621, PEP 735, PEP 518, Poetry's older
table), setup.cfg and Pipfile. Parsed only: a setup.py is code, so what it decides is a gap."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from packaging.requirements import InvalidRequirement, Requirement

from bom.catalog.python.names import extras_in, name, names
from bom.catalog.stated import Unreadable, read_text, read_toml, strings, table, tables, text
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FILES: Final = ("pyproject.toml", "setup.cfg", "setup.py", "Pipfile")
_GROUP_DEPTH: Final = 32
# PEP 518: what a pyproject.toml without a [build-system] table means.
_LEGACY_BACKEND: Final = "setuptools.build_meta:__legacy__"

Purpose = Literal["runtime", "extra", "group", "build"]


@dataclass(frozen=True, slots=True, order=True)
class Declared:
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
    """A project's own statements. `name` is normalised, "" where it has none (an application)."""

    name: str = ""
    build_backend: str = ""
    declared: tuple[Declared, ...] = ()
    gaps: tuple[Gap, ...] = ()


def present(directory: Path) -> bool:
    """Whether there is a Python project in `directory`."""
    return any((directory / called).is_file() for called in FILES)


def read(directory: Path, prefix: str) -> Manifest:
    """What the project in `directory` states; `prefix` (`""` or `"sub/"`) leads from the source's
    root to it, for the locations. What can't be read is a gap of the manifest."""
    manifest = Manifest()
    for called, reader in (
        ("pyproject.toml", _pyproject),
        ("setup.cfg", _setup_cfg),
        ("Pipfile", _pipfile),
    ):
        path = directory / called
        if not path.is_file():
            continue
        try:
            manifest = _merge(manifest, reader(path, prefix + called))
        except Unreadable as error:
            manifest = _merge(manifest, Manifest(gaps=(_broken(prefix + called, str(error)),)))
    if (directory / "setup.py").is_file():
        why = "setup.py decides by running code, which is not run; only declared facts are read"
        gap = Gap("dependency.declared", f"{prefix}setup.py", why)
        manifest = _merge(manifest, Manifest(build_backend=_LEGACY_BACKEND, gaps=(gap,)))
    return manifest


def requirement(
    spelled: str, purpose: Purpose = "runtime", of: str = "", location: str = "", line: int = 0
) -> Declared:
    """A PEP 508 requirement. Raises Unreadable."""
    try:
        wanted = Requirement(spelled)
    except InvalidRequirement as error:
        raise Unreadable("states a requirement that is none (PEP 508)") from error
    return Declared(
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
        first.build_backend or second.build_backend,
        tuple(sorted({*first.declared, *second.declared})),
        tuple(sorted({*first.gaps, *second.gaps})),
    )


class _Collector:
    """Requirements found in one file, and those of its statements that can't be read."""

    def __init__(self, location: str, source: str) -> None:
        self.location = location
        self.declared: list[Declared] = []
        self.gaps: list[Gap] = []
        self._lines = source.splitlines()

    def line(self, spelled: str) -> int:
        quoted = (f'"{spelled}"', f"'{spelled}'")
        for number, line in enumerate(self._lines, 1):
            if line.strip() == spelled or any(form in line for form in quoted):
                return number
        return 0

    def line_of_key(self, called: str) -> int:
        """Where a table's key that normalises to `called` stands first."""
        for number, line in enumerate(self._lines, 1):
            key = re.match(r"""\s*["']?([A-Za-z0-9._-]+)["']?\s*=""", line)
            if key and name(key[1]) == called:
                return number
        return 0

    def add(self, items: Iterable[str], purpose: Purpose, of: str = "") -> None:
        for spelled in items:
            line = self.line(spelled)
            try:
                found = requirement(spelled, purpose, of, self.location, line)
            except Unreadable as error:
                where = f"{self.location}:{line}" if line else self.location
                self.gaps.append(_broken(where, str(error)))
            else:
                self.declared.append(found)

    def manifest(self, called: str = "", backend: str = "") -> Manifest:
        return Manifest(called, backend, tuple(self.declared), tuple(self.gaps))


# --- pyproject.toml ----------------------------------------------------------------------------


def _pyproject(path: Path, location: str) -> Manifest:
    document, source = read_toml(path)
    found = _Collector(location, source)
    project = table(document.get("project"))
    poetry = table(table(document.get("tool")).get("poetry"))
    build = table(document.get("build-system"))
    found.add(strings(project.get("dependencies")), "runtime")
    for extra, wanted in table(project.get("optional-dependencies")).items():
        found.add(strings(wanted), "extra", extra)
    found.add(strings(build.get("requires")), "build")
    groups = table(document.get("dependency-groups"))
    for group in groups:
        found.add(_group(groups, group), "group", group)
    _poetry(poetry, found)
    dynamic = {"dependencies", "optional-dependencies"}.intersection(
        strings(project.get("dynamic"))
    )
    for key in sorted(dynamic):
        _dynamic(table(document.get("tool")), key, path, found)
    called = name(project.get("name")) or name(poetry.get("name"))
    backend = text(build.get("build-backend"))
    if not backend and (project or build):
        backend = _LEGACY_BACKEND
    return found.manifest(called, backend)


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


def _dynamic(tool: Mapping[str, Any], key: str, path: Path, found: _Collector) -> None:
    """setuptools takes dynamic dependencies from files that it names; other backends run code."""
    stated = table(table(tool.get("setuptools")).get("dynamic")).get(key)
    sources = {"": stated} if key == "dependencies" else table(stated)
    if not stated:
        why = f"{key} are dynamic: the build backend decides when it runs"
        found.gaps.append(Gap("dependency.declared", found.location, why))
    for extra, place in sources.items():
        for listed in strings(table(place).get("file")):
            file = (path.parent / listed).resolve()
            try:
                if not file.is_relative_to(path.parent.resolve()):
                    raise Unreadable("lies outside the project")
                source = read_text(file)
            except Unreadable as error:
                found.gaps.append(_broken(f"{found.location}: {listed}", str(error)))
                continue
            inner = _Collector(found.location.removesuffix("pyproject.toml") + listed, source)
            inner.add(_listed(source), "extra" if extra else "runtime", extra)
            found.declared += inner.declared
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
    extras = table(poetry.get("extras"))
    for section, purpose, of in sections:
        for spelled, constraint in table(section).items():
            called = name(spelled)
            if not called or called == "python":
                continue
            for wanted in tables(constraint) or [table(constraint)]:
                item = _listed_by_name(wanted, called, found)
                item = replace(item, purpose=purpose, of=of)
                if purpose == "runtime" and wanted.get("optional") is True:
                    asking = [e for e, items in extras.items() if called in names(items)]
                    item = replace(item, purpose="extra", of=", ".join(sorted(asking)))
                if isinstance(constraint, str):
                    item = replace(item, specifier=constraint)
                found.declared.append(item)


def _listed_by_name(wanted: Mapping[str, Any], called: str, found: _Collector) -> Declared:
    return Declared(
        called,
        specifier=text(wanted.get("version")),
        extras=names(wanted.get("extras")),
        marker=text(wanted.get("markers")),
        url=next((text(wanted[k]) for k in ("git", "url", "path", "file") if k in wanted), ""),
        location=found.location,
        line=found.line_of_key(called),
    )


# --- setup.cfg and Pipfile ---------------------------------------------------------------------


def _setup_cfg(path: Path, location: str) -> Manifest:
    source = read_text(path)
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(source)
    except configparser.Error as error:
        raise Unreadable("is no setup.cfg") from error
    found = _Collector(location, source)

    def listed(section: str, key: str) -> list[str]:
        value = parser.get(section, key, fallback="")
        separated = value if "\n" in value else value.replace(";", "\n")
        return [item for item in _listed(separated) if not item.startswith(("file:", "attr:"))]

    found.add(listed("options", "install_requires"), "runtime")
    found.add(listed("options", "setup_requires"), "build")
    if parser.has_section("options.extras_require"):
        for extra in parser.options("options.extras_require"):
            found.add(listed("options.extras_require", extra), "extra", extra)
    return found.manifest(name(parser.get("metadata", "name", fallback="")))


def _pipfile(path: Path, location: str) -> Manifest:
    document, source = read_toml(path)
    found = _Collector(location, source)
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
