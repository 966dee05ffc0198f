"""GitHub's API on loopback, as far as the action asks it: comments and uploaded artifacts.

Answers have the members that GitHub documents; every request is kept, so that tests see what was
asked and which header went where.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.action.runner import REPOSITORY, REPOSITORY_ID
from tests.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

BOT = "github-actions[bot]"


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any = None


@dataclass(slots=True)
class Service:
    """The state. `readonly`: the token may not write; `archives`: artifact ID -> zip."""

    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    archives: dict[int, bytes] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    readonly: bool = False
    fails: int = 0  # so many answers are HTTP 502 first

    def comment(self, body: str, login: str = BOT, kind: str = "Bot") -> int:
        number = len(self.comments) + 1
        self.comments[number] = {
            "id": number,
            "body": body,
            "user": {"login": login, "type": kind, "id": 1},
            "html_url": f"https://github.invalid/{REPOSITORY}/pull/7#issuecomment-{number}",
        }
        return number

    def upload(
        self, name: str, files: Mapping[str, bytes], branch: str = "main", **run: int
    ) -> None:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
            for path, data in files.items():
                opened.writestr(path, data)
        number = len(self.artifacts) + 1
        self.archives[number] = archive.getvalue()
        ids = {"repository_id": REPOSITORY_ID, "head_repository_id": REPOSITORY_ID, **run}
        self.artifacts.append(
            {
                "id": number,
                "name": name,
                "expired": False,
                "created_at": f"2024-01-01T00:00:{number:02}Z",
                "workflow_run": {"id": 1, "head_branch": branch, "head_sha": "c" * 40, **ids},
            }
        )


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Requests are no output of the test."""

    @property
    def _service(self) -> Service:
        service: Service = self.server.owner.service  # type: ignore[attr-defined]
        return service

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        service = self._keep(None)
        if self._broken():
            return
        if match := re.fullmatch(r"/store/(\d+)", parts.path):
            self._answer(200, service.archives[int(match[1])])
        elif parts.path == f"/repos/{REPOSITORY}/actions/artifacts":
            query = parse_qs(parts.query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            found = [item for item in service.artifacts if item["name"] == query["name"][0]]
            shown = found[::-1][(page - 1) * size : page * size]
            self._json(200, {"total_count": len(found), "artifacts": shown})
        elif match := re.fullmatch(rf"/repos/{REPOSITORY}/actions/artifacts/(\d+)/zip", parts.path):
            self.send_response(302)
            self.send_header("Location", f"http://{self.headers['Host']}/store/{match[1]}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif re.fullmatch(rf"/repos/{REPOSITORY}/issues/\d+/comments", parts.path):
            query = parse_qs(parts.query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            found = list(service.comments.values())
            self._json(200, found[(page - 1) * size : page * size])
        else:
            self._json(404, {"message": "Not Found"})

    def do_POST(self) -> None:
        service = self._keep(self._body())
        if service.readonly:
            self._json(403, {"message": "Resource not accessible by integration"})
        elif re.fullmatch(rf"/repos/{REPOSITORY}/issues/\d+/comments", self.path):
            number = service.comment(service.asked[-1].body["body"])
            self._json(201, service.comments[number])
        else:
            self._json(404, {"message": "Not Found"})

    def do_PATCH(self) -> None:
        service = self._keep(self._body())
        match = re.fullmatch(rf"/repos/{REPOSITORY}/issues/comments/(\d+)", self.path)
        if match is None or int(match[1]) not in service.comments:
            self._json(404, {"message": "Not Found"})
            return
        service.comments[int(match[1])]["body"] = service.asked[-1].body["body"]
        self._json(200, service.comments[int(match[1])])

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _keep(self, body: Any) -> Service:
        asked = Asked(self.command, self.path, dict(self.headers), body)
        self._service.asked.append(asked)
        return self._service

    def _broken(self) -> bool:
        if self._service.fails == 0:
            return False
        self._service.fails -= 1
        self._json(502, {"message": "Bad Gateway"})
        return True

    def _json(self, status: int, value: object) -> None:
        self._answer(status, json.dumps(value).encode())

    def _answer(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class GitHub(Loopback):
    """The server; `service` is what it knows."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.service = Service()

    @property
    def url(self) -> str:
        return f"http://{self.host}"
