"""The trainer's files for every preset, reviewed as diffs; they fit the trainer's schemas."""

import json
from pathlib import Path

import pytest
from golden_jobs import GOLDEN_DIR, RUN_DIR, VARIANTS, build_golden_files

from tuner_kit.config.load import load_config
from tuner_kit.config.presets import preset_path
from tuner_kit.simpletuner.file_schemas import check_trainer_files
from tuner_kit.simpletuner.training_files import OWN_OPTIONS


def _as_text(folder: Path, variant: str) -> str:
    files = build_golden_files(variant, folder)
    document = {
        "config.json": dict(files.config),
        "multibackend.json": [dict(entry) for entry in files.backend],
        "prompts.json": dict(files.prompts),
    }
    if files.lycoris is not None:
        document["lycoris_config.json"] = dict(files.lycoris)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_files_are_the_reviewed_ones(
    variant: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    expected_path = GOLDEN_DIR / f"{variant}.json"
    actual = _as_text(tmp_path, variant)
    if request.config.getoption("--update-golden"):
        expected_path.parent.mkdir(exist_ok=True)
        expected_path.write_text(actual, encoding="utf-8")

    assert actual == expected_path.read_text(encoding="utf-8")


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_files_fit_the_trainers_schemas(variant: str, tmp_path: Path) -> None:
    files = build_golden_files(variant, tmp_path)

    assert check_trainer_files(dict(files.config), [dict(e) for e in files.backend]) == ()


@pytest.mark.parametrize("variant", VARIANTS)
def test_both_limits_are_written_and_every_path_is_absolute(variant: str, tmp_path: Path) -> None:
    files = build_golden_files(variant, tmp_path)

    assert files.config["num_train_epochs"] == 0
    assert isinstance(files.config["max_train_steps"], int)
    texts = [*files.config.values(), *(v for entry in files.backend for v in entry.values())]
    paths = [text for text in texts if isinstance(text, str) and "cats/" in text]
    assert paths
    assert all(path.startswith(str(RUN_DIR)) for path in paths)


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_cache_folder_belongs_to_one_dataset(variant: str, tmp_path: Path) -> None:
    backend = build_golden_files(variant, tmp_path).backend

    folders = [entry.get("cache_dir_vae") or entry["cache_dir"] for entry in backend]
    assert len(set(folders)) == len(folders) == len({entry["id"] for entry in backend})


def test_only_options_that_tuner_kit_owns_are_written_beside_the_passed_through(
    tmp_path: Path,
) -> None:
    config = build_golden_files("tiny-lora", tmp_path).config
    passed_through = load_config(preset_path("tiny-lora")).config.simpletuner

    assert passed_through
    assert set(config) - OWN_OPTIONS == set(passed_through)
