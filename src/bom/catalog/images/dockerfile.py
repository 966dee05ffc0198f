"""What a Dockerfile's build takes from outside: the images of FROM, COPY --from and
RUN --mount=from, the URLs of ADD, the secrets and agents of RUN --mount.

Only what is needed for that is read: stages, ARG and ENV with their defaults and the build's
values, ONBUILD (Dockerfile reference).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from bom.catalog.images.instructions import (
    assignments,
    bounded,
    directives,
    expand,
    instructions,
)
from bom.catalog.images.reference import familiar
from bom.catalog.stated import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bom.catalog.images.instructions import Instruction

SCRATCH: Final = "scratch"
_NAMES_LIMIT: Final = 5000  # stages and images of one file
_URL: Final = ("http://", "https://", "git@", "git://", "ssh://")
_TRUE: Final = frozenset({"", "1", "t", "true", "T", "TRUE", "True"})
_FRONTEND: Final = "BUILDKIT_SYNTAX"  # the build argument that stands in for `# syntax=`

Role = Literal["base-image", "build-image"]
# buildkit: the frontend can be another image, here documents are known. classic, buildah: not.
Frontend = Literal["buildkit", "classic", "buildah"]


@dataclass(frozen=True, slots=True)
class Terms:
    """How a Dockerfile is built, beside its arguments and target.

    `named`: the named contexts, each with the image that it is, "" for what is none (a folder, a
    repository). `platform`, `builder_platform`: os/arch[/variant] of the image and of the
    machine that builds it, "" where it isn't known.
    """

    frontend: Frontend = "buildkit"
    named: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    builder_platform: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A stage or image that an instruction takes files from, and its line (from 1)."""

    name: str
    line: int


@dataclass(frozen=True, slots=True, order=True)
class Download:
    """What ADD fetches, variables put in. `checksum`: `sha256:HEX` as it demands it, or ""."""

    url: str
    checksum: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Mount:
    """A secret or an agent that RUN asks for, by id. `required`: it fails without."""

    kind: Literal["secret", "ssh"]
    id: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the instructions of one stage take from outside."""

    sources: tuple[Taken, ...] = ()
    downloads: tuple[Download, ...] = ()
    mounts: tuple[Mount, ...] = ()

    def __add__(self, other: Inputs) -> Inputs:
        return Inputs(
            self.sources + other.sources,
            self.downloads + other.downloads,
            self.mounts + other.mounts,
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """One build stage: the image or stage it starts from, and what it takes. `triggers`: what its
    ONBUILD takes in every stage that starts from it."""

    base: str
    name: str = ""
    line: int = 0
    takes: Inputs = field(default_factory=Inputs)
    triggers: Inputs = field(default_factory=Inputs)


@dataclass(frozen=True, slots=True, order=True)
class ImageReference:
    """An image that a build uses, as the Dockerfile names it, variables put in.

    kind "base-image": the final stage stands on it; "build-image": something is copied from it,
    or from a stage that stands on it, or it is the Dockerfile's frontend (`# syntax=`).
    `resolved`: False where a variable in it could not be put in.
    """

    name: str
    kind: Role
    resolved: bool = True


@dataclass(frozen=True, slots=True)
class Taking:
    """All that one stage's build takes from outside, each sorted; and the other stages that it
    comes from, in the file's order, by name, by number where they have none."""

    images: tuple[ImageReference, ...] = ()
    downloads: tuple[Download, ...] = ()
    mounts: tuple[Mount, ...] = ()
    stages: tuple[str, ...] = ()


def taking(
    text: str, build_args: Mapping[str, str], target: str = "", terms: Terms | None = None
) -> Taking:
    """What the stage `target` (the last one without) is made of, with the stages it needs."""
    terms = terms or Terms()
    stages, syntax = _stages(text, build_args, terms)
    walk = _Walk(stages, terms)
    if syntax:
        walk.found[syntax] = "build-image"
    others: tuple[str, ...] = ()
    if stages:
        index = _index(stages, target) if target else len(stages) - 1
        final = len(stages) - 1 if index is None else index
        walk.follow(final)
        others = tuple(_spelled(stages, number) for number in sorted(walk.taken - {final}))
    return Taking(
        tuple(
            sorted(
                ImageReference(name, kind, "$" not in name)
                for name, kind in walk.found.items()
                if name != SCRATCH
            )
        ),
        tuple(sorted(set(walk.takes.downloads))),
        tuple(sorted(set(walk.takes.mounts))),
        others,
    )


