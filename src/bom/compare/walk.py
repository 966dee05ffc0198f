"""Down from two contents to the smallest unit that differs: the first container that recognises
both takes them apart and hands on what is inside; what none takes is a leaf."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from bom.compare.content import Unpacking, excerpts, head
from bom.compare.found import Found, joined
from bom.compare.protocol import Leaf
from bom.difference import Difference
from bom.errors import BadArtifact
from bom.printable import printable_name
from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.archive.positioned import Positioned
    from bom.compare.protocol import Circumstances
    from bom.difference import Cause

HEAD: Final = 1024  # bytes of each content by which a container recognises them
DEPTH: Final = 12  # containers in containers
# What is looked at for causes, in all: hostile archives may differ in a million places.
_EXPLAINED: Final = 512 * 1024 * 1024  # bytes
_LEAVES: Final = 20_000
_EVIDENCE: Final = 300  # characters
_LOOK: Final = "Look at the file in both builds, or compare them again with --diffoscope."


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contents of one place. `path`: as in Difference, "" for the artifact itself. `name`:
    the path inside the innermost container. `equal`: so many bytes at the beginning are known to
    be equal. `shared`: by a container for what is inside it, names whose content differs."""

    path: str
    name: str
    one: Positioned
    two: Positioned
    equal: int = 0
    shared: frozenset[str] = frozenset()


class Container(Protocol):
    """A kind of content that has parts. `name` is for people."""

    name: str

    def recognises(self, one: bytes, two: bytes, name: str) -> bool:
        """Whether two contents that begin so (1024 bytes at most) are both of this kind."""

    def compare(self, pair: Pair, walk: Walk) -> None:
        """Say what differs. Nothing said means: nothing that this kind gives a meaning.

        Raises BadArtifact where one of them can't be taken apart: the next kind has its turn.
        """


class Walk:
    """One comparison on its way down. What is said goes to `found`."""

    def __init__(
        self,
        containers: Sequence[Container],
        known: tuple[Circumstances, Circumstances],
        artifact: str,
    ) -> None:
        self.known = known
        self._artifact = inert(printable_name(artifact))
        self.found = Found()
        self.unpacking = Unpacking()
        self.kept = ExitStack()  # the innermost container's unpacked contents
        self._containers = containers
        self._depth = 0
        self._bytes = 0
        self._leaves = 0

    def content(self, pair: Pair) -> None:
        """Two contents that differ: taken apart where that can be, else explained."""
        if self._depth < DEPTH:
            one, two = head(pair.one, HEAD), head(pair.two, HEAD)
            for container in self._containers:
                if container.recognises(one, two, pair.name) and self._inside(container, pair):
                    return
        self.leaf(pair)

    def _inside(self, container: Container, pair: Pair) -> bool:
        """Whether the container could say something of the two; if not, nothing is kept."""
        outer, kept = self.found, self.kept
        self.found = inner = Found()
        self._depth += 1
        try:
            with ExitStack() as self.kept:
                container.compare(pair, self)
        except BadArtifact:
            return False
        finally:
            self.found, self.kept = outer, kept
            self._depth -= 1
        if not inner:
            return False
        self.found.merge(inner)
        return True

    def leaf(self, pair: Pair) -> None:
        """Two contents that differ and have no parts."""
        if self._exhausted(pair):
            return
        one, two, all_of_it = excerpts(pair.one, pair.two, pair.equal)
        self.explain(Leaf(pair.path or self._artifact, pair.name, one, two, all_of_it))

    def only(self, container: str, name: str, which: Literal["one", "two"], content: bytes) -> None:
        """Something that is in one of the two builds alone."""
        self.found.firm = True
        path = joined(container, name)
        one, two = (content, b"") if which == "one" else (b"", content)
        self.explain(Leaf(path, name, one, two, True, which))

    def text(self, container: str, name: str, one: str, two: str) -> None:
        """Two values of one field: `name` stands for it in the path."""
        first, second = (text.encode("utf-8", "surrogateescape") for text in (one, two))
        self.explain(Leaf(joined(container, name), name, first, second))

    def explain(self, leaf: Leaf) -> None:
        """A leaf at hand: its causes."""
        from bom.compare.causes import explain

        self.found.firm = True
        self._leaves += 1
        self._bytes += len(leaf.one) + len(leaf.two)
        container = leaf.path.rpartition(" > ")[0]
        for difference in explain(leaf, self.known):
            self.found.add(container, difference)

    def say(
        self,
        container: str,
        name: str,
        cause: Cause,
        evidence: str,
        remedy: str,
        candidates: tuple[Cause, ...] = (),
    ) -> None:
        """A difference whose cause needs no looking into; `name` "" for the container itself."""
        path = joined(container, name) if name else container or self._artifact
        told = inert(printable_name(evidence))
        if len(told) > _EVIDENCE:
            told = told[: _EVIDENCE - 3] + "..."
        self.found.add(container, Difference(path, cause, told, remedy, tuple(sorted(candidates))))

    def _exhausted(self, pair: Pair) -> bool:
        if self._leaves < _LEAVES and self._bytes < _EXPLAINED:
            return False
        self.found.firm = True
        container = pair.path.rpartition(" > ")[0]
        self.found.add(
            container,
            Difference(
                pair.path or self._artifact,
                "unknown",
                "not looked into: too much else differs",
                _LOOK,
            ),
        )
        return True
