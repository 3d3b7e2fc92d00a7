"""What the rules C, D, E and H rely on is still so in the real SimpleTuner.

A test that fails here says that upstream has changed: look at the rule that its name ends with,
and delete or correct it.
"""

from typing import Any

import pytest
from real_trainer import SMALLEST_CONFIG, RealParser, TrainerRefusalError

pytestmark = pytest.mark.contract

IMAGE = {
    "id": "cats",
    "type": "local",
    "dataset_type": "image",
    "instance_data_dir": "data",
    "caption_strategy": "textfile",
    "resolution": 1024,
    "resolution_type": "pixel_area",
    "cache_dir_vae": "cache/vae",
}
AREA = {"resolution_type": "area", "resolution": 1.0}


def limits(maximum: float, target: float) -> dict[str, float]:
    return {"maximum_image_size": maximum, "target_downsample_size": target}


TAKEN = {
    "C02": {"caption_strategy": "instanceprompt"},
    "C10": {"caption_filter_list": "filter.txt"},
    "D02-area": {"resolution": 1024, "resolution_type": "area"},
    "D02-pixel": {"resolution": 1.0, "resolution_type": "pixel"},
    "D06": limits(1024, 2048),
    "D06-minimum": {"minimum_image_size": 4096},
    "E04": {"repeats": -1},
    "E08": {"probability": -1},
    "H02": {"cache_dir_vae": "cache/text"},
    "H12": {"text_embeds": "nowhere"},
}
REFUSED = {
    "C06": {"caption_strategy": "parquet", "metadata_backend": "discovery"},
    "C09-strategy": {"caption_strategy": "huggingface"},
    "C09-metadata": {"type": "huggingface", "metadata_backend": "discovery"},
    "D03": {"maximum_image_size": 2048},
    "D04-area": {**AREA, **limits(2048, 1024)},
    "D04-pixel": {"resolution_type": "pixel", **limits(1024, 256)},
    "D09": {"crop_aspect": "closest"},
}


@pytest.mark.parametrize("changes", TAKEN.values(), ids=TAKEN)
def test_the_dataset_classes_take_what_fails_later_or_delete_the_rule(
    real_parser: RealParser, changes: dict[str, Any]
) -> None:
    (dataset,) = real_parser.parse_datasets(SMALLEST_CONFIG, [{**IMAGE, **changes}])

    assert dataset["id"] == "cats"


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
def test_the_dataset_classes_refuse_what_the_rule_calls_an_error(
    real_parser: RealParser, changes: dict[str, Any]
) -> None:
    with pytest.raises(TrainerRefusalError):
        real_parser.parse_datasets(SMALLEST_CONFIG, [{**IMAGE, **changes}])


@pytest.mark.parametrize(
    ("rule", "backend", "words"),
    [
        ("C10", {"caption_filter_list": "filter.txt"}, "caption_filter_list"),
        ("C11", {"caption_shuffle": {"split_on": ";"}}, "split_on"),
        ("C11", {"caption_shuffle": {"count": 0}}, "count"),
        ("D01", {"resolution": 1024.0}, "integer"),
        ("D01", {"resolution": None}, "integer"),
        ("D04", {**limits(5000, 1024)}, "20 megapixels"),
        ("C09", {"type": "huggingface", "metadata_backend": "json"}, "huggingface"),
    ],
)
def test_the_factory_refuses_it_after_the_text_encoders_are_loaded(
    real_parser: RealParser, rule: str, backend: dict[str, Any], words: str
) -> None:
    with pytest.raises(TrainerRefusalError, match=words):
        real_parser.probe("quirks_data:configure", {"backend": backend})
    assert rule


def test_sizes_of_config_json_are_not_squared_for_pixel_area_d04(real_parser: RealParser) -> None:
    with pytest.raises(TrainerRefusalError, match="20 megapixels"):
        real_parser.probe("quirks_data:configure", {"options": limits(2048, 1024)})


def test_hash_filenames_is_ignored_h13(real_parser: RealParser) -> None:
    kept = real_parser.probe("quirks_data:configure", {"backend": {"hash_filenames": False}})

    assert kept["hash_filenames"] is True


