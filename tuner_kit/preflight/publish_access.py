"""Whether the result can be published where it is said to be; nothing is created."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pydantic import JsonValue

from tuner_kit.config.load import ConfigFile
from tuner_kit.errors import Problem, Severity
from tuner_kit.preflight.hub_questions import LIMIT_S, WHOAMI, Answer, ask, may_write
from tuner_kit.preflight.hub_refusals import (
    TOKENS_PAGE,
    describe_failure,
    invalid_token,
    is_possible_name,
    unreachable,
)
from tuner_kit.preflight.hub_settings import HubSettings, read_hub_settings

_ID = ("publishing", "hub_model_id")
_WRITING_ROLES = frozenset({"admin", "write", "contributor"})
_NEW_TOKEN = f"make a token of the kind Write at {TOKENS_PAGE} and log in with it: `hf auth login`"


@dataclass(frozen=True, slots=True)
class PublishTarget:
    """A repository that shall be written."""

    repo_id: str
    """`user/name`; without a user the account's own."""
    where: str
    """Place in the file that names it."""
    severity: Severity = Severity.WARNING
    """Of what keeps it from being written: an error where the trainer itself publishes."""


@dataclass(frozen=True, slots=True)
class _Account:
    """Whom a token belongs to and what it may do, from `/api/whoami-v2`."""

    name: str
    organizations: Mapping[str, str]
    """Role by name of an organization."""
    token_role: str
    """`read`, `write` or `fineGrained`; empty where it is not told (OAuth)."""
    writable: frozenset[str]
    """Users, organizations and repositories that a fine-grained token may write."""


def check_publish_access(
    file: ConfigFile, environ: Mapping[str, str], *, limit_s: float = LIMIT_S
) -> Iterator[Problem]:
    """Find out whether `publishing.hub_model_id` can be written.

    Warnings, all of them: training uploads nothing, so there is time to repair it.
    """
    repo_id = file.config.publishing.hub_model_id
    if repo_id is not None and file.is_sound(*_ID):
        target = PublishTarget(repo_id, file.source.locate(_ID))
        yield from check_publish_target(target, environ, limit_s=limit_s)


def check_publish_target(
    target: PublishTarget, environ: Mapping[str, str], *, limit_s: float = LIMIT_S
) -> Iterator[Problem]:
    """Find out whether a repository can be written or created, in one round of questions."""
    hub = read_hub_settings(environ)
    if (problem := _problem_here(target, hub) or _problem_there(target, hub, limit_s)) is not None:
        mildest = Severity.NOTICE if problem.severity is Severity.NOTICE else target.severity
        yield replace(problem, where=target.where, severity=mildest)


def _problem_here(target: PublishTarget, hub: HubSettings) -> Problem | None:
    """Give what is wrong without asking anybody."""
    if not is_possible_name(target.repo_id):
        return _bad_name(target)
    if hub.is_offline:
        return _not_asked(target)
    if hub.token is None:
        return _no_token(target)
    return None if hub.token.is_plausible else invalid_token(hub.token, hub, target.where)


def _problem_there(target: PublishTarget, hub: HubSettings, limit_s: float) -> Problem | None:
    """Ask who the token belongs to, and, in the same moment, whether it may write."""
    questions = [WHOAMI]
    if "/" in target.repo_id:
        questions.append(may_write(target.repo_id))
    whoami, *writing = ask(questions, hub, limit_s=limit_s)
    if any(answer.status == 200 for answer in writing):  # noqa: PLR2004
        return None
    if whoami.status == 401 and hub.token is not None:  # noqa: PLR2004
        return invalid_token(hub.token, hub, target.where)
    account = _read_account(whoami.body) if whoami.is_yes else None
    if account is None:
        return _no_answer(whoami, target, hub)
    is_refused = any(answer.status == 403 for answer in writing)  # noqa: PLR2004
    return _judge(account, target, is_refused=is_refused)


def _judge(account: _Account, target: PublishTarget, *, is_refused: bool) -> Problem | None:
    """Compare what the account and its token may do with what is wanted.

    Args:
        account: whom the token belongs to.
        target: what shall be written.
        is_refused: whether the Hub said that the repository exists and is closed to it.
    """
    owner = target.repo_id.rpartition("/")[0] or account.name
    problem = _judge_owner(account, target, owner) or _judge_token(account, target, owner)
    if problem is None and is_refused:
        what = "it exists, and you may only read it"
        return _not_writable(target, what, "ask its owner, or choose another name")
    return problem


