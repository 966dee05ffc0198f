"""Conda environments, from records made to the format that conda and mamba write."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from bom.catalog import catalogue_directory
from bom.model import Hash

if TYPE_CHECKING:
    from pathlib import Path

SITE = "lib/python3.12/site-packages"
SIX = "pkg:conda/six@1.16.0?build=py_0&channel=conda-forge&subdir=noarch&type=conda"
PYTHON = "pkg:conda/python@3.12.1?build=h1_0&channel=main&subdir=linux-64&type=tar.bz2"


def install(root: Path, name: str, files: dict[str, str], **stated: Any) -> dict[str, Any]:
    """A package's files and its record, as conda leaves them in the environment `root`."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content, encoding="utf-8")
    rows = [
        {
            "_path": path,
            "path_type": "hardlink",
            "sha256": sha256(content.encode()).hexdigest(),
            "sha256_in_prefix": sha256(content.encode()).hexdigest(),
        }
        for path, content in files.items()
    ]
    record = {"name": name, "files": sorted(files), "paths_data": {"paths": rows}, **stated}
    record.setdefault("requested_spec", "None")
    meta = root / "conda-meta"
    meta.mkdir(exist_ok=True)
    stem = f"{name}-{record.get('version')}-{record.get('build')}"
    (meta / f"{stem}.json").write_text(json.dumps(record), encoding="utf-8")
    return record


def environment(root: Path) -> Path:
    prefix = root / "opt/conda"
    install(
        prefix,
        "python",
        {
            "bin/python3.12": "elf",
            "include/python3.12/patchlevel.h": '#define PY_VERSION "3.12.1"\n',
            "lib/python3.12/os.py": "1",
        },
        version="3.12.1",
        build="h1_0",
        channel="https://repo.anaconda.com/pkgs/main/linux-64",
        subdir="linux-64",
        fn="python-3.12.1-h1_0.tar.bz2",
        depends=["__glibc >=2.17"],
        license="PSF-2.0",
        requested_spec="python=3.12",
    )
    info = f"{SITE}/six-1.16.0.dist-info"
    install(
        prefix,
        "six",
        {
            f"{SITE}/six.py": "1",
            f"{info}/METADATA": "Name: six\nVersion: 1.16.0\nLicense: MIT\n",
            f"{info}/RECORD": "six.py,sha256=AAAA,1\n",
            f"{info}/INSTALLER": "conda",
        },
        version="1.16.0",
        build="py_0",
        channel="https://conda.example.org/t/tk-secret-token/conda-forge/noarch",
        subdir="noarch",
        url="https://conda.example.org/t/tk-secret-token/conda-forge/noarch/six-1.16.0-py_0.conda",
        depends=["python >=3.6", "gone 1.0", "conda-forge::python"],
        license="MIT",
        sha256="ab" * 32,
        md5="cd" * 16,
    )
    return prefix


def test_a_package_has_the_purl_of_the_specification_its_file_and_its_graph(tmp_path: Path) -> None:
    environment(tmp_path)
    catalogue = catalogue_directory(tmp_path)
    found = {item.component.purl: item for item in catalogue.installed}
    assert set(found) == {SIX, PYTHON, "pkg:pypi/six@1.16.0"}
    six = found[SIX].component
    assert six.requires == (PYTHON,)
    assert six.hash_of == "installed-files"
    assert [item.value for item in six.licences] == ["MIT"]
    (file,) = six.distributions
    assert file.name == "six-1.16.0-py_0.conda"
    assert file.url == "https://conda.example.org/conda-forge/noarch/six-1.16.0-py_0.conda"
    assert file.hashes == (Hash("MD5", "cd" * 16), Hash("SHA-256", "ab" * 32))
    assert "secret-token" not in repr(catalogue)
    assert [found[ref].direct for ref in (PYTHON, SIX)] == [True, False]
    assert [gap.why for gap in catalogue.gaps if gap.what == "dependency"] == [
        "it depends on gone, which is not installed"
    ]


def test_what_pip_would_list_is_owned_by_its_conda_package(tmp_path: Path) -> None:
    environment(tmp_path)
    catalogue = catalogue_directory(tmp_path)
    (six,) = [i.component for i in catalogue.installed if i.component.purl.startswith("pkg:pypi")]
    properties = {item.name: item.value for item in six.properties}
    assert properties["bom-seal:python:owner"] == SIX
    # Its RECORD is wrong since conda edited the files: conda's own record is what counts.
    assert "bom-seal:integrity" not in properties
    assert catalogue.findings == ()
    assert {item.ref for item in catalogue.owned} == {SIX, PYTHON}


def test_files_are_held_against_the_digests_as_installed(tmp_path: Path) -> None:
    prefix = environment(tmp_path)
    (prefix / SITE / "six.py").write_text("2", encoding="utf-8")
    (finding,) = catalogue_directory(tmp_path).findings
    assert (finding.code, finding.ref) == ("modified", SIX)
    assert finding.where == f"opt/conda/{SITE}/six.py"


def test_a_file_with_the_prefix_written_into_it_is_not_held_against_its_old_digest(
    tmp_path: Path,
) -> None:
    record = install(
        tmp_path, "tool", {"bin/tool": "#!/opt/conda/bin/python"}, version="1", build="0"
    )
    (row,) = record["paths_data"]["paths"]
    row.update(sha256="00" * 32, prefix_placeholder="/placeholder")
    del row["sha256_in_prefix"]
    (tmp_path / "conda-meta/tool-1-0.json").write_text(json.dumps(record), encoding="utf-8")
    catalogue = catalogue_directory(tmp_path)
    assert catalogue.findings == ()
    (item,) = catalogue.installed
    assert ("bom-seal:integrity", "not checkable: its record states no digests") in {
        (entry.name, entry.value) for entry in item.component.properties
    }


def test_records_that_are_broken_or_lead_out_of_the_environment_are_gaps_or_stay_inside(
    tmp_path: Path,
) -> None:
    meta = tmp_path / "root/conda-meta"
    meta.mkdir(parents=True)
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    (meta / "a.json").write_bytes(b"\xff")
    (meta / "b.json").write_text("[]", encoding="utf-8")
    (meta / "c.json").write_text('{"name": "c"}', encoding="utf-8")
    (meta / "d.json").write_text('{"name": 1, "version": {}}', encoding="utf-8")
    escaping = {"name": "e", "version": "1", "files": ["../../secret", "/etc/passwd", 7, "\0"]}
    (meta / "e.json").write_text(json.dumps(escaping), encoding="utf-8")
    catalogue = catalogue_directory(tmp_path / "root")
    assert [gap.where for gap in catalogue.gaps if gap.what == "component"] == [
        f"conda-meta/{name}.json" for name in "abcd"
    ]
    (item,) = catalogue.installed
    assert item.component.hashes == ()
    assert "component.hash" in {gap.what for gap in catalogue.gaps}


def test_the_interpreter_of_a_conda_environment_is_condas(tmp_path: Path) -> None:
    prefix = environment(tmp_path)
    venv = tmp_path / "srv/venv"
    venv.mkdir(parents=True)
    config = f"home = /{(prefix / 'bin').relative_to(tmp_path)}\nversion = 3.12.1\n"
    (venv / "pyvenv.cfg").write_text(config, encoding="utf-8")
    catalogue = catalogue_directory(tmp_path)
    assert not [i for i in catalogue.installed if "pkg:generic" in i.component.purl]
    (made,) = [item for item in catalogue.owned if item.rule == "venv"]
    assert (made.ref, tuple(made.paths)) == (PYTHON, ("srv/venv/pyvenv.cfg",))
