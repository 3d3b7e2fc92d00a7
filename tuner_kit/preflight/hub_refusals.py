"""What the Hub's answers mean to a person: one problem for each way of being refused.

None of the Hub's own words are repeated, and never a token. Statuses and codes as the Hub
gives them (October 2026): without a token 401, with code GatedRepo for a gated model and
without code for a missing or private one; with a token 403 GatedRepo before the license is
accepted, 403 without code where the token lacks a permission, 404 RepoNotFound, and 401 for
a token that is not valid, even where the model is public.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from tuner_kit.catalog.base_models import BASE_MODELS
from tuner_kit.config.suggest import suggest
from tuner_kit.errors import Problem, Severity
from tuner_kit.preflight.hub_questions import Answer, Failure
from tuner_kit.preflight.hub_settings import HubSettings, HubToken

TOKENS_PAGE = "huggingface.co/settings/tokens"

_WORD = r"\b[\w.-]{1,96}\b"
_NAME = re.compile(rf"({_WORD}/)?{_WORD}", re.ASCII)

_LOG_IN = "log in with `hf auth login`"


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model on the Hub that training begins with."""

    repo_id: str
    where: str
    """Place in the file that names it."""
    revision: str | None = None
    parts: tuple[str, ...] = ()
    """Folders that it needs; none where the family is not known."""


def is_possible_name(repo_id: str) -> bool:
    """Whether the Hub allows the name (the rules of huggingface_hub's `validate_repo_id`)."""
    is_plain = _NAME.fullmatch(repo_id) and not re.search(r"--|\.\.", repo_id)
    return bool(is_plain) and not repo_id.endswith(".git")


def explain_refusal(answer: Answer, model: HubModel, hub: HubSettings) -> Problem | None:
    """Say why a model can't be read; None if it can.

    Args:
        answer: what the Hub said when it was asked for the model's list of parts.
        model: what was asked for.
        hub: who was asked, with which token.
    """
    if answer.failure is not None:
        what = f"{model.repo_id} is not downloaded, and {describe_failure(answer.failure, hub)}"
        problem = unreachable(answer.failure, what=what, where=model.where)
        other_way = "or copy the model to this machine and name its folder"
        return replace(problem, fix=f"{problem.fix}, {other_way}")
    # Read access without that one file: not in diffusers layout, but there.
    if answer.is_yes or answer.code == "EntryNotFound":
        return None
    return _EXPLANATIONS.get(answer.status, _unexpected)(answer, model, hub)


def no_token(repo_id: str, where: str) -> Problem:
    """A04: the model is gated, so somebody has to have logged in."""
    return Problem(
        id="A04",
        what=f"{repo_id} is gated, and no Hugging Face token was found",
        where=where,
        fix=f"accept the license at huggingface.co/{repo_id}, then {_LOG_IN}",
    )


def invalid_token(token: HubToken, hub: HubSettings, where: str) -> Problem:
    """A06: the Hub takes nobody's token for an answer, not even where none is needed."""
    if token.source == "HF_TOKEN":
        fix = f"put a token from {TOKENS_PAGE} into HF_TOKEN, or unset it and {_LOG_IN}"
        return _invalid(f"{hub.name} does not accept the token in HF_TOKEN", fix, where)
    what = f"{hub.name} does not accept the token of your login"
    if token.is_renewable:
        fix = "go on: the login is renewed by itself; if that fails, run `hf auth login --force`"
        return replace(_invalid(what, fix, where), severity=Severity.WARNING)
    return _invalid(what, "log in again with `hf auth login --force`", where)


def unreachable(failure: Failure, *, what: str, where: str) -> Problem:
    """A08 or A09: there was no answer; one that only took too long is not certain to fail."""
    return Problem(
        id="A09" if failure is Failure.OFFLINE else "A08",
        severity=Severity.WARNING if failure is Failure.TIMEOUT else Severity.ERROR,
        what=what,
        where=where,
        fix=_FIXES[failure],
    )