def test_a_dataset_without_type_is_a_bare_key_error_h01(real_parser: RealParser) -> None:
    with pytest.raises(TrainerRefusalError, match="type"):
        real_parser.probe("quirks_data:build_backend", {"backend": {"type": "left out"}})


def test_a_minimum_of_config_json_counts_as_megapixels_and_drops_all_d05(
    real_parser: RealParser,
) -> None:
    answer = real_parser.probe("quirks_data:sort", {"options": {"minimum_image_size": 32}})

    assert answer["placed"] == {}
    assert "no usable samples" in answer["refusal"]


def test_one_megapixel_as_pixels_is_trained_at_one_pixel_d02(real_parser: RealParser) -> None:
    backend = {"resolution": 1, "resolution_type": "pixel", "crop": True}
    answer = real_parser.probe("quirks_data:sort", {"backend": backend})

    assert answer["placed"]["0.png"][1] == [1, 1]


def test_small_images_are_enlarged_to_the_target_before_the_crop_d06(
    real_parser: RealParser,
) -> None:
    backend = {"crop": True, "crop_style": "center", "resolution": 512}
    sized = {**backend, **limits(4096, 1024)}
    plain = real_parser.probe("quirks_data:sort", {"backend": backend, "sizes": [[600, 600]]})
    zoomed = real_parser.probe("quirks_data:sort", {"backend": sized, "sizes": [[600, 600]]})

    # The whole image, and the middle of one that was enlarged to 1024 px.
    assert plain["crops"]["0.png"] == [0, 0]
    assert zoomed["crops"]["0.png"] == pytest.approx([256, 256], abs=16)


@pytest.mark.parametrize(
    "shapes",
    [
        [1, 1.5],
        [{"aspect_bucket": 1.0, "weight": 1.0}],
        [{"aspect": 1.0, "weight": 0.5}, {"aspect": 1.5, "weight": 0.4}],
        [{"aspect": 1.0, "weight": 1.0}, 1.5],
    ],
    ids=["whole number", "key", "weights", "mixed"],
)
def test_shapes_that_are_written_otherwise_lose_every_image_d09(
    real_parser: RealParser, shapes: list[Any]
) -> None:
    backend = {"crop": True, "crop_aspect": "random", "crop_aspect_buckets": shapes}
    answer = real_parser.probe("quirks_data:sort", {"backend": backend})

    assert answer["placed"] == {}


def test_shapes_that_are_written_rightly_keep_the_image_d09(real_parser: RealParser) -> None:
    backend = {"crop": True, "crop_aspect": "random", "crop_aspect_buckets": [1.0, 1.5]}
    answer = real_parser.probe("quirks_data:sort", {"backend": backend})

    assert list(answer["placed"]) == ["0.png"]


def test_a_minimum_size_prunes_small_shapes_in_silence_e01(real_parser: RealParser) -> None:
    payload = {
        "sizes": [[512, 512]] * 4 + [[1024, 512]],
        "backend": {"resolution": 512, "minimum_image_size": 64},
        "options": {"train_batch_size": 2},
    }
    pruned = real_parser.probe("quirks_data:sort", payload)
    kept = real_parser.probe(
        "quirks_data:sort",
        {**payload, "backend": {"resolution": 512, "minimum_image_size": 0}},
    )

    assert pruned["refusal"] is None
    assert sum(pruned["buckets"].values()) == 4
    assert "1 bucket(s)" in kept["refusal"]


def test_repeats_of_a_person_switch_oversubscription_off_e02(real_parser: RealParser) -> None:
    options = {"train_batch_size": 4, "allow_dataset_oversubscription": True}
    padded = real_parser.probe("quirks_data:sort", {"options": options})
    refused = real_parser.probe("quirks_data:sort", {"options": options, "backend": {"repeats": 1}})

    assert padded["refusal"] is None
    assert refused["refusal"]


def test_repeats_of_minus_one_leave_nothing_e04(real_parser: RealParser) -> None:
    assert real_parser.probe("quirks_data:sort", {"backend": {"repeats": -1}})["refusal"]


