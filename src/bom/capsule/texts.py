"""What a person finds in a capsule: README.md and rebuild.sh."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from bom.printable import printable_name
from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.capsule_record import CapsuleRecord
    from bom.rebuild.recipe import Recipe


def script(name: str) -> str:
    """rebuild.sh: the one command that builds it again."""
    return f"""\
#!/bin/sh
# Builds {_inert(name)} again out of this capsule, with the network off, and compares.
# usage: rebuild.sh CAPSULE.tar PUBLIC-KEY.pem
set -eu
exec bom rebuild "$1" --offline --key "$2"
"""


def readme(record: CapsuleRecord, planned: Recipe, name: str, version: str) -> str:
    return "\n".join(_lines(record, planned, name, version)) + "\n"


def _lines(record: CapsuleRecord, planned: Recipe, name: str, version: str) -> Iterator[str]:
    yield f"# A capsule of {_inert(name)}"
    yield ""
    yield "All that is needed to build it again with the network off, and to see whether the same"
    yield f"bytes come out. Written by bom {version} (distribution `bom-seal`)."
    yield ""
    yield "    bom rebuild THIS-FILE --offline --key RELEASE.pub"
    yield ""
    yield f"- source: commit `{record.commit}`, in the git bundle"
    yield f"- command: `{_inert(planned.line)}` in `{_inert(planned.folder)}`"
    for key, value in sorted(planned.environment.items()):
        yield f"- variable: `{_inert(key)}={_inert(value)}`"
    for tool in planned.tools:
        yield f"- {tool.kind}: {_inert(tool.name)} {_inert(tool.version or '(version unknown)')}"
    yield ""
    yield "| role | name | SHA-256, and name in `blobs/sha256/` |"
    yield "|---|---|---|"
    for item in record.items:
        yield f"| {item.role} | `{_inert(item.name)}` | {item.sha256} |"
    if record.missing:
        yield ""
        yield "Not in it, or not by a digest that was recorded when it was built:"
        yield ""
        for lack in record.missing:
            yield f"- {_inert(lack.what)} {_inert(lack.where)}: {_inert(lack.why)}"
    if record.tools_missing:
        yield ""
        yield "Tools that are not in it:"
        yield ""
        for lack in record.tools_missing:
            yield f"- {_inert(lack.where)}: {_inert(lack.why)}"
    if any(item.role == "tool" for item in record.items):
        yield ""
        yield "Files of the role `tool` are the packages of the tools above, without what these"
        yield "need. Nothing installs them by itself: `dpkg -i` does, best in a container."
    if any(item.role == "builder-image" for item in record.items):
        yield ""
        yield "Nothing starts the builder image by itself: `docker load` takes it, and"
        yield "`docker buildx create --driver-opt image=NAME` makes a builder of it."
    yield ""
    yield "Without bom: the names above are in `capsule.json`; `git clone` takes the bundle, pip"
    yield f"the packages (`--no-index --find-links`). The command again: `{_quoted(planned)}`."


def _inert(text: str) -> str:
    """Nothing of it is Markdown or a control character."""
    shown = inert(printable_name(text))
    return "".join("?" if letter in "`|<>[]*\\" else letter for letter in shown)


def _quoted(planned: Recipe) -> str:
    return _inert(shlex.join(planned.command))
