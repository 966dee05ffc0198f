"""Registries: images streamed out of them, credentials, and registries that mean no good."""

from __future__ import annotations

import base64
import gzip
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.catalog.test_image_layers import member, tar
from tests.sources.registries import INDEX, MANIFEST, Handler, Registry, Store, digest, endless

from bom import sources
from bom.archive.image import DOCUMENT_LIMIT
from bom.archive.platforms import of_this_machine
from bom.builder.protocol import Silent
from bom.errors import BomError, EnvironmentLacks
from bom.model import Dependency
from bom.registry import http as registry_http
from bom.registry.http import is_loopback
from bom.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATUS = b"Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n"
ROOT = tar(
    member("etc/os-release", b'ID=debian\nVERSION_ID="12"\n'),
    member("var/lib/dpkg/status", STATUS),
)
BIG = tar(member("big", bytes(range(256)) * 20_000))
TOOL = "pkg:deb/debian/tool@1?arch=amd64&distro=debian-12"
USER = "ann:p4ss"


@pytest.fixture
def store() -> Store:
    made = Store()
    made.image(ROOT, BIG, tag="1")
    return made


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_http, "_PAUSE", 0.0)


@pytest.fixture
def registry(store: Store) -> Iterator[Registry]:
    with Registry(store) as made:
        yield made


def found(name: str, environment: dict[str, str] | None = None, **how: Any) -> sources.Found:
    return sources.read(name, Silent(), environment or {"HOME": "/nonexistent"}, **how)


def purls(result: sources.Found) -> list[str]:
    return [
        i.component.purl
        for i in result.observations
        if isinstance(i, Dependency) and i.component.purl
    ]


def docker_config(folder: Path, value: dict[str, Any]) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(value))
    return {"DOCKER_CONFIG": str(folder), "HOME": str(folder), "PATH": f"{folder}:/usr/bin:/bin"}


def auths(registry: Registry, user: str = USER) -> dict[str, Any]:
    return {"auths": {registry.host: {"auth": base64.b64encode(user.encode()).decode()}}}


# --- images -------------------------------------------------------------------------------------


def test_an_image_is_described_with_its_name_tag_and_digests(registry: Registry) -> None:
    described = json.loads(scan(registry.name(), Silent(), {}))
    subject = described["metadata"]["component"]
    name = f"{registry.host}/team/app"
    assert (subject["name"], subject["version"], subject["type"]) == (name, "1", "container")
    manifest = digest(registry.store.manifests["1"][0])
    assert subject["purl"].startswith(f"pkg:oci/app@{manifest}?")
    properties = {item["name"]: item["value"] for item in subject["properties"]}
    assert properties["bom-seal:image:manifest"] == manifest
    assert properties["bom-seal:image:tag"] == f"{name}:1"
    assert "hashes" not in subject
    assert [part["bom-ref"] for part in described["components"]] == ["os:debian@12", TOOL]


def test_an_image_is_found_by_its_digest_and_layers_that_stand_twice_are_fetched_once(
    registry: Registry,
) -> None:
    registry.store.image(ROOT, BIG, ROOT, tag="twice")
    by = digest(registry.store.manifests["twice"][0])
    result = found(f"oci://{registry.host}/team/app@{by}")
    assert result.subject.package_name == f"{registry.host}/team/app"
    assert result.image is not None and len(result.image.identity.layers) == 3
    assert len(registry.paths()) == len(set(registry.paths())) == 4


def test_compressed_layers_are_read(registry: Registry) -> None:
    packed = gzip.compress(ROOT)
    made = registry.store.image(ROOT)
    value = json.loads(registry.store.manifests[made["digest"]][0])
    value["layers"] = [registry.store.blob(packed, "application/vnd.oci.image.layer.v1.tar+gzip")]
    registry.store.manifest(value, MANIFEST, "gz")
    assert purls(found(registry.name("gz"))) == [TOOL]


def test_of_an_index_this_machines_image_is_taken_or_the_one_that_is_asked_for(
    registry: Registry,
) -> None:
    here = of_this_machine().partition("/")[2].partition("/")[0]
    mine = registry.store.image(ROOT, arch=here)
    other = registry.store.image(BIG, arch="mips64le")
    attestation = {
        **registry.store.manifest({"config": {}, "layers": []}, MANIFEST),
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        "platform": {"os": "unknown", "architecture": "unknown"},
    }
    registry.store.manifest({"manifests": [other, attestation, mine]}, INDEX, "all")
    assert purls(found(registry.name("all"))) == [TOOL]
    chosen = found(registry.name("all"), platform="linux/mips64le").image
    assert chosen is not None and chosen.identity.platform == "linux/mips64le"
    registry.store.manifest({"manifests": [other, attestation]}, INDEX, "single")
    assert found(registry.name("single")).image is not None
    third = registry.store.image(BIG, arch="mipsle")
    registry.store.manifest({"manifests": [other, third]}, INDEX, "others")
    with pytest.raises(BomError) as caught:
        found(registry.name("others"))
    assert "linux/mips64le, linux/mipsle" in f"{caught.value.reason} {caught.value.hint}"
    with pytest.raises(BomError, match="holds no image for linux/s390x"):
        found(registry.name("1"), platform="linux/s390x")


