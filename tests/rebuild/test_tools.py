"""The recorded tools against those that are here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bom.errors import EnvironmentLacks
from bom.model import Hash, Tool
from bom.rebuild.tools import ToolDifference, differences, refuse_without

if TYPE_CHECKING:
    from pathlib import Path


def tool(version: str, digest: str = "") -> Tool:
    hashes = (Hash("SHA-256", digest * 64),) if digest else ()
    return Tool("compiler", "cc", version, hashes=hashes)


def test_the_same_tools_are_no_difference() -> None:
    assert differences([tool("12.2", "a")], [tool("12.2", "a")]) == ()


def test_another_version_is_named_with_both() -> None:
    (found,) = differences([tool("12.2", "a")], [tool("12.3", "b")])
    assert found.text == "compiler cc: 12.2 -> 12.3"


def test_other_bytes_of_the_same_version_are_named() -> None:
    (found,) = differences([tool("12.2", "a")], [tool("12.2", "b")])
    assert found.text == ("compiler cc: 12.2 (sha256:aaaaaaaaaaaa) -> 12.2 (sha256:bbbbbbbbbbbb)")


def test_a_digest_that_one_of_both_lacks_says_nothing() -> None:
    assert differences([tool("12.2", "a")], [tool("12.2")]) == ()


def test_a_missing_tool_is_named_and_one_more_is_not() -> None:
    (found,) = differences([tool("12.2")], [Tool("shell", "sh", "1")])
    assert found.text == "compiler cc: 12.2 -> not here"


def test_a_backend_that_the_wheel_itself_states_is_known_only_later() -> None:
    assert differences([Tool("build-backend", "hatchling", "1.27", "stated")], []) == ()


def test_a_program_that_is_not_here_is_said_before_the_build(tmp_path: Path) -> None:
    changed = (ToolDifference("no-such-tool", "wrapped", "1.0", ""),)
    with pytest.raises(EnvironmentLacks) as caught:
        refuse_without(["no-such-tool"], changed, {"PATH": "/usr/bin"}, tmp_path)
    assert caught.value.reason == "no-such-tool is not here, and the build is run by it"
    assert caught.value.hint == "install it (it was 1.0)"


def test_a_frontend_that_the_command_calls_by_name_is_needed(tmp_path: Path) -> None:
    changed = (ToolDifference("build", "build-frontend", "1.3", ""),)
    with pytest.raises(EnvironmentLacks, match=r"needs what is not here: build 1\.3"):
        refuse_without(["sh"], changed, {"PATH": "/usr/bin:/bin"}, tmp_path)


def test_a_script_of_the_project_is_found_from_its_folder(tmp_path: Path) -> None:
    script = tmp_path / "build.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    refuse_without(["./build.sh"], (), {"PATH": "/usr/bin"}, tmp_path)
    with pytest.raises(EnvironmentLacks):
        refuse_without(["./other.sh"], (), {"PATH": "/usr/bin"}, tmp_path)
