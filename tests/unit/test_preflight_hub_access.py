"""Every way in which a base model can't be had is told apart before training begins."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from config_files import ids_of, read_config
from fake_hub import Account, FakeHub, Model
from hub_asking import (
    BASE,
    CANARY,
    FULL_SIZE,
    NOWHERE,
    check_base,
    environ_of,
    put_into_cache,
    running_hub,
    without_mirror,
)

from tuner_kit.errors import Problem, Severity
from tuner_kit.preflight.hub_access import (
    check_hub_access,
    check_hub_access_offline,
)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running_hub() as running:
        running.models[BASE] = Model(is_gated=True, accepted_by=frozenset({"ann"}))
        running.accounts[CANARY] = Account("ann")
        yield running


# ------------------------------------------------------------------ what the Hub says


def test_a_model_whose_license_was_accepted_can_be_had(hub: FakeHub, tmp_path: Path) -> None:
    assert not check_base(hub, tmp_path, HF_TOKEN=CANARY)
    assert hub.requests == [f"HEAD /{BASE}/resolve/main/model_index.json"]


def make_free(hub: FakeHub) -> None:
    hub.models[BASE] = Model()


def make_private(hub: FakeHub) -> None:
    hub.models[BASE] = Model(is_private=True)


def remove(hub: FakeHub) -> None:
    del hub.models[BASE]


def wait(hub: FakeHub) -> None:
    hub.models[BASE] = Model(is_gated=True, waiting=frozenset({"ann"}))


def not_accept(hub: FakeHub) -> None:
    hub.models[BASE] = Model(is_gated=True)


def restrict_token(hub: FakeHub) -> None:
    hub.accounts[CANARY] = Account("ann", role="fineGrained")


def revoke_token(hub: FakeHub) -> None:
    hub.accounts.clear()


def overload(hub: FakeHub) -> None:
    hub.fault = 503


def forbid(hub: FakeHub) -> None:
    hub.fault = 403


def limit_rate(hub: FakeHub) -> None:
    hub.fault = 429


@pytest.mark.parametrize(
    ("change", "token", "expected"),
    [
        pytest.param(None, "", ("A04", "error", "no Hugging Face token"), id="no token"),
        pytest.param(not_accept, CANARY, ("A05", "error", "has not accepted"), id="not accepted"),
        pytest.param(wait, CANARY, ("A05", "error", "not answered your request"), id="waiting"),
        pytest.param(revoke_token, CANARY, ("A06", "error", "token in HF_TOKEN"), id="revoked"),
        pytest.param(None, "hf_\u00e4\u00f6", ("A06", "error", "token in HF_TOKEN"), id="no ascii"),
        pytest.param(None, "two words", ("A06", "error", "token in HF_TOKEN"), id="a sentence"),
        pytest.param(remove, CANARY, ("A07", "error", "has no model"), id="missing"),
        pytest.param(remove, "", ("A07", "error", "has no model"), id="missing, no token"),
        pytest.param(make_private, CANARY, ("A07", "error", "or it is private"), id="private"),
        pytest.param(
            make_private, "", ("A07", "error", "or it is private"), id="private, no token"
        ),
        pytest.param(overload, CANARY, ("A08", "warning", "error 503"), id="overloaded"),
        pytest.param(limit_rate, "", ("A08", "warning", "error 429"), id="too many questions"),
        pytest.param(forbid, "", ("A08", "warning", "error 403"), id="forbidden to all"),
        pytest.param(restrict_token, CANARY, ("A14", "error", "may not read"), id="fine-grained"),
    ],
)
def test_every_refusal_is_told_apart(
    hub: FakeHub,
    tmp_path: Path,
    change: Callable[[FakeHub], None] | None,
    token: str,
    expected: tuple[str, str, str],
) -> None:
    problem_id, severity, words = expected
    if change is not None:
        change(hub)

    (found,) = check_base(hub, tmp_path, HF_TOKEN=token)

    assert (found.id, found.severity) == (problem_id, severity)
    assert words in found.what
    assert token not in found.what + found.fix or not token


def test_a_free_model_needs_no_token(hub: FakeHub, tmp_path: Path) -> None:
    make_free(hub)
    assert not check_base(hub, tmp_path)


def test_a_token_that_is_not_valid_keeps_even_a_free_model_away(
    hub: FakeHub, tmp_path: Path
) -> None:
    make_free(hub)
    revoke_token(hub)
    assert ids_of(check_base(hub, tmp_path, HF_TOKEN=CANARY)) == ["A06"]


def test_a_fine_grained_token_with_its_permission_is_enough(hub: FakeHub, tmp_path: Path) -> None:
    hub.accounts[CANARY] = Account("ann", role="fineGrained", reads_gated=True)
    assert not check_base(hub, tmp_path, HF_TOKEN=CANARY)


def test_a_model_without_a_list_of_parts_is_there_all_the_same(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.models[BASE] = Model(files=frozenset())
    assert not check_base(hub, tmp_path)


@pytest.mark.parametrize(("revision", "ids"), [("v1", []), ("v2", ["A07"])])
def test_a_revision_that_does_not_exist_is_named(
    hub: FakeHub, tmp_path: Path, revision: str, ids: list[str]
) -> None:
    hub.models[BASE] = Model(revisions=frozenset({"main", "v1"}))
    text = f"{FULL_SIZE}model: {{base: {BASE}, revision: {revision}}}\n"

    found = without_mirror(check_hub_access(read_config(tmp_path, text), environ_of(hub, tmp_path)))

    assert ids_of(found) == ids
    assert all(f"no revision {revision}" in problem.what for problem in found)


@pytest.mark.parametrize(("is_gated", "ids"), [(False, []), (True, ["A04"])])
def test_a_renamed_model_is_judged_under_its_new_name(
    hub: FakeHub, tmp_path: Path, *, is_gated: bool, ids: list[str]
) -> None:
    hub.models |= {BASE: Model(moved_to="new/name"), "new/name": Model(is_gated=is_gated)}
    assert ids_of(check_base(hub, tmp_path)) == ids


def test_a_token_does_not_follow_a_model_to_another_server(hub: FakeHub, tmp_path: Path) -> None:
    with FakeHub() as elsewhere:
        hub.models[BASE] = Model(moved_to=f"{elsewhere.url}/{BASE}")

        assert not check_base(hub, tmp_path, HF_TOKEN=CANARY)

    assert elsewhere.requests == []


def test_a_model_that_moved_in_a_circle_can_not_be_had(hub: FakeHub, tmp_path: Path) -> None:
    hub.models[BASE] = Model(moved_to=BASE)
    assert ids_of(check_base(hub, tmp_path)) == ["A08"]


def test_a_name_that_is_nearly_known_is_suggested(hub: FakeHub, tmp_path: Path) -> None:
    text = f"{FULL_SIZE}model: {{base: stabilityai/stable-difusion-3.5-medium}}\n"
    found = check_hub_access(read_config(tmp_path, text), environ_of(hub, tmp_path))
    assert f"did you mean {BASE}?" in without_mirror(found)[0].fix


# ------------------------------------------------------------------ a mirror


def test_a_mirror_is_said_to_be_one_and_to_get_the_token(hub: FakeHub, tmp_path: Path) -> None:
    environ = environ_of(hub, tmp_path, HF_TOKEN=CANARY)

    (found,) = check_hub_access(read_config(tmp_path, FULL_SIZE), environ)

    assert (found.id, found.severity) == ("A13", Severity.NOTICE)
    assert f"from {hub.url} instead" in found.what
    assert "your token is sent there" in found.what


def test_a_mirror_that_asks_for_no_license_is_enough(hub: FakeHub, tmp_path: Path) -> None:
    make_free(hub)
    found = check_hub_access(read_config(tmp_path, FULL_SIZE), environ_of(hub, tmp_path))
    assert [("token" in problem.what) for problem in found] == [False]


def test_a_mirror_below_a_path_is_asked_there(hub: FakeHub, tmp_path: Path) -> None:
    check_base(hub, tmp_path, HF_ENDPOINT=f"{hub.url}/mirrors/hub/")
    assert hub.requests == [f"HEAD /mirrors/hub/{BASE}/resolve/main/model_index.json"]


def test_what_a_mirror_does_not_know_is_not_certain_to_be_missing(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.fault = 404
    (found,) = check_base(hub, tmp_path)
    assert (found.id, found.severity) == ("A07", Severity.WARNING)


def test_the_password_of_a_broken_address_is_not_shown(hub: FakeHub, tmp_path: Path) -> None:
    (found,) = check_base(hub, tmp_path, HF_ENDPOINT="http://me:geheim@[")
    assert "geheim" not in repr(found)


def test_the_password_of_a_mirror_is_not_shown(hub: FakeHub, tmp_path: Path) -> None:
    secret = hub.url.replace("http://", "http://me:geheim@")

    found = list(
        check_hub_access(
            read_config(tmp_path, FULL_SIZE), environ_of(hub, tmp_path, HF_ENDPOINT=secret)
        )
    )

    assert hub.requests
    assert "geheim" not in repr(found)
    assert hub.url in found[-1].what


# ------------------------------------------------------------------ without asking


def test_a_gated_model_without_a_token_is_named_without_asking(
    hub: FakeHub, tmp_path: Path
) -> None:
    file = read_config(tmp_path, FULL_SIZE)

    (found,) = check_hub_access_offline(file, environ_of(hub, tmp_path))

    assert (found.id, found.severity) == ("A01", Severity.WARNING)
    assert BASE in found.what
    assert hub.requests == []


def test_a_token_or_a_download_is_enough_without_asking(tmp_path: Path) -> None:
    file = read_config(tmp_path, FULL_SIZE)
    home = {"HOME": str(tmp_path), "HF_HOME": str(tmp_path / "hf")}
    assert not list(check_hub_access_offline(file, {**home, "HF_TOKEN": CANARY}))

    put_into_cache(tmp_path)

    assert not list(check_hub_access_offline(file, home))


def test_a_model_that_is_not_known_as_gated_needs_no_token(tmp_path: Path) -> None:
    file = read_config(tmp_path, FULL_SIZE + "model: {base: someone/open-sd3}\n")
    assert not list(check_hub_access_offline(file, {"HF_HOME": str(tmp_path)}))


# ------------------------------------------------------------------ the token


def test_a_login_by_browser_that_has_run_out_may_renew_itself(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf/token").write_text(CANARY, encoding="utf-8")
    revoke_token(hub)
    (lost,) = check_base(hub, tmp_path)
    stored = f"[work]\nhf_token = {CANARY}\nrefresh_token = r%\nexpires_at = 1\n"
    (tmp_path / "hf/stored_tokens").write_text(stored, encoding="utf-8")

    (renewable,) = check_base(hub, tmp_path)

    assert (lost.id, lost.severity) == ("A06", Severity.ERROR)
    assert (renewable.id, renewable.severity) == ("A06", Severity.WARNING)


def test_the_token_appears_in_no_problem_and_no_log(
    hub: FakeHub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = [name for name in logging.root.manager.loggerDict if name.startswith("huggingface_hub")]
    names += ["", "huggingface_hub", "httpx2", "httpcore2"]
    loggers = [logging.getLogger(name) for name in dict.fromkeys(names)]
    levels = [(logger.level, logger.disabled) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.disabled = False
    logging.getLogger("huggingface_hub").addHandler(caplog.handler)
    found: list[Problem] = []
    for change in (make_free, not_accept, wait, restrict_token, revoke_token, overload):
        change(hub)
        for token in (CANARY, f"{CANARY} {CANARY}", f"{CANARY}\u00e4", f"{CANARY}\x00"):
            found += check_base(hub, tmp_path, HF_TOKEN=token)
    found += check_base(hub, tmp_path, HF_TOKEN=CANARY, HF_ENDPOINT=NOWHERE)
    found += check_base(hub, tmp_path, HF_TOKEN=CANARY, HF_ENDPOINT="nowhere")

    logging.getLogger("huggingface_hub").removeHandler(caplog.handler)
    for logger, (level, is_disabled) in zip(loggers, levels, strict=True):
        logger.setLevel(level)
        logger.disabled = is_disabled
    assert {"A05", "A06", "A08", "A14"} <= set(ids_of(found))
    assert "authenticated: True" in caplog.text
    assert "canary" not in (repr(found) + caplog.text)
