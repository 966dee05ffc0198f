"""The steps of a build, as BuildKit's provenance defines them (its LLB), and as they go into a BOM.

What differs from run to run or from machine to machine is left out: BuildKit's own digests hold
the session's local folders, its proxies and the values of secret arguments. So every step gets a
digest of its own, over its definition without those and over the digests of the steps that it
takes from (docs/format.md).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bom import redact
from bom.model import BuildStep, BuildSteps, Gap, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from bom.model import Observation

_LIMIT: Final = 2000  # steps
_TEXT_LIMIT: Final = 8192  # characters of one command
_DEPTH: Final = 40  # of a definition
_PREFIX: Final = "bom-seal:step:"
_SHELL: Final = ("/bin/sh", "-c")
_NETWORKS: Final = {1: "host", 2: "none"}
_SECRET, _SSH, _CACHE, _TMPFS = 1, 2, 3, 4  # pb.MountType; 0 is a bind mount
# The client's own machine: proxies, and how a source is told apart within one session.
_LEFT_OUT: Final = frozenset({"proxyEnv", "proxy_env", "constraints"})
_OF_A_SESSION: Final = re.compile(r"session|unique|store", re.IGNORECASE)
_SESSION_URL: Final = re.compile(r"^(https?://buildkit-session/).*", re.DOTALL)
_GAP: Final = "build.steps"


@dataclass(frozen=True, slots=True)
class Definition:
    """What the provenance says of the steps, as it stands there: nothing of it is checked yet.

    `steps`: `llbDefinition`; `locations`: lines by step ID; `layers`: blobs by step ID and output.
    `statements`: what the builder says of the provenance as a whole.
    """

    steps: Sequence[object]
    locations: Mapping[str, object]
    layers: Mapping[str, object]
    statements: tuple[Property, ...] = ()


def observations(
    definition: Definition, layers: Mapping[str, str], secrets: Collection[str]
) -> Iterator[Observation]:
    """The steps, numbered from 0 in the order of the definition. `layers`: the digests of the
    image's blobs, by those that the builder gave them; `secrets`: values that must not stand
    anywhere."""
    if not definition.steps:
        yield Gap(_GAP, "the builder", "its provenance states no steps")
        return
    if len(definition.steps) > _LIMIT:
        yield Gap(
            _GAP,
            f"{len(definition.steps) - _LIMIT} steps",
            f"only the first {_LIMIT} stand in the BOM",
        )
    clean = _Clean(secrets)
    steps: list[BuildStep] = []
    numbers: dict[str, int] = {}
    digests: dict[str, str] = {}
    unread = 0
    for number, item in enumerate(definition.steps[:_LIMIT]):
        step = _object(item)
        identity = step.get("id")
        op = _object(step.get("op"))
        inputs = [text for text in _list(step.get("inputs")) if isinstance(text, str)]
        known = [text.rpartition(":") for text in inputs]
        if not isinstance(identity, str) or not op or any(p[0] not in numbers for p in known):
            unread += 1
            continue
        try:
            plain = clean.definition(op)
        except _TooDeep:
            unread += 1
            continue
        chained = [f"{digests[name]}:{index}" for name, _, index in known]
        text = json.dumps([plain, chained], sort_keys=True, separators=(",", ":"))
        numbers[identity] = number
        digests[identity] = hashlib.sha256(text.encode()).hexdigest()
        kind, action = _kind(_object(op.get("Op")))
        if not kind:
            continue  # the result, which does nothing itself
        span = _span(definition.locations.get(identity))
        made = BuildStep(
            number=number,
            name=f"{kind} {span}" if span else kind,
            commands=tuple(_bounded(printable_name(line)) for line in clean.commands(kind, action)),
            properties=(
                Property(f"{_PREFIX}digest", f"sha256:{digests[identity]}"),
                *(Property(f"{_PREFIX}input", str(numbers[name])) for name, _, _ in known),
                *((Property(f"{_PREFIX}line", span),) if span else ()),
                *(clean.property(item) for item in _details(kind, action)),
                *_layer(identity, definition.layers, layers),
            ),
        )
        steps.append(made)
    yield BuildSteps(tuple(steps), definition.statements)
    if unread:
        yield Gap(_GAP, f"{unread} steps", "they are not as BuildKit describes steps")


class _TooDeep(Exception):
    """A definition is nested deeper than BuildKit's."""


