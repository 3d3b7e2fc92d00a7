"""Asks the Hub short questions at once, within a few seconds, and never fails.

The HTTP client is huggingface_hub's own, with its proxies and certificates. Its functions
`whoami` and `auth_check` are not used: they wait without limit (2.4.0), and their headers
cost another request. What came back is judged by status and `X-Error-Code`, not by
exception: over plain http (a mirror, a test) the client chooses other classes.
"""

import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from pydantic import JsonValue

from tuner_kit.preflight.hub_settings import HUB_ADDRESS, HubSettings

if TYPE_CHECKING:
    from httpx2 import Response

LIMIT_S = 5.0
"""How long one round of questions may take."""

_MAX_REDIRECTS = 5


class Failure(StrEnum):
    """Why there is no answer."""

    ADDRESS = "address"
    """HF_ENDPOINT is not an address."""
    OFFLINE = "offline"
    """This process was told to leave the Hub alone."""
    CONNECTION = "connection"
    CERTIFICATE = "certificate"
    PROXY = "proxy"
    PAGE = "page"
    """A web page came instead: the Hub has none at the addresses that are asked."""
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the Hub said, or why it said nothing."""

    status: int = 0
    """HTTP status; 0 without an answer."""
    code: str = ""
    """`X-Error-Code`: GatedRepo, RepoNotFound, RevisionNotFound, EntryNotFound, or nothing."""
    message: str = ""
    """`X-Error-Message`: to be compared, never to be shown."""
    body: JsonValue = None
    failure: Failure | None = None

    @property
    def is_yes(self) -> bool:
        """Whether what was asked for is there and may be had."""
        return self.failure is None and self.status < 400  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Question:
    """One request that changes nothing."""

    method: str
    path: str


WHOAMI = Question("GET", "/api/whoami-v2")


def may_read(repo_id: str, revision: str | None) -> Question:
    """Ask for a file that every diffusers model has: downloading begins with the same."""
    commit = quote(revision or "main", safe="")
    return Question("HEAD", f"/{repo_id}/resolve/{commit}/model_index.json")


def may_write(repo_id: str) -> Question:
    """Ask whether a model repository that exists may be written; nothing is created."""
    return Question("GET", f"/api/models/{repo_id}/auth-check/write")


def ask(
    questions: Sequence[Question], hub: HubSettings, *, limit_s: float = LIMIT_S
) -> tuple[Answer, ...]:
    """Ask all questions at once and give the answers in their order.

    A time limit of the client's own would not do: looking up a name has none.
    """
    answers = [Answer(failure=Failure.TIMEOUT)] * len(questions)

    def answer_one(index: int, question: Question) -> None:
        answers[index] = _answer(question, hub, limit_s)

    # Daemons: one that hangs doesn't keep the command from ending.
    threads = [
        threading.Thread(target=answer_one, args=numbered, daemon=True)
        for numbered in enumerate(questions)
    ]
    ends = time.monotonic() + limit_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    return tuple(answers)


def _answer(question: Question, hub: HubSettings, limit_s: float) -> Answer:
    """Ask one question; every way in which the network can fail becomes an answer."""
    if not _is_address(hub.endpoint):
        return Answer(failure=Failure.ADDRESS)
    import httpx2

    try:
        return _read(_request(question, hub, limit_s))
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, ImportError) as error:
        return Answer(failure=_failure_of(error))


def _failure_of(error: Exception) -> Failure:
    import httpx2
    from huggingface_hub.errors import OfflineModeIsEnabled

    if _is_about_certificates(error):
        return Failure.CERTIFICATE
    if isinstance(error, OfflineModeIsEnabled):
        return Failure.OFFLINE
    if isinstance(error, httpx2.TimeoutException):
        return Failure.TIMEOUT
    # The client is made at the first request, and refuses proxies that it can't use with
    # ValueError or, for the SOCKS protocol, ImportError.
    is_proxy = isinstance(error, httpx2.ProxyError | ValueError | ImportError)
    return Failure.PROXY if is_proxy else Failure.CONNECTION


def _request(question: Question, hub: HubSettings, limit_s: float) -> "Response":
    """Send a question, and send it again where the Hub points to itself (a renamed model)."""
    import httpx2
    from huggingface_hub import get_session

    headers = {"user-agent": "tuner_kit"}
    if hub.token is not None:
        headers["authorization"] = f"Bearer {hub.token.text}"

    def send(url: str) -> "Response":
        return get_session().request(
            question.method, url, headers=headers, timeout=limit_s, follow_redirects=False
        )

    url = hub.endpoint + question.path
    response = send(url)
    for _ in range(_MAX_REDIRECTS):
        target = urljoin(url, response.headers.get("location", ""))
        # Elsewhere begins the storage: reaching it is a yes, and the token stays here.
        if not response.has_redirect_location or _origin(target) not in _origins(url):
            return response
        url, response = target, send(target)
    raise httpx2.TooManyRedirects(f"{hub.shown_endpoint} points in a circle")


def _read(response: "Response") -> Answer:
    body: JsonValue
    try:
        body = response.json()
    except ValueError:
        body = None
    headers = response.headers
    if response.is_success and headers.get("content-type", "").startswith("text/html"):
        return Answer(failure=Failure.PAGE)
    return Answer(
        status=response.status_code,
        code=headers.get("x-error-code", ""),
        message=headers.get("x-error-message", ""),
        body=body,
    )


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False


def _origins(url: str) -> frozenset[tuple[str, str]]:
    return frozenset({_origin(url), _origin(HUB_ADDRESS)})


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _is_about_certificates(error: BaseException) -> bool:
    """Whether it began with a certificate: a company's network often brings its own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
