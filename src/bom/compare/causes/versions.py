"""Versions of tools and of dependencies that show in content."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.compare.causes.model import Scene, Spot

NONE: Final = "(none)"
_VERSION: Final = re.compile(r"v?\d\w*(?:[.+~:-]\w+)*", re.ASCII)
_DOTTED: Final = re.compile(r"v?\d+\.\d[\w.+~-]*", re.ASCII)
# In front of a tool's version: `GCC: (Debian 12.2.0-14+deb12u1) 12.2.0`, `Generator: hatchling 1`,
# `Created-By: Apache Maven 3.9`, `rustc version 1.75`, `go1.21`, `GNU C17 12.2.0`.
_TOOL: Final = re.compile(
    r"(?:GCC: \([^)]*|GCC: \([^)]*\) ?|clang version |LLD |GNU (?:C|C\+\+|Fortran|Ada|AS|ld)[\w+]*"
    r"(?: \([^)]*\)?)? ?|rustc (?:version )?(?:\([^)]*)?|(?:^|[^\w])go|"
    r"(?:Generator|Created-By|Build-Jdk(?:-Spec)?|Build-Tool|Tool|Bnd-LastModified|X-Compile-"
    r"[\w-]+|Originally-Created-By|Archiver-Version|Gradle-Version|Ant-Version|Bundler|"
    r"BUNDLED WITH|generator)[\"']?\s?[:=(]\s*[\"']?(?:[\w. -]+[ (/])?|"
    r"(?:Apache Maven|Gradle|CMake|Python|Sphinx|Doxygen|pandoc|node|npm|yarn|OpenJDK|javac|"
    r"setuptools|hatchling|wheel|poetry-core|flit|bdist_wheel|maturin|esbuild|webpack|rollup|"
    r"TypeScript|compiler|gcc|g\+\+|cc|ld|as|binutils)(?: version)?[ /-]?\(?v?)$"
)
# In front of a dependency's version: a line or a text that begins `name==`, `name@`, `name>=`;
# `Depends: name (>= `; `name-` before `1.0.jar`.
_DEPENDENCY: Final = re.compile(
    r"(?:(?:^\s*|[\"'])(@?[A-Za-z][\w./-]*)(?:\[[\w, -]*\])?(?:===?|~=|>=|<=|@)[\"']?[~^]?v?"
    r"|(?:Requires-Dist|Depends|Pre-Depends|Requires|Built-Using): .*?([A-Za-z][\w.+-]*) ?"
    r"\((?:[=<>~!]+ ?)?)$"
)
_FILE: Final = re.compile(r"([A-Za-z][\w.]*(?:-[A-Za-z]\w*)*)-$")
_PACKED: Final = re.compile(r"(.+?)\.(?:jar|war|whl|tar\.gz|tgz|gem|crate|deb|rpm|nupkg)")


def tool(spot: Spot, scene: Scene) -> Judgement | None:
    one, two = spot.one.text, spot.two.text
    name = _changed(one, two, scene.known[0].tools, scene.known[1].tools, spot.before)
    if name:
        return _tool(f"{name} {one} -> {two}", name)
    if not (_version(one) and _version(two)):
        return None
    if _TOOL.search(spot.before):
        name = spot.before.strip()[-40:]
        return _tool(f"{name} {one} -> {two}", "the tool")
    return None


def _tool(seen: str, name: str) -> Judgement:
    return Judgement(
        "tool-version", seen, f"Build both with one version of {name}: pin it (`bom lock`)."
    )


def dependency(spot: Spot, scene: Scene) -> Judgement | None:
    one, two = spot.one.text, spot.two.text
    first, second = (known.dependencies for known in scene.known)
    name = _changed(one, two, first, second, spot.before)
    if not name and _DOTTED.fullmatch(one) and _DOTTED.fullmatch(two):
        found = _DEPENDENCY.search(spot.before)
        name = (found[1] or found[2]) if found else ""
        ours, theirs = _PACKED.fullmatch(one), _PACKED.fullmatch(two)
        if not name and ours and theirs and (found := _FILE.search(spot.before)):
            name, one, two = found[1], ours[1], theirs[1]
    return told(name, one, two) if name else None


def told(name: str, one: str, two: str) -> Judgement:
    """`one`, `two`: the versions, NONE where the build hasn't the package."""
    short = name.rpartition("/")[2] or name
    pin = f"{short}=={next(item for item in (one, two) if item != NONE)}"
    return Judgement(
        "dependency-version",
        f"{short} {one} -> {two}",
        f"Pin {short} to one version in the lock ({pin}), with its hash.",
    )


def _version(text: str) -> bool:
    return len(text) < 60 and bool(_VERSION.fullmatch(text))


def _changed(
    one: str, two: str, first: Mapping[str, str], second: Mapping[str, str], before: str
) -> str:
    """What had just these two versions; a short one only where its name stands before it."""
    for name in sorted(first.keys() & second.keys()):
        if (first[name], second[name]) != (one, two):
            continue
        plain = re.split(r"[/:@]", name)[-1]
        near = re.search(rf"(?<![a-z]){re.escape(plain)}\b", before[-80:], re.IGNORECASE)
        if near or (_DOTTED.fullmatch(one) and _DOTTED.fullmatch(two)):
            return name
    return ""
