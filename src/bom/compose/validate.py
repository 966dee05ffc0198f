"""Whether a document keeps the CycloneDX schema, fast: 50,000 components in a fraction of a second.

The schemas are the ones that cyclonedx-python-lib bundles. Nothing is ever fetched.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SPEC_VERSIONS: Final = ("1.4", "1.5", "1.6", "1.7")
_PLACE: Final = "http://cyclonedx.org/schema/"  # of the schemas' own `$id`s
_REFERRED_TO: Final = (
    "cryptography-defs.SNAPSHOT.schema.json",
    "jsf-0.82.SNAPSHOT.schema.json",
    "spdx.SNAPSHOT.schema.json",
)
_MOST_ERRORS: Final = 20
# An error costs memory that its value doesn't: 4 million bad values in 8 MB took 6 GB (measured).
_LISTED_VALUES: Final = 100_000
_LISTED_CHARACTERS: Final = 4_000_000


def _schema(name: str) -> Any:
    return json.loads((files("cyclonedx.schema") / "_res" / name).read_bytes())


@cache
def _validator(spec_version: str) -> Any:
    import jsonschema_rs

    # Not by a function that reads them as they are asked for: a Ctrl-C while it runs would come
    # out as an error in a schema.
    others = [(f"{_PLACE}{name}", _schema(name)) for name in _REFERRED_TO]
    return jsonschema_rs.validator_for(
        _schema(f"bom-{spec_version}.SNAPSHOT.schema.json"),
        registry=jsonschema_rs.Registry(others),
        validate_formats=True,
    )


def errors(document: Mapping[str, object]) -> list[str]:
    """What breaks the schema of the document's own specVersion, at most 20; empty when valid."""
    version = document.get("specVersion")
    if version not in SPEC_VERSIONS:
        return [f"specVersion is {version!r:.40}, not one of {', '.join(SPEC_VERSIONS)}"]
    validator = _validator(str(version))
    if validator.is_valid(document):
        return []
    if not _is_small(document):
        return ["document: it is too large to list where"]
    found: list[str] = []
    for error in validator.iter_errors(document):
        where = "/".join(str(part) for part in error.instance_path)
        found.append(f"{where or 'document'}: {error.message[:300]}")
        if len(found) == _MOST_ERRORS:
            break
    return found


def _is_small(document: Mapping[str, object]) -> bool:
    """Whether all errors that it could have may be kept at once."""
    pending: list[object] = [document]
    values = characters = 0
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            characters += sum(map(len, value))
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, str):
            characters += len(value)
        values += 1
        if values + len(pending) > _LISTED_VALUES or characters > _LISTED_CHARACTERS:
            return False
    return True
