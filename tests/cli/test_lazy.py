"""A verb pays only for what it uses."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def loaded(*arguments: str) -> set[str]:
    """The modules that a call of `bom` has loaded when it ends."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))\n"
        "from bom.cli import main\n"
        f"main({list(arguments)!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stderr.splitlines()[-1].split())


def test_scanning_a_folder_without_packages_loads_neither_settings_nor_parsers(
    tmp_path: Path,
) -> None:
    modules = loaded("scan", str(tmp_path))
    assert "bom.catalog.view" in modules
    heavy = {"pydantic", "packaging", "tomllib", "yaml", "defusedxml", "sqlite3"}
    assert not modules & heavy
    assert not modules & {"bom.builder.images.image", "bom.catalog.compare", "bom.archive.image"}


def test_scanning_a_project_loads_what_reads_it(tmp_path: Path) -> None:
    (tmp_path / "Cargo.lock").write_text("version = 4\n", encoding="utf-8")
    modules = loaded("scan", str(tmp_path))
    assert "bom.catalog.rust.declared" in modules
    assert "bom.catalog.python.project" not in modules


def test_asking_for_the_version_loads_no_verb() -> None:
    modules = loaded("--version")
    assert not {name for name in modules if name.startswith(("bom.catalog", "bom.scan"))}
    assert not modules & {"pydantic", "cyclonedx", "jsonschema_rs"}
