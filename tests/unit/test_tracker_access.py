"""A run that is tracked at Weights & Biases has a login, or is stopped before it begins."""

from pathlib import Path

import pytest
from config_files import SMALLEST, read_config

from tuner_kit.errors import Problem, Severity
from tuner_kit.preflight.tracker_access import check_tracker_access

KEY = "c0ffee" * 7
NEW_KEY = "wandb_v1_" + "Ab3_" * 20
SERVER_KEY = f"local-{KEY}"
SIGNED_KEY = "eyJh.eyJz.c2ln"
CANARY = "shh"
"""Too short for a key, and to be shown nowhere."""


def check(home: Path, tracker: str = "wandb", **environ: str) -> list[Problem]:
    text = f"{SMALLEST}tracking: {{tracker: {tracker}}}\n"
    found = list(check_tracker_access(read_config(home, text), environ, home))
    assert not any(secret in repr(found) for secret in (KEY, NEW_KEY, CANARY))
    return found


def write_netrc(home: Path, host: str, key: str = KEY, name: str = ".netrc") -> None:
    content = f"machine {host}\n  login user\n  password {key}\n"
    (home / name).write_text(content, encoding="utf-8")


def write_settings(home: Path, folder: str = ".config/wandb", **settings: str) -> None:
    lines = [f"{name} = {value}" for name, value in settings.items()]
    (home / folder).mkdir(parents=True, exist_ok=True)
    (home / folder / "settings").write_text("\n".join(["[default]", *lines]), encoding="utf-8")


def test_a_run_without_a_login_is_stopped_with_three_ways_out(tmp_path: Path) -> None:
    (found,) = check(tmp_path)

    assert (found.id, found.severity) == ("A10", Severity.ERROR)
    assert found.where.startswith("tuner.yaml:5 ")
    assert "no login for api.forge.coreweave.com" in found.what
    assert all(way in found.fix for way in ("wandb login", "WANDB_MODE=offline", "tensorboard"))


@pytest.mark.parametrize("tracker", ["none", "tensorboard", "3"])
def test_other_trackers_need_no_login(tmp_path: Path, tracker: str) -> None:
    assert not check(tmp_path, tracker)


# ------------------------------------------------------------------ modes


@pytest.mark.parametrize("mode", ["offline", "dryrun", "disabled"])
def test_a_mode_that_sends_nothing_needs_no_login(tmp_path: Path, mode: str) -> None:
    assert not check(tmp_path, WANDB_MODE=mode)


@pytest.mark.parametrize("mode", ["online", "shared", "run", ""])
def test_a_mode_that_sends_needs_one(tmp_path: Path, mode: str) -> None:
    assert len(check(tmp_path, WANDB_MODE=mode)) == 1


def test_a_mode_that_does_not_exist_is_named(tmp_path: Path) -> None:
    (found,) = check(tmp_path, WANDB_MODE="Offline", WANDB_API_KEY=KEY)

    assert (found.id, found.fix) == ("A10", "did you mean offline?")


def test_wandb_offline_is_remembered_in_its_settings(tmp_path: Path) -> None:
    write_settings(tmp_path, mode="offline")

    assert not check(tmp_path)
    assert len(check(tmp_path, WANDB_MODE="online")) == 1


def test_the_settings_may_be_elsewhere(tmp_path: Path) -> None:
    write_settings(tmp_path, "elsewhere", mode="disabled")

    assert not check(tmp_path, WANDB_CONFIG_DIR="~/elsewhere")
    assert not check(tmp_path, WANDB_CONFIG_DIR=str(tmp_path / "elsewhere"))


@pytest.mark.parametrize("content", [b"mode = offline", b"\xff\xfe", b"[other]\nmode = offline"])
def test_settings_that_can_not_be_read_say_nothing(tmp_path: Path, content: bytes) -> None:
    write_settings(tmp_path)
    (tmp_path / ".config/wandb/settings").write_bytes(content)

    assert len(check(tmp_path)) == 1