def images(
    text: str, build_args: Mapping[str, str], target: str = "", terms: Terms | None = None
) -> tuple[ImageReference, ...]:
    """The images that the stage `target` (the last one without) comes from, sorted."""
    return taking(text, build_args, target, terms).images


def mentions(text: str) -> list[tuple[ImageReference, int]]:
    """The images that any of the stages comes from, with the line (from 1) of each place where
    one is named; variables have their defaults. The kind is that in the last stage's build.
    Raises Unreadable."""
    stages, syntax = _stages(text, {}, Terms())
    if sum(1 + len(stage.takes.sources) for stage in stages) > _NAMES_LIMIT:
        raise Unreadable(f"names more than {_NAMES_LIMIT} stages and images")
    kinds = {item.name: item.kind for item in images(text, {})}
    found: list[tuple[str, int]] = [(syntax, 1)] if syntax else []
    for number, stage in enumerate(stages):
        if stage.base != SCRATCH and _by_name(stages[:number], stage.base) is None:
            found.append((stage.base, stage.line))
        found += [
            (source.name, source.line)
            for source in (*stage.takes.sources, *stage.triggers.sources)
            if source.name != SCRATCH and _index(stages, source.name) is None
        ]
    return [
        (ImageReference(name, kinds.get(name, "build-image"), "$" not in name), line)
        for name, line in found
    ]


def expanded(text: str) -> str:
    """`text` with the defaults of its variables put in (`${NAME:-default}`)."""
    return expand(text, {})


def lookup_name(name: str) -> str:
    """How a named context is looked up: `alpine`, `alpine:latest` and
    `docker.io/library/alpine` are one (BuildKit, frontend/dockerui)."""
    return familiar(name).removesuffix(":latest").lower()


class _Walk:
    """From the final stage back; what its own chain of FROMs ends in is the base image."""

    def __init__(self, stages: Sequence[Stage], terms: Terms) -> None:
        self.found: dict[str, Role] = {}
        self.takes = Inputs()
        self._stages = stages
        self._named = {lookup_name(name): image for name, image in terms.named.items()}
        # BuildKit lets a stage copy from a later one; to others that name is an image's
        self._ahead = terms.frontend == "buildkit"
        self.taken: set[int] = set()

    def follow(self, start: int) -> None:
        waiting: list[tuple[int, Role]] = [(start, "base-image")]
        seen: set[tuple[int, str]] = set()
        while waiting:
            number, role = waiting.pop()
            if (number, role) in seen:
                continue
            seen.add((number, role))
            stage = self._stages[number]
            if stage.name and self._replaced(stage.name, role):
                continue
            above = _by_name(self._stages[:number], stage.base)
            triggers = Inputs() if above is None else self._stages[above].triggers
            takes = stage.takes + triggers
            if number not in self.taken:
                self.taken.add(number)
                self.takes += takes
            if above is not None:
                waiting.append((above, role))
            else:
                self._image(stage.base, role)
            for source in takes.sources:
                known = self._stages if self._ahead else self._stages[:number]
                other = _index(known, source.name)
                if other is not None:
                    waiting.append((other, "build-image"))
                else:
                    self._image(source.name, "build-image")

    def _image(self, name: str, role: Role) -> None:
        if not self._replaced(name, role):
            self._add(name, role)

    def _replaced(self, name: str, role: Role) -> bool:
        """Whether a named context stands in for the stage or image of this name."""
        image = self._named.get(lookup_name(name)) if self._named else None
        if image:
            self._add(image, role)
        return image is not None

    def _add(self, name: str, role: Role) -> None:
        if self.found.get(name) != "base-image":
            self.found[name] = role


def _by_name(stages: Sequence[Stage], name: str) -> int | None:
    """A stage by its name, the last of that name: what FROM can start from."""
    for number in reversed(range(len(stages))):
        if stages[number].name and stages[number].name.lower() == name.lower():
            return number
    return None


def _index(stages: Sequence[Stage], name: str) -> int | None:
    """A stage by its name or its number."""
    number = _by_name(stages, name)
    if number is not None:
        return number
    return int(name) if _is_number(name) and int(name) < len(stages) else None


