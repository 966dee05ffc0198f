"""`bom show`: a BOM as a tree for a person, every word of it made inert."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from bom.report.branches import CHILDREN, Branch, drawn, leaves, limited, word
from bom.report.contents import Part, contents
from bom.report.text import share_text, size_text
from bom.report.tones import plain, toned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bom.report.contents import CheckLine, Contents, LayerLine, SecondBuild
    from bom.report.tones import Finish, Tone

DEPTH: Final = 5  # levels of dependencies
DEPENDENCIES: Final = 400  # lines of them altogether
_DIGITS: Final = 12  # of a digest
_LICENCES: Final = 8  # counted by name
_WHOLE_LICENCE: Final = 40  # characters of one beside a package's name


def tree(document: Mapping[str, object], width: int = 0, finish: Finish = plain) -> str:
    """The BOM as lines of text, each ending in a newline, for a window of `width` columns (0: of
    any width). Never raises for bad content."""
    found = contents(document)
    sections = (
        *_summary(found),
        *_subject(found),
        *_layers(found.layers),
        *_signature(found),
        *_revision(found),
        *_checks(found.checks),
        *map(_second_build, found.again),
        *_section("settings", [_setting(*item) for item in found.settings]),
        *_section("tools", [_tool(part) for part in found.tools]),
        *_section("materials", [_material(part) for part in found.materials]),
        *_section("built with", _built_with(found.built_with)),
        *_licence_counts(found.parts),
        *_dependencies(found),
        *_section("findings", [Branch(word(text, 500)) for text in found.findings], "bad"),
        *_section("gaps", _gaps(found), "warn"),
    )
    named = " ".join(filter(None, (word(found.subject.name), word(found.subject.version))))
    title = f"{word(found.kind) or 'artifact'} {toned('strong', named)}".rstrip()
    return drawn(Branch(title, sections), width, finish)


def _section(
    title: str, branches: Sequence[Branch], tone: Tone = "strong", note: str = ""
) -> tuple[Branch, ...]:
    if not branches:
        return ()
    return (Branch(f"{toned(tone, title)} ({len(branches):,}){note}", limited(branches)),)


def _field(name: str, *values: str) -> str:
    text = " ".join(filter(None, values))
    return f"{toned('dim', f'{name:<12}')} {text}" if text else ""


def _digest(hashes: Sequence[tuple[str, str]]) -> str:
    """The first SHA-256, else the first hash at all, shortened."""
    for algorithm, value in sorted(hashes, key=lambda pair: pair[0] != "SHA-256"):
        return f"{word(algorithm).lower().replace('sha-', 'sha')}:{word(value, 200)[:_DIGITS]}"
    return ""


def _named(part: Part) -> str:
    name, group = word(part.name), word(part.group)
    full = f"{group}/{name}" if group else name
    version = word(part.version)
    if version and name.endswith(f":{version}"):  # an image's name has its tag already
        version = ""
    return " ".join(filter(None, (full or "?", version)))


def _plural(count: str, one: str, more: str) -> str:
    return f"{count} {one if count == '1' else more}"


# --- the sections --------------------------------------------------------------------------------


def _summary(found: Contents) -> tuple[Branch, ...]:
    """What a reader wants to know before all else."""
    bad = sum(1 for check in found.checks if check.outcome != "passed")
    passed = len(found.checks) - bad
    told = [
        _counted(len(found.parts), "component", "components"),
        toned("bad", f"{_counted(bad, 'check', 'checks')} NOT PASSED") if bad else "",
        toned("good", f"{_counted(passed, 'check', 'checks')} passed") if passed else "",
        toned("bad", _counted(len(found.findings), "finding", "findings")),
        toned("warn", _counted(len(found.gaps), "gap", "gaps")),
    ]
    return leaves([_field("summary", ", ".join(filter(None, told)))])


def _counted(count: int, one: str, more: str) -> str:
    return _plural(f"{count:,}", one, more) if count else ""


def _subject(found: Contents) -> tuple[Branch, ...]:
    facts = found.subject.facts

    def several(name: str) -> Sequence[str]:
        return facts.get(f"bom-seal:{name}", ())[:CHILDREN]

    size = f"({size_text(found.size)})" if found.size >= 0 else ""
    return leaves(
        [
            _field("file", word(found.file)),
            _field("tags", ", ".join(map(word, found.tags[:CHILDREN]))),
            _field("as built", f"sha256:{word(found.sha256)}", size) if found.sha256 else "",
            _field("normalised", ", ".join(map(word, several("normalised")))),
            _field("config", word(found.subject.fact("image:config"))),
            _field("index", word(found.subject.fact("image:index"))),
            *(_field("manifest", word(text)) for text in several("image:manifest")),
            *(_field("platform", word(text)) for text in several("image:platform")),
            _field("purl", word(found.subject.purl)),
            _field("licence", ", ".join(map(word, found.subject.licences[:CHILDREN]))),
            _field("files", _files(found)),
        ]
    )


def _files(found: Contents) -> str:
    """How many there are, and of how many of them the owner is known."""
    count, known = (
        int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
        for text in (
            found.subject.fact("files:count"),
            found.subject.fact("files:accounted"),
        )
    )
    if count < 0:
        return ""
    share = f", {share_text(known, count)} accounted for" if 0 <= known <= count else ""
    return f"{count:,}{share}"


def _layers(layers: Sequence[LayerLine]) -> tuple[Branch, ...]:
    total = sum(layer.size for layer in layers if layer.size > 0)
    note = f", {size_text(total)}" if total and len(layers) > 1 else ""
    return _section("layers", [_layer(item) for item in layers], note=note)


def _layer(layer: LayerLine) -> Branch:
    size = f"{size_text(layer.size):>9}" if layer.size >= 0 else ""
    digest = toned("dim", word(layer.diff_id, len("sha256:") + _DIGITS))
    platform = f"({word(layer.platform)})" if layer.platform else ""
    return Branch(" ".join(filter(None, (word(layer.number), digest, size, platform))))


def _signature(found: Contents) -> tuple[Branch, ...]:
    if found.signature is None:
        return leaves([_field("signature", toned("warn", "none"))])
    algorithm, key = map(word, found.signature)
    told = f"by key {key or 'unnamed'}"
    return leaves([_field("signature", algorithm, told, "(`bom verify` checks it)")])


def _revision(found: Contents) -> tuple[Branch, ...]:
    source = found.source
    if not word(source.commit):
        return leaves([_field("revision", toned("warn", "unknown"))])
    state = word(source.state)
    if state:
        state = f"({toned('warn', state) if state != 'clean' else state})"
    below = leaves(
        [
            _field("remote", word(source.remote)),
            _field("commit by", word(source.signer)),
            _field("tree", f"sha256:{word(source.tree_digest)}" if source.tree_digest else ""),
        ]
    )
    changed = [Branch(f"{kind} {word(path)}") for kind, path in source.changed]
    submodules = [Branch(f"submodule {word(part)}") for part in source.submodules]
    line = _field("revision", word(source.commit), state)
    return (Branch(line, (*below, *limited(changed), *limited(submodules))),)


def _checks(checks: Sequence[CheckLine]) -> tuple[Branch, ...]:
    """What did not pass stands first."""
    bad = [check for check in checks if check.outcome != "passed"]
    good = [check for check in checks if check.outcome == "passed"]
    return _section("checks", [_check(check) for check in (*bad, *good)])


def _check(check: CheckLine) -> Branch:
    outcome = word(check.outcome) or "unknown"
    counts = [
        _plural(word(count), one, more)
        for count, one, more in (
            (check.tests, "test", "tests"),
            (check.failures, "failure", "failures"),
            (check.skipped, "skipped", "skipped"),
        )
        if count
    ]
    shown = toned("good", outcome) if outcome == "passed" else toned("bad", outcome.upper())
    text = f"{word(check.name) or '?'}: {shown}"
    failed = [Branch(f"failed: {word(name)}") for name in check.failed]
    return Branch(", ".join([text, *counts]), limited(failed))


def _second_build(again: SecondBuild) -> Branch:
    """What came of building it a second time, and what that proves."""

    def several(names: Iterable[str]) -> str:
        return ", ".join(map(word, names))

    fixed = several(again.fixed)
    below = leaves(
        [
            _field("varied", several(again.varied) or "nothing"),
            _field("fixed", f"{fixed} (by bom)" if fixed else ""),
            _field("normalised", several(again.normalised)),
            *(_field("not varied", word(text, 300)) for text in again.not_varied[:CHILDREN]),
        ]
    )
    differences = [Branch(f"differs by {word(text, 300)}") for text in again.differences]
    outcome = word(again.outcome)
    good = outcome in ("same", "normalised")
    shown = toned("good", outcome) if good else toned("bad", outcome.upper())
    return Branch(_field("built again", shown), (*below, *limited(differences)))


def _setting(kind: str, name: str, value: str) -> Branch:
    kind, name = word(kind), word(name)
    if kind == "environment":
        kind = "variable"
    named = name if name == kind else f"{kind} {name}".strip()
    return Branch(f"{named} = {word(value, 300)}")


_EVIDENCE: Final = {
    "used": "",
    "stated": "as the engine or the artifact states",
    "path": "found on PATH, not known to have been used",
}


def _tool(part: Part) -> Branch:
    evidence = word(part.fact("evidence"))
    note = _EVIDENCE.get(evidence, evidence)
    shown = " ".join(filter(None, (_named(part), toned("dim", _digest(part.hashes)))))
    kind = word(part.fact("tool:kind"))
    return Branch(f"{kind}: {shown}" + (f" {toned('dim', f'({note})')}" if note else ""))


def _material(part: Part) -> Branch:
    digest = toned("dim", _digest(part.hashes)) or toned("warn", "no digest")
    return Branch(f"{word(part.fact('material'))}: {_named(part)} {digest}")


def _built_with(parts: Sequence[Part]) -> list[Branch]:
    """The packages of the build itself, a line for each; of the stages of an image's build only
    how many each held, for a compiler's image has hundreds."""
    single: list[Branch] = []
    stages: Counter[str] = Counter()
    for part in parts:
        named = part.facts.get("bom-seal:stage", ())
        stages.update(named)
        if not named:
            single.append(_package(part))
    return [*single, *(_stage(name, stages[name]) for name in sorted(stages))]


