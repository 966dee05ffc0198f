"""One repository of a registry, read (OCI distribution specification 1.1, "Pull").

Every document is held against its digest as it
comes, every layer by whoever puts the image together (archive/image_identity.py).
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from bom.archive.image import DOCUMENT_LIMIT
from bom.errors import BadArtifact, BomError, EnvironmentLacks
from bom.registry.auth import Credentials, authorize, credentials
from bom.registry.blobs import INDEX_TYPES, MANIFEST_TYPES
from bom.registry.http import ATTEMPTS, Broken, Http

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests

    from bom.registry.name import RegistryImage

_HUB: Final = "registry-1.docker.io"  # what serves docker.io
_ACCEPT: Final = ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))


def is_digest(text: str) -> bool:
    """Whether a reference is a digest and no tag."""
    return text.startswith("sha256:")


class Registry:
    """One repository of a registry, read. A store of blobs for `ImageBlobs`."""

    def __init__(self, image: RegistryImage, environment: Mapping[str, str]) -> None:
        self.where = str(image)
        self._image = image
        self._environment = environment
        self._known: Credentials | None = None  # looked up when the registry asks for them
        self._http = Http(_HUB if image.host == "docker.io" else image.host, self.where)
        self._authorization = ""
        self._fetched: dict[str, bytes] = {}

    def close(self) -> None:
        self._http.close()

    def manifest(self) -> tuple[bytes, str]:
        """What the image's name stands for, a manifest or an index, and its media type."""
        return self._manifest(self._image.reference, (200,))

    def resolve(self, reference: str) -> str:
        """The digest of what a tag or a digest names here; "" where it names nothing."""
        raw, kind = self._manifest(reference, (200, 404))
        return f"sha256:{sha256(raw).hexdigest()}" if kind else ""

    def document(self, digest: str, limit: int) -> bytes:
        """A manifest by its digest."""
        if digest not in self._fetched:
            response = self._get(f"manifests/{digest}", {"Accept": _ACCEPT})
            self._fetched[digest] = self._http.whole(response, limit)
        return self._fetched[digest]

    def blob(self, digest: str, size: int) -> Iterator[bytes]:
        """A blob of exactly `size` bytes; taken up again where a connection breaks off."""
        got = 0
        for left in reversed(range(ATTEMPTS)):
            response = self._get(
                f"blobs/{digest}", {"Range": f"bytes={got}-"} if got else {}, (200, 206)
            )
            # without a range the blob comes from its beginning again
            skip = got if response.status_code == 200 else 0
            try:
                for piece in self._http.body(response, size - got + skip):
                    if skip >= len(piece):
                        skip -= len(piece)
                        continue
                    piece, skip = piece[skip:], 0
                    got += len(piece)
                    yield piece
                if got == size:
                    return
                raise Broken("it ends early")
            except Broken as error:
                if not left:
                    raise EnvironmentLacks(
                        f"{self.where} breaks off after {got} of {size} bytes of {digest}: {error}",
                        hint="try again; if it stays so, push the image again",
                    ) from error

    def _get(
        self, path: str, headers: Mapping[str, str], good: tuple[int, ...] = (200,)
    ) -> requests.Response:
        url = f"{self._http.base}/v2/{self._image.repository}/{path}"
        response = self._http.get(url, headers, self._authorization)
        if response.status_code == 401:
            challenge = response.headers.get("WWW-Authenticate", "")
            response.close()
            scope = f"repository:{self._image.repository}:pull"
            if self._known is None:
                self._known = credentials(self._image.host, self._environment)
            self._authorization = authorize(self._http, challenge, scope, self._known)
            if not self._authorization:
                raise self._refused(401)
            response = self._http.get(url, headers, self._authorization)
        if response.status_code in good:
            return response
        response.close()
        raise self._refused(response.status_code)

    def _refused(self, status: int) -> BomError:
        if status in (401, 403):
            return BomError(
                f"{self._image.host} doesn't give access to {self._image.repository}",
                hint=f"docker login {self._image.host}",
            )
        if status == 404:
            return BomError(
                f"there is no {self.where}", hint="check its name, its tag and its case"
            )
        return BomError(f"{self._image.host} answers with HTTP status {status}")

    def _manifest(self, reference: str, good: tuple[int, ...]) -> tuple[bytes, str]:
        response = self._get(f"manifests/{reference}", {"Accept": _ACCEPT}, good)
        if response.status_code == 404:
            response.close()
            return b"", ""
        stated = response.headers.get("Docker-Content-Digest", "")
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
        raw = self._http.whole(response, DOCUMENT_LIMIT)
        digest = f"sha256:{sha256(raw).hexdigest()}"
        for expected in (reference if is_digest(reference) else "", stated):
            if expected.startswith("sha256:") and expected != digest:
                raise BadArtifact(
                    "damaged",
                    f"{self.where}: the registry sends another manifest than the digest names",
                    expected=expected,
                    found=digest,
                )
        if kind not in (*INDEX_TYPES, *MANIFEST_TYPES):
            raise BomError(
                f"{self.where} is no image but {kind or 'something without a type'}",
                hint="manifests of schema version 1 are not read: push the image again",
            )
        self._fetched[digest] = raw
        return raw, kind
