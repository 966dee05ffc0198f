"""What a BOM says of how its artifact was built, as far as building it again needs it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from bom.compose import reading
from bom.errors import BomError
from bom.model import Submodule
from bom.redact import REDACTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bom.model import Hash, Setting, Tool

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAMED: Final = re.compile(rf"([A-Za-z_][\w.-]*)={re.escape(REDACTED)}$")
_LENT: Final = re.compile(r"(?:^|,|=)id=([^,]+)")


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """Which source was built. `changed`: the modified and untracked files of a tree that was not
    clean, and `tree_digest` over them. `remote`: `host/path`, "" where none was recorded."""

    commit: str
    remote: str = ""
    submodules: tuple[Submodule, ...] = ()
    changed: tuple[str, ...] = ()
    tree_digest: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to build it again. `folder`: relative to the source's top. `arguments`: build arguments
    of an image. `line`: the command line as recorded, without secrets. `wanting`: names of the
    secrets that the BOM leaves out, "" for one that has none.
    `epoch`: seconds, 0 where neither a variable nor the commit gives it."""

    source: SourceRecord
    command: tuple[str, ...]
    line: str = ""
    folder: str = "."
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    artifacts: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    normalise: bool = False
    as_is: bool = False
    tools: tuple[Tool, ...] = ()
    bases: Mapping[str, tuple[Hash, ...]] = field(default_factory=dict)
    epoch: int = 0

    @property
    def wanting(self) -> tuple[str, ...]:
        names = {
            secret_name(self.command, number)
            for number, word in enumerate(self.command)
            if REDACTED in word
        }
        for values in (self.environment, self.arguments):
            names |= {name for name, value in values.items() if REDACTED in value}
        return tuple(sorted(names))

    def given(self, secrets: Mapping[str, str]) -> Recipe:
        """The same with secrets by their names in place of what the BOM leaves out."""
        command = tuple(
            word.replace(REDACTED, secrets[name])
            if REDACTED in word and (name := secret_name(self.command, number)) in secrets
            else word
            for number, word in enumerate(self.command)
        )
        return replace(
            self,
            command=command,
            environment=_filled(self.environment, secrets),
            arguments=_filled(self.arguments, secrets),
        )


def secret_name(command: Sequence[str], number: int) -> str:
    """What the secret in a word of a command line goes by: the KEY of `KEY=VALUE`, the id of what
    an image build is lent, the option in front of it; "" for one that stands within a word."""
    word = command[number]
    if match := _LENT.search(word):
        return match[1]
    if match := _NAMED.search(word):
        return match[1]
    before = command[number - 1] if number else ""
    return before.lstrip("-") if word == REDACTED and before.startswith("-") else ""


def _filled(values: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    return {
        name: secrets[name] if REDACTED in value and name in secrets else value
        for name, value in values.items()
    }


def recipe(document: Mapping[str, Any], name: str) -> Recipe:
    """The recipe in a BOM of ours. Raises BomError where it holds too little to build again.
    `name`: the artifact's, for what is said then."""
    settings = reading.settings(document)
    lines = [item.value for item in settings if item.kind == "command"]
    try:
        command = tuple(shlex.split(lines[0])) if lines else ()
    except ValueError:
        command = ()
    if not command:
        raise BomError(
            f"{name}: its BOM records no build command, so it can't be built again",
            hint="only what `bom build` sealed can be rebuilt",
        )
    environment = _named(settings, "environment")
    options = _named(settings, "option")
    return Recipe(
        source=_source(document, name),
        command=command,
        line=lines[0],
        folder=options.get("working-directory", "."),
        environment=environment,
        arguments=_named(settings, "build-arg"),
        platform=_named(settings, "platform").get("platform", ""),
        artifacts=_all(settings, "artifact"),
        images=_all(settings, "image"),
        normalise=options.get("normalize") == "true",
        as_is=options.get("as-is") == "true",
        tools=reading.tools(document),
        bases={
            **reading.materials(document, "base-image"),
            **reading.materials(document, "build-image"),
        },
        epoch=_epoch(environment, document),
    )


def _named(settings: Sequence[Setting], kind: str) -> dict[str, str]:
    return {item.name: item.value for item in settings if item.kind == kind}


def _all(settings: Sequence[Setting], option: str) -> tuple[str, ...]:
    return tuple(item.value for item in settings if (item.kind, item.name) == ("option", option))


def _source(document: Mapping[str, Any], name: str) -> SourceRecord:
    commit = reading.subject_property(document, "bom-seal:source:commit")
    if not _COMMIT.fullmatch(commit):
        raise BomError(
            f"{name}: its BOM records no revision of the source, so nobody can tell what to build",
            hint="build it from a git repository",
        )
    parts = (
        entry.partition(" ")
        for entry in reading.subject_properties(document, "bom-seal:source:submodule")
    )
    return SourceRecord(
        commit=commit,
        remote=reading.remote(document),
        submodules=tuple(sorted(Submodule(path, at) for at, _, path in parts)),
        changed=tuple(
            path
            for state in ("modified", "untracked")
            for path in reading.subject_properties(document, f"bom-seal:source:{state}")
        ),
        tree_digest=reading.subject_property(document, "bom-seal:source:tree-digest"),
    )


def _epoch(environment: Mapping[str, str], document: Mapping[str, Any]) -> int:
    stated = environment.get("SOURCE_DATE_EPOCH", "")
    if stated.isascii() and stated.isdigit():
        return int(stated)
    metadata = document.get("metadata")
    time = metadata.get("timestamp") if isinstance(metadata, dict) else None
    try:
        return int(datetime.fromisoformat(str(time)).timestamp())
    except (ValueError, OverflowError):
        return 0
