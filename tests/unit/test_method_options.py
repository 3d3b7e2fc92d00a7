"""Each method and family gives the trainer its own options, and no other's."""

from pathlib import Path

import pytest
from config_files import SMALLEST, read_config

from tuner_kit.config.run_config import RunConfig
from tuner_kit.simpletuner.method_options import lycoris_config, method_options
from tuner_kit.simpletuner.option_table import load_option_table
from tuner_kit.simpletuner.training_files import OPTION_SOURCES, OWN_OPTIONS

LYCORIS_PATH = Path("/runs/cats/lycoris_config.json")
ADAPTER_OPTIONS = {"lora_type", "lora_rank", "lora_alpha", "lora_dropout", "lora_format"}
SD3_OPTIONS = {"flow_schedule_shift", "text_encoder_2_precision", "text_encoder_3_precision"}


def config_of(folder: Path, preset: str, text: str = "") -> RunConfig:
    file = read_config(folder, SMALLEST.replace("tiny-lora", preset) + text)
    assert file.problems == ()
    return file.config


@pytest.mark.parametrize("preset", ["sd3.5-medium-lora", "sd1-lora"])
@pytest.mark.parametrize(
    ("method", "has", "lacks"),
    [
        ("lora", ADAPTER_OPTIONS, {"lycoris_config"}),
        ("lokr", {"lora_type", "lycoris_config"}, ADAPTER_OPTIONS - {"lora_type"}),
        ("full", set(), {*ADAPTER_OPTIONS, "lycoris_config"}),
    ],
)
def test_a_method_has_no_options_of_another(
    tmp_path: Path, preset: str, method: str, has: set[str], lacks: set[str]
) -> None:
    config = config_of(tmp_path, preset, f"training: {{method: {method}}}\n")

    options = method_options(config, LYCORIS_PATH)

    assert has <= options.keys()
    assert not lacks & options.keys()
    assert options["model_type"] == ("full" if method == "full" else "lora")
    assert options.keys() <= OWN_OPTIONS <= load_option_table().keys()


def test_stable_diffusion_1_has_no_flow_and_one_text_encoder(tmp_path: Path) -> None:
    sd3 = method_options(config_of(tmp_path, "sd3.5-medium-lora"), LYCORIS_PATH)
    sd1 = method_options(config_of(tmp_path, "sd1-lora"), LYCORIS_PATH)

    assert sd3.keys() - sd1.keys() == SD3_OPTIONS
    assert sd1["text_encoder_1_precision"] == "no_change"


def test_a_full_fine_tune_never_has_a_quantized_base(tmp_path: Path) -> None:
    config = config_of(tmp_path, "sd3.5-large-lora", "training: {method: full}\n")

    assert config.model.quantization == "int8-quanto"
    assert method_options(config, LYCORIS_PATH)["base_model_precision"] == "no_change"


def test_only_a_lokr_has_a_shape_for_lycoris(tmp_path: Path) -> None:
    for method in ("lora", "full"):
        config = config_of(tmp_path, "sd1-lora", f"training: {{method: {method}}}\n")
        assert lycoris_config(config) is None


def test_the_default_shape_is_that_of_the_trainer(tmp_path: Path) -> None:
    config = config_of(tmp_path, "sd1-lora", "training: {method: lokr}\n")

    shape = lycoris_config(config)

    assert shape is not None
    # SimpleTuner 4.10.1, lycoris_defaults.py.
    assert (shape["algo"], shape["linear_dim"], shape["linear_alpha"]) == ("lokr", 10_000, 1)
    assert shape["apply_preset"] == {
        "target_module": ["Attention", "FeedForward"],
        "module_algo_map": {"Attention": {"factor": 16}, "FeedForward": {"factor": 8}},
    }


def test_a_configured_shape_reaches_lycoris(tmp_path: Path) -> None:
    text = (
        "training: {method: lokr}\n"
        "lokr: {factor: 4, feed_forward_factor: 2, linear_dim: 8, linear_alpha: 16, "
        "full_matrix: false}\n"
    )

    shape = lycoris_config(config_of(tmp_path, "sd3-medium-lora", text))

    assert shape is not None
    assert (shape["factor"], shape["full_matrix"]) == (4, False)
    assert (shape["linear_dim"], shape["linear_alpha"]) == (8, 16)
    assert shape["apply_preset"] == {
        "target_module": ["Attention", "FeedForward"],
        "module_algo_map": {"Attention": {"factor": 4}, "FeedForward": {"factor": 2}},
    }
    assert shape["bypass_mode"] is False


def test_a_quantized_base_is_never_added_to(tmp_path: Path) -> None:
    shape = lycoris_config(config_of(tmp_path, "sd3.5-large-lora", "training: {method: lokr}\n"))

    assert shape is not None
    assert shape["bypass_mode"] is True


def test_every_option_says_where_it_comes_from(tmp_path: Path) -> None:
    config = config_of(tmp_path, "sd3.5-medium-lora")
    for path in OPTION_SOURCES.values():
        value: object = config
        for part in path:
            value = value[part] if isinstance(part, int) else getattr(value, str(part))  # type: ignore[index]  # datasets