def test_what_is_no_image_is_refused_in_words(registry: Registry) -> None:
    chart = registry.store.blob(b"{}", "application/vnd.cncf.helm.config.v1+json")
    registry.store.manifest({"config": chart, "layers": []}, MANIFEST, "chart")
    registry.store.manifest({"fsLayers": []}, MANIFEST, "old")
    old = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    registry.store.manifest({"fsLayers": []}, old, "older")
    for tag, told in (("chart", "helm"), ("old", "no image manifest"), ("older", "v1.prettyjws")):
        with pytest.raises(BomError, match=told):
            found(registry.name(tag))


def test_what_is_not_there_is_said(registry: Registry) -> None:
    with pytest.raises(BomError, match="there is no") as caught:
        found(registry.name("nope"))
    assert caught.value.exit_code == 2


def test_a_registry_that_nobody_serves_is_a_lack_of_the_environment() -> None:
    with pytest.raises(EnvironmentLacks, match="can't be reached"):
        found("oci://127.0.0.1:1/team/app:1")


# --- credentials --------------------------------------------------------------------------------


@pytest.mark.parametrize("bearer", [False, True])
def test_credentials_of_the_docker_configuration_open_a_registry(
    store: Store, tmp_path: Path, bearer: bool
) -> None:
    with Registry(store, USER, bearer) as registry:
        environment = docker_config(tmp_path / "d", auths(registry))
        result = found(registry.name(), environment)
        assert purls(result) == [TOOL]
        assert USER.partition(":")[2] not in repr(result.subject)
        with pytest.raises(BomError, match="doesn't give access") as caught:
            found(registry.name())
        assert caught.value.hint == f"docker login {registry.host}"
        wrong = docker_config(tmp_path / "w", auths(registry, "ann:wrong"))
        with pytest.raises(BomError, match="doesn't give access"):
            found(registry.name(), wrong)


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_credential_helpers_are_asked(
    store: Store, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Registry(store, USER) as registry:
        value = {key: "test" if key == "credsStore" else {registry.host: "test"}}
        environment = docker_config(tmp_path, value)
        answer = json.dumps({"ServerURL": "", "Username": "ann", "Secret": "p4ss"})
        helper = tmp_path / "docker-credential-test"
        helper.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{answer}'\n")
        helper.chmod(0o755)
        with pytest.raises(BomError, match="gives no credentials"):
            found(registry.name(), environment)  # it is not on PATH
        monkeypatch.setenv("PATH", environment["PATH"])
        assert purls(found(registry.name(), environment)) == [TOOL]
        helper.write_text("#!/bin/sh\nexit 1\n")
        with pytest.raises(BomError, match="gives no credentials"):
            found(registry.name(), environment)


def test_an_identity_token_is_exchanged_for_one_of_the_registry(
    store: Store, tmp_path: Path
) -> None:
    with Registry(store, USER, bearer=True) as registry:
        value = {"auths": {registry.host: {"identitytoken": "long-lived"}}}
        assert purls(found(registry.name(), docker_config(tmp_path, value))) == [TOOL]
        assert registry.forms[0]["refresh_token"] == ["long-lived"]
        assert registry.forms[0]["scope"] == ["repository:team/app:pull"]


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"auths": 3}', '{"auths": {"x": {"auth": 5}}}']
)
def test_a_docker_configuration_that_cant_be_read_is_no_traceback(
    registry: Registry, tmp_path: Path, content: str
) -> None:
    (tmp_path / "config.json").write_text(content)
    try:
        assert purls(found(registry.name(), {"DOCKER_CONFIG": str(tmp_path)})) == [TOOL]
    except BomError as error:
        assert "docker's configuration" in error.reason


