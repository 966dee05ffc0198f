"""Base64 in which every value has exactly one spelling (RFC 4648 3.5).

Python's decoders skip foreign characters and ignore the bits after the last byte; here a text
that is not what encoding its bytes gives is refused.
"""

from __future__ import annotations

import base64
import binascii


def encode(data: bytes) -> str:
    """Standard alphabet, padded (protobuf's JSON, DSSE)."""
    return base64.b64encode(data).decode("ascii")


def decode(text: object) -> bytes:
    """The bytes of a padded standard base64 text. Raises ValueError for any other spelling."""
    if not isinstance(text, str):
        raise ValueError("not a base64 text")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64") from error
    if encode(data) != text:
        raise ValueError("base64 that does not encode back to itself")
    return data


def encode_url(data: bytes) -> str:
    """URL-safe alphabet, unpadded (JWK, JSF)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_url(text: object) -> bytes:
    """The bytes of an unpadded base64url text. Raises ValueError for any other spelling."""
    if not isinstance(text, str):
        raise ValueError("not a base64url text")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    if encode_url(data) != text:
        raise ValueError("base64url that does not encode back to itself")
    return data
