"""Secrets and agents that a build is lent (`--secret`, `--ssh`): they stand in a BOM by id alone.

Where a secret lies and what it says is nobody's business; that its file lies where the build would
pack it is worth a warning.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bom import redact
from bom.model import Setting
from bom.printable import printable_os

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bom.builder.images.context import BuildInputs


@dataclass(frozen=True, slots=True)
class Secret:
    """One `--secret`. `file` or `variable` says where its value is; both "" where neither does."""

    id: str
    file: str = ""
    variable: str = ""


@dataclass(frozen=True, slots=True)
class Lent:
    """What a build is lent: its secrets, and its agents by id with their files."""

    secrets: tuple[Secret, ...] = ()
    agents: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def by(
        cls, secrets: Sequence[str], agents: Sequence[str], environment: Mapping[str, str]
    ) -> Lent:
        """From the options' values. What has no id is left out: the builder refuses it."""
        found = (_secret(text, environment) for text in secrets)
        return cls(
            tuple(secret for secret in found if secret.id),
            tuple(_agent(text) for text in agents if text),
        )

    def settings(self) -> Iterator[Setting]:
        for name in sorted({secret.id for secret in self.secrets}):
            yield Setting("option", "secret", _shown(name))
        for name in sorted({name for name, _ in self.agents}):
            yield Setting("option", "ssh", _shown(name))

    def values(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """The secrets that are variables' values, to be redacted wherever else they stand."""
        found = {environment.get(secret.variable, "") for secret in self.secrets}
        return tuple(sorted(value for value in found if len(value) >= 4))

    def warnings(self, inputs: BuildInputs, cwd: Path) -> Iterator[str]:
        """One for each file that the build would pack."""
        files = [("secret", secret.id, secret.file) for secret in self.secrets]
        files += [("key", name, path) for name, paths in self.agents for path in paths]
        for kind, name, path in files:
            place = cwd / path
            if path and place.is_file() and inputs.holds(place):
                yield (
                    f"the {kind} {_shown(name)} lies in the build context: COPY can pack it;"
                    " name its file in .dockerignore, or keep it elsewhere"
                )


def build_argument(name: str, text: str, known: Sequence[str]) -> Setting:
    """A build argument as it is recorded: without what looks like a secret, or holds a `known`
    one."""
    value = redact.value(name, text)
    hidden = any(secret in value for secret in known)
    return Setting("build-arg", name, redact.REDACTED if hidden else value)


def _shown(name: str) -> str:
    return printable_os(redact.text(name))


def _secret(text: str, environment: Mapping[str, str]) -> Secret:
    """`id=ID[,type=file|env][,src=PATH][,env=VARIABLE]`; without a source the variable of that
    name, else the file of that name (docker buildx build, "--secret")."""
    fields = {}
    try:
        parts = next(csv.reader([text]), [])
    except csv.Error:  # a line break: the builder refuses it
        return Secret("")
    for part in parts:
        key, equals, value = part.partition("=")
        if equals:
            fields[key.strip().lower()] = value
    name = fields.get("id", "")
    file = fields.get("src") or fields.get("source") or ""
    variable = fields.get("env", "")
    if fields.get("type") == "env" and not variable:
        file, variable = "", file or name
    if not file and not variable:
        return Secret(name, "", name) if name in environment else Secret(name, name)
    return Secret(name, "" if variable else file, variable)


def _agent(text: str) -> tuple[str, tuple[str, ...]]:
    """`ID[=SOCKET|KEY[,KEY]]`."""
    name, _, files = text.partition("=")
    return name, tuple(filter(None, files.split(",")))
