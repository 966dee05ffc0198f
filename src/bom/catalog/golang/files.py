"""go.mod, go.work, go.sum and vendor/modules.txt as texts (Go Modules Reference: "go.mod files",
"go.work files", "go.sum files", "Vendoring")."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog.golang.module import stated_sum
from bom.catalog.stated import decoded

if TYPE_CHECKING:
    from collections.abc import Iterator

# The h1 of modules' zips with their lines in go.sum, by (path, version).
Sums = dict[tuple[str, str], list[tuple[str, int]]]

_TOKEN: Final = re.compile(r'//.*|"(?:[^"\\]|\\.)*"|`[^`]*`|[()]|(?:(?!//)[^\s"`()])+')
_IGNORED: Final = frozenset(["exclude", "godebug", "ignore", "module", "retract"])
_VERSION: Final = re.compile(
    r"v(\d{1,18})\.(\d{1,18})\.(\d{1,18})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?\Z", re.A
)
_GO: Final = re.compile(r"(\d{1,9})\.(\d{1,9})", re.A)
_PRUNED: Final = (1, 17)  # from here on go.mod lists all that the build needs ("Graph pruning")


class Required(NamedTuple):
    """`indirect`: no package of the module itself imports it."""

    path: str
    version: str
    indirect: bool
    line: int


class Replaced(NamedTuple):
    """`version`: the only one that is replaced, "" for all. `by` may be a folder."""

    path: str
    version: str
    by: str
    by_version: str
    line: int


@dataclass(slots=True)
class GoFile:
    """What a go.mod or go.work says; `broken`: the lines that are none of its directives."""

    module: str = ""
    go: str = ""
    toolchain: str = ""
    required: list[Required] = field(default_factory=list)
    replaced: list[Replaced] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    uses: list[str] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether all modules that the build needs are listed."""
        stated = _GO.match(self.go)
        return stated is not None and (int(stated[1]), int(stated[2])) >= _PRUNED


def go_file(raw: bytes) -> GoFile:
    """Raises Unreadable where it is no text at all."""
    found = GoFile()
    block = ""
    for number, line in enumerate(decoded(raw).split("\n"), 1):
        words = _TOKEN.findall(line)
        comment = words.pop()[2:] if words and words[-1].startswith("//") else ""
        if not words:
            continue
        if block and words == [")"]:
            block = ""
            continue
        if not block and len(words) == 2 and words[1] == "(":
            block = words[0]
            continue
        verb, values = (block, words) if block else (words[0], words[1:])
        if not _directive(found, verb, [_value(word) for word in values], comment, number):
            found.broken.append(number)
    return found


def _directive(found: GoFile, verb: str, values: list[str], comment: str, line: int) -> bool:
    """Take in one directive; False where it isn't one."""
    match verb, values:
        case "module", [path]:
            found.module = path
        case "go", [version]:
            found.go = version
        case "toolchain", [name]:
            found.toolchain = name
        case "require", [path, version]:
            indirect = comment.strip().split(";")[0].strip() == "indirect"
            found.required.append(Required(path, version, indirect, line))
        case "replace", [path, "=>", by]:
            found.replaced.append(Replaced(path, "", by, "", line))
        case "replace", [path, version, "=>", by]:
            found.replaced.append(Replaced(path, version, by, "", line))
        case "replace", [path, "=>", by, by_version]:
            found.replaced.append(Replaced(path, "", by, by_version, line))
        case "replace", [path, version, "=>", by, by_version]:
            found.replaced.append(Replaced(path, version, by, by_version, line))
        case "tool", [path]:
            found.tools.append(path)
        case "use", [folder]:
            found.uses.append(folder)
        case _:
            return verb in _IGNORED
    return True


def _value(word: str) -> str:
    if word.startswith("`"):
        return word[1:-1]
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word


def go_sums(raw: bytes) -> Sums:
    """The h1 of modules' zips; those of go.mod files alone are left out. Raises Unreadable."""
    found: Sums = {}
    for number, line in enumerate(decoded(raw).split("\n"), 1):
        match line.split():
            case [path, version, sum] if not version.endswith("/go.mod") and stated_sum(sum):
                known = found.setdefault((path, version), [])
                if len(known) < 2 and all(sum != other for other, _ in known):
                    known.append((sum, number))
    return found


def vendored(raw: bytes) -> Iterator[tuple[str, str, int]]:
    """Path and version of each module in vendor/modules.txt, with its line; no version where a
    folder replaces it. Raises Unreadable."""
    for number, line in enumerate(decoded(raw).split("\n"), 1):
        match line.split():
            case ["#", path, "=>", *_]:
                yield path, "", number
            case ["#", path, version, *_]:
                yield path, version, number


def order(version: str) -> tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]:
    """What versions sort by (Semantic Versioning 2.0.0, 11); what is none comes first."""
    found = _VERSION.match(version)
    if found is None:
        return (-1, 0, 0), False, ()
    core = int(found[1]), int(found[2]), int(found[3])
    if found[4] is None:
        return core, True, ()
    parts = tuple(
        (False, int(part), "") if part.isdigit() and len(part) < 19 else (True, 0, part)
        for part in found[4].split(".")
    )
    return core, False, parts