def _stage(name: str, count: int) -> Branch:
    return Branch(f"stage {word(name)}: {_plural(str(count), 'package', 'packages')}")


def _package(part: Part) -> Branch:
    return Branch(f"{_named(part)} {_hashed(part)}")


def _hashed(part: Part) -> str:
    if digest := _digest(part.hashes):
        return toned("dim", digest)
    files = [digest for _, hashes in part.files if (digest := _digest(hashes))]
    if not files:
        return toned("warn", "no hash")
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return toned("dim", f"file {files[0]}{more}")


def _licence_counts(parts: Sequence[Part]) -> tuple[Branch, ...]:
    """Which licences what ships has, the most frequent first; nothing where none is known."""
    counted = Counter(name for part in parts for name in set(part.licences))
    if not counted:
        return ()
    without = sum(1 for part in parts if not part.licences)
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    told = [f"{word(name, _WHOLE_LICENCE)} {count:,}" for name, count in ranked[:_LICENCES]]
    if len(ranked) > _LICENCES:
        told.append(f"{len(ranked) - _LICENCES:,} others")
    if without:
        told.append(toned("warn", f"none known {without:,}"))
    return leaves([_field("licences", ", ".join(told))])


def _gaps(found: Contents) -> list[Branch]:
    """A line for each, and below it what it is about where that is more than one thing."""
    if not found.gaps:
        return []
    names = {part.ref: _named(part) for part in (*found.parts, *found.built_with, *found.tools)}
    return [
        Branch(
            word(gap.text, 300),
            limited(leaves([names.get(ref) or word(ref) for ref in gap.about]))
            if len(gap.about) > 1
            else (),
        )
        for gap in found.gaps
    ]


