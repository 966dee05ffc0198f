"""What a secret looks like: by the name of what holds it, and by its own shape.

Two questions decide: does the *name* say that the value is a secret, and does the *value* look
like one. `bom.redact` acts on the answers.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise
from pathlib import PurePath, PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

REDACTED: Final = "[redacted]"
Span = tuple[str, int, int]  # detector, start, end

# --- names -------------------------------------------------------------------------------------

# fmt: off
_WORDS: Final = frozenset((
    "token", "tokens", "password", "passwords", "passwd", "passphrase", "pass", "pwd", "secret",
    "secrets", "credential", "credentials", "cred", "creds", "apikey", "apikeys", "private",
    "auth", "authtoken", "authorization", "bearer", "cookie", "cookies", "dsn", "jwt", "netrc",
    "pat", "otp", "pin", "sas", "webhook",
))
# fmt: on
_ENDINGS: Final = ("password", "passwd", "passphrase", "secret", "secrets", "token", "apikey")
_ENDINGS_TOO: Final = (
    "accesskey",
    "secretkey",
    "privatekey",
    "authkey",
    "credential",
    "credentials",
)
# "key" alone is a secret unless the word before or after it says which harmless key is meant.
# fmt: off
_HARMLESS_KEYS: Final = frozenset((
    "cache", "public", "pub", "sort", "primary", "foreign", "partition", "registry", "hot",
    "index", "group", "layout", "map", "fingerprint",
))
# fmt: on
_COUNTS: Final = frozenset(["max", "min", "num", "count", "limit", "length", "size"])
_NOT_SECRET: Final = frozenset(("PWD", "OLDPWD", "INIT_CWD", "SSH_AUTH_SOCK"))
_NAME_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# fmt: off
_CODE_SUFFIXES: Final = frozenset((
    ".py", ".pyi", ".c", ".h", ".cc", ".cpp", ".hpp", ".go", ".rs", ".java", ".kt", ".js", ".mjs",
    ".ts", ".tsx", ".jsx", ".rb", ".php", ".cs", ".sh", ".md", ".rst", ".html", ".css", ".proto",
    ".tf", ".swift", ".scala", ".pyx",
))
# fmt: on
_SECRET_FILES: Final = re.compile(
    r"\.env(?:\..+)?|\.envrc|\.?netrc|_netrc|\.npmrc|\.yarnrc(?:\.yml)?|\.pypirc|\.htpasswd|"
    r"\.pgpass|\.my\.cnf|\.git-credentials|\.dockercfg|\.dockerconfigjson|kubeconfig|"
    r"id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?|terraform\.tfstate(?:\..*)?|.*\.tfvars|"
    r".*\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk|gpg|asc|age|p8|ovpn)",
    re.IGNORECASE,
)
_SAMPLE_ENDINGS: Final = (".sample", ".example", ".template", ".dist", ".pub")


def looks_secret(name: str) -> bool:
    """Whether a variable, build arg or option of this name holds a secret.

    `API_KEY`, `--registry-password`, `dbPassword` do; `PWD`, `KEYBOARD`, `TOKENIZERS`,
    `CACHE_KEY` don't. In doubt it says yes: a value less in the BOM does no harm.
    """
    if name in _NOT_SECRET:
        return False
    words = [word.lower() for word in _NAME_WORD.findall(name)]
    joined = "".join(words)
    if any(word in ("tokens", "token") for word in words) and _COUNTS.intersection(words):
        return False
    if any(word in _WORDS or word.endswith(_ENDINGS + _ENDINGS_TOO) for word in words):
        return True
    if any(part in joined for part in ("apikey", "accesskey", "secretkey", "privatekey")):
        return True
    return bool({"key", "keys"}.intersection(words)) and not _HARMLESS_KEYS.intersection(words)


def secret_file(path: str | PurePath) -> bool:
    """Whether a file of this name usually holds secrets (`.env`, `id_ed25519`, `*.pem`).

    Source code is not meant (`token.py`), nor are samples (`.env.example`) and public keys.
    """
    name = PurePosixPath(path).name
    if name.lower().endswith(_SAMPLE_ENDINGS):
        return False
    if _SECRET_FILES.fullmatch(name):
        return True
    if PurePosixPath(name).suffix.lower() in _CODE_SUFFIXES:
        return False
    return looks_secret(name.split(".")[0]) or looks_secret(name.lstrip(".").split(".")[0])


# --- values ------------------------------------------------------------------------------------

# Quantifiers are bounded or fenced by look-behinds, so that hostile text costs linear time.
_PATTERNS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    (
        "private-key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:.*?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|.*)",
            re.DOTALL,
        ),
    ),
    ("age-key", re.compile(r"AGE-SECRET-KEY-1[A-Z0-9]{20,100}")),
    (
        "aws-access-key",
        re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"),
    ),
    ("github-token", re.compile(r"gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}")),
    ("gitlab-token", re.compile(r"gl(?:pat|oas|dt|rt|cbt|ptt|ft|soat|agent|imt)-[\w.-]{16,255}")),
    (
        "slack-token",
        re.compile(
            r"xox[a-z]-[A-Za-z0-9-]{10,255}|xapp-[A-Za-z0-9-]{10,255}|"
            r"hooks\.slack\.com/services/[A-Za-z0-9/]{10,255}"
        ),
    ),
    ("npm-token", re.compile(r"npm_[A-Za-z0-9]{30,255}")),
    ("pypi-token", re.compile(r"pypi-[A-Za-z0-9_-]{40,1024}")),
    ("google-key", re.compile(r"AIza[A-Za-z0-9_-]{30,100}|ya29\.[A-Za-z0-9_-]{20,1024}")),
    ("stripe-key", re.compile(r"(?<![A-Za-z0-9])[srp]k_(?:live|test)_[A-Za-z0-9]{10,255}")),
    (
        "service-token",
        re.compile(
            r"dckr_(?:pat|oat)_[\w-]{20,255}|hf_[A-Za-z0-9]{30,255}|"
            r"dop_v1_[a-f0-9]{64}|sk-[A-Za-z0-9_-]{20,255}|hvs\.[\w-]{20,255}"
        ),
    ),
    (
        "jwt",
        re.compile(
            r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?"
        ),
    ),
    ("url-password", re.compile(r"://([^\s/?#\"'<>@:]{0,256}:[^\s/?#\"'<>]{1,1024})@")),
    # a password with a slash in it; but http://localhost:4873/@scope is a port and a path
    (
        "url-password",
        re.compile(r"://([^\s/?#\"'<>@:]{1,256}:(?!\d{1,5}[/?#])[^\s\"'<>@]{1,200})@"),
    ),
    ("url-password", re.compile(r"https?://([^\s/?#\"'<>@:]{1,1024})@", re.IGNORECASE)),
    (
        "authorization",
        re.compile(
            r"authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:(?:basic|bearer|token|digest)\s{1,4})?"
            r"([^\s\"']{3,4096})",
            re.IGNORECASE,
        ),
    ),
    (
        "authorization",
        re.compile(r"(?<![\w-])(?:Bearer|Basic)\s{1,4}([A-Za-z0-9._~+/=-]{12,4096})"),
    ),
)
# `curl -u user:password` and `... login -p password`; but 1000:1000 is a user and a group
_PLACED: Final = (
    re.compile(
        r"(?<![^\s\"'])(?:-u|--user)[ =]{1,4}(?!\d+:\d+(?:\s|$))[^\s:\"']{1,256}:([^\s\"']+)"
    ),
    re.compile(r"(?<!\S)login\s[^\n;|&]{0,200}?(?<=\s)-p[ =]{1,4}([^\s\"']+)"),
)
_VALUE: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|[^\s\"',;&|]+", re.DOTALL)
_ASSIGNED: Final = re.compile(
    r"(?<![\w.-])[\"']?(?P<name>[A-Za-z_-][\w.-]{0,127})[\"']?\s{0,4}(?P<by>[=:])\s{0,4}"
)
_OPTION: Final = re.compile(r"(?<![^\s\"'=])--?(?P<name>[A-Za-z][\w-]{1,127})(?P<by>\s)\s{0,8}")
_QUERY: Final = re.compile(r"[?&](?P<name>[\w.-]{1,127})(?P<by>=)")
_PROSE: Final = frozenset(("key", "keys", "pass", "auth", "private", "pin", "pat", "cookie"))
_REFERENCE: Final = re.compile(
    r"\$\{?\w+\}?|\$\(.*|%\w+%|\{\{.*|<[\w -]+>|\*+|true|false|None|null"
)
_BLOB: Final = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_DIGEST_LENGTHS: Final = frozenset((40, 56, 64, 96, 128))  # SHA-1, -224, -256, -384, -512
_DIGEST_BEFORE: Final = re.compile(r"(?:sha(?:1|224|256|384|512)|md5|h1|blake2b)[-:=]$")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def spans(text: str) -> list[Span]:
    """Where the secrets of `text` stand, in no order; they may overlap. REDACTED is none."""
    return [span for span in _all_spans(text) if text[span[1] : span[2]].strip("\"'") != REDACTED]


def _all_spans(text: str) -> Iterator[Span]:
    for kind, shape in _PATTERNS:
        for hit in shape.finditer(text):
            yield kind, hit.start(shape.groups), hit.end(shape.groups)
    for shape in _PLACED:
        for hit in shape.finditer(text):
            yield "named-secret", hit.start(1), hit.end(1)
    for pattern in (_ASSIGNED, _OPTION, _QUERY):
        yield from _named(text, pattern)
    for match in _BLOB.finditer(text):
        before = text[max(0, match.start() - 16) : match.start()]
        if _DIGEST_BEFORE.search(before) or before.endswith("/nix/store/"):
            continue
        for start, end in _random_parts(match[0]):
            yield "high-entropy", match.start() + start, match.start() + end


def _named(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    """Values whose name says that they are secret."""
    # Assignments nest (`--build-arg=TOKEN=x`), so each name is tried from its own place; the
    # value is read only when the name asks for it, which keeps hostile text linear.
    position = 0
    while (match := pattern.search(text, position)) is not None:
        position = match.end("name")
        name = match["name"]
        if not looks_secret(name) or (match["by"] == ":" and name.lower() in _PROSE):
            continue
        found = _VALUE.match(text, match.end())
        if found is None:
            continue
        plain = found[0].strip("\"'")
        option = pattern is _OPTION and plain.startswith(("-", "id=", "type=", "src="))
        if plain and not option and not _REFERENCE.fullmatch(plain):
            yield "named-secret", found.start(), found.end()
            position = found.end()


def _random_parts(blob: str) -> Iterator[tuple[int, int]]:
    """The whole of a random-looking blob, else those of its parts between `/` that are."""
    if _digest_inside(blob):
        return
    if _random(blob):
        yield 0, len(blob)
        return
    for match in re.finditer(r"[^/]{24,}", blob):
        if match[0] != blob and not _digest_inside(match[0]) and _random(match[0]):
            yield match.start(), match.end()


def _digest_inside(blob: str) -> bool:
    """SRI hashes (`sha512-...`), wherever the look-behind of the blob didn't stop at them."""
    return re.match(r"(?:sha(?:1|224|256|384|512)|md5|h1)-", blob) is not None