def test_credentials_stay_with_the_registry_when_it_redirects(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Registry(store) as elsewhere, Registry(store, USER) as registry:

        def away(handler: Handler) -> bool:
            if "/blobs/" in handler.path and handler.headers.get("Authorization"):
                return handler.redirect(f"http://{elsewhere.host}{handler.path}")
            return False

        registry.answer = away
        environment = docker_config(tmp_path / "d", auths(registry))
        assert purls(found(registry.name(), environment)) == [TOOL]
        assert len(elsewhere.seen) == 3
        assert {item.authorization for item in elsewhere.seen} == {""}


def test_a_token_is_fetched_from_https_or_this_machine_alone(store: Store, tmp_path: Path) -> None:
    with Registry(store, USER, bearer=True) as registry:

        def elsewhere(handler: Handler) -> bool:
            realm = 'Bearer realm="http://registry.example.org/token"'
            handler.send(b"{}", "application/json", 401, WWW_Authenticate=realm)
            return True

        registry.answer = elsewhere
        with pytest.raises(BomError, match="leads away from https"):
            found(registry.name(), docker_config(tmp_path, auths(registry)))


@pytest.mark.parametrize("token", ["", "a\r\nX-Evil: 1", 5, None, "ü"])
def test_a_token_that_would_break_a_header_is_refused(
    store: Store, tmp_path: Path, token: object
) -> None:
    with Registry(store, USER, bearer=True) as registry:

        def answer(handler: Handler) -> bool:
            if not handler.path.startswith("/token"):
                return False
            handler.send(json.dumps({"token": token}).encode(), "application/json")
            return True

        registry.answer = answer
        with pytest.raises(BomError, match="no token"):
            found(registry.name(), docker_config(tmp_path, auths(registry)))


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("127.9.9.9", True),
        ("[::1]:5000", True),
        ("registry.example.org", False),
        ("127.0.0.1.example.org", False),
        ("localhost.example.org", False),
        ("10.0.0.1:5000", False),
        ("[::2]", False),
    ],
)
def test_http_is_for_this_machine_alone(host: str, local: bool) -> None:
    assert is_loopback(host) is local
    http = registry_http.Http(host, host)
    assert http.base == f"{'http' if local else 'https'}://{host}"
    http.check("https://cdn.example.org/x")
    if not local:
        with pytest.raises(BomError):
            http.check(f"http://{host}/x")
        with pytest.raises(BomError):
            http.check("http://127.0.0.1/x")
    for url in ("http://cdn.example.org/x", "file:///etc/passwd", "https:///x", "//x", ""):
        with pytest.raises(BomError, match="leads away from https"):
            http.check(url)
    http.close()


# --- registries that mean no good ---------------------------------------------------------------


def broken(store: Store, change: str) -> None:
    """Exchange one part of the image at tag 1 for other bytes under the same name."""
    value = json.loads(store.manifests["1"][0])
    match change:
        case "layer":
            name = value["layers"][0]["digest"]
            store.blobs[name] = bytes(reversed(store.blobs[name]))
        case "readable layer":
            name = value["layers"][0]["digest"]
            store.blobs[name] = store.blobs[name].replace(b"tool", b"toot")
        case "config":
            name = value["config"]["digest"]
            store.blobs[name] = store.blobs[name].replace(b"linux", b"minix")
        case "short layer":
            store.blobs[value["layers"][1]["digest"]] = b"x"
        case "long layer":
            name = value["layers"][1]["digest"]
            store.blobs[name] += b"x"
        case "size":
            value["layers"][0]["size"] = 1 << 62
            store.manifest(value, MANIFEST, "1")
        case "negative size":
            value["config"]["size"] = -1
            store.manifest(value, MANIFEST, "1")
        case "digest":
            value["config"]["digest"] = "../../../etc/passwd"
            store.manifest(value, MANIFEST, "1")
        case "layers":
            value["layers"] = value["layers"] * 5000
            store.manifest(value, MANIFEST, "1")
        case "shape":
            value["layers"] = {"a": 1}
            store.manifest(value, MANIFEST, "1")
        case "no json":
            store.manifests["1"] = (b"[" * 100_000, MANIFEST)


@pytest.mark.parametrize(
    "change",
    [
        "layer",
        "readable layer",
        "config",
        "short layer",
        "long layer",
        "size",
        "negative size",
        "digest",
        "layers",
        "shape",
        "no json",
    ],
)
def test_what_is_not_what_its_digest_says_is_an_error(registry: Registry, change: str) -> None:
    broken(registry.store, change)
    with pytest.raises(BomError) as caught:
        found(registry.name())
    assert caught.value.reason.isprintable()
    assert caught.value.exit_code in (2, 3)


def test_another_manifest_than_the_digest_names_is_an_error(registry: Registry) -> None:
    wanted = "sha256:" + "0" * 64
    registry.store.manifests[wanted] = registry.store.manifests["1"]
    with pytest.raises(BomError, match="another manifest"):
        found(f"oci://{registry.host}/team/app@{wanted}")
    inner = {"mediaType": MANIFEST, "digest": wanted, "size": 3}
    registry.store.manifest({"manifests": [inner]}, INDEX, "index")
    with pytest.raises(BomError, match="not what its digest says"):
        found(registry.name("index"))


