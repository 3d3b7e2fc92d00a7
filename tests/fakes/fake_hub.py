"""A Hub of datasets on this machine: what huggingface_hub asks to resolve, list and download.

Point `HF_ENDPOINT` at `FakeHub.url`. Headers and error codes are those of the real Hub as
huggingface_hub reads them.
"""

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import ClassVar, Self
from urllib.parse import unquote, urlsplit

_INFO = re.compile(r"/api/datasets/([^/]+/[^/]+)(?:/revision/(.+))?")
_FILE = re.compile(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Repository:
    """One dataset repository: files by commit, commits by name of a branch or tag."""

    commits: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    card: Mapping[str, object] = field(default_factory=dict)
    is_gated: bool = False
    is_private: bool = False
    fault: int | None = None
    """The status with which every request is answered, as an overloaded Hub does."""


class FakeHub:
    """Serve repositories on a free port until the `with` block ends."""

    token = "hf_of_a_test"  # noqa: S105

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self})
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def commit(self, name: str, files: Mapping[str, bytes], ref: str = "main") -> str:
        """Make the files the content of a branch, and give the commit's id."""
        repository = self.repositories.setdefault(name, Repository())
        content = repr((ref, sorted(files.items()))).encode()
        commit = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        repository.commits[commit] = dict(files)
        repository.refs[ref] = commit
        return commit


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[FakeHub]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.hub.requests.append(f"{self.command} {path}")
        if match := _INFO.fullmatch(path):
            self._answer_info(match[1], unquote(match[2] or "main"))
        elif match := _FILE.fullmatch(path):
            self._answer_file(match[1], unquote(match[2]), unquote(match[3]))
        else:
            self._refuse(404, "", "no such page")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer_info(self, name: str, revision: str) -> None:
        if (repository := self._find(name)) is None:
            return
        commit = repository.refs.get(revision, revision)
        if commit not in repository.commits:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        siblings = [{"rfilename": path} for path in sorted(repository.commits[commit])]
        answer = {
            "id": name,
            "sha": commit,
            "siblings": siblings,
            "gated": "auto" if repository.is_gated else False,
            "private": repository.is_private,
            "cardData": dict(repository.card),
            "tags": [],
        }
        self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _answer_file(self, name: str, revision: str, path: str) -> None:
        if (repository := self._find(name)) is None:
            return
        if repository.is_gated and not self._is_logged_in():
            self._refuse(401, "GatedRepo", "Access to this dataset is restricted")
            return
        commit = repository.refs.get(revision, revision)
        content = repository.commits.get(commit, {}).get(path)
        if content is None:
            self._refuse(404, "EntryNotFound", "Entry not found")
            return
        etag = hashlib.sha256(content).hexdigest()
        self._send(200, content, {"X-Repo-Commit": commit, "ETag": f'"{etag}"'})

    def _find(self, name: str) -> Repository | None:
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.is_private and not self._is_logged_in()):
            # The real Hub tells a stranger nothing about what exists.
            self._refuse(404 if self._is_logged_in() else 401, "RepoNotFound", "not found")
            return None
        if repository.fault is not None:
            self._refuse(repository.fault, "", "try again later")
            return None
        return repository

    def _is_logged_in(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {self.hub.token}"

    def _refuse(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message}
        self._send(status, json.dumps({"error": message}).encode(), headers)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