def _random(blob: str) -> bool:
    """Whether a run of letters and digits looks drawn by lot rather than written.

    Words change between upper case, lower case and digits seldom, random base64 at six of ten
    places. Plain hex is a secret unless it has the length of a digest or is a short SHA.
    """
    if _UUID.search(blob):
        return False
    core = blob.rstrip("=")
    if _HEX.fullmatch(core):
        return len(core) >= 32 and len(core) not in _DIGEST_LENGTHS
    if any(len(run) in _DIGEST_LENGTHS for run in re.findall(r"[0-9a-f]{40,}", core)):
        return False
    classes = [0 if c.islower() else 1 if c.isupper() else 2 if c.isdigit() else 3 for c in core]
    changes = sum(a != b for a, b in pairwise(classes)) / (len(core) - 1)
    entropy = -sum(n / len(core) * math.log2(n / len(core)) for n in Counter(core).values())
    if {0, 1, 2}.issubset(classes):
        # "/", "-" and "_" between words are changes too: a path has many, base64 few
        if classes.count(3) > len(core) / 6:
            return False
        # nor is it made of words, as CamelCase is
        words = sum(len(run) for run in re.findall(r"[a-z]{3,}", core)) / len(core)
        return changes >= 0.35 and entropy >= 3.7 and words <= 0.5
    one_case = 2 in classes and 3 not in classes and len(core) >= 32
    return one_case and changes >= 0.25 and entropy >= 3.5
