"""A multi-stage image, sealed: the compiler of its first stage is named, and doesn't ship."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.builds import ENGINES, Bom, Key, git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

pytestmark = pytest.mark.e2e

STATUS = """\
Package: gcc-12
Status: install ok installed
Maintainer: Example <example@example.invalid>
Architecture: amd64
Version: 12.2.0-14

"""
SHIPS = STATUS.replace("gcc-12", "libc6").replace("12.2.0-14", "2.36-9")
DOCKERFILE = """\
FROM scratch AS compiler
COPY system /
COPY program /program
FROM scratch
COPY --from=compiler /etc /etc
COPY ships /var/lib/dpkg/status
COPY --from=compiler /program /program
CMD ["/program"]
"""


@pytest.mark.parametrize("kind", ENGINES)
def test_gcc_of_the_first_stage_is_in_the_formulation_and_not_in_the_components(
    kind: str, bom: Bom, key: Key, need: Need, tmp_path: Path
) -> None:
    engine = need.engine(kind)
    tag = f"bom-test/stages-{kind}:1"
    sealed = [_sealed(tmp_path / name, bom.on(engine), key, tag) for name in ("one", "two")]
    subprocess.run(
        ["docker", "image", "rm", "-f", tag], env=engine, capture_output=True, check=True
    )
    assert sealed[0].read_bytes() == sealed[1].read_bytes()
    bom("verify", "--key", key.public, sealed[0], cwd=tmp_path)
    document = json.loads(bom("show", sealed[0], "--json", cwd=tmp_path).stdout)
    assert [part["name"] for part in document["components"]] == ["debian", "libc6"]
    formula: dict[str, Any] = document["formulation"][0]
    (gcc,) = (part for part in formula["components"] if part["name"] == "gcc-12")
    assert gcc["version"] == "12.2.0-14"
    assert gcc["scope"] == "excluded"
    assert {"name": "bom-seal:stage", "value": "compiler"} in gcc["properties"]
    named = [gap["text"] for gap in document["annotations"] if "stage.packages" in gap["text"]]
    assert named == []
    tasks = formula["workflows"][0].get("tasks", [])
    assert [task["uid"] for task in tasks] == (["steps"] if kind == "modern" else [])
    shown = bom("show", sealed[0], cwd=tmp_path).stdout
    assert "stage compiler: 2 packages" in shown


def _sealed(folder: Path, wrapped: Bom, key: Key, tag: str) -> Path:
    project = folder / "app"
    (project / "system" / "var" / "lib" / "dpkg").mkdir(parents=True)
    (project / "system" / "etc").mkdir()
    (project / "system" / "var" / "lib" / "dpkg" / "status").write_text(STATUS)
    (project / "system" / "etc" / "os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    (project / "ships").write_text(SHIPS)
    (project / "program").write_text("no program\n")
    (project / "Dockerfile").write_text(DOCKERFILE)
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "app")
    sealed = folder / "app.tar"
    command = ("docker", "build", "-t", tag, ".")
    wrapped("build", "-o", sealed, "--key", key.private, "--", *command, cwd=project)
    return sealed
