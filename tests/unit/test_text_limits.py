"""How much of a caption the text encoders of a base model read."""

import json
import shutil
from pathlib import Path

import pytest
from config_files import SMALLEST, read_config

from tuner_kit.catalog.base_models import embedded_model_dir
from tuner_kit.preflight.dataset_rules import text_encoder_limits
from tuner_kit.preflight.text_limits import sd3_limits

FULL_SIZE = SMALLEST.replace("tiny-lora", "sd3.5-medium-lora")


def test_sd3_reads_75_clip_tokens_and_153_of_t5() -> None:
    assert [(limit.problem_id, limit.title, limit.max_tokens) for limit in sd3_limits(None)] == [
        ("D22", "CLIP", 75),
        ("D23", "T5", 153),
    ]


@pytest.mark.parametrize(
    ("text", "max_tokens"),
    [
        pytest.param(FULL_SIZE, 153, id="the trainer's own"),
        pytest.param(f"{FULL_SIZE}simpletuner: {{tokenizer_max_length: 77}}\n", 76, id="asked for"),
        pytest.param(f"{FULL_SIZE}simpletuner: {{tokenizer_max_length: x}}\n", 153, id="wrong"),
    ],
)
def test_the_option_of_the_trainer_sets_the_limit_of_t5(
    tmp_path: Path, text: str, max_tokens: int
) -> None:
    clip, t5 = text_encoder_limits(read_config(tmp_path, text))
    assert (clip.max_tokens, t5.max_tokens) == (75, max_tokens)


def test_a_model_in_a_folder_counts_with_its_own_tokenizer(tmp_path: Path) -> None:
    shutil.copytree(embedded_model_dir("tiny-sd3"), tmp_path / "base")
    _, t5 = text_encoder_limits(read_config(tmp_path, f"{SMALLEST}model: {{base: ./base}}\n"))
    counter = t5.load_counter()

    assert counter is not None
    assert not counter.is_estimate


def test_a_model_of_the_hub_is_counted_by_an_estimate(tmp_path: Path) -> None:
    _, t5 = text_encoder_limits(read_config(tmp_path, FULL_SIZE))
    counter = t5.load_counter()

    assert counter is not None
    assert counter.is_estimate


def test_a_vocabulary_is_loaded_once_for_all_datasets() -> None:
    clip, _ = sd3_limits(None)
    assert clip.load_counter() is clip.load_counter()


def test_the_presets_limit_is_the_one_that_the_trainer_gets(tmp_path: Path) -> None:
    file = read_config(tmp_path, SMALLEST)
    _, t5 = text_encoder_limits(file)
    assert json.loads(file.config.model_dump_json())["simpletuner"]["tokenizer_max_length"] == (
        t5.max_tokens + 1
    )


def test_stable_diffusion_1_has_clip_alone_and_learns_nothing_of_the_rest(tmp_path: Path) -> None:
    text = SMALLEST.replace("tiny-lora", "sd1-lora")

    (clip,) = text_encoder_limits(read_config(tmp_path, text))

    assert (clip.problem_id, clip.max_tokens) == ("D22", 75)
    assert clip.consequence == "the rest is never learned"
