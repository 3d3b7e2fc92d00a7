"""What a child gets of the environment, and what of it may be written down."""

import pytest

from tuner_kit.process.environment import scrub, without_secrets


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "https_proxy", "NO_PROXY"),
        *("HF_TOKEN", "HF_HOME", "HF_HUB_OFFLINE", "WANDB_API_KEY", "WANDB_MODE"),
        *("CUDA_VISIBLE_DEVICES", "PYTORCH_CUDA_ALLOC_CONF", "LD_LIBRARY_PATH"),
    ],
)
def test_a_child_gets(name: str) -> None:
    assert scrub({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    "name",
    [
        *("CONFIG_PATH", "CONFIG_BACKEND", "ENV", "SIMPLETUNER_LOG_LEVEL", "ACCELERATE_USE_CPU"),
        *("TRAINER_EXTRA_ARGS", "RANK", "WORLD_SIZE", "PYTHONPATH", "AWS_SECRET_ACCESS_KEY"),
        *("TRAINING_NUM_PROCESSES", "MIXED_PRECISION", "OPENAI_API_KEY", "LD_PRELOAD"),
    ],
)
def test_a_child_does_not_get(name: str) -> None:
    assert scrub({name: "x"}) == {}


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "WANDB_API_KEY", "https_proxy", "ALL_PROXY", "AWS_SECRET", "MY_PASSWORD"],
)
def test_a_secret_is_never_written_down(name: str) -> None:
    assert without_secrets({name: "x", "CUDA_HOME": "y"}) == {"CUDA_HOME": "y"}


def test_what_is_written_down_is_in_order() -> None:
    assert list(without_secrets({"B": "1", "A": "2", "C": "3"})) == ["A", "B", "C"]