def test_the_id_decides_which_samples_are_taken_e10(real_parser: RealParser) -> None:
    taken = [
        sorted(
            real_parser.probe(
                "quirks_data:sort",
                {"sizes": [[64, 64]] * 20, "backend": {"id": name, "max_num_samples": 5}},
            )["placed"]
        )
        for name in ("cats", "dogs")
    ]

    assert len(taken[0]) == len(taken[1]) == 5
    assert taken[0] != taken[1]


def test_an_image_that_was_sorted_keeps_its_size_under_new_settings_h06(
    real_parser: RealParser,
) -> None:
    answer = real_parser.probe(
        "quirks_data:sort",
        {"sizes": [[600, 600]], "runs": [{"resolution": 256}, {"resolution": 512}]},
    )

    assert answer["placed"]["0.png"][1] == [256, 256]


def test_without_discovery_a_first_run_finds_nothing_h10(real_parser: RealParser) -> None:
    answer = real_parser.probe("quirks_data:sort", {"backend": {"skip_file_discovery": "aspect"}})

    assert answer["placed"] == {}
    assert answer["refusal"]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"strategy": "instance_prompt", "prompt": "sks"}, "Unsupported caption strategy"),
        ({"strategy": "instanceprompt"}, "requires an instance_prompt"),
        ({"strategy": "instanceprompt", "prompt": ""}, "requires an instance_prompt"),
        ({"only_prompt": True}, "Instance prompt is required"),
    ],
    ids=["C01", "C02", "C02-empty", "C02-only"],
)
def test_captions_fail_when_they_are_read_or_delete_the_rule(
    real_parser: RealParser, payload: dict[str, Any], words: str
) -> None:
    with pytest.raises(TrainerRefusalError, match=words):
        real_parser.probe("quirks_data:captions", payload)


def test_each_line_is_a_caption_and_a_mark_is_kept_c04(real_parser: RealParser) -> None:
    lines = real_parser.probe("quirks_data:captions", {"text": "a cat\non a sofa"})
    marked = real_parser.probe("quirks_data:captions", {"text": "\ufeffa cat"})

    assert lines == ["a cat", "on a sofa"]
    assert marked == ["\ufeffa cat"]


def test_the_default_strategy_is_the_file_name_c14(real_parser: RealParser) -> None:
    parsed = real_parser.parse(SMALLEST_CONFIG)

    assert parsed["caption_strategy"] == "filename"


@pytest.mark.parametrize(
    ("written", "px"), [("0.5", 0), ("100", 100_000), ("1.0", 1024)], ids=["half", "100", "one"]
)
def test_small_validation_sizes_count_as_megapixels_d13(
    real_parser: RealParser, written: str, px: int
) -> None:
    parsed = real_parser.parse({**SMALLEST_CONFIG, "validation_resolution": written})

    assert int(parsed["validation_resolution"]) == px


def test_the_default_validation_size_is_256_d13(real_parser: RealParser) -> None:
    assert str(real_parser.parse(SMALLEST_CONFIG)["validation_resolution"]) == "256"


@pytest.mark.parametrize(
    "entries",
    [
        [{"id": "cats", "start_step": 2}],
        [{"id": "cats", "start_epoch": 3, "end_epoch": 2}, {"id": "dogs"}],
        [{"id": "cats", "start_step": 9, "end_step": 5}, {"id": "dogs"}],
    ],
    ids=["none at the start", "epochs", "steps"],
)
def test_schedules_are_refused_e07(real_parser: RealParser, entries: list[Any]) -> None:
    with pytest.raises(TrainerRefusalError):
        real_parser.probe("quirks_data:check_windows", entries)


def test_a_start_beyond_the_end_is_only_a_line_in_the_log_e07(real_parser: RealParser) -> None:
    entries = [{"id": "cats", "start_step": 5000}, {"id": "dogs"}]

    assert real_parser.probe("quirks_data:check_windows", entries) is None


def test_a_probability_of_zero_is_never_drawn_e08(real_parser: RealParser) -> None:
    assert real_parser.probe("quirks_data:weight", 0) <= 0
    kept = real_parser.probe("quirks_data:configure", {"backend": {"probability": 0}})
    assert kept["probability"] == 0


