"""A token is found where huggingface_hub finds it, and its text is shown nowhere."""

from pathlib import Path

import pytest
from hub_asking import CANARY

from tuner_kit.preflight.hub_access import find_hub_token
from tuner_kit.preflight.hub_settings import read_hub_settings


@pytest.mark.parametrize(
    ("variables", "token_path", "expected"),
    [
        pytest.param({"HF_TOKEN": CANARY}, None, "HF_TOKEN", id="variable"),
        pytest.param({"HUGGING_FACE_HUB_TOKEN": CANARY}, None, "HF_TOKEN", id="old variable"),
        pytest.param({"HF_TOKEN": " \n"}, None, None, id="blank"),
        pytest.param({}, ".cache/huggingface/token", "file", id="usual place"),
        pytest.param({"XDG_CACHE_HOME": "~/x"}, "x/huggingface/token", "file", id="cache"),
        pytest.param({"HF_HOME": "$HOME/y"}, "y/token", "file", id="home of the library"),
        pytest.param({"HF_TOKEN_PATH": "${HOME}/z"}, "z", "file", id="a path of its own"),
        pytest.param({"HF_TOKEN_PATH": "~/elsewhere"}, "token", None, id="not there"),
    ],
)
def test_the_token_is_found_where_huggingface_hub_looks(
    tmp_path: Path, variables: dict[str, str], token_path: str | None, expected: str | None
) -> None:
    if token_path is not None:
        (tmp_path / token_path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / token_path).write_text(f"{CANARY}\r\n", encoding="utf-8")
    environ = {"HOME": str(tmp_path), **variables}

    settings = read_hub_settings(environ)

    assert find_hub_token(environ) == expected
    assert (settings.token.text if settings.token else None) == (CANARY if expected else None)
    assert CANARY not in repr(settings)


def test_a_token_file_of_other_bytes_is_none(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    assert find_hub_token({"HF_HOME": str(tmp_path)}) is None


def test_logins_that_can_not_be_read_renew_nothing(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(CANARY, encoding="utf-8")
    (tmp_path / "stored_tokens").write_text("no section", encoding="utf-8")

    token = read_hub_settings({"HF_HOME": str(tmp_path)}).token

    assert token is not None
    assert not token.is_renewable