def test_a_body_without_end_is_given_up(registry: Registry) -> None:
    layer = json.loads(registry.store.manifests["1"][0])["layers"][1]["digest"]
    for part, limit in (("/manifests/", DOCUMENT_LIMIT), (layer, len(BIG))):
        sent = 0

        def flood(handler: Handler, part: str = part) -> bool:
            nonlocal sent
            if part not in handler.path:
                return False
            for _ in endless(handler):
                sent += 1 << 16
            return True

        registry.answer = flood
        with pytest.raises(BomError, match="sends more than"):
            found(registry.name())
        assert sent < limit + (64 << 20)


def test_a_body_that_trickles_is_given_up(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_http, "_PATIENCE", 0.3)

    def trickle(handler: Handler) -> bool:
        for _ in endless(handler, b"x"):
            time.sleep(0.02)
        return True

    registry.answer = trickle
    with pytest.raises(BomError, match="too slowly"):
        found(registry.name())


def test_redirects_in_a_circle_end(registry: Registry) -> None:
    registry.answer = lambda handler: handler.redirect(handler.path)
    with pytest.raises(BomError, match="redirects again and again"):
        found(registry.name())
    assert len(registry.seen) < 10


@pytest.mark.parametrize("url", ["http://registry.example.org/x", "file:///etc/passwd", "gopher:x"])
def test_a_redirect_away_from_https_is_not_followed(registry: Registry, url: str) -> None:
    registry.answer = lambda handler: handler.redirect(url)
    with pytest.raises(BomError, match="leads away from https"):
        found(registry.name())


def test_indexes_inside_indexes_and_endless_lists_end(registry: Registry) -> None:
    inner = registry.store.image(ROOT)
    for _ in range(20):
        inner = registry.store.manifest({"manifests": [inner]}, INDEX)
    registry.store.manifest({"manifests": [inner]}, INDEX, "deep")
    one = registry.store.image(ROOT)
    many = [{**one, "digest": f"sha256:{number:064x}"} for number in range(2000)]
    registry.store.manifest({"manifests": many}, INDEX, "wide")
    for tag in ("deep", "wide"):
        with pytest.raises(BomError, match="names too much"):
            found(registry.name(tag))
    assert len(registry.seen) < 20


@pytest.mark.parametrize("value", [{}, {"manifests": 3}, {"manifests": [3]}, {"manifests": []}])
def test_an_index_that_is_none_is_refused(registry: Registry, value: Any) -> None:
    registry.store.manifest(value, INDEX, "odd")
    with pytest.raises(BomError, match="holds"):
        found(registry.name("odd"))


def test_a_layer_that_breaks_off_goes_on_from_there(registry: Registry) -> None:
    cuts = iter([1000, 300_000, 500_000])

    def cut(handler: Handler) -> bool:
        data = registry.store.blobs.get(handler.path.rpartition("/")[2], b"")
        end = next(cuts, 0) if len(data) == len(BIG) else 0
        if not end:
            return False
        asked = handler.headers.get("Range", "bytes=0-")
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        handler.wfile.write(data[start:end])
        handler.close_connection = True
        return True

    registry.answer = cut
    assert purls(found(registry.name())) == [TOOL]
    assert [item.range for item in registry.seen if item.range] == [
        "bytes=1000-",
        "bytes=300000-",
        "bytes=500000-",
    ]


def test_a_registry_that_takes_no_ranges_sends_the_layer_again(registry: Registry) -> None:
    cuts = iter([1000])

    def cut(handler: Handler) -> bool:
        data = registry.store.blobs.get(handler.path.rpartition("/")[2], b"")
        if len(data) != len(BIG):
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[: next(cuts, len(data))])
        handler.close_connection = True
        return True

    registry.answer = cut
    assert purls(found(registry.name())) == [TOOL]


def test_a_layer_that_always_breaks_off_is_given_up(registry: Registry) -> None:
    def cut(handler: Handler) -> bool:
        if "/blobs/" not in handler.path:
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.close_connection = True
        return True

    registry.answer = cut
    with pytest.raises(EnvironmentLacks, match="breaks off after 0 of"):
        found(registry.name())


def test_a_registry_that_is_busy_is_asked_again_a_few_times(registry: Registry) -> None:
    busy = iter([503, 429, 500])

    def answer(handler: Handler) -> bool:
        status = next(busy, 0)
        if status:
            handler.send(b"", "text/plain", status, Retry_After="0")
        return bool(status)

    registry.answer = answer
    assert purls(found(registry.name())) == [TOOL]

    def always(handler: Handler) -> bool:
        handler.send(b"", "text/plain", 503)
        return True

    registry.answer = always
    registry.seen.clear()
    with pytest.raises(BomError, match="HTTP status 503"):
        found(registry.name())
    assert len(registry.seen) == registry_http.ATTEMPTS
