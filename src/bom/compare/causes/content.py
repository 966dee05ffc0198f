"""Where two contents differ, whatever they are: text, a program, other bytes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from bom.compare.causes import binary, locales, stamps
from bom.compare.causes.lines import LIMIT, align
from bom.compare.causes.model import Cut, Judgement, Spot, Token
from bom.compare.causes.path import folders
from bom.compare.causes.tokens import in_lines, tokeniser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.compare.causes.model import Scene
    from bom.compare.causes.tokens import Tokeniser

_VALUES: Final = frozenset(("folder", "home", "host", "user", "time", "uuid", "path", "number"))


def differing(scene: Scene) -> Iterator[Spot | Judgement | Cut]:
    """The places where they differ; a judgement where the format itself says what one is."""
    one, two = scene.leaf.one, scene.leaf.two
    if scene.leaf.only:
        token = Token("several", (one or two)[:200].decode("utf-8", "backslashreplace"))
        only = Token("only", "")
        yield Spot(token, only) if scene.leaf.only == "one" else Spot(only, token)
        return
    if binary.is_binary(one) or binary.is_binary(two):
        known = _folders(scene)
        split = _split(scene, known)
        yield from _bytes(scene, known, split)
        return
    yield from _text(one, two, _split(scene, ()))


def _split(scene: Scene, told: tuple[tuple[str, str], ...]) -> tuple[Tokeniser, Tokeniser]:
    """Splitters that know what is known of both; of one alone it would only look different.

    `told`: folders that the contents tell, where they aren't known.
    """
    one, two = scene.known
    if not (one.folder and two.folder):
        folders = told[0] if told else ("", "")
        one = dataclasses.replace(one, folder=folders[0])
        two = dataclasses.replace(two, folder=folders[1])
    if not (one.home and two.home):
        one, two = dataclasses.replace(one, home=""), dataclasses.replace(two, home="")
    if not (one.user and two.user):
        one, two = dataclasses.replace(one, user=""), dataclasses.replace(two, user="")
    if not (one.hostname and two.hostname):
        one, two = dataclasses.replace(one, hostname=""), dataclasses.replace(two, hostname="")
    return tokeniser(one), tokeniser(two)


def _folders(scene: Scene) -> tuple[tuple[str, str], ...]:
    """The folders of the two builds: known, or told by paths that differ in their beginning."""
    first, second = scene.known
    found = [
        (one.rstrip("/"), two.rstrip("/"))
        for one, two in ((first.folder, second.folder), (first.home, second.home))
        if one != two and len(one) > 1 and len(two) > 1
    ]
    ours, theirs = binary.paths(scene.leaf.one), binary.paths(scene.leaf.two)
    shared = set(ours) & set(theirs)
    found += folders(
        [path for path in ours if path not in shared],
        [path for path in theirs if path not in shared],
    )
    # the longer first: a home holds the project more often than the other way round
    return tuple(dict.fromkeys(sorted(found, key=lambda pair: -len(pair[0]))))


def _text(
    one: bytes, two: bytes, split: tuple[Tokeniser, Tokeniser]
) -> Iterator[Spot | Judgement | Cut]:
    first, second = (
        content.decode("utf-8", "surrogateescape").split("\n") for content in (one, two)
    )
    aligned = align(first, second, split)
    for ours, theirs in aligned.pairs:
        translated = locales.of_lines(ours, theirs)
        if translated is not None:
            yield translated
        for spot in in_lines(ours, theirs, split):
            # the words of a translated line are the translation
            if translated is None or spot.one.kind == spot.two.kind in _VALUES:
                yield spot
    if not aligned.complete:
        yield Cut(f"only the first {LIMIT} differing lines were looked at")
    if aligned.moved[0]:
        yield Spot(Token("permuted", ""), Token("permuted", ""), elements=aligned.moved)
    for side, line in aligned.added:
        if line:
            token, only = Token("several", line), Token("only", "")
            yield Spot(token, only) if side == 0 else Spot(only, token)


def _bytes(
    scene: Scene, known: tuple[tuple[str, str], ...], split: tuple[Tokeniser, Tokeniser]
) -> Iterator[Spot | Judgement | Cut]:
    one, two = scene.leaf.one, scene.leaf.two
    size = len(one) == len(two)
    for field in stamps.fields(one, two):
        if field.judgement is not None:
            yield field.judgement
        one = one[: field.start] + two[field.start : field.end] + one[field.end :]
    if one == two:
        return
    found = list(binary.spots(one, two, known, split))
    texts = [spot for spot in found if isinstance(spot, Cut) or "bytes" not in spot.kinds]
    permuted = any(isinstance(spot, Spot) and "permuted" in spot.kinds for spot in texts)
    if texts and (permuted or (scene.in_a_section and not size)):
        # What else differs are places of these texts: references to the elements of a set in
        # bytecode, offsets and the tails that a linker's table of strings shares.
        found = texts
    yield from found
