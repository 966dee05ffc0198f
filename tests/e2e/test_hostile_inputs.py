"""What a stranger can put into, beside or in the place of an artifact: never a traceback, a wait
without end, memory without bound, or a live control character."""

from __future__ import annotations

import copy
import json
import os
import pty
import random
import resource
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bom import canonical
from bom.archive.tar import encode_head, padding
from bom.seal import recognise, unseal_to
from bom.seal._front import BOM_ENTRY, BUNDLE_ENTRY
from bom.sign import bundle, dsse, jsf
from bom.sign.keys import PrivateKey, load_public
from bom.sign.trust import TrustedKey
from bom.verify import RUN_RECORD_LINES, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.builds import Bom, Key

    from bom.model import Verdict

MEMORY = 1_500_000_000  # bytes of address space for one call
STRANGER = PrivateKey.generate("ed25519")
C1 = "\x9b31m"  # a control sequence in one byte


@pytest.fixture(scope="module")
def sealed(bom: Bom, key: Key, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tar")
    (folder / "tree").mkdir()
    (folder / "tree" / "a").write_text("a\n")
    script = "tar -cf app.tar --sort=name --mtime=@0 --owner=0 --group=0 tree"
    bom("build", "--key", key.private, "--", "sh", "-c", script, cwd=folder)
    return folder / "app.tar"


@pytest.fixture
def forge(sealed: Path, tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """The same tar, sealed by a stranger with another document."""
    form = recognise(sealed)
    assert form is not None
    built, forged = tmp_path / "built.tar", tmp_path / "app.tar"
    unseal_to(form, sealed, built)

    def made(document: dict[str, Any]) -> Path:
        data = canonical.dumps(jsf.sign(document, STRANGER))
        entries = ((BOM_ENTRY, data), (BUNDLE_ENTRY, bundle.message(data, STRANGER)))
        front = (
            encode_head("tree/" + name, len(part), "gnu") + part + padding(len(part))
            for name, part in entries
        )
        forged.write_bytes(b"".join(front) + built.read_bytes())
        return forged

    return made


def document(sealed: Path) -> dict[str, Any]:
    form = recognise(sealed)
    envelope = form.read(sealed) if form else None
    assert envelope is not None
    found: dict[str, Any] = json.loads(envelope.bom)
    return found


def judge(path: Path, key: Key) -> Verdict:
    return verify(path, [TrustedKey("release.pub", load_public(key.public))])


def codes(verdict: Verdict) -> set[str]:
    return {finding.code for finding in verdict.findings}


def limited(
    bom: Bom, *arguments: str | Path, stdin: int = subprocess.DEVNULL
) -> subprocess.CompletedProcess[bytes]:
    """A call that may take little memory and time."""
    return subprocess.run(
        [sys.executable, "-m", "bom", *map(str, arguments)],
        env=bom.variables(),
        stdin=stdin,
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )


def test_a_document_of_other_types_than_it_should_have_gives_findings(
    sealed: Path, key: Key, forge: Callable[[dict[str, Any]], Path]
) -> None:
    chance = random.Random(20261125)
    strange: list[Any] = [5, 1.5, None, True, "x", "", [], {}, [[]], [5], [{}], {"a": 5}]
    for _ in range(600):
        bent = document(sealed)
        for _ in range(chance.randint(1, 3)):
            _bend(bent, chance, strange)
        assert not judge(forge(bent), key).good


def _bend(bent: dict[str, Any], chance: random.Random, strange: list[Any]) -> None:
    holder: Any = bent
    while True:
        place = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        inner = holder[place]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.3:
            holder[place] = copy.deepcopy(chance.choice(strange))
            return
        holder = inner


@pytest.mark.parametrize("part", ["components", "workflows"])
def test_a_part_that_is_no_list_is_a_finding(
    sealed: Path, key: Key, forge: Callable[[dict[str, Any]], Path], part: str
) -> None:
    bent = document(sealed)
    if part == "workflows":
        bent["formulation"] = [{"workflows": 5}]
    else:
        bent["metadata"]["component"]["components"] = 5
    assert codes(judge(forge(bent), key)) >= {"schema", "untrusted-key"}


@pytest.mark.parametrize(
    "bad", [b"[" + b"[]," * 20_000_000 + b"1]", b'{"a":[' + b"{}," * 15_000_000 + b"1]}"]
)
def test_an_envelope_of_millions_of_values_takes_little_memory(
    bom: Bom, key: Key, tmp_path: Path, bad: bytes
) -> None:
    path = tmp_path / "app.tar"
    path.write_bytes(encode_head(".bom/bom.cdx.json", len(bad), "gnu") + bad + padding(len(bad)))
    for verb in (("verify", "--key", key.public), ("show",), ("strip", "-o", tmp_path / "x")):
        done = limited(bom, *verb, path)
        assert (done.returncode, b"Traceback" in done.stderr) == (1, False), done.stderr


def test_a_document_with_a_million_mistakes_takes_little_memory(
    bom: Bom, key: Key, sealed: Path, forge: Callable[[dict[str, Any]], Path]
) -> None:
    bent = document(sealed)
    bent["components"] = [1] * 3_000_000
    done = limited(bom, "verify", "--key", key.public, forge(bent))
    assert done.returncode == 1, done.stderr
    assert b"schema" in done.stdout


@pytest.mark.parametrize(
    "lines",
    [
        b"\n" * 10_000_000,
        b"x" * 300_000_000,
        b"[" + b"[]," * 15_000_000 + b"1]\n",
    ],
)
def test_a_run_record_of_any_size_takes_little_memory(
    bom: Bom, key: Key, sealed: Path, tmp_path: Path, lines: bytes
) -> None:
    path = tmp_path / "app.tar"
    path.write_bytes(sealed.read_bytes())
    path.with_name("app.tar.sigstore.jsonl").write_bytes(lines)
    done = limited(bom, "verify", "--key", key.public, path)
    assert done.returncode == 1, done.stderr
    assert done.stdout.count(b"run-record:") <= RUN_RECORD_LINES + 1


def test_a_run_record_that_is_nested_without_end_is_a_finding(
    key: Key, sealed: Path, forge: Callable[[dict[str, Any]], Path]
) -> None:
    path = forge(document(sealed))
    line = dsse.envelope(b"[" * 100_000, STRANGER)
    path.with_name("app.tar.sigstore.jsonl").write_bytes(line)
    assert "run-record" in codes(judge(path, key))


def test_an_oversized_bom_beside_an_artifact_is_a_finding(key: Key, tmp_path: Path) -> None:
    path = tmp_path / "app.bin"
    path.write_bytes(b"x")
    with (tmp_path / "app.bin.bom.cdx.json").open("wb") as bom:
        bom.truncate(100 << 20)
    assert codes(judge(path, key)) == {"oversized"}


def test_what_is_no_plain_file_is_said_to_be_none(bom: Bom, key: Key, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.tar"
    os.mkfifo(pipe)
    for verb in (("verify", "--key", key.public), ("show",), ("strip", "-o", tmp_path / "x")):
        for path in (pipe, "/dev/zero", "/dev/null", tmp_path, tmp_path / "not-there"):
            done = limited(bom, *verb, path)
            assert done.returncode == 2, (verb, path, done)
            assert done.stderr.startswith(b"error: "), (verb, path, done)
    assert not (tmp_path / "x").exists()


def test_a_pipe_with_a_name_is_verified(bom: Bom, key: Key, sealed: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", 'cat "$0" > "$1"', sealed, pipe]):
        done = limited(bom, "verify", "--key", key.public, pipe)
    assert done.returncode == 0, done


def test_a_name_that_leaves_no_room_for_endings_is_verified(
    bom: Bom, key: Key, sealed: Path, tmp_path: Path
) -> None:
    path = tmp_path / ("a" * 250 + ".tar")
    path.write_bytes(sealed.read_bytes())
    for verb in (("verify", "--key", key.public), ("show",), ("strip", "-o", tmp_path / "x")):
        assert limited(bom, *verb, path).returncode == 0, verb


def test_a_file_name_that_is_no_text_is_shown_as_one(
    bom: Bom, key: Key, sealed: Path, tmp_path: Path
) -> None:
    path = tmp_path / os.fsdecode(b"\xff\n\x1b]0;x\x07" + C1.encode() + b"##[group].tar")
    path.write_bytes(sealed.read_bytes())
    for form in ((), ("--json",)):
        done = limited(bom, "verify", "--key", key.public, *form, path)
        assert done.returncode == 0, done
        printed = done.stdout.decode().split("\n")
        assert all(map(str.isprintable, printed)), printed
        assert "##[" not in done.stdout.decode()
    assert json.loads(done.stdout)["artifact"] == path.name


def test_a_terminal_gets_no_live_control_character_out_of_a_document(
    bom: Bom, sealed: Path, forge: Callable[[dict[str, Any]], Path]
) -> None:
    bent = document(sealed)
    bent["metadata"]["component"]["name"] = C1
    path = forge(bent)
    outer, inner = pty.openpty()
    with os.fdopen(outer, "rb", buffering=0) as terminal:
        with os.fdopen(inner, "wb") as stdout:
            command = [sys.executable, "-m", "bom", "show", "--json", str(path)]
            with subprocess.Popen(command, env=bom.variables(), stdout=stdout) as child:
                stdout.close()
                shown = b""
                while True:
                    try:
                        shown += (part := terminal.read(65536) or b"")
                    except OSError:  # the other end is closed
                        break
                    if not part:
                        break
        assert child.returncode == 0
    assert C1.encode() not in shown
    assert json.loads(shown)["metadata"]["component"]["name"] == C1


def test_built_bytes_that_were_changed_are_not_given_out_as_built(
    bom: Bom, sealed: Path, tmp_path: Path
) -> None:
    path = tmp_path / "app.tar"
    data = bytearray(sealed.read_bytes())
    data[-1] = 1
    path.write_bytes(data)
    done = bom("strip", path, "-o", tmp_path / "out.tar", cwd=tmp_path, code=1)
    assert "is not what was sealed" in done.stderr
    assert [item.name for item in tmp_path.iterdir()] == ["app.tar"]


def test_a_tar_of_countless_strange_files_gives_countable_findings(
    key: Key, sealed: Path, tmp_path: Path
) -> None:
    path = tmp_path / "app.tar"
    front = sealed.read_bytes()[:-1024]
    strangers = b"".join(encode_head(f"tree/{n}", 0, "gnu") for n in range(20_000))
    path.write_bytes(front + strangers + bytes(1024))
    found = judge(path, key)
    assert "subject-digest" in codes(found)
    assert len(found.findings) < 3000
