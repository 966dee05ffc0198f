"""What a build is lent, and what it fetches: by id and by name, never by value or password."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom.builder.images import remote
from bom.builder.images.context import BuildInputs
from bom.builder.images.credentials import Lent, Secret
from bom.builder.images.folder import LocalContext
from bom.builder.images.ignore import IgnoreRules, parse
from bom.builder.images.provenance import Source
from bom.builder.images.remote import Remote
from bom.model import Gap, Hash, Material

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id=npm,src=.npmrc", Secret("npm", ".npmrc")),
        ("type=file,source=/home/me/key,id=k", Secret("k", "/home/me/key")),
        ("id=t,env=TOKEN", Secret("t", "", "TOKEN")),
        ("type=env,id=t,src=TOKEN", Secret("t", "", "TOKEN")),
        ("type=env,id=TOKEN", Secret("TOKEN", "", "TOKEN")),
        ("id=TOKEN", Secret("TOKEN", "", "TOKEN")),
        ("id=file", Secret("file", "file")),
        ('id=q,"src=a,b"', Secret("q", "a,b")),
    ],
)
def test_a_secret_is_read_as_the_builder_reads_it(text: str, expected: Secret) -> None:
    assert Lent.by([text], [], {"TOKEN": "x"}).secrets == (expected,)


def test_secrets_and_agents_stand_by_id_alone() -> None:
    lent = Lent.by(
        ["id=npm,src=/home/me/.npmrc", "id=t,env=TOKEN", "src=none"],
        ["default", "deploy=/home/me/id_ed25519,/home/me/other", ""],
        {"TOKEN": "value-of-token"},
    )
    assert [(item.name, item.value) for item in lent.settings()] == [
        ("secret", "npm"),
        ("secret", "t"),
        ("ssh", "default"),
        ("ssh", "deploy"),
    ]
    assert lent.values({"TOKEN": "value-of-token"}) == ("value-of-token",)


def test_a_secret_that_the_build_would_pack_is_warned_of(tmp_path: Path) -> None:
    for name in ("token", "key", "ignored"):
        (tmp_path / name).write_text("x")
    rules = parse("ignored\n", "buildkit")
    inputs = BuildInputs(((".", LocalContext(tmp_path, rules)),), None, ())
    lent = Lent.by(
        ["id=a,src=token", "id=b,src=ignored", "id=c,src=/etc/passwd", "id=d,src=absent"],
        ["k=key", "default"],
        {},
    )
    told = list(lent.warnings(inputs, tmp_path))
    assert [text.partition(" lies")[0] for text in told] == ["the secret a", "the key k"]
    assert not any("token" in text for text in told)
    other = BuildInputs(((".", LocalContext(tmp_path / "none", IgnoreRules())),), None, ())
    assert list(lent.warnings(other, tmp_path)) == []


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_read_without_an_error(secret: str, agent: str) -> None:
    lent = Lent.by([secret, f"id={secret}"], [agent], {})
    assert all(item.value for item in lent.settings() if item.name == "secret")
    remote.shown(secret)
    remote.settle([Remote(agent)], [Source(secret, ())])


# --- what the builder fetches -------------------------------------------------------------------

COMMIT = (Hash("SHA-1", "a" * 40),)
BYTES = (Hash("SHA-256", "b" * 64),)


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("https://me:pw@x.example/a.git", "https://xxxxx:xxxxx@x.example/a.git"),
        ("https://x.example/a.git#main:sub/dir", "https://x.example/a.git#main"),
        ("https://x.example/a.git#:sub", "https://x.example/a.git"),
        ("github.com/who/what", "https://github.com/who/what.git"),
        ("git@x.example:who/what.git", "ssh://git@x.example/who/what.git"),
        ("https://x.example/a.tar.gz?v=1", "https://x.example/a.tar.gz?v=1"),
    ],
)
def test_what_was_fetched_is_found_under_buildkits_spelling(url: str, uri: str) -> None:
    other = Source("https://x.example/other", BYTES)
    found, left = remote.settle([Remote(url)], [other, Source(uri, COMMIT)])
    assert [fact.digests for fact in found if isinstance(fact, Material)] == [COMMIT]
    assert not any(isinstance(fact, Gap) for fact in found)
    assert left == (other,)


@pytest.mark.parametrize(
    ("sources", "why"),
    [
        (None, "this builder fetches it and states no digest of it"),
        ([], "the builder's provenance does not name it"),
        ([Source("https://x.example/a.tar", ())], "provenance states no digest"),
    ],
)
def test_what_no_builder_states_is_a_gap(sources: Sequence[Source] | None, why: str) -> None:
    found, _ = remote.settle([Remote("https://x.example/a.tar", "n")], sources)
    material, gap = found
    assert isinstance(material, Material)
    assert (material.name, material.digests) == ("n=https://x.example/a.tar", ())
    assert isinstance(gap, Gap)
    assert why in gap.why


@pytest.mark.parametrize(
    "url",
    [
        "https://me:hunter2pw@x.example/a.git",
        "https://hunter2pw@x.example/a",
        "ssh://hunter2pw@x.example/a",
        "hunter2pw@x.example:a/b.git",
        "https://x.example/a?access_token=hunter2pwhunter2pw",
    ],
)
def test_no_password_in_a_url_is_shown(url: str) -> None:
    assert "hunter2pw" not in remote.shown(url)
    assert "x.example" in remote.shown(url)
    assert "hunter2pw" not in Remote(url, "name").name
