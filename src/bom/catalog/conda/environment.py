"""What environment.yml and pixi.toml ask for (conda's match specifications)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from packaging.requirements import InvalidRequirement, Requirement

from bom.catalog.conda import pixi
from bom.catalog.conda.locked import Package
from bom.catalog.python.names import name as python_name
from bom.catalog.python.names import version as checked_version
from bom.catalog.python.requirements import REQUIREMENT_LIMIT, development, exact_version
from bom.catalog.stated import strings, tables, toml_document, yaml_document
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# `CHANNEL/SUBDIR::NAME`, then ` VERSION BUILD`, `=VERSION=BUILD` or an operator and a version.
_SPEC: Final = re.compile(
    r"(?:(?P<channel>[A-Za-z0-9._-]+)(?:/(?P<subdir>[a-z0-9-]+))?::)?"
    r"(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)\s*(?P<rest>[^\[#]*)"
)
_EXACT: Final = re.compile(r"(?:==|=)?\s*([A-Za-z0-9.!+_]+)[\s=]\s*([A-Za-z0-9._]+)")
_PINNED: Final = re.compile(r"==\s*([A-Za-z0-9.!+_]+)")


def read(source: str, location: str) -> tuple[list[Package], list[Gap]]:
    """What an environment file asks for. Raises Unreadable."""
    document = yaml_document(source)
    lines: dict[str, int] = {}
    for number, raw in enumerate(source.splitlines(), 1):
        stripped = raw.strip().removeprefix("-").partition(" #")[0].strip().strip("\"'")
        lines.setdefault(stripped, number)
    listed = document.get("dependencies")
    conda = strings(listed) if isinstance(listed, list) else ()
    pip = [spec for item in tables(listed) for spec in strings(item.get("pip"))]
    packages: list[Package] = []
    gaps: list[Gap] = []
    for spec in conda:
        line = lines.get(spec.strip(), 0)
        if found := request(spec, location, line):
            packages.append(found)
        else:
            why = "the requirement on this line can't be read"
            gaps.append(Gap("dependency.version", f"{location}:{line}", why))
    packages += _python(pip, location, lines, gaps)
    return packages, gaps


def request(spec: str, location: str, line: int) -> Package | None:
    """A match specification; None where it is none.

    `=1.2` lets in 1.2.3 and `=1.2=BUILD` does not: only that, `==1.2` and `1.2 BUILD` pin.
    """
    found = _SPEC.match(spec.strip()) if len(spec) <= REQUIREMENT_LIMIT else None
    if found is None:
        return None
    rest = found["rest"].strip()
    exact, pinned = _EXACT.fullmatch(rest), _PINNED.fullmatch(rest)
    version = checked_version(exact[1] if exact else pinned[1] if pinned else "")
    return Package(
        "conda",
        found["name"].lower(),
        version,
        exact[2] if exact and version else "",
        found["channel"] or "",
        found["subdir"] or "",
        role="build" if development(location) else "shipped",
        asked=rest,
        location=location,
        line=line,
    )


def _python(
    specs: Iterable[str], location: str, lines: dict[str, int], gaps: list[Gap]
) -> Iterator[Package]:
    for spec in specs:
        line = lines.get(spec.strip(), 0)
        try:
            wanted = Requirement(spec) if len(spec) <= REQUIREMENT_LIMIT else None
        except (InvalidRequirement, RecursionError):
            wanted = None
        if wanted is None:  # an option of pip's, a file, or nothing that can be read
            why = "the requirement on this line can't be read"
            gaps.append(Gap("dependency.version", f"{location}:{line}", why))
            continue
        yield Package(
            "pypi",
            python_name(wanted.name),
            exact_version(wanted.specifier),
            role="build" if development(location) else "shipped",
            optional=wanted.marker is not None,
            asked=str(wanted.specifier),
            location=location,
            line=line,
        )


def read_pixi(source: str, location: str) -> tuple[list[Package], list[Gap]]:
    """What a pixi.toml asks for. Raises Unreadable."""
    packages = [
        Package(
            "conda" if kind == "conda" else "pypi",
            name,
            checked_version(asked.removeprefix("==")) if asked.startswith("==") else "",
            role="shipped" if ships else "build",
            asked=asked,
            location=location,
        )
        for kind, name, asked, ships in pixi.requests(toml_document(source))
        if name
    ]
    return packages, []
