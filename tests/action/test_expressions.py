"""The evaluator of the harness does what GitHub documents, and refuses what it doesn't know."""

from __future__ import annotations

import pytest
from tests.action.expressions import Refused, condition, evaluated, filled
from tests.action.runner import commands, key_values

CONTEXT: dict[str, object] = {
    "inputs": {"command": "make", "empty": "", "as-is": "true"},
    "steps": {"install": {"outputs": {"folder": "/x"}}},
    "env": {},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("inputs.command", "make"),
        ("inputs.empty || 'other'", "other"),
        ("inputs.empty != ''", False),
        ("inputs.command == 'MAKE'", True),
        ("inputs.command != '' && (inputs.empty != '' || inputs.as-is == 'true')", True),
        ("steps.install.outputs.folder", "/x"),
        ("steps.install.outputs.none", None),
        ("steps.none.outputs.folder", None),
        ("env.NONE", None),
        ("'it''s'", "it's"),
    ],
)
def test_what_the_actions_use_is_evaluated(text: str, value: object) -> None:
    assert evaluated(text, CONTEXT) == value


@pytest.mark.parametrize(
    "text",
    [
        "inputs.unknown",
        "secrets.KEY",
        "github.event.pull_request.title",
        "toJSON(inputs)",
        "inputs.command > 3",
        "!inputs.command",
        "contains(inputs.command, 'x')",
        "inputs.*.x",
        "(inputs.command",
        "inputs.command inputs.empty",
        "",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        evaluated(text, CONTEXT)


def test_a_step_runs_after_a_failure_only_where_it_says_so() -> None:
    assert condition("", CONTEXT, failed=False)
    assert not condition("", CONTEXT, failed=True)
    assert not condition("inputs.command != ''", CONTEXT, failed=True)
    assert condition("always() && inputs.command != ''", CONTEXT, failed=True)
    assert not condition("${{ always() && inputs.empty != '' }}", CONTEXT, failed=True)


def test_texts_are_filled_and_nothing_that_was_filled_in_is_evaluated() -> None:
    context = CONTEXT | {"inputs": {"a": "${{ inputs.b }}", "b": "x"}}
    assert filled("<${{ inputs.a }}${{inputs.b}}>", context) == "<${{ inputs.b }}x>"


def test_files_and_logs_are_read_as_the_runner_reads_them() -> None:
    assert key_values("a=b=c\nd<<E\n1\nE2\n\nE\ne=\n") == {"a": "b=c", "d": "1\nE2\n", "e": ""}
    for broken in ("a<<E\nx\n", "nothing\n"):
        with pytest.raises(AssertionError):
            key_values(broken)
    found = commands("x ::error::no\n  ::warning file=a%2Cb,line=3::y%0Az::w\r::debug::d")
    assert [(item.name, item.value, dict(item.properties)) for item in found] == [
        ("warning", "y\nz::w", {"file": "a,b", "line": "3"}),
        ("debug", "d", {}),
    ]