def describe_failure(failure: Failure, hub: HubSettings) -> str:
    """Put a failure into half a sentence."""
    return {
        Failure.ADDRESS: f"HF_ENDPOINT is no address: {hub.shown_endpoint}",
        Failure.OFFLINE: "this command was started with the Hub switched off",
        Failure.CONNECTION: f"{hub.name} can't be reached",
        Failure.CERTIFICATE: f"the certificate of {hub.name} is not trusted",
        Failure.PROXY: f"the proxy does not lead to {hub.name}",
        Failure.PAGE: f"a web page answered in place of {hub.name}",
        Failure.TIMEOUT: f"{hub.name} did not answer in time",
    }[failure]


_FIXES = {
    Failure.ADDRESS: "write it like https://huggingface.co, or unset HF_ENDPOINT",
    Failure.OFFLINE: "unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE",
    Failure.CONNECTION: "connect to the internet",
    Failure.CERTIFICATE: "put the path of your network's certificates into SSL_CERT_FILE",
    Failure.PROXY: "correct HTTPS_PROXY or ALL_PROXY, or unset it",
    Failure.PAGE: "log in to your network in a browser, or correct HF_ENDPOINT",
    Failure.TIMEOUT: "try again in a while",
}


def _invalid(what: str, fix: str, where: str) -> Problem:
    return Problem(id="A06", what=what, where=where, fix=fix)


# ------------------------------------------------------------------ by status


def _unauthorized(answer: Answer, model: HubModel, hub: HubSettings) -> Problem:
    if hub.token is not None:
        return invalid_token(hub.token, hub, model.where)
    if answer.code == "GatedRepo":
        return no_token(model.repo_id, model.where)
    return _missing(model, hub, f"check the name; if the model is private, {_LOG_IN}")


def _forbidden(answer: Answer, model: HubModel, hub: HubSettings) -> Problem:
    if answer.code == "GatedRepo":
        return _not_accepted(answer, model)
    if hub.token is None:
        return _unexpected(answer, model, hub)
    # A fine-grained token reads gated models only where its owner ticked that box.
    return Problem(
        id="A14",
        what=f"your token may not read {model.repo_id}",
        where=model.where,
        fix=f'allow "Read access to contents of all public gated repos" at {TOKENS_PAGE}, '
        "or take a token of the kind Read",
    )


def _not_accepted(answer: Answer, model: HubModel) -> Problem:
    page = f"huggingface.co/{model.repo_id}"
    if "awaiting a review" in answer.message:
        what = f"the authors of {model.repo_id} have not answered your request for access yet"
        fix = f"wait for their answer (it is shown at {page}), or train on another base model"
    else:
        what = f"your Hugging Face account has not accepted the license of {model.repo_id}"
        fix = f"open {page} with the account that the token belongs to, and accept it there"
    return Problem(id="A05", what=what, where=model.where, fix=fix)


def _not_found(answer: Answer, model: HubModel, hub: HubSettings) -> Problem:
    if answer.code == "RevisionNotFound":
        return Problem(
            id="A07",
            what=f"{model.repo_id} has no revision {model.revision}",
            where=model.where,
            fix=f"choose one from huggingface.co/{model.repo_id}/commits, or leave it out",
        )
    problem = _missing(model, hub, "check the name, and that your account may see the model")
    # Without the Hub's own code it may be a mirror that lacks that one file.
    return problem if answer.code else replace(problem, severity=Severity.WARNING)


def _missing(model: HubModel, hub: HubSettings, fix: str) -> Problem:
    known = [each.id for each in BASE_MODELS if each.id != model.repo_id and "/" in each.id]
    nearest = suggest(model.repo_id, known)
    return Problem(
        id="A07",
        what=f"{hub.name} has no model {model.repo_id}, or it is private",
        where=model.where,
        fix=f"{fix} (did you mean {nearest}?)" if nearest else fix,
    )


def _unexpected(answer: Answer, model: HubModel, hub: HubSettings) -> Problem:
    """A08: overloaded, under repair, or something in between that answers in its place."""
    return Problem(
        id="A08",
        severity=Severity.WARNING,
        what=f"{model.repo_id} is not downloaded, and {hub.name} answered with "
        f"error {answer.status}",
        where=model.where,
        fix="try again in a few minutes; status.huggingface.co tells of disturbances",
    )


_EXPLANATIONS: dict[int, Callable[[Answer, HubModel, HubSettings], Problem]] = {
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
}