# ------------------------------------------------------------------ keys


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(KEY[:40], id="40 characters"),
        pytest.param(NEW_KEY, id="89 characters"),
        pytest.param(SERVER_KEY, id="a company's own server"),
        pytest.param(SIGNED_KEY, id="signed"),
    ],
)
def test_a_key_in_the_environment_is_a_login(tmp_path: Path, key: str) -> None:
    assert not check(tmp_path, WANDB_API_KEY=key)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(CANARY, id="too short"),
        pytest.param(f"local-{CANARY}", id="too short after its prefix"),
        pytest.param(f"{KEY}-", id="nothing after its prefix"),
        pytest.param(f"{KEY} ", id="with a space"),
        pytest.param(f"'{KEY}'", id="in quotes"),
        pytest.param(KEY[:39], id="one character lost"),
    ],
)
def test_what_can_not_be_a_key_is_named_and_not_shown(tmp_path: Path, key: str) -> None:
    (found,) = check(tmp_path, WANDB_API_KEY=key)

    assert found.what.endswith("what is in WANDB_API_KEY is not an API key")


def test_a_token_file_is_a_login_if_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "identity"
    (missing,) = check(tmp_path, WANDB_IDENTITY_TOKEN_FILE=str(path))
    path.write_text("x", encoding="utf-8")

    assert f"there is no file {path}" in missing.what
    assert not check(tmp_path, WANDB_IDENTITY_TOKEN_FILE=str(path))


def test_a_key_and_a_token_file_are_one_too_many(tmp_path: Path) -> None:
    (found,) = check(tmp_path, WANDB_API_KEY=KEY, WANDB_IDENTITY_TOKEN_FILE=__file__)
    assert "both set" in found.what


# ------------------------------------------------------------------ what `wandb login` wrote


@pytest.mark.parametrize(
    ("host", "address"),
    [
        pytest.param("api.forge.coreweave.com", "", id="the present server"),
        pytest.param("api.wandb.ai", "", id="its earlier name"),
        pytest.param("api.wandb.ai", "https://api.wandb.ai", id="asked by its earlier name"),
        pytest.param("api.forge.coreweave.com", "https://api.wandb.ai/", id="the other way"),
        pytest.param("localhost:8080", "http://localhost:8080", id="one's own server"),
        pytest.param("wandb.firm", "https://me:pw@wandb.firm/path", id="a company's"),
    ],
)
def test_a_login_is_found_in_the_netrc_file(tmp_path: Path, host: str, address: str) -> None:
    write_netrc(tmp_path, host)
    assert not check(tmp_path, WANDB_BASE_URL=address)


def test_a_login_at_another_server_does_not_count(tmp_path: Path) -> None:
    write_netrc(tmp_path, "api.wandb.ai")

    (found,) = check(tmp_path, WANDB_BASE_URL="https://wandb.firm")

    assert "no login for wandb.firm" in found.what


def test_an_address_that_is_none_has_no_login(tmp_path: Path) -> None:
    write_netrc(tmp_path, "api.wandb.ai")
    assert len(check(tmp_path, WANDB_BASE_URL="http://[")) == 1


def test_the_server_may_be_in_the_settings(tmp_path: Path) -> None:
    write_netrc(tmp_path, "wandb.firm")
    write_settings(tmp_path, base_url="https://wandb.firm")

    assert not check(tmp_path)
    assert len(check(tmp_path, WANDB_BASE_URL="https://api.wandb.ai")) == 1


def test_the_netrc_file_may_be_elsewhere(tmp_path: Path) -> None:
    write_netrc(tmp_path, "api.wandb.ai", name="logins")

    assert not check(tmp_path, NETRC=str(tmp_path / "logins"))
    assert not check(tmp_path, NETRC="~/logins")


def test_the_netrc_file_may_have_its_name_of_windows(tmp_path: Path) -> None:
    write_netrc(tmp_path, "api.wandb.ai", name="_netrc")
    assert not check(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("machine api.wandb.ai\n  key x", "can't be read", id="broken"),
        pytest.param(f"machine api.wandb.ai password {CANARY}", "is no API key", id="no key"),
        pytest.param("machine api.wandb.ai login me", "no login for", id="without password"),
        pytest.param("", "no login for", id="empty"),
    ],
)
def test_a_netrc_file_without_a_usable_login_is_named(
    tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / ".netrc").write_text(content, encoding="utf-8")

    (found,) = check(tmp_path)

    assert words in found.what


def test_a_key_in_the_settings_is_a_login(tmp_path: Path) -> None:
    write_settings(tmp_path, api_key=KEY)
    assert not check(tmp_path)
