"""Whether the result could be published is known before training, and nothing is created."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from config_files import SMALLEST, read_config
from fake_hub import Account, FakeHub, Model
from hub_asking import CANARY, NOWHERE, environ_of, running_hub

from tuner_kit.errors import Problem, Severity
from tuner_kit.preflight.publish_access import (
    PublishTarget,
    check_publish_access,
    check_publish_target,
)

OWN = "ann/cats"
TEAM = "team/cats"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running_hub() as running:
        running.accounts[CANARY] = Account("ann")
        yield running


def check(
    hub: FakeHub, home: Path, repo_id: str = OWN, token: str = CANARY, **more: str
) -> list[Problem]:
    """Check a run that shall be published as `repo_id`."""
    file = read_config(home, f"{SMALLEST}publishing: {{hub_model_id: {repo_id}}}\n")
    environ = environ_of(hub, home, HF_TOKEN=token, **more)
    found = list(check_publish_access(file, environ, limit_s=2.0))
    assert CANARY not in repr(found)
    assert all(problem.where.startswith("tuner.yaml:5 ") for problem in found)
    return found


def log_in(hub: FakeHub, account: Account) -> None:
    hub.accounts[CANARY] = account


def scope(kind: str, name: str, *permissions: str) -> dict[str, object]:
    return {"entity": {"type": kind, "name": name, "_id": "1"}, "permissions": list(permissions)}


# ------------------------------------------------------------------ what can be written


@pytest.mark.parametrize(
    ("account", "repo_id"),
    [
        pytest.param(Account("ann"), OWN, id="new and one's own"),
        pytest.param(Account("Ann"), OWN, id="in other letters"),
        pytest.param(Account("ann", organizations={"team": "write"}), TEAM, id="a team's"),
        pytest.param(Account("ann", organizations={"Team": "admin"}), TEAM, id="its admin"),
        pytest.param(Account("ann", organizations={"team": "contributor"}), TEAM, id="contributor"),
        pytest.param(
            Account("ann", "fineGrained", scoped=(scope("user", "ann", "repo.write"),)),
            OWN,
            id="fine-grained for all of one's own",
        ),
        pytest.param(
            Account("ann", "fineGrained", scoped=(scope("model", OWN, "repo.write"),)),
            OWN,
            id="fine-grained for this one",
        ),
        pytest.param(Account("ann", role=""), OWN, id="a kind that says no role"),
    ],
)
def test_what_can_be_created_is_no_problem(
    hub: FakeHub, tmp_path: Path, account: Account, repo_id: str
) -> None:
    log_in(hub, account)

    assert not check(hub, tmp_path, repo_id)

    # Only questions: a POST would have created something.
    assert sorted(hub.requests) == [
        f"GET /api/models/{repo_id}/auth-check/write",
        "GET /api/whoami-v2",
    ]


def test_a_repository_that_the_hub_lets_one_write_is_no_problem(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.models["other/cats"] = Model(writers=frozenset({"ann"}))
    assert not check(hub, tmp_path, "other/cats")


def test_a_run_that_is_not_published_asks_nothing(hub: FakeHub, tmp_path: Path) -> None:
    file = read_config(tmp_path, SMALLEST)
    assert not list(check_publish_access(file, environ_of(hub, tmp_path, HF_TOKEN=CANARY)))
    assert hub.requests == []


def test_a_name_that_is_itself_wrong_asks_nothing(hub: FakeHub, tmp_path: Path) -> None:
    file = read_config(tmp_path, f"{SMALLEST}publishing: {{hub_model_id: 3}}\n")
    assert not list(check_publish_access(file, environ_of(hub, tmp_path, HF_TOKEN=CANARY)))
    assert hub.requests == []


# ------------------------------------------------------------------ what can't


def only_read(hub: FakeHub) -> None:
    log_in(hub, Account("ann", "read"))


def only_read_in_team(hub: FakeHub) -> None:
    log_in(hub, Account("ann", organizations={"team": "read"}))


def scope_elsewhere(hub: FakeHub) -> None:
    scoped = (scope("user", "ann", "repo.content.read"), scope("org", "team", "repo.write"))
    log_in(hub, Account("ann", "fineGrained", scoped=scoped))


def close_repository(hub: FakeHub) -> None:
    log_in(hub, Account("ann", organizations={"team": "contributor"}))
    hub.models[TEAM] = Model(writers=frozenset({"bob"}))


def revoke(hub: FakeHub) -> None:
    hub.accounts.clear()


def overload(hub: FakeHub) -> None:
    hub.fault = 429


@pytest.mark.parametrize(
    ("change", "repo_id", "expected"),
    [
        pytest.param(revoke, OWN, ("A06", "does not accept the token"), id="revoked"),
        pytest.param(overload, OWN, ("A08", "status 429"), id="too many questions"),
        pytest.param(only_read, OWN, ("A11", "your token only reads"), id="reading token"),
        pytest.param(scope_elsewhere, OWN, ("A11", "belongs to ann"), id="fine-grained"),
        pytest.param(only_read_in_team, TEAM, ("A11", "team is read"), id="reading member"),
        pytest.param(close_repository, TEAM, ("A11", "only read it"), id="of another member"),
        pytest.param(None, TEAM, ("A12", "you are ann"), id="of strangers"),
        pytest.param(None, "me/my--cats", ("A12", "not a name"), id="impossible"),
    ],
)
def test_every_obstacle_is_told_apart_and_training_goes_on(
    hub: FakeHub,
    tmp_path: Path,
    change: Callable[[FakeHub], None] | None,
    repo_id: str,
    expected: tuple[str, str],
) -> None:
    if change is not None:
        change(hub)

    (found,) = check(hub, tmp_path, repo_id)

    assert (found.id, found.severity) == (expected[0], Severity.WARNING)
    assert expected[1] in found.what


@pytest.mark.parametrize("token", ["", "no token"])
def test_publishing_without_a_token_is_named_without_asking(
    hub: FakeHub, tmp_path: Path, token: str
) -> None:
    (found,) = check(hub, tmp_path, token=token)

    assert (found.id, found.severity) == ("A06" if token else "A04", Severity.WARNING)
    assert hub.requests == []


def test_offline_is_noticed_and_asks_nothing(hub: FakeHub, tmp_path: Path) -> None:
    (found,) = check(hub, tmp_path, HF_HUB_OFFLINE="1")

    assert (found.id, found.severity) == ("A09", Severity.NOTICE)
    assert hub.requests == []


def test_a_hub_that_is_not_there_is_named(hub: FakeHub, tmp_path: Path) -> None:
    (found,) = check(hub, tmp_path, HF_ENDPOINT=NOWHERE)

    assert (found.id, found.severity) == ("A08", Severity.WARNING)
    assert f"whether {OWN} can be written" in found.what


def test_a_page_instead_of_an_answer_is_no_yes(hub: FakeHub, tmp_path: Path) -> None:
    hub.page = b"<html>Welcome to the hotel</html>"

    (found,) = check(hub, tmp_path)

    assert found.id == "A08"
    assert "a web page answered" in found.what


def test_somebody_elses_repository_comes_with_a_name_of_ones_own(
    hub: FakeHub, tmp_path: Path
) -> None:
    (found,) = check(hub, tmp_path, "team/cats")
    assert "write ann/cats" in found.fix


# ------------------------------------------------------------------ the trainer's own upload


@pytest.mark.parametrize(("role", "ids"), [("write", []), ("read", ["A11"])])
def test_a_name_without_a_user_means_the_accounts_own(
    hub: FakeHub, tmp_path: Path, role: str, ids: list[str]
) -> None:
    log_in(hub, Account("ann", role))
    target = PublishTarget("cats", "config.json:7", Severity.ERROR)

    found = list(check_publish_target(target, environ_of(hub, tmp_path, HF_TOKEN=CANARY)))

    assert [(each.id, each.severity) for each in found] == [(id_, "error") for id_ in ids]
    assert hub.requests == ["GET /api/whoami-v2"]


def test_an_answer_that_names_nobody_is_no_yes(hub: FakeHub, tmp_path: Path) -> None:
    hub.page, hub.page_type = b"[]", "application/json"
    target = PublishTarget("cats", "config.json:7", Severity.ERROR)

    (found,) = check_publish_target(target, environ_of(hub, tmp_path, HF_TOKEN=CANARY))

    assert (found.id, found.severity) == ("A08", Severity.ERROR)
    assert "(status 200)" in found.what
