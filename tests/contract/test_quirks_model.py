"""The rules about models, precision and schedules rest on what the real SimpleTuner does.

Where one of these fails, upstream was changed: look at the rule that the test is named after.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from quirk_cases_model import ACCEPTED, REFUSED, SD3_SHAPE, SD3_SHAPES, config
from real_trainer import RealParser, TrainerRefusalError

import tuner_kit
from tuner_kit.simpletuner.rules import adapter_rules, hardware_rules, known_bases, precision_rules

pytestmark = pytest.mark.contract

TINY_SD3 = Path(tuner_kit.__file__).parent / "embedded_models" / "tiny-sd3"


def refused(parser: RealParser, function: str, payload: object) -> str:
    with pytest.raises(TrainerRefusalError) as refusal:
        parser.probe(f"quirks_model:{function}", payload)
    return str(refusal.value)


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_the_parser_says_nothing_so_the_rule_must(
    real_parser: RealParser, changes: Mapping[str, object]
) -> None:
    parsed = real_parser.parse(config(**changes))

    assert {name: parsed[name] for name in changes} == changes


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED.keys())
def test_the_parser_refuses_what_the_rule_calls_an_error(
    real_parser: RealParser, changes: Mapping[str, object]
) -> None:
    with pytest.raises(TrainerRefusalError):
        real_parser.parse(config(**changes))


def test_b01_b02_the_flavors_are_those_of_simpletuner(real_parser: RealParser) -> None:
    for family, named in known_bases.FLAVORS.items():
        told = real_parser.probe("quirks_model:flavors", family)

        assert told["paths"] == named
        assert told["default"] == known_bases.DEFAULT_FLAVORS[family]


def test_b02_a_path_silently_wins_over_the_flavor(real_parser: RealParser) -> None:
    named = config(model_flavour="medium", pretrained_model_name_or_path=known_bases.SD3_5_LARGE)

    assert real_parser.probe("quirks_model:base_of", named) == known_bases.SD3_5_LARGE
    assert "huge" in refused(real_parser, "base_of", config(model_flavour="huge"))


def test_b05_sd3_loads_the_vae_that_it_means_to_pass_over(real_parser: RealParser) -> None:
    own = real_parser.probe(
        "quirks_model:user_config", config(pretrained_vae_model_name_or_path="me/vae")
    )
    sdxl = real_parser.probe(
        "quirks_model:user_config", config(pretrained_vae_model_name_or_path="me/sdxl-vae")
    )

    assert own["pretrained_vae_model_name_or_path"] is None
    assert own["vae_path"] == "me/vae"
    assert sdxl["vae_path"] != "me/sdxl-vae"


@pytest.mark.parametrize("family", ["sd3", "sd1x"])
def test_b06_the_alignment_is_overridden(real_parser: RealParser, family: str) -> None:
    checked = real_parser.probe(
        "quirks_model:user_config", config(model_family=family, aspect_bucket_alignment=8)
    )

    assert int(checked["aspect_bucket_alignment"]) == 64


def test_b07_the_token_limit_is_lowered_unless_one_knows(real_parser: RealParser) -> None:
    long = config(tokenizer_max_length=256)
    checked = real_parser.probe("quirks_model:user_config", long)
    known = real_parser.probe("quirks_model:user_config", {**long, "i_know_what_i_am_doing": True})

    assert checked["tokenizer_max_length"] == 154
    assert known["tokenizer_max_length"] == 256


@pytest.mark.parametrize("family", ["sd3", "sd1x"])
def test_b08_fp8_quanto_is_refused_only_by_the_model(real_parser: RealParser, family: str) -> None:
    asked = config(model_family=family, base_model_precision="fp8-quanto")

    assert "fp8-quanto" in refused(real_parser, "user_config", asked)


def test_b09_b21_kernels_run_on_the_gpus_that_the_rules_name(real_parser: RealParser) -> None:
    told = real_parser.probe("quirks_model:capabilities")

    assert told["fp8-native"] == [[9, 0], [12, 0]]
    assert told["xformers"] == [[7, 5], [8, 6], [8, 9]]
    assert [tuple(pair) for pair in told["kohaku"]] == list(hardware_rules._KOHAKU_CAPABILITIES)


def test_b10_a_quantized_full_model_is_refused_late(real_parser: RealParser) -> None:
    asked = config(model_type="full", base_model_precision="int8-quanto")
    checked = {"config": asked}
    controlnet = {"config": {**asked, "controlnet": True}}

    assert real_parser.probe("quirks_model:safety_check", checked) == "exit"
    assert real_parser.probe("quirks_model:safety_check", controlnet) != "exit"


def test_b11_b12_the_presets_made_after_loading_are_those_of_the_rules(
    real_parser: RealParser,
) -> None:
    told = real_parser.probe("quirks_model:quantization_presets")
    quantized = [name for name in told["all"] if name != "no_change"]

    manual = [name for name in quantized if precision_rules._is_manual_only(name)]
    assert sorted(manual) == told["manual_only"]
    assert set(quantized) - set(manual) == set(told["pipeline"])
    assert told["pipeline_only"] == ["int4-torchao", "nf4-bnb"]


def test_b13_two_quantization_libraries_are_refused_by_the_trainer(
    real_parser: RealParser,
) -> None:
    mixed = config(base_model_precision="int8-quanto", text_encoder_3_precision="int8-torchao")
    while_loading = config(
        base_model_precision="int4-torchao", text_encoder_3_precision="int8-quanto"
    )

    assert "TorchAO" in refused(real_parser, "marks_engines", mixed)
    real_parser.probe("quirks_model:marks_engines", while_loading)


def test_b16_another_optimizer_is_taken_for_fp32(real_parser: RealParser) -> None:
    asked = config(
        optimizer="adamw_bf16", base_model_precision="int8-quanto", base_model_default_dtype="fp32"
    )

    assert "bf16" not in real_parser.probe("quirks_model:optimizer_class", asked).lower()


def test_b18_fp8_quanto_becomes_int8_on_several_gpus(real_parser: RealParser) -> None:
    asked = {"config": config(base_model_precision="fp8-quanto"), "num_processes": 2}

    checked = real_parser.probe("quirks_model:safety_check", asked)

    assert checked["base_model_precision"] == "int8-quanto"


def test_b19_lora_with_deepspeed_is_refused_late(real_parser: RealParser) -> None:
    asked = {"config": config(), "deepspeed": {"zero": 2}}

    assert real_parser.probe("quirks_model:safety_check", asked) == "exit"


def test_b20_block_swap_is_clamped_to_the_real_depth(real_parser: RealParser) -> None:
    told = real_parser.probe("quirks_model:swapped_blocks", {"depth": 24, "blocks": 40})

    assert told["swapped"] == 23
    assert told["said_by_class"] == 17  # Neither 24 nor 38: the rule counts on its own.


def test_b24_text_encoders_beside_lycoris_are_refused_late(
    real_parser: RealParser, tmp_path: Path
) -> None:
    settings = tmp_path / "lycoris.json"
    settings.write_text('{"algo": "lora", "multiplier": 1, "linear_dim": 4, "linear_alpha": 4}')
    asked = config(lora_type="lycoris", lycoris_config=str(settings), train_text_encoder=True)

    assert real_parser.probe("quirks_model:safety_check", {"config": asked}) == "exit"


@pytest.mark.parametrize("key", ["algo", "multiplier", "linear_dim", "linear_alpha"])
def test_b25_each_key_of_the_lycoris_file_is_needed(
    real_parser: RealParser, tmp_path: Path, key: str
) -> None:
    named = {"algo": '"lora"', "multiplier": "1", "linear_dim": "4", "linear_alpha": "4"}
    written = ", ".join(f'"{name}": {value}' for name, value in named.items() if name != key)
    settings = tmp_path / "lycoris.json"
    settings.write_text(f"{{{written}}}", encoding="utf-8")

    with pytest.raises(TrainerRefusalError, match=key):
        real_parser.parse(config(lora_type="lycoris", lycoris_config=str(settings)))


@pytest.mark.parametrize(
    ("memory_mib", "outcome"), [(15360, "exit"), (24564, "soap"), (32607, "soap")]
)
def test_b22_soap_is_refused_up_to_16_gb_only(
    real_parser: RealParser, memory_mib: int, outcome: str
) -> None:
    asked = {"config": config(optimizer="soap"), "device": "cuda", "memory_mib": memory_mib}

    checked = real_parser.probe("quirks_model:safety_check", asked)

    assert (checked if checked == "exit" else checked["optimizer"]) == outcome


def test_b23_dora_is_switched_off_beside_quanto(real_parser: RealParser) -> None:
    parsed = real_parser.parse(config(use_dora=True, base_model_precision="int8-quanto"))

    assert parsed["use_dora"] is False


@pytest.mark.parametrize("family", ["sd3", "sd1x"])
def test_b26_the_family_has_no_muon(real_parser: RealParser, family: str) -> None:
    assert real_parser.probe("quirks_model:flavors", family)["supports_muon"] is False


def test_b27_controlnet_needs_pictures_in_every_image_dataset(real_parser: RealParser) -> None:
    image = {
        "id": "cats",
        "type": "local",
        "instance_data_dir": "cats",
        "caption_strategy": "textfile",
        "resolution": 512,
        "resolution_type": "pixel_area",
    }

    with pytest.raises(TrainerRefusalError, match="conditioning"):
        real_parser.parse_datasets(config(controlnet=True), [image])


INTERVAL = "gradient_checkpointing_interval"
STRIDE = "gradient_checkpointing_segment_stride"


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({INTERVAL: 0}, "ValueError"),
        ({INTERVAL: 1}, {INTERVAL: None}),
        ({INTERVAL: 4, STRIDE: 2}, "ValueError"),
        ({STRIDE: 2}, {STRIDE: None}),
        ({"model_family": "sd1x", INTERVAL: 0, STRIDE: 2}, {INTERVAL: None, STRIDE: None}),
    ],
    ids=["none", "one", "short stride", "stride alone", "sd1x"],
)
def test_b28_intervals_are_refused_or_ignored(
    real_parser: RealParser, changes: Mapping[str, object], left: Any
) -> None:
    told = real_parser.probe("quirks_model:safety_check", {"config": config(**changes)})

    assert (told if isinstance(told, str) else {name: told[name] for name in left}) == left


def test_b20_b29_f11_sd3_has_the_layers_and_parameters_of_the_rules(
    real_parser: RealParser,
) -> None:
    shapes = {name: {**SD3_SHAPE, **shape} for name, shape in SD3_SHAPES.items()}

    told = real_parser.probe("quirks_model:sd3_sizes", shapes)

    bases = known_bases.SD3_BASES
    assert told["sizes"] == {name: base.transformer_params for name, base in bases.items()}
    assert {name: shape["num_layers"] for name, shape in SD3_SHAPES.items()} == {
        name: base.num_layers for name, base in bases.items()
    }
    assert sorted(set(told["layers"])) == sorted(adapter_rules._SD3_LAYERS)


def test_b30_a_missing_nvidia_smi_stops_the_trainer(real_parser: RealParser) -> None:
    asked = {"config": config(), "device": "cuda", "path": "/nowhere"}

    assert real_parser.probe("quirks_model:safety_check", asked) == "FileNotFoundError"


def test_f01_the_written_shift_is_dropped_beside_the_automatic_one(
    real_parser: RealParser,
) -> None:
    asked = {"config": config(flow_schedule_shift=3.0, flow_schedule_auto_shift=True)}

    assert real_parser.probe("quirks_model:safety_check", asked)["flow_schedule_shift"] == 0


def test_f02_uniform_wins_over_beta(real_parser: RealParser) -> None:
    beta = config(
        flow_use_beta_schedule=True,
        flow_beta_schedule_alpha=50.0,
        flow_beta_schedule_beta=1.0,
        flow_schedule_shift=1.0,
    )

    alone = real_parser.probe("quirks_model:mean_sigma", beta)
    both = real_parser.probe("quirks_model:mean_sigma", {**beta, "flow_use_uniform_schedule": True})

    # The means are 50 / 51 and 1 / 2; 4096 draws keep them within 0.05 (ten standard errors).
    assert alone == pytest.approx(50 / 51, abs=0.05)
    assert both == pytest.approx(0.5, abs=0.05)


def test_f09_min_snr_and_epsilon_do_not_reach_sd3(real_parser: RealParser) -> None:
    changed = config(snr_gamma=5, prediction_type="epsilon")

    assert real_parser.probe("quirks_model:sd3_loss", changed) == real_parser.probe(
        "quirks_model:sd3_loss", config()
    )
    assert "flow" in real_parser.probe("quirks_model:flavors", "sd3")["prediction"]


def test_f10_only_text_in_brackets_becomes_a_list(real_parser: RealParser) -> None:
    key = "validation_guidance_skip_layers"

    assert real_parser.parse(config(**{key: "[7, 8, 9]"}))[key] == [7, 8, 9]
    assert real_parser.parse(config(**{key: "9"}))[key] == 9


def test_f11_peft_passes_over_unknown_layers_and_refuses_groups(real_parser: RealParser) -> None:
    probe = "quirks_model:adapted_layers"

    assert real_parser.probe(probe, ["to_k", "img_in"]) == 1
    assert "not found" in refused(real_parser, "adapted_layers", ["img_in"])
    assert "not supported" in refused(real_parser, "adapted_layers", ["to_k", "to_out"])


def test_f13_averaging_begins_with_a_ninth_of_the_updates(real_parser: RealParser) -> None:
    early, late = real_parser.probe("quirks_model:ema_decays", [100, 100_000])

    assert early == pytest.approx(100 / 109, abs=0.01)  # Averages about 109 / 9 = 12 updates.
    assert late == 0.995


def test_f13_self_flow_needs_averaged_weights_and_its_own_source(
    real_parser: RealParser,
) -> None:
    own = config(crepa_enabled=True, crepa_feature_source="self_flow", use_ema=False)
    default = config(crepa_enabled=True, crepa_self_flow=True, use_ema=True)

    assert "use_ema" in refused(real_parser, "self_flow", own)
    assert "crepa_feature_source" in refused(real_parser, "self_flow", default)


def test_f15_a_vae_in_fp16_is_refused_when_it_is_loaded(real_parser: RealParser) -> None:
    asked = {"config": config(vae_dtype="fp16"), "vae_path": str(TINY_SD3)}

    assert "fp16 is not supported" in refused(real_parser, "load_vae", asked)
