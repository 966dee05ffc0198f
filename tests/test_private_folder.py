"""The private folder for a second build goes, whatever a build left in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bom.private_folder import private_folder

if TYPE_CHECKING:
    from tests.conftest import Need

NOBODY = "65534"
FILL = """
import os, sys
from pathlib import Path
from bom.private_folder import private_folder
outside = Path(sys.argv[1])
with private_folder() as folder:
    inner = folder / "a" / "b" / "c"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    (inner / "link").symlink_to(outside)
    for place in (inner, inner.parent, inner.parent.parent):
        place.chmod(0)
print(folder.exists())
"""


def test_it_is_private_and_goes_with_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(KeyboardInterrupt), private_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").touch()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_folders_that_nobody_may_enter_go_and_what_links_lead_to_stays(
    tmp_path: Path, need: Need
) -> None:
    """Run without the rights of root, for whom no folder is closed."""
    place, outside = tmp_path / "tmp", tmp_path / "outside"
    place.mkdir()
    outside.mkdir()
    (outside / "kept").touch()
    outside.chmod(0o500)
    command = [sys.executable, "-c", FILL, str(outside)]
    if os.geteuid() == 0:
        place.chmod(0o777)
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == 0 and folder != Path("/"):
                folder.chmod(folder.stat().st_mode | 0o011)
        command = [need("setpriv"), "--reuid", NOBODY, "--clear-groups", *command]
    done = subprocess.run(
        command,
        env={**os.environ, "TMPDIR": str(place)},
        capture_output=True,
        text=True,
        check=False,
    )
    if "can't open" in done.stderr or "Permission denied: '/root" in done.stderr:
        pytest.skip("this Python is not open to other users")
    assert (done.stdout, done.stderr) == ("False\n", "")
    assert list(place.iterdir()) == []
    assert (outside / "kept").exists()
    assert outside.stat().st_mode & 0o777 == 0o500
