"""The Python API: what docs/api.md shows is run, and importing the package costs nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.conftest import Need

ROOT: Final = Path(__file__).resolve().parents[1]


def python(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_example_of_the_documentation_runs(need: Need, tmp_path: Path) -> None:
    need("tar")
    (tmp_path / "hello.txt").write_text("hello\n")
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    done = python(example, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_function_that_is_said_to_be_public_is_there(tmp_path: Path) -> None:
    import bom

    lines = re.findall(r"^    (from bom\.\w+ import \w+) ", bom.__doc__ or "", flags=re.MULTILINE)
    assert len(lines) == 9
    done = python("\n".join(lines), tmp_path)
    assert done.returncode == 0, done.stderr


def test_importing_the_package_imports_nothing_else(tmp_path: Path) -> None:
    program = "import sys; old = set(sys.modules); import bom; print(set(sys.modules) - old)"
    assert python(program, tmp_path).stdout == "{'bom'}\n"