class _Clean:
    """Takes secrets, and what is one machine's or one session's, out of a step's definition."""

    def __init__(self, secrets: Collection[str]) -> None:
        # the longest first: one may be part of another
        self._secrets = sorted({item for item in secrets if item}, key=len, reverse=True)

    def text(self, text: str) -> str:
        text = _SESSION_URL.sub(r"\1", text)
        for secret in self._secrets:
            text = text.replace(secret, redact.REDACTED)
        return redact.text(text)

    def property(self, item: Property) -> Property:
        return Property(item.name, _bounded(printable_name(self.text(item.value))))

    def definition(self, value: Any, depth: int = 0) -> Any:
        if depth > _DEPTH:
            raise _TooDeep
        if isinstance(value, dict):
            return {
                self.text(key): self._member(key, item, depth)
                for key, item in value.items()
                if key not in _LEFT_OUT
            }
        if isinstance(value, list):
            return [self.definition(item, depth + 1) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def _member(self, key: str, value: Any, depth: int) -> Any:
        if key == "env" and isinstance(value, list):
            return [self._variable(item) for item in value]
        if key == "attrs" and isinstance(value, dict):
            value = {name: item for name, item in value.items() if not _OF_A_SESSION.search(name)}
        if key == "data" and isinstance(value, str):
            return self._data(value)
        return self.definition(value, depth + 1)

    def _variable(self, item: Any) -> str:
        name, _, value = str(item).partition("=")
        return f"{name}={redact.value(name, self.text(value))}"

    def _data(self, value: str) -> str:
        """A file that a here document makes, in base64."""
        try:
            return self.text(base64.b64decode(value, validate=True).decode())
        except ValueError:
            return value

    def commands(self, kind: str, action: dict[str, Any]) -> Iterator[str]:
        if kind == "run":
            words = [str(item) for item in _list(_object(action.get("meta")).get("args"))]
            is_shell = tuple(words[:2]) == _SHELL and len(words) == 3
            yield self.text(words[2] if is_shell else shlex.join(words))
        elif kind == "files":
            for item in _list(action.get("actions")):
                yield self.text(_file_action(_object(_object(item).get("Action"))))
        elif kind == "source":
            identifier = action.get("identifier")
            yield self.text(identifier if isinstance(identifier, str) else "")


_KINDS: Final = {
    "exec": "run",
    "file": "files",
    "source": "source",
    "merge": "merge",
    "diff": "diff",
    "build": "build",
}


def _kind(op: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    for name, kind in _KINDS.items():
        if isinstance(op.get(name), dict):
            return kind, op[name]
    return "", {}


def _file_action(action: dict[str, Any]) -> str:
    for name, item in action.items():
        facts = _object(item)
        words = [str(facts[key]) for key in ("src", "path", "oldpath") if key in facts]
        words += [str(facts[key]) for key in ("dest", "newpath") if key in facts]
        return shlex.join([str(name), *words])
    return ""


def _details(kind: str, action: dict[str, Any]) -> Iterator[Property]:
    """Of a RUN: the network that isn't the builder's default, user, folder, mounts."""
    if kind != "run":
        return
    meta = _object(action.get("meta"))
    for name, value, plain in (("user", meta.get("user"), ""), ("workdir", meta.get("cwd"), "/")):
        if isinstance(value, str) and value not in ("", plain):
            yield Property(f"{_PREFIX}{name}", value)
    network = action.get("network")
    if isinstance(network, int) and network in _NETWORKS:
        yield Property(f"{_PREFIX}network", _NETWORKS[network])
    if action.get("security") == 1:
        yield Property(f"{_PREFIX}security", "insecure")
    for item in _list(action.get("mounts")):
        mount = _object(item)
        kind_of = mount.get("mountType", 0)
        target = str(mount.get("dest", ""))
        if kind_of == _SECRET:
            text = f"secret {_object(mount.get('secretOpt')).get('ID', '')}"
        elif kind_of == _SSH:
            text = f"ssh {_object(mount.get('SSHOpt')).get('ID') or 'default'}"
        elif kind_of == _CACHE:
            text = f"cache {target}"
        elif kind_of == _TMPFS:
            text = f"tmpfs {target}"
        elif target != "/":
            text = f"bind {target}"
        else:
            continue
        yield Property(f"{_PREFIX}mount", text)


def _span(stated: object) -> str:
    """The line or lines that a step comes from: "4", "8-11", "" where none is stated."""
    numbers = [
        number
        for place in _list(_object(stated).get("locations"))
        for part in _list(_object(place).get("ranges"))
        for end in ("start", "end")
        if isinstance(number := _object(_object(part).get(end)).get("line"), int) and number > 0
    ]
    if not numbers:
        return ""
    first, last = min(numbers), max(numbers)
    return str(first) if first == last else f"{first}-{last}"


def _layer(
    identity: str, stated: Mapping[str, object], layers: Mapping[str, str]
) -> Iterator[Property]:
    """The blob that the step added, where the image has it."""
    for chain in _list(stated.get(f"{identity}:0")):
        blobs = _list(chain)
        digest = _object(blobs[-1]).get("digest") if blobs else None
        if isinstance(digest, str) and digest in layers:
            yield Property(f"{_PREFIX}layer", layers[digest])


def _bounded(text: str) -> str:
    over = len(text) - _TEXT_LIMIT
    return text if over <= 0 else f"{text[:_TEXT_LIMIT]}… ({over} more characters)"


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
