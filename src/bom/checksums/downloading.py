"""Package files from their registries, into a private folder, hashed and forgotten."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urljoin, urlsplit

from bom import __version__
from bom.checksums.digests import of_file
from bom.errors import BomError, EnvironmentLacks

if TYPE_CHECKING:
    from pathlib import Path

    from bom.checksums.model import Digests

_TIMEOUT: Final = 60  # seconds without a byte
_LIMIT: Final = 4 << 30  # bytes of one file
_BLOCK: Final = 1 << 20
_INDEX_LIMIT: Final = 64 << 20  # bytes
_JSON: Final = "application/vnd.pypi.simple.v1+json"


class NotThere(Exception):
    """The registry doesn't have it; the text says what it answered."""


def digests(url: str, ecosystem: str, folder: Path) -> Digests:
    """Of what is at `url`. `folder` is private.

    Raises NotThere, EnvironmentLacks where the registry can't be reached, BomError for another
    kind of URL.
    """
    place = folder / "download"
    try:
        with _opened(url, {}) as answer, place.open("wb") as out:
            size = 0
            while block := answer.read(_BLOCK):
                size += len(block)
                if size > _LIMIT:
                    raise NotThere(f"{_shown(url)} is larger than is ever read")
                out.write(block)
        return of_file(place, ecosystem)
    except OSError as error:
        raise EnvironmentLacks(f"{_shown(url)} broke off: {error}", hint="try again") from error
    finally:
        place.unlink(missing_ok=True)


def index(base: str, name: str) -> dict[str, tuple[str, str]]:
    """What a Python index says of a project's files: hex SHA-256 -> (file name, URL), by the JSON
    form of the simple API (PEP 691). Raises as `digests` does."""
    url = f"{base.rstrip('/')}/{quote(name)}/"
    with _opened(url, {"Accept": _JSON}) as answer:
        data = answer.read(_INDEX_LIMIT)
    try:
        files: Any = json.loads(data)["files"]
        return {
            str(item["hashes"]["sha256"]): (
                str(item["filename"]),
                urljoin(url, str(item["url"])).partition("#")[0],
            )
            for item in files
            if "sha256" in item["hashes"]
        }
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotThere(f"{_shown(url)} answers with no index (PEP 691)") from error


def _opened(url: str, headers: dict[str, str]) -> Any:
    if urlsplit(url).scheme not in ("http", "https"):
        raise BomError(f"{_shown(url)} is not downloaded from", hint="http:// and https:// alone")
    request = urllib.request.Request(
        url, headers={"User-Agent": f"bom-seal/{__version__}", **headers}
    )
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        raise NotThere(f"{_shown(url)} answers {error.code}") from error
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise EnvironmentLacks(
            f"{_shown(url)} can't be reached: {reason}", hint="--from DIR needs no network"
        ) from error


def _shown(url: str) -> str:
    """Without what may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
