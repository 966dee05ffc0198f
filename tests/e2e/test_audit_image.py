"""`bom audit` of a sealed image, and of the image in the engine, with real engines."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.builds import git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.builds import Bom, Key

pytestmark = pytest.mark.e2e

TAG = "bom-test/au-audit:1"
STATUS = """\
Package: libssl3
Status: install ok installed
Architecture: amd64
Source: openssl
Version: 3.0.11-1~deb12u2
Description: x

Package: unknown-tool
Status: install ok installed
Architecture: amd64
Version: 1.0
Description: x
"""
METADATA = "Metadata-Version: 2.1\nName: Jinja2\nVersion: 3.1.2\n"


def advisory(id: str, ecosystem: str, name: str, fixed: str) -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": fixed}]
    package = {"ecosystem": ecosystem, "name": name}
    affected = [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}]
    return {"id": id, "modified": "2026-01-01T00:00:00Z", "affected": affected}


@pytest.mark.parametrize("kind", ["modern", "classic"])
def test_an_image_is_audited_by_source_package_and_sealed_or_not_says_the_same(
    kind: str, bom: Bom, key: Key, need: Need, tmp_path: Path
) -> None:
    engine = need.engine(kind)
    context, osv = tmp_path / "app", tmp_path / "osv"
    site = "usr/lib/python3/dist-packages/jinja2-3.1.2.dist-info"
    for name, text in (
        ("etc/os-release", "ID=debian\nVERSION_ID=12\n"),
        ("var/lib/dpkg/status", STATUS),
        (f"{site}/METADATA", METADATA),
        (f"{site}/RECORD", f"{site.rpartition('/')[2]}/METADATA,,\n"),
    ):
        path = context / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (context / "Dockerfile").write_text("FROM scratch\nCOPY root /\n")
    git(context, "init", "-q")
    git(context, "add", "-A")
    git(context, "commit", "-q", "-m", "app")
    osv.mkdir()
    for item in (
        advisory("DEBIAN-CVE-2026-1", "Debian:12", "openssl", "3.0.13-1~deb12u1"),
        advisory("DEBIAN-CVE-2026-2", "Debian:12", "openssl", "3.0.11-1~deb12u1"),
        advisory("DEBIAN-CVE-2026-3", "Debian:11", "openssl", "9"),
        advisory("DEBIAN-CVE-2026-4", "Debian:12", "libssl3", "9"),
        advisory("PYSEC-2026-1", "PyPI", "jinja2", "3.1.4"),
    ):
        (osv / f"{item['id']}.json").write_text(json.dumps(item))
    tag = f"{TAG}-{kind}"
    wrapped = bom.on(engine)
    sealed = tmp_path / "app.tar"
    wrapped(
        *("build", "-o", sealed, "--key", key.private, "--", "docker", "build", "-t", tag, "."),
        cwd=context,
    )
    try:
        for target, more in ((sealed, ("--key", key.public)), (f"docker:{tag}", ())):
            done = wrapped(
                "audit", target, "--advisories", osv, "--json", *more, cwd=tmp_path, code=1
            )
            found = json.loads(done.stdout)
            assert {(item["id"], item["package"]) for item in found["vulnerabilities"]} == {
                ("DEBIAN-CVE-2026-1", "libssl3"),
                ("PYSEC-2026-1", "Jinja2"),
            }
            assert found["verified_by"] == ("release.pub" if more else None)
    finally:
        subprocess.run(
            ["docker", "image", "rm", "--force", tag],
            env={**os.environ, **engine},
            check=False,
            capture_output=True,
        )
