"""Whose the files of real images are: nearly all of a Debian image with a virtual environment and
a project in it, and nothing of what a step made out of nothing."""

from __future__ import annotations

import json
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from tests.e2e.builds import ENGINES, git

if TYPE_CHECKING:
    from tests.conftest import Need
    from tests.e2e.builds import Bom, Key

pytestmark = pytest.mark.e2e

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
MADE = 20_000
DOCKERFILE = """\
FROM {base} AS app
WORKDIR /app
RUN python3 -m venv /venv
COPY app.py VERSION ./
COPY pkg pkg
RUN python3 -m compileall -q . && echo made > made-here.txt
FROM app AS many
RUN mkdir /srv/data && cd /srv/data \\
 && python3 -c 'for n in range({made}): open(f"{{n:06}}", "w").write("made out of nothing %d" % n)'
"""


def built(bom: Bom, key: Key, context: Path, target: str, tag: str) -> dict[str, Any]:
    sealed = context.parent / f"{target}.tar"
    bom(
        *("build", "-o", sealed, "--key", key.private, "--"),
        *("docker", "build", "--network=host", "--target", target, "-t", tag, "."),
        cwd=context,
    )
    shown: dict[str, Any] = json.loads(bom("show", "--json", sealed, cwd=context).stdout)
    return shown


def _remove(engine: dict[str, str], tag: str) -> None:
    words = ("docker", "image", "rm", "--force", tag)
    subprocess.run(words, env=engine, check=True, capture_output=True)


def values(document: dict[str, Any], name: str) -> list[str]:
    entries = document["metadata"]["component"]["properties"]
    return [entry["value"] for entry in entries if entry["name"] == name]


def number(document: dict[str, Any], name: str) -> int:
    (value,) = values(document, f"bom-seal:files:{name}")
    return int(value)


@pytest.mark.parametrize("kind", ENGINES)
def test_files_are_accounted_for_by_packages_and_source_and_nothing_else(
    bom: Bom, key: Key, need: Need, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    engine = need.engine(kind)
    context = tmp_path / "app"
    (context / "pkg").mkdir(parents=True)
    (context / "Dockerfile").write_text(DOCKERFILE.format(base=need.base_image(engine), made=MADE))
    (context / "app.py").write_text("import pkg.answer\n" + "# a comment that is long\n" * 4)
    (context / "VERSION").write_text("1\n")
    (context / "pkg/__init__.py").write_text("")
    (context / "pkg/answer.py").write_text("ANSWER = 42\n")
    git(context, "init", "-q")
    git(context, "add", "-A")
    git(context, "commit", "-q", "-m", "app")
    (context / "VERSION").write_text("changed since\n")
    on = bom.on(engine)
    request.addfinalizer(lambda: _remove(engine, f"bom-e2e/files-{kind}:1"))
    app = built(on, key, context, "app", f"bom-e2e/files-{kind}:1")
    assert number(app, "accounted") >= 0.99 * number(app, "count")
    sources = {value.partition(" ")[2] for value in values(app, "bom-seal:files:source")}
    assert sources == {"app/app.py", "app/pkg/__init__.py", "app/pkg/answer.py"}
    blob = git(context, "rev-parse", "HEAD:pkg/answer.py").strip()
    assert f"{blob} app/pkg/answer.py" in values(app, "bom-seal:files:source")
    many = built(on, key, context, "many", f"bom-e2e/files-{kind}:1")
    assert number(many, "count") == number(app, "count") + MADE
    assert number(many, "accounted") == number(app, "accounted")
    shown = on("show", "--files", "--json", context.parent / "many.tar", cwd=context).stdout
    files = [json.loads(line) for line in shown.splitlines()]
    assert len(files) == number(many, "count")
    schema = json.loads((SCHEMAS / "file.schema.json").read_text(encoding="utf-8"))
    assert all(map(jsonschema_rs.validator_for(schema).is_valid, files))
    assert [item["path"] for item in files] == sorted(item["path"] for item in files)
    assert sum(item["owner"] is not None for item in files) == number(many, "accounted")
    lines = "".join(f"{item['sha256']}  {item['path']}\n" for item in files)
    assert values(many, "bom-seal:files:digest") == [sha256(lines.encode()).hexdigest()]
    (made,) = [item for item in files if item["path"] == "srv/data/000000"]
    assert made["owner"] is None
    assert made["layer"].startswith("sha256:")
    refs = {part["bom-ref"] for part in many["components"]} | {"subject"}
    assert {item["owner"] for item in files} - {None} <= refs
    told = on("show", "--files", context.parent / "many.tar", cwd=context).stdout
    assert f"{MADE:,} files of nobody known" in told
    digests = {values(shown, "bom-seal:files:digest")[0] for shown in (app, many)}
    assert len(digests) == 2
