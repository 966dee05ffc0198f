"""A headless browser, and axe-core in the version that package-lock.json states."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from tests.browser.devtools import Browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Need

HERE: Final = Path(__file__).parent


@pytest.fixture(scope="session")
def browser(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    executable = need("chromium")
    with Browser(executable, tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="session")
def axe(need: Need, tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core's source, its archive checked against the lock's digest by npm."""
    npm = need("npm")
    folder = tmp_path_factory.mktemp("axe")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder / name)
    words = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
    ran = subprocess.run([npm, *words], cwd=folder, capture_output=True, text=True, check=False)
    if ran.returncode:
        need.missing(f"npm ci can't get axe-core: {ran.stderr.strip()[-200:]}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
