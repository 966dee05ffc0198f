"""A token server for a registry that wants one: the distribution project's "Token Authentication
Implementation", with JSON web tokens (RFC 7519) signed by ES256 (RFC 7518 3.4)."""

from __future__ import annotations

import base64
import json
import secrets
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from tests.loopback import Loopback

if TYPE_CHECKING:
    from pathlib import Path

ISSUER = "bom-test"
SERVICE = "bom-registry"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenServer(Loopback):
    """Gives a token for whatever is asked for, to the one user that it knows."""

    def __init__(self, user: str, password: str) -> None:
        super().__init__(_Handler)
        self.basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        now = datetime.now(UTC)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.given: list[str] = []  # the scopes of the tokens that were given

    @property
    def realm(self) -> str:
        return f"http://{self.host}/token"

    def write_certificate(self, path: Path) -> None:
        path.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def token(self, scopes: list[str]) -> str:
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        chain = [base64.b64encode(self._certificate.public_bytes(Encoding.DER)).decode()]
        header: dict[str, Any] = {"typ": "JWT", "alg": "ES256", "x5c": chain}
        claims = {
            "iss": ISSUER,
            "sub": "user",
            "aud": SERVICE,
            "exp": now + 300,
            "nbf": now - 10,
            "iat": now,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        signed = ".".join(_b64(json.dumps(part).encode()) for part in (header, claims))
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        self.given += scopes
        return f"{signed}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        tokens: TokenServer = self.server.owner  # type: ignore[attr-defined]
        if self.headers.get("Authorization") != tokens.basic:
            self.send_error(401)
            return
        scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
        body = json.dumps({"token": tokens.token(scopes)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
