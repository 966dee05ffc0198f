"""The wrapped command gets the environment that `bom` got."""

from __future__ import annotations

import json
import os
import subprocess
import sys


def test_the_command_sees_what_was_given_and_no_passphrase() -> None:
    """PEP 538: in the C locale Python sets LC_CTYPE for itself and all its children."""
    script = (
        "import json, sys; from bom.cli.environment import given; json.dump(given(), sys.stdout)"
    )
    started = {
        "PATH": os.environ["PATH"],
        "BOM_KEY_PASSPHRASE": "x" * 20,
        "LANGUAGE": "de",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=started, capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout) == {"PATH": os.environ["PATH"], "LANGUAGE": "de"}


def test_a_locale_that_the_user_set_stays() -> None:
    script = "from bom.cli.environment import given; print(given()['LC_CTYPE'])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"LC_CTYPE": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "C.UTF-8\n"
