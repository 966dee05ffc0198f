"""What becomes of what a client says when it fails."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from bom.errors import EnvironmentLacks
from bom.install.python.client import run

if TYPE_CHECKING:
    from pathlib import Path

_TRACEBACK = """ERROR: Exception:
Traceback (most recent call last):
  File "pip/_internal/cli/base_command.py", line 107, in _run_wrapper
    status = _inner_run()
"""
_FULL = "OSError: [Errno 28] No space left on device"


@pytest.mark.parametrize(
    ("said", "reason", "hint"),
    [
        (f"{_TRACEBACK}{_FULL}\n", "No space left on device", "make room, or set TMPDIR"),
        (f"{_TRACEBACK}shutil.Error: [('a', 'b', '{_FULL}')]\n", "No space left on device", "make"),
        (f"{_TRACEBACK}zlib.error.BadError: it is bent\n", "zlib.error.BadError: it is bent", "an"),
        ("ERROR: one\nERROR: No matching distribution\n", "No matching distribution", "an index"),
        ("", "it says nothing", "an index"),
    ],
)
def test_what_is_wrong_is_told_and_not_that_there_is_an_exception(
    tmp_path: Path, said: str, reason: str, hint: str
) -> None:
    program = (
        f"import sys; print('Successfully installed a-1'); sys.stderr.write({said!r}); exit(2)"
    )
    if not said:
        program = "exit(2)"
    with pytest.raises(EnvironmentLacks) as caught:
        run([sys.executable, "-c", program], {}, tmp_path, "pip does not install it")
    assert caught.value.reason == f"pip does not install it: {reason}"
    assert caught.value.hint.startswith(hint)