def _dependencies(found: Contents) -> tuple[Branch, ...]:
    parts = {part.ref: part for part in found.parts if part.ref}
    if not parts:
        return leaves([_field("dependencies", "none known")])
    shown = _Dependencies(parts, found.edges).below(found.roots or sorted(parts), 1)
    return (Branch(f"{toned('strong', 'dependencies')} ({len(parts):,})", shown),)


class _Dependencies:
    """One drawing of the graph: what was drawn once is not opened again, so a cycle ends."""

    def __init__(self, parts: Mapping[str, Part], edges: Mapping[str, Sequence[str]]) -> None:
        self._parts = parts
        self._edges = edges
        self._open: set[str] = set()
        self._room = DEPENDENCIES

    def below(self, refs: Sequence[str], depth: int) -> tuple[Branch, ...]:
        known = [ref for ref in refs if ref in self._parts]
        # What needs nothing else is opened here, before a deeper branch can take the room.
        drawn_refs = known[: min(CHILDREN, self._room)]
        self._room -= len(drawn_refs)
        branches = [self._branch(ref, depth) for ref in drawn_refs]
        return limited(branches, len(known))

    def _branch(self, ref: str, depth: int) -> Branch:
        part = self._parts[ref]
        text = " ".join(_words(part))
        needs = self._edges.get(ref, ())
        if not needs:
            return Branch(text)
        if ref in self._open:
            return Branch(f"{text} (above)")
        self._open.add(ref)
        if depth == DEPTH or not self._room:
            self._open.discard(ref)
            return Branch(text, (Branch(f"… needs {len(needs):,} more"),))
        return Branch(text, self.below(needs, depth + 1))


def _words(part: Part) -> Iterator[str]:
    yield _named(part)
    if part.licences:
        shown = " and ".join(word(name, _WHOLE_LICENCE) for name in part.licences[:2])
        more = ", …" if len(part.licences) > 2 else ""
        yield toned("name", f"({shown}{more})")
    yield _hashed(part)
    if part.type == "container" and part.platform:
        yield f"({word(part.platform)})"
