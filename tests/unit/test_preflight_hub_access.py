"""A gated base model without a token is named before the trainer is started."""

from pathlib import Path

import pytest
from config_files import SMALLEST, read_config

from tuner_kit.errors import Severity
from tuner_kit.preflight.hub_access import check_hub_access, find_hub_token

GATED = SMALLEST.replace("tiny-lora", "sd3.5-medium-lora")


def test_a_gated_model_without_a_token_is_named(tmp_path: Path) -> None:
    (found,) = check_hub_access(read_config(tmp_path, GATED), {"HF_HOME": str(tmp_path)})

    assert (found.id, found.severity) == ("A01", Severity.WARNING)
    assert "stabilityai/stable-diffusion-3.5-medium" in found.what


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(SMALLEST, id="embedded"),
        pytest.param(GATED + "model: {base: someone/open-sd3}\n", id="not known as gated"),
        pytest.param(GATED + "model: {base: 3}\n", id="itself wrong"),
    ],
)
def test_other_models_need_no_token(tmp_path: Path, text: str) -> None:
    assert not list(check_hub_access(read_config(tmp_path, text), {"HF_HOME": str(tmp_path)}))


def test_a_token_in_the_environment_is_enough(tmp_path: Path) -> None:
    environ = {"HF_HOME": str(tmp_path), "HF_TOKEN": "hf_secret"}

    assert not list(check_hub_access(read_config(tmp_path, GATED), environ))
    assert find_hub_token(environ) == "HF_TOKEN"


def test_a_token_that_a_login_left_is_enough(tmp_path: Path) -> None:
    (tmp_path / "huggingface").mkdir()
    (tmp_path / "huggingface" / "token").write_text("hf_secret", encoding="utf-8")
    environ = {"XDG_CACHE_HOME": str(tmp_path)}

    assert not list(check_hub_access(read_config(tmp_path, GATED), environ))
    assert find_hub_token(environ) == "file"


def test_a_model_that_was_downloaded_needs_no_token(tmp_path: Path) -> None:
    cached = "hub/models--stabilityai--stable-diffusion-3.5-medium/snapshots"
    (tmp_path / cached).mkdir(parents=True)

    assert not list(check_hub_access(read_config(tmp_path, GATED), {"HF_HOME": str(tmp_path)}))
