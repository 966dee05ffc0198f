"""Secrets planted everywhere appear in nothing that `bom` itself writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import git, project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.builds import Bom, Image, Key

# Put together here, so that no scanner takes this file for a leak.
TOKEN = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
PASSWORD = "correct-horse-" + "battery-staple-9"
AWS = "AKIA" + "QWERTYUIOPASDFGH"
WEAK = "hunter" + "2"
SECRETS = (TOKEN, PASSWORD, AWS, WEAK)


def written(*folders: Path) -> bytes:
    """What stands in every file of ours in these folders: BOMs, bundles, records, results."""
    return b"".join(
        path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()
    )


def planted() -> dict[str, str]:
    return {
        "GITHUB_TOKEN": TOKEN,
        "DATABASE_PASSWORD": PASSWORD,
        "CFLAGS": f"-O2 -DKEY={AWS}",
        "LANG": "C.UTF-8",
        "MY_PIN": WEAK,
    }


def assert_clean(text: bytes) -> None:
    found = [secret[:6] + "…" for secret in SECRETS if secret.encode() in text]
    assert found == []


def test_nothing_planted_around_a_package_build_is_written(
    bom: Bom, key: Key, need: Need, tmp_path: Path
) -> None:
    root = project("python-package", tmp_path / "p")
    remote = f"https://somebody:{PASSWORD}@git.example.invalid/team/app.git"
    git(root, "remote", "add", "origin", remote)
    (root / "local.env").write_text(f"TOKEN={TOKEN}\n")
    out = tmp_path / "out"
    out.mkdir()
    script = f"{need('python')} -m build --no-isolation >/dev/null && : --password={WEAK}"
    done = bom(
        *("build", "--key", key.private, "--result", out / "result.json", "--"),
        *("sh", "-c", script, "--token", TOKEN, f"--password={PASSWORD}", f"AWS_KEY={AWS}"),
        cwd=root,
        more=planted(),
    )
    for artifact in root.glob("dist/*.*"):
        if artifact.suffix in (".whl", ".gz"):
            (out / f"{artifact.name}.json").write_text(
                bom("show", "--json", artifact, cwd=root).stdout
            )
            (out / f"{artifact.name}.txt").write_text(bom("show", artifact, cwd=root).stdout)
    for record in root.glob("dist/*.jsonl"):
        (out / record.name).write_bytes(_payloads(record))
    text = written(out) + done.stderr.encode()
    assert_clean(text)
    assert b"git.example.invalid/team/app" in text
    assert b"C.UTF-8" in text


def _payloads(record: Path) -> bytes:
    import base64
    import json

    return b"\n".join(
        base64.b64decode(json.loads(line)["dsseEnvelope"]["payload"])
        for line in record.read_bytes().splitlines()
    )


@pytest.mark.e2e
def test_nothing_planted_around_an_image_build_is_written(
    image: Image, key: Key, tmp_path: Path
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(
        f"FROM scratch\nARG API_TOKEN\nARG MODE\nENV SERVICE_PASSWORD={PASSWORD}\nCOPY a /\n"
    )
    (context / "a").write_text("a\n")
    tag = f"bom-e2e/secret-{image.kind}:1"
    sealed = tmp_path / "app.tar"
    out = tmp_path / "out"
    out.mkdir()
    done = image.bom(
        *("build", "-o", sealed, "--key", key.private, "--result", out / "result.json", "--"),
        *("docker", "build", "--build-arg", f"API_TOKEN={TOKEN}"),
        *("--build-arg", f"MODE={AWS}", "-t", tag, "."),
        cwd=context,
        more=planted(),
    )
    image.docker("image", "rm", "--force", tag)
    # it ships: the subject's own bytes hold it, and bom says so without repeating it
    assert "warning: " in done.stderr
    (out / "bom.json").write_text(image.bom("show", "--json", sealed, cwd=context).stdout)
    (out / "bom.txt").write_text(image.bom("show", sealed, cwd=context).stdout)
    (out / "record").write_bytes(_payloads(sealed.with_name("app.tar.sigstore.jsonl")))
    own = "\n".join(line for line in done.stderr.splitlines() if line.startswith("warning: "))
    assert_clean(written(out) + own.encode())
    assert "SERVICE_PASSWORD" in own


def test_a_check_keeps_no_secret_either(bom: Bom, tmp_path: Path) -> None:
    root = project("make-project", tmp_path / "p")
    out = tmp_path / "out"
    out.mkdir()
    bom(
        *("check", "unit", "--out", out / "unit.json", "--"),
        *("sh", "-c", "exit 0", f"--token={TOKEN}"),
        cwd=root,
        more=planted(),
    )
    assert_clean(written(out, root / ".git" / "bom"))
