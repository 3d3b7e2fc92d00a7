"""A Hub on this machine: datasets to list and download, models and accounts to ask about.

Point `HF_ENDPOINT` at `FakeHub.url`. Statuses, headers and error codes are those of the real
Hub as huggingface_hub reads them (those of models and accounts as observed in October 2026).
"""

import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import ClassVar, Self
from urllib.parse import unquote, urlsplit

_INFO = re.compile(r"/api/datasets/([^/]+/[^/]+)(?:/revision/(.+))?")
_FILE = re.compile(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_MODEL_FILE = re.compile(r"/((?:[^/]+/)?[^/]+)/resolve/([^/]+)/(.+)")
_MODEL_WRITE = re.compile(r"/api/models/([^/]+/[^/]+)/auth-check/write")


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


@dataclass
class Model:
    """One model repository, and who may do what with it."""

    files: frozenset[str] = frozenset({"model_index.json"})
    revisions: frozenset[str] = frozenset({"main"})
    is_gated: bool = False
    is_private: bool = False
    accepted_by: frozenset[str] = frozenset()
    """Accounts that accepted the license, and were accepted."""
    waiting: frozenset[str] = frozenset()
    """Accounts whose request the authors have not answered."""
    readers: frozenset[str] = frozenset()
    """Accounts that may see it though it is private."""
    writers: frozenset[str] = frozenset()
    moved_to: str | None = None
    """The name that it has now, or an address elsewhere: the Hub redirects."""


@dataclass
class Account:
    """A person, with one token."""

    name: str
    role: str = "write"
    """Of the token: read, write or fineGrained."""
    organizations: Mapping[str, str] = field(default_factory=dict)
    scoped: tuple[Mapping[str, object], ...] = ()
    """Permissions of a fine-grained token by what they hold for."""
    reads_gated: bool = False
    """Whether a fine-grained token reads gated models."""


class FakeHub:
    """Serve repositories on a free port until the `with` block ends."""

    token = "hf_of_a_test"  # noqa: S105

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.models: dict[str, Model] = {}
        self.accounts: dict[str, Account] = {}
        """By token, besides the one of `token`."""
        self.delay_s = 0.0
        """How long every answer takes."""
        self.fault: int | None = None
        """The status with which everything is answered, as an overloaded Hub does."""
        self.page: bytes | None = None
        """What is answered to everything, as the login page of a hotel does."""
        self.page_type = "text/html"
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self})
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        serve = self._server.serve_forever
        # It looks for the end of the block this often, in seconds.
        threading.Thread(target=serve, args=(0.01,), daemon=True).start()
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
        time.sleep(self.hub.delay_s)
        if self.hub.fault is not None:
            self._refuse(self.hub.fault, "", "try again later")
        elif self.hub.page is not None:
            self._send(200, self.hub.page, {"Content-Type": self.hub.page_type})
        else:
            self._answer(path)

    def _answer(self, path: str) -> None:
        if match := _INFO.fullmatch(path):
            self._answer_info(match[1], unquote(match[2] or "main"))
        elif match := _FILE.fullmatch(path):
            self._answer_file(match[1], unquote(match[2]), unquote(match[3]))
        elif path == "/api/whoami-v2":
            self._answer_whoami()
        elif match := _MODEL_WRITE.fullmatch(path):
            self._answer_write(match[1])
        elif match := _MODEL_FILE.fullmatch(path):
            self._answer_model_file(match[1], unquote(match[2]), unquote(match[3]))
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

    # -------------------------------------------------------------- models and accounts

    def _answer_whoami(self) -> None:
        if (account := self._account()) is None:
            self._refuse(401, "", self._who_are_you())
            return
        token: dict[str, object] = {"displayName": "a test", "role": account.role}
        if account.role == "fineGrained":
            token["fineGrained"] = {
                "canReadGatedRepos": account.reads_gated,
                "global": [],
                "scoped": list(account.scoped),
            }
        answer = {
            "type": "user",
            "name": account.name,
            "orgs": [
                {"type": "org", "name": name, "roleInOrg": role}
                for name, role in account.organizations.items()
            ],
            "auth": {"type": "access_token", "accessToken": token},
        }
        self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _answer_write(self, name: str) -> None:
        account = self._account()
        if (model := self._find_model(name, account)) is None:
            return
        if account is None or account.role == "read" or account.name not in model.writers:
            self._refuse(403, "", "You have read access but not the required permissions")
        else:
            self._send(200, b"OK", {})

    def _answer_model_file(self, name: str, revision: str, path: str) -> None:
        account = self._account()
        if (model := self._find_model(name, account)) is None:
            return
        if model.moved_to is not None:
            start = "" if "://" in model.moved_to else "/"
            target = f"{start}{model.moved_to}/resolve/{revision}/{path}"
            self._send(307, b"", {"Location": target})
        elif model.is_gated and (refusal := _gate(name, model, account)) is not None:
            self._refuse(*refusal)
        elif revision not in model.revisions:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif path not in model.files:
            self._refuse(404, "EntryNotFound", "Entry not found")
        else:
            self._send(200, b"{}", {"X-Repo-Commit": "0" * 40, "ETag": '"1"'})

    def _find_model(self, name: str, account: Account | None) -> Model | None:
        if account is None and "Authorization" in self.headers:
            self._refuse(401, "", self._who_are_you())
            return None
        model = self.hub.models.get(name)
        is_hidden = model is None or (
            model.is_private and (account is None or account.name not in model.readers)
        )
        if is_hidden and account is None:
            self._refuse(401, "", self._who_are_you())
        elif is_hidden:
            self._refuse(404, "RepoNotFound", "Repository not found")
        return None if is_hidden else model

    def _account(self) -> Account | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        known = {self.hub.token: Account("tester"), **self.hub.accounts}
        return known.get(token)

    def _who_are_you(self) -> str:
        has_token = "Authorization" in self.headers
        return (
            "Invalid credentials in Authorization header"
            if has_token
            else "Invalid username or password."
        )

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


def _gate(name: str, model: Model, account: Account | None) -> tuple[int, str, str] | None:
    """Give status, code and message for somebody who may not read a gated model."""
    if account is None:
        return 401, "GatedRepo", f"Access to model {name} is restricted. Please log in."
    if account.role == "fineGrained" and not account.reads_gated:
        words = "Please enable access to public gated repositories in your fine-grained token"
        return 403, "", words
    if account.name in model.waiting:
        words = f"Your request to access model {name} is awaiting a review from the repo authors."
        return 403, "GatedRepo", words
    if account.name not in model.accepted_by:
        words = f"Access to model {name} is restricted and you are not in the authorized list."
        return 403, "GatedRepo", words
    return None
