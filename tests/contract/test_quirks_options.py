"""The quirks that rules of groups A, G and I are about are still in SimpleTuner.

Where one of these fails, SimpleTuner was repaired: delete or rewrite the rule that its name says.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from real_trainer import SMALLEST_CONFIG, RealParser, TrainerRefusalError

pytestmark = pytest.mark.contract


def parsed(parser: RealParser, **options: object) -> dict[str, Any]:
    return parser.parse({**SMALLEST_CONFIG, **options})


@pytest.mark.parametrize(
    "written",
    [
        {"save_total_limit": 7, "checkpoints_total_limit": 2},
        {"ignore_final_epochs": True, "strict_epoch_limit": True},
    ],
    ids=["limit", "epochs"],
)
def test_a03_an_old_name_beside_the_new_one_is_ignored_without_a_word(
    written: dict[str, object], real_parser: RealParser
) -> None:
    new = list(written)[1]

    assert parsed(real_parser, **written)[new] == written[new]


def test_a03_the_old_name_of_the_limit_wins_where_it_comes_last(real_parser: RealParser) -> None:
    result = parsed(real_parser, checkpoints_total_limit=2, save_total_limit=7)

    assert result["checkpoints_total_limit"] == 7


def test_a07_the_default_learning_rate_trains_nothing(real_parser: RealParser) -> None:
    assert parsed(real_parser)["learning_rate"] == 4e-7


def test_a08_steps_without_epochs_are_refused(real_parser: RealParser) -> None:
    config = {key: value for key, value in SMALLEST_CONFIG.items() if key != "num_train_epochs"}

    with pytest.raises(TrainerRefusalError, match="num_train_epochs"):
        real_parser.parse(config)


def test_a08_a_training_of_no_length_is_taken(real_parser: RealParser) -> None:
    assert parsed(real_parser, max_train_steps=0)["num_train_epochs"] == 0


def test_a09_placeholders_vanish_or_stay(real_parser: RealParser) -> None:
    result = parsed(real_parser, output_dir="out/{model_family}/{env:SURELY_NOT_SET}")

    assert result["output_dir"] == "out/{model_family}/"


OURS, OTHER = "config/config.json", "config/dogs/config.json"
TOML = "config/config.toml"


@pytest.mark.parametrize(
    ("setting", "read"),
    [
        pytest.param({"files": [OURS, OTHER]}, OURS, id="nothing"),
        pytest.param({"files": [OURS, OTHER], "environ": {"ENV": "dogs"}}, OTHER, id="name"),
        pytest.param(
            {"files": [OURS, OTHER], "environ": {"CONFIG_PATH": "config/dogs"}}, OTHER, id="path"
        ),
        pytest.param(
            {"files": [OURS, OTHER], "environ": {"CONFIG_PATH": "config/birds"}},
            OURS,
            id="path to nothing",
        ),
        pytest.param(
            {"files": [OURS, TOML], "environ": {"SIMPLETUNER_CONFIG_BACKEND": "toml"}},
            TOML,
            id="format",
        ),
        pytest.param({"files": [OURS, TOML]}, OURS, id="JSON before TOML"),
        pytest.param(
            {
                "files": [OURS, OTHER],
                "texts": {"config/config.env": "export CONFIG_PATH='config/dogs'\n"},
                "environ": {"CONFIG_PATH": "config"},
            },
            OTHER,
            id="file that sets a variable",
        ),
        pytest.param(
            {"files": [OURS], "texts": {"config/config.env": "OUTPUT_DIR=elsewhere\n"}},
            OURS,
            id="file without effect",
        ),
    ],
)
def test_a10_the_environment_decides_which_configuration_is_read(
    setting: Mapping[str, object], read: str, real_parser: RealParser
) -> None:
    assert real_parser.probe("quirks_options:config_that_is_read", setting) == read


def test_a10_the_command_prefers_the_working_directory(real_parser: RealParser) -> None:
    found = real_parser.probe("quirks_options:config_that_the_command_finds", [OURS, "config.env"])

    assert found == "config.env"


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"HOME": "{here}"}, ".cache/huggingface/accelerate/default_config.yaml"),
        ({"HOME": "{here}", "HF_HOME": "{here}/hub"}, "hub/accelerate/default_config.yaml"),
    ],
    ids=["home", "HF_HOME"],
)
def test_a11_accelerates_own_settings_are_adopted(
    environ: Mapping[str, str], found: str, real_parser: RealParser
) -> None:
    assert real_parser.probe("quirks_options:accelerate_file", environ) == found


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"metadata_update_interval": 59}, "60 seconds", id="A12"),
        pytest.param({"optimizer_beta1": 0.9}, "optimizer_beta2", id="A13 first"),
        pytest.param({"optimizer_beta2": 0.9}, "optimizer_beta1", id="A13 second"),
        pytest.param({"gradient_accumulation_steps": 0}, ">= 1", id="A14"),
        pytest.param({"report_to": "tensorbord"}, "report_to", id="A17 unknown"),
        pytest.param({"report_to": "none,wandb"}, "report_to", id="A17 none and another"),
        pytest.param({"disk_low_threshold": "10GiB"}, "disk_low_threshold", id="A19 unit"),
        pytest.param(
            {"disk_low_threshold": "10G", "disk_low_action": "script"},
            "disk_low_script",
            id="A19 script",
        ),
        pytest.param(
            {"distillation_method": "flow_dpo", "train_text_encoder": True},
            "(?i)text.encoder",
            id="G05",
        ),
        pytest.param(
            {"validation_adapter_path": "a", "validation_adapter_config": '{"a": 1}'},
            "not both",
            id="I13 adapters",
        ),
        pytest.param({"validation_adapter_strength": 0}, "must not be 0", id="I13 strength"),
        pytest.param({"webhook_config": "no.json"}, "Could not find", id="I15 missing"),
        pytest.param({"publishing_config": '{"a": '}, "JSON", id="I15 torn"),
    ],
)
def test_what_the_rule_calls_refused_is_refused(
    options: dict[str, object], said: str, real_parser: RealParser
) -> None:
    with pytest.raises(TrainerRefusalError, match=said):
        parsed(real_parser, **options)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"train_batch_size": 0}, id="A14 batch"),
        pytest.param({"lora_rank": -3}, id="A14 rank"),
        pytest.param({"lora_alpha": 0.0}, id="A14 alpha"),
        pytest.param({"checkpoints_total_limit": -1}, id="A14 limit"),
        pytest.param({"user_prompt_library": "no/prompts.json"}, id="A16"),
        pytest.param({"report_to": "wandb"}, id="A17 login"),
        pytest.param({"eval_steps_interval": 50}, id="A18"),
        pytest.param({"disk_low_action": "wait"}, id="A19 without threshold"),
        pytest.param({"lr_warmup_steps": 100}, id="A20 warm-up longer than the training"),
        pytest.param({"delete_unwanted_images": True}, id="G06"),
        pytest.param({"resume_from_checkpoint": "None"}, id="I03"),
        pytest.param({"push_to_hub": True}, id="I09"),
        pytest.param({"validation_prompt": ""}, id="I13 prompt"),
    ],
)
def test_what_the_rule_says_in_front_is_taken_by_the_parser(
    options: dict[str, object], real_parser: RealParser
) -> None:
    result = parsed(real_parser, **options)

    assert {name: result[name] for name in options} == options


@pytest.mark.parametrize("seed", [0, -1])
def test_a15_the_seed_is_drawn_anew(seed: int, real_parser: RealParser) -> None:
    assert parsed(real_parser, seed=seed)["seed"] not in (0, -1)


def test_a16_a_missing_library_stops_the_trainer_later(real_parser: RealParser) -> None:
    with pytest.raises(TrainerRefusalError, match="prompt library"):
        real_parser.probe(
            "quirks_options:checked_for_safety", {"user_prompt_library": "no/prompts.json"}
        )


def test_a20_constant_becomes_another_schedule(real_parser: RealParser) -> None:
    result = parsed(real_parser, lr_scheduler="constant", lr_warmup_steps=1)

    assert result["lr_scheduler"] == "constant_with_warmup"


def rates(parser: RealParser, scheduler: str, warmup: int) -> list[float]:
    found: list[float] = parser.probe(
        "quirks_options:learning_rates",
        {"lr_scheduler": scheduler, "lr_warmup_steps": warmup, "with_step": True},
    )
    return found


def test_a20_cosine_rises_again_after_its_warmup_steps(real_parser: RealParser) -> None:
    found = rates(real_parser, "cosine", 100)

    assert found[100] < 1e-6
    assert found[200] > 0.99e-4


def test_a20_cosine_takes_1000_steps_by_default(real_parser: RealParser) -> None:
    assert rates(real_parser, "cosine", 0) == pytest.approx(rates(real_parser, "cosine", 1000))


def test_a20_cosine_with_restarts_keeps_the_learning_rate(real_parser: RealParser) -> None:
    assert rates(real_parser, "cosine_with_restarts", 100) == pytest.approx([1e-4] * 300)


@pytest.mark.parametrize("scheduler", ["sine", "cosine_with_restarts"])
def test_a20_no_wave_stops_the_trainer(scheduler: str, real_parser: RealParser) -> None:
    with pytest.raises(TrainerRefusalError, match="positive integer"):
        rates(real_parser, scheduler, 0)


def test_g01_class_images_are_special_with_an_adapter_only(real_parser: RealParser) -> None:
    source = real_parser.probe("quirks_options:sources")["train"]

    assert 'is_regularisation_data and self.config.model_type == "lora"' in source


@pytest.mark.parametrize(
    ("partner", "is_found"), [("a.jpg", True), ("a.png", False)], ids=["same", "other ending"]
)
def test_g03_a_mask_must_have_the_same_name_and_ending(
    partner: str, *, is_found: bool, real_parser: RealParser
) -> None:
    names = {"image": "a.jpg", "partner": partner}

    assert real_parser.probe("quirks_options:partner_is_found", names) is is_found


def test_g03_the_mask_takes_the_size_of_its_images(real_parser: RealParser) -> None:
    settings = {"images": {"resolution": 1024}, "masks": {"resolution": 512}}

    aligned = real_parser.probe("quirks_options:geometry_of_partner", settings)

    assert aligned["resolution"] == 1024


def test_g04_a_mask_without_images_stops_the_trainer_late(real_parser: RealParser) -> None:
    mask = {"id": "masks", "dataset_type": "conditioning", "conditioning_type": "mask"}

    with pytest.raises(TrainerRefusalError, match="source_dataset_id"):
        real_parser.probe("quirks_options:align_mask", mask)


def test_g04_an_unknown_partner_stops_the_trainer_late(real_parser: RealParser) -> None:
    images = {"id": "images", "dataset_type": "image", "conditioning_data": "masks"}

    with pytest.raises(TrainerRefusalError, match="masks not found"):
        real_parser.probe("quirks_options:link_conditioning", [images])


@pytest.mark.parametrize("batch", [{}, {"conditioning_type": "mask"}], ids=["none", "mask"])
def test_g05_missing_pairs_are_noticed_in_the_first_step(
    batch: Mapping[str, str], real_parser: RealParser
) -> None:
    with pytest.raises(TrainerRefusalError, match="reference_strict"):
        real_parser.probe("quirks_options:preference_batch", batch)


@pytest.mark.parametrize("option", ["delete_unwanted_images", "delete_problematic_images"])
def test_g06_files_are_deleted_for_good(option: str, real_parser: RealParser) -> None:
    assert real_parser.probe("quirks_options:deleted_by", option)


def test_i01_an_earlier_training_is_continued_by_default(real_parser: RealParser) -> None:
    assert parsed(real_parser)["resume_from_checkpoint"] == "latest"
    assert parsed(real_parser, resume_from_checkpoint="")["resume_from_checkpoint"] == ""


def loaded(parser: RealParser, resume: str, *names: str, manifest: str = "{}") -> str:
    files = {f"{name}/checkpoint_manifest.json": manifest for name in names}
    found: str = parser.probe(
        "quirks_options:checkpoint_that_is_loaded",
        {"files": files, "resume_from_checkpoint": resume},
    )
    return found


def test_i02_only_the_last_part_of_the_path_counts(real_parser: RealParser) -> None:
    assert loaded(real_parser, "far/checkpoint-5", "far/checkpoint-5") == "out/checkpoint-5"


def test_i03_no_is_taken_for_the_name_of_a_checkpoint(real_parser: RealParser) -> None:
    assert loaded(real_parser, "None", "out/checkpoint-5") == "out/None"


def test_i03_one_odd_name_hides_every_checkpoint(real_parser: RealParser) -> None:
    names = ["checkpoint-5", "checkpoint-old"]

    assert real_parser.probe("quirks_options:latest_checkpoint", names[:1]) == "checkpoint-5"
    assert real_parser.probe("quirks_options:latest_checkpoint", names) is None


def test_i04_an_adapter_from_behind_the_end_is_refused(real_parser: RealParser) -> None:
    options = {"init_lora": "a", "init_lora_step": 10, "max_train_steps": 10}

    with pytest.raises(TrainerRefusalError, match="smaller than max_train_steps"):
        real_parser.probe("quirks_options:initial_step", options)


def test_i05_a_local_checkpoint_of_another_family_is_loaded(real_parser: RealParser) -> None:
    manifest = json.dumps({"metadata": {"model_family": "flux", "model_type": "full"}})

    found = loaded(real_parser, "latest", "out/checkpoint-5", manifest=manifest)

    assert found == "out/checkpoint-5"


def test_i06_an_incomplete_checkpoint_is_loaded(real_parser: RealParser) -> None:
    found = loaded(real_parser, "latest", "out/checkpoint-5", "out/checkpoint-6")

    assert found == "out/checkpoint-6"  # Neither of them has its mark of completion.


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"init_lora_step": 3}, "requires init_lora"),
        (
            {"init_lora": "a", "init_lora_step": 3, "resume_from_checkpoint": "latest"},
            "cannot be combined",
        ),
    ],
    ids=["no adapter", "default of resume"],
)
def test_i07_a_first_step_that_contradicts_is_refused(
    options: Mapping[str, object], said: str, real_parser: RealParser
) -> None:
    with pytest.raises(TrainerRefusalError, match=said):
        real_parser.probe("quirks_options:initial_step", options)


def test_i07_an_average_without_averaging_is_refused(real_parser: RealParser) -> None:
    options = {"init_lora": "a", "init_lora_ema": "b", "use_ema": False}

    with pytest.raises(TrainerRefusalError, match="use_ema"):
        real_parser.probe("quirks_options:initial_average", options)


def test_i09_the_model_is_published_under_the_name_of_the_project(
    real_parser: RealParser,
) -> None:
    assert real_parser.probe("quirks_options:repository", {}) == "simpletuner"


def test_i09_a_missing_token_stops_the_trainer(real_parser: RealParser) -> None:
    with pytest.raises(TrainerRefusalError, match="token"):
        real_parser.probe("quirks_options:hub_token", {"HOME": "{here}"})


def test_i10_the_card_is_private_and_not_for_all_by_default(real_parser: RealParser) -> None:
    result = parsed(real_parser)

    assert result["model_card_private"] is True
    assert result["model_card_safe_for_work"] is False
    assert "not-for-all-audiences" in real_parser.probe("quirks_options:sources")["model_card"]


def test_i14_the_library_has_as_many_prompts_as_the_rule_says(real_parser: RealParser) -> None:
    assert real_parser.probe("quirks_options:library_size") == 53
    assert parsed(real_parser)["disable_benchmark"] is False
