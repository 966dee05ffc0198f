"""BuildKit's records of builds, for builds that wrote no metadata file: asked of the client
(`buildx history`, buildx 0.22 and BuildKit 0.12 on), matched by the image that each left.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from bom.builder.images import provenance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.builder.docker.client import Question
    from bom.builder.images.provenance import Reported
    from bom.builder.images.store import StoredImage

_PREDICATES: Final = ("https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v1")
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII
)
_NUMBER: Final = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)
_AT_ONCE: Final = 2
_MOST: Final = 500  # records of one command's time


@dataclass(frozen=True, slots=True)
class Record:
    """A build that ended well: its reference, what it left (digests), and its provenance."""

    ref: str
    digests: tuple[str, ...]
    predicate: str


class History:
    """The records of one builder. `builder` "": the client's own."""

    def __init__(self, ask: Question, builder: str = "") -> None:
        self._ask = ask
        self._builder = ("--builder", builder) if builder else ()

    def since(self, moment: str) -> tuple[Record, ...]:
        """The builds that ended well after a moment (seconds since 1970), the first first; empty
        where the builder keeps no records."""
        begun = seconds(moment)
        refs = [ref for time, ref in sorted(self._listed()) if time >= begun]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return tuple(filter(None, pool.map(self._record, refs[:_MOST])))

    def provenance(self, record: Record) -> bytes:
        """The record's provenance (JSON), b"" where it can't be had."""
        if not record.predicate:
            return b""
        words = ("history", "inspect", "attachment", *self._builder, record.ref)
        return self._ask("buildx", *words, "--type", record.predicate).encode()

    def _listed(self) -> Iterable[tuple[Decimal, str]]:
        words = ("history", "ls", *self._builder, "--format", "json", "--no-trunc")
        for line in self._ask("buildx", *words).splitlines():
            item = _object(line)
            ref, ended = _text(item, "ref").rpartition("/")[2], _text(item, "completed_at")
            if ref and _text(item, "status") == "Completed":
                yield seconds(ended), ref

    def _record(self, ref: str) -> Record | None:
        words = ("history", "inspect", *self._builder, ref, "--format", "json")
        item = _object(self._ask("buildx", *words))
        listed = item.get("Attachments")
        kinds = {}
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, dict):
                kinds[_text(one, "Digest")] = _text(one, "Type")
        predicate = next((kind for kind in kinds.values() if kind in _PREDICATES), "")
        digests = tuple(digest for digest, kind in kinds.items() if digest and kind != predicate)
        return Record(ref, digests, predicate) if digests else None


def seconds(text: str) -> Decimal:
    """A moment since 1970: written as such, or as Go writes a time (RFC 3339); 0 for neither."""
    if match := _TIME.fullmatch(text):
        zone = "+00:00" if match[3] == "Z" else match[3]
        try:
            whole = datetime.fromisoformat(match[1] + zone).timestamp()
        except (ValueError, OverflowError):
            return Decimal(0)
        return max(Decimal(int(whole)) + Decimal(f"0.{match[2] or 0}"), Decimal(0))
    return Decimal(text) if _NUMBER.fullmatch(text) else Decimal(0)


def reported(image: StoredImage, records: Iterable[Record], history: History | None) -> Reported:
    """What is known of an image that the store names; with provenance where a record of its build
    is there."""
    own = {image.id, image.digest, *(item.digest for item in image.manifests)} - {""}
    record = next((one for one in records if own & set(one.digests)), None)
    if record is None or history is None:
        return provenance.of_image(image.id)
    return provenance.of_image(image.id, history.provenance(record), record.ref)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""
