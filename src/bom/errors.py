"""What can go wrong, in words a user can act on, and the exit codes that tell it to a script.

An error is raised once, where the reason is known, and turned into text once, in `cli/`.
"""

from __future__ import annotations

from typing import Final

GOOD: Final = 0
FINDING: Final = 1
WRONG_CALL: Final = 2
LACKING: Final = 3
# `bom build` and `bom check` pass the wrapped command's code through; every failure of their
# own is this one, as `env`, `timeout` and `docker run` have it.
OWN_FAILURE: Final = 125


class BomError(Exception):
    """The call is wrong or its input can't be read: exit 2.

    `reason` says what is wrong, `hint` what to do about it; both are one line of plain text.
    """

    exit_code: int = WRONG_CALL

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class EnvironmentLacks(BomError):
    """The machine lacks something that the call needs (an engine, a client): exit 3."""

    exit_code = LACKING


class Refused(BomError):
    """What was asked for would break a promise, so nothing was done: exit 2 (125 in a build)."""


class CannotSeal(BomError):
    """This artifact can't carry its envelope inside; the BOM goes beside it, with a gap."""


class CannotNormalise(BomError):
    """This artifact can't be rewritten without changing what is in it; it stays as it was built."""


class BadArtifact(BomError):
    """The artifact's content is not what it should be: a finding for `verify`, exit 1.

    `code` is the finding's code (`no-seal`, `damaged`, `truncated`, `oversized`, ...).
    """

    exit_code = FINDING

    def __init__(
        self, code: str, reason: str, *, expected: str = "", found: str = "", where: str = ""
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.expected = expected
        self.found = found
        self.where = where


class NotRebuilt(BomError):
    """The build that a BOM records does not come to an end here: a finding, exit 1.

    `exit_code`: another one where a signal ended it.
    """

    exit_code = FINDING
