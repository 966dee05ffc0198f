"""Who signed a commit, by what the signature says of itself: nothing is trusted here.

OpenPGP: RFC 4880 sections 6.2 and 5.2.3 (issuer fingerprint: RFC 9580). SSH: the OpenSSH file
PROTOCOL.sshsig. X.509: CMS, RFC 5652.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMIT: Final = 1 << 20  # characters of a signature
_ISSUER: Final = 16
_ISSUER_FINGERPRINT: Final = 33


def signer(signature: str) -> tuple[str, str]:
    """Kind ("openpgp", "ssh", "x509") and key ID or fingerprint of an armoured signature.

    OpenPGP: hex fingerprint, else key ID. SSH: `SHA256:...` as `ssh-keygen -l` prints it. X.509:
    hex SHA-256 of the signer's certificate. Either is "" where it can't be told.
    """
    first = signature.lstrip().partition("\n")[0]
    if len(signature) > _LIMIT:
        return "", ""
    try:
        if "PGP" in first:
            return "openpgp", _openpgp(_armoured(signature))
        if "SSH" in first:
            return "ssh", _ssh(_armoured(signature))
        if "SIGNED MESSAGE" in first or "CMS" in first or "PKCS7" in first:
            return "x509", _x509(_armoured(signature))
    except (ValueError, IndexError, binascii.Error):
        return ("openpgp" if "PGP" in first else "ssh" if "SSH" in first else "x509"), ""
    return "", ""


def _armoured(signature: str) -> bytes:
    lines = [line.strip() for line in signature.strip().splitlines()[1:-1]]
    if "" in lines:  # armour headers end with an empty line
        lines = lines[lines.index("") + 1 :]
    return base64.b64decode("".join(line for line in lines if not line.startswith("=")))


def _openpgp(data: bytes) -> str:
    first = data[0]
    if first & 0x40:  # new packet format
        tag, length, start = first & 0x3F, *_new_length(data, 1)
    else:
        tag = (first >> 2) & 0x0F
        size = 1 << (first & 3)
        length, start = int.from_bytes(data[1 : 1 + size], "big"), 1 + size
    body = data[start : start + length]
    if tag != 2:
        return ""
    if body[0] == 3:
        return body[7:15].hex()
    hashed = int.from_bytes(body[4:6], "big")
    found = dict(_subpackets(body[6 : 6 + hashed]))
    rest = 6 + hashed
    unhashed = int.from_bytes(body[rest : rest + 2], "big")
    # what stands in the hashed area is signed, so it goes first
    found = {**dict(_subpackets(body[rest + 2 : rest + 2 + unhashed])), **found}
    if fingerprint := found.get(_ISSUER_FINGERPRINT, b"")[1:]:
        return fingerprint.hex()
    return found.get(_ISSUER, b"").hex()


def _new_length(data: bytes, at: int) -> tuple[int, int]:
    """Length and start of what follows (RFC 4880 4.2.2)."""
    first = data[at]
    if first < 192:
        return first, at + 1
    if first < 255:
        return ((first - 192) << 8) + data[at + 1] + 192, at + 2
    return int.from_bytes(data[at + 1 : at + 5], "big"), at + 5


def _subpackets(area: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(area):
        length, start = _new_length(area, at)
        if length == 0:
            raise ValueError("an empty subpacket")
        yield area[start] & 0x7F, area[start + 1 : start + length]
        at = start + length


def _ssh(data: bytes) -> str:
    if data[:6] != b"SSHSIG":
        raise ValueError("no SSH signature")
    length = int.from_bytes(data[10:14], "big")
    key = data[14 : 14 + length]
    if len(key) != length or not key:
        raise ValueError("a cut-off SSH signature")
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _x509(data: bytes) -> str:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import pkcs7

    certificates = pkcs7.load_der_pkcs7_certificates(data)
    issuers = {certificate.issuer for certificate in certificates}
    leaves = [one for one in certificates if one.subject not in issuers] or certificates
    return leaves[0].fingerprint(hashes.SHA256()).hex() if leaves else ""