def _judge_owner(account: _Account, target: PublishTarget, owner: str) -> Problem | None:
    role = account.organizations.get(owner.casefold(), "")
    if owner.casefold() == account.name.casefold() or role in _WRITING_ROLES:
        return None
    if not role:
        return _foreign(target, account)
    return _not_writable(
        target,
        f"your role in the organization {owner} is {role}",
        "ask for the role contributor or write there, or publish under your own name",
    )


def _judge_token(account: _Account, target: PublishTarget, owner: str) -> Problem | None:
    if account.token_role == "read":  # noqa: S105
        return _not_writable(target, "your token only reads", _NEW_TOKEN)
    if account.token_role == "fineGrained" and not _covers(account.writable, owner, target):  # noqa: S105
        fix = f"allow it to write the repositories of {owner} at {TOKENS_PAGE}"
        return _not_writable(target, f"your token may not write what belongs to {owner}", fix)
    return None


def _covers(writable: frozenset[str], owner: str, target: PublishTarget) -> bool:
    return bool(writable & {owner.casefold(), target.repo_id.casefold()})


def _read_account(body: JsonValue) -> _Account | None:
    """Pick what matters from the answer; None if it is not one of the Hub."""
    if not isinstance(body, dict) or not isinstance(name := body.get("name"), str):
        return None
    organizations = {
        str(each.get("name")).casefold(): str(each.get("roleInOrg") or "write")
        for each in _dicts(body.get("orgs"))
    }
    token = _dict(_dict(body.get("auth")).get("accessToken"))
    scopes = _dicts(_dict(token.get("fineGrained")).get("scoped"))
    writable = frozenset(
        str(_dict(scope.get("entity")).get("name")).casefold()
        for scope in scopes
        if isinstance(granted := scope.get("permissions"), list) and "repo.write" in granted
    )
    return _Account(name, organizations, str(token.get("role") or ""), writable)


def _dict(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _dicts(value: JsonValue) -> list[dict[str, JsonValue]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


# ------------------------------------------------------------------ in words


def _bad_name(target: PublishTarget) -> Problem:
    return Problem(
        id="A12",
        what=f"{target.repo_id} is not a name that a repository can have",
        where=target.where,
        fix="use letters, digits, single - and . and _, at most 96 characters: user/name",
    )


def _foreign(target: PublishTarget, account: _Account) -> Problem:
    own = f"{account.name}/{target.repo_id.rpartition('/')[2]}"
    return Problem(
        id="A12",
        what=f"{target.repo_id} is not yours to write: you are {account.name}",
        where=target.where,
        fix=f"write {own}, or log in as somebody who belongs to "
        f"{target.repo_id.rpartition('/')[0]}",
    )


def _not_writable(target: PublishTarget, why: str, fix: str) -> Problem:
    return Problem(
        id="A11", what=f"{target.repo_id} can't be written: {why}", where=target.where, fix=fix
    )


def _no_token(target: PublishTarget) -> Problem:
    return Problem(
        id="A04",
        what=f"{target.repo_id} can't be published: no Hugging Face token was found",
        where=target.where,
        fix=_NEW_TOKEN,
    )


def _not_asked(target: PublishTarget) -> Problem:
    return Problem(
        id="A09",
        severity=Severity.NOTICE,
        what=f"HF_HUB_OFFLINE is set, so nobody knows yet whether {target.repo_id} can be written",
        where=target.where,
        fix="unset HF_HUB_OFFLINE before you publish",
    )


def _no_answer(answer: Answer, target: PublishTarget, hub: HubSettings) -> Problem:
    begin = f"it could not be checked whether {target.repo_id} can be written"
    if answer.failure is not None:
        why = describe_failure(answer.failure, hub)
        return unreachable(answer.failure, what=f"{begin}: {why}", where=target.where)
    return Problem(
        id="A08",
        what=f"{begin}: {hub.name} gave no usable answer (status {answer.status})",
        where=target.where,
        fix="try again in a few minutes; status.huggingface.co tells of disturbances",
    )
