"""A program that another version of a tool made says so, and its code is not told beside that."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from bom.compare import compare
from bom.compare.protocol import Circumstances

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

SOURCE = "int half(int x) { return x / VALUE; }\n"


def test_another_compiler_is_the_one_cause_of_another_code(need: Need, tmp_path: Path) -> None:
    made = []
    for number, version in enumerate(("13.2.0", "13.3.0"), 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        source, comment, program = folder / "a.c", folder / "comment", tmp_path / f"{number}.o"
        source.write_text(SOURCE)
        comment.write_bytes(f"\0GCC: (GNU) {version}\0".encode())
        subprocess.run(
            [need("gcc"), "-c", f"-DVALUE={number}", "-o", str(program), str(source)], check=True
        )
        update = ["--update-section", f".comment={comment}"]
        subprocess.run([need("objcopy"), *update, str(program)], check=True)
        made.append(program)
    known = (Circumstances(tools={"gcc": "13.2.0"}), Circumstances(tools={"gcc": "13.3.0"}))
    (found,) = compare(*made, epoch=0, known=known).differences
    assert (found.path, found.cause) == ("2.o > .comment", "tool-version")
    assert found.evidence == "gcc 13.2.0 -> 13.3.0"
    assert found.remedy == "Build both with one version of gcc: pin it (`bom lock`)."
    (found,) = compare(*made, epoch=0).differences
    assert found.cause == "tool-version"