@pytest.mark.parametrize(
    "taken",
    [{"latents": ["cache"], "texts": []}, {"latents": [], "texts": ["cache"]}],
    ids=["latents", "texts"],
)
def test_a_shared_cache_folder_is_refused_late_h02(
    real_parser: RealParser, taken: dict[str, Any]
) -> None:
    with pytest.raises(TrainerRefusalError, match="not allowed"):
        real_parser.probe("quirks_data:open_latents", taken)


def test_the_name_of_a_cached_text_knows_no_settings_h03(real_parser: RealParser) -> None:
    zero = real_parser.probe("quirks_data:text_name", {"t5_padding": "zero"})
    unmodified = real_parser.probe("quirks_data:text_name", {"t5_padding": "unmodified"})

    assert zero == unmodified


def test_two_images_of_one_stem_share_their_latents_h04(real_parser: RealParser) -> None:
    first, second, third = real_parser.probe(
        "quirks_data:latent_names", ["/images/a.jpg", "/images/a.png", "/images/sub/a.png"]
    )

    assert first == second
    assert first != third


def test_validation_images_inside_the_folder_are_listed_h08(real_parser: RealParser) -> None:
    names = ["a.png", "out/validation_images/step_1.png", "cache/a.pt"]

    assert real_parser.probe("quirks_data:listed", names) == names[:2]


def test_videos_and_sounds_are_listed_as_images_d15(real_parser: RealParser) -> None:
    assert real_parser.probe("quirks_data:listed", ["a.mp4", "b.wav"]) == ["a.mp4", "b.wav"]


def test_a_tilde_is_taken_literally_h09(real_parser: RealParser) -> None:
    home = real_parser.probe("quirks_data:home")
    entry = {"id": "cats", "type": "local", "instance_data_dir": "~"}

    assert real_parser.parse({**SMALLEST_CONFIG, "output_dir": "~/x"})["output_dir"] == "~/x"
    assert home != "~"
    with pytest.raises(TrainerRefusalError):
        real_parser.probe("quirks_data:check_paths", [entry])


def test_two_default_text_caches_are_refused_h12(real_parser: RealParser) -> None:
    entries = [{"id": name, "dataset_type": "text_embeds", "default": True} for name in "ab"]

    with pytest.raises(TrainerRefusalError, match="Only one"):
        real_parser.probe("quirks_data:default_texts", entries)


def test_the_first_of_several_text_caches_is_taken_h12(real_parser: RealParser) -> None:
    entries = [{"id": name, "dataset_type": "text_embeds"} for name in "ab"]
    chosen = real_parser.probe("quirks_data:default_texts", entries)

    assert [entry.get("default") for entry in chosen] == [True, None]


def test_only_compressed_files_without_compression_are_lost_h14(real_parser: RealParser) -> None:
    lost = real_parser.probe("quirks_data:reread", {"written": True, "read": False})
    kept = real_parser.probe("quirks_data:reread", {"written": False, "read": True})

    assert (lost, kept) == (False, True)


def test_a_csv_dataset_wants_its_keys_and_its_strategy_c08(real_parser: RealParser) -> None:
    entry = {"csv_file": "a.csv", "csv_cache_dir": "cache", "csv_caption_column": "caption"}

    real_parser.probe("quirks_data:check_csv", {**entry, "caption_strategy": "csv"})
    for broken in ({**entry, "caption_strategy": "textfile"}, {**entry, "csv_file": None}):
        with pytest.raises(TrainerRefusalError):
            real_parser.probe("quirks_data:check_csv", broken)


def test_images_can_not_be_of_type_memory_h17(real_parser: RealParser) -> None:
    with pytest.raises(TrainerRefusalError, match="Unknown data backend type"):
        real_parser.probe("quirks_data:take_memory_images")


def test_a_relative_image_folder_shows_in_the_place_of_latents_h05(real_parser: RealParser) -> None:
    (place,) = real_parser.probe("quirks_data:latent_names", ["/data/images/a.jpg"])

    # /images is cut out wherever it stands; leftovers.py looks there too.
    assert place.startswith("cache/data/")