def _spelled(stages: Sequence[Stage], number: int) -> str:
    """How `--target` names a stage: two may have one name, and then it is the last one's."""
    name = stages[number].name
    return name if _by_name(stages, name) == number else str(number)


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 10


def _stages(text: str, build_args: Mapping[str, str], terms: Terms) -> tuple[list[Stage], str]:
    stages: list[Stage] = []
    variables = dict(_platform_arguments(terms, build_args))
    inside: dict[str, str] = {}  # those of the stage at hand
    syntax, escape = directives(text)
    has_heredocs = terms.frontend == "buildkit"
    for item in instructions(text, escape, heredocs=has_heredocs):
        if item.keyword == "FROM" and not item.is_trigger:
            if words := item.words:
                named = len(words) >= 3 and words[1].upper() == "AS"
                base = expand(words[0], variables)
                stages.append(Stage(base, words[2] if named else "", item.line))
                inside = {}
        elif not stages:
            if item.keyword == "ARG":
                _argue(item, variables, build_args, {})
        elif item.keyword == "ARG":
            _argue(item, inside, build_args, variables)
        elif item.keyword == "ENV":
            for name, value in assignments(item.rest):
                inside[name] = bounded(expand(value or "", inside), value or "")
        else:
            takes = _inputs(item, variables | inside)
            last = stages[-1]
            if item.is_trigger:
                stages[-1] = replace(last, triggers=last.triggers + takes)
            else:
                stages[-1] = replace(last, takes=last.takes + takes)
    if terms.frontend != "buildkit":
        return stages, ""
    return stages, build_args.get(_FRONTEND) or syntax


def _argue(
    item: Instruction,
    variables: dict[str, str],
    build_args: Mapping[str, str],
    above: Mapping[str, str],
) -> None:
    """ARG: the build's value, else the default, else what stands before the first FROM."""
    for name, default in assignments(item.rest):
        if name in build_args:
            variables[name] = build_args[name]
        elif default is not None:
            variables[name] = bounded(expand(default, variables), default)
        elif name in above:
            variables[name] = above[name]


def _platform_arguments(terms: Terms, build_args: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables that are there without an ARG (Dockerfile reference, "Automatic platform
    ARGs"); the classic builder has none."""
    if terms.frontend == "classic":
        return
    for prefix, platform in (("TARGET", terms.platform), ("BUILD", terms.builder_platform)):
        parts = platform.split("/")
        if len(parts) < 2 or "," in platform:  # of several platforms, each has its own
            continue
        system, architecture, variant = (*parts, "")[:3]
        for suffix, value in (
            ("PLATFORM", platform),
            ("OS", system),
            ("ARCH", architecture),
            ("VARIANT", variant),
        ):
            yield prefix + suffix, build_args.get(prefix + suffix, value)


def _inputs(item: Instruction, variables: Mapping[str, str]) -> Inputs:
    if item.keyword not in ("RUN", "COPY", "ADD"):
        return Inputs()
    sources: list[Taken] = []
    mounts: list[Mount] = []
    checksum = ""
    for name, value in item.options:
        if name == "from":
            sources.append(Taken(expand(value, variables), item.line))
        elif name == "checksum":
            checksum = expand(value, variables)
        elif name == "mount":
            fields = {
                key.strip().lower(): expand(given, variables)
                for key, _, given in (part.partition("=") for part in value.split(","))
            }
            if fields.get("from"):
                sources.append(Taken(fields["from"], item.line))
            mounts.extend(_mount(fields))
    downloads: tuple[Download, ...] = ()
    if item.keyword == "ADD":
        urls = (expand(word.strip("[],"), variables) for word in item.words[:-1])
        downloads = tuple(Download(url, checksum) for url in urls if url.startswith(_URL))
    return Inputs(tuple(sources), downloads, tuple(mounts))


def _mount(fields: Mapping[str, str]) -> Iterator[Mount]:
    """`type=secret` (id: the target's last part without one) and `type=ssh` (id: default)."""
    required = "required" in fields and fields["required"] in _TRUE
    target = next((fields[key] for key in ("target", "dst", "destination") if key in fields), "")
    if fields.get("type") == "secret":
        if name := fields.get("id") or target.rstrip("/").rpartition("/")[2]:
            yield Mount("secret", name, required)
    elif fields.get("type") == "ssh":
        yield Mount("ssh", fields.get("id") or "default", required)
