"""The shipped presets."""

from pathlib import Path

import pytest
from config_files import read_config

from tuner_kit.catalog.presets import DEFAULT_PRESET, PRESETS
from tuner_kit.config.presets import PRESET_NAMES, load_preset, overlay, preset_path
from tuner_kit.preflight.config_rules import check_values_together
from tuner_kit.preflight.trainer_option_rules import check_trainer_options


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_a_preset_needs_only_a_folder_of_images(name: str, tmp_path: Path) -> None:
    text = preset_path(name).read_text(encoding="utf-8").replace("path: images", "path: cats")
    file = read_config(tmp_path, text)
    found = (*file.problems, *check_values_together(file), *check_trainer_options(file))
    assert found == ()
    assert file.config.datasets[0].path == Path("cats")
    assert file.config.preset == name


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_four_lines_mean_the_same_as_the_whole_preset(name: str, tmp_path: Path) -> None:
    whole = read_config(tmp_path, preset_path(name).read_text(encoding="utf-8")).config
    short = read_config(tmp_path, f"name: short\npreset: {name}\ndatasets:\n  - path: x\n").config
    for section in ("model", "lora", "training", "validation", "tracking", "simpletuner"):
        assert getattr(short, section) == getattr(whole, section)


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_a_dataset_takes_what_it_leaves_out_from_the_preset(name: str, tmp_path: Path) -> None:
    whole = read_config(tmp_path, preset_path(name).read_text(encoding="utf-8")).config
    text = f"name: short\npreset: {name}\ndatasets:\n  - {{path: x}}\n  - {{path: y, repeats: 3}}\n"
    first, second = read_config(tmp_path, text).config.datasets
    assert first.resolution_px == second.resolution_px == whole.datasets[0].resolution_px
    assert (first.repeats, second.repeats) == (whole.datasets[0].repeats, 3)
    assert (first.path, second.path) == (Path("x"), Path("y"))


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_a_preset_supplies_nothing_personal(name: str) -> None:
    assert not {"name", "preset", "datasets"} & load_preset(name).keys()


def test_the_default_is_one_of_the_presets() -> None:
    assert DEFAULT_PRESET in PRESET_NAMES
    assert len(set(PRESET_NAMES)) == len(PRESETS)


def test_sections_merge_and_everything_else_is_replaced() -> None:
    below = {"a": {"x": 1, "y": 2}, "b": [1], "c": {"z": 1}, "d": 1}
    above = {"a": {"y": 3}, "b": [2], "c": None, "e": {"f": 1}}
    assert overlay(below, above) == {  # type: ignore[arg-type]  # dict is invariant
        "a": {"x": 1, "y": 3},
        "b": [2],
        "c": None,
        "d": 1,
        "e": {"f": 1},
    }
