"""A folder with all kinds of damage: each is named, none stops the rest, nothing is written to."""

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from damaged_dataset import (
    DAMAGES,
    SOUND,
    Damage,
    describe_folder,
    names_of_problem,
    trained_captions,
    write_damaged_dataset,
)
from dataset_files import write_photo
from pixel_looking import remember_pixels
from project_files import Project, Tuner
from project_fixtures import run_command

from tuner_kit.data.records import printable
from tuner_kit.errors import ExitCode

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not every disk takes such names")

QUESTION = ["--resolution", "64", "--crop", "none", "--json"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check said about the damaged folder."""

    folder: Path
    exit_code: int
    problems: Mapping[str, dict[str, Any]]
    """By id."""
    plan: dict[str, Any]
    before: object
    after: object


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    """Check the folder once for all tests, with the real worker."""
    root = tmp_path_factory.mktemp("damaged")
    folder = write_damaged_dataset(root / "data")
    before = describe_folder(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        outcome = run_command(["check", "--data", str(folder), *QUESTION])
        said = json.loads(outcome.stdout)
        by_id = {problem["id"]: problem for problem in said["problems"]}
        assert len(by_id) == len(said["problems"])
        yield Checked(
            folder, outcome.exit_code, by_id, said["datasets"][0], before, describe_folder(folder)
        )


def test_there_are_many_kinds_of_damage() -> None:
    assert len({damage.kind for damage in DAMAGES}) >= 30


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.kind)
def test_each_damage_is_named(checked: Checked, damage: Damage) -> None:
    for problem_id in (damage.problem_id, *damage.also):
        named = set(checked.problems[problem_id]["files"])
        assert {printable(name) for name in damage.files} <= named


@pytest.mark.parametrize("problem_id", sorted({damage.problem_id for damage in DAMAGES}))
def test_nothing_else_is_named_with_it(checked: Checked, problem_id: str) -> None:
    assert set(checked.problems[problem_id]["files"]) == names_of_problem(problem_id)


def test_no_other_problem_is_found(checked: Checked) -> None:
    assert checked.problems.keys() == {damage.problem_id for damage in DAMAGES}


def test_the_exit_code_says_that_the_dataset_is_wrong(checked: Checked) -> None:
    assert checked.exit_code == ExitCode.DATASET


def test_sound_images_are_planned_with_what_is_only_odd(checked: Checked) -> None:
    mended = {name for damage in DAMAGES if damage.problem_id == "D05" for name in damage.files}
    as_they_are = trained_captions().keys() - mended - {"strip.png"}
    num_trained = len(as_they_are) + 1  # the copy
    assert checked.plan["num_trained"] + checked.plan["num_held_out"] == num_trained


def test_the_folder_stays_as_it_was(checked: Checked) -> None:
    assert checked.before == checked.after


def test_every_finding_is_a_sentence_with_a_fix(checked: Checked) -> None:
    for problem in checked.problems.values():
        assert problem["what"].isprintable()
        assert problem["where"].startswith(str(checked.folder))
        assert problem["fix"]


def test_all_of_it_can_be_repaired(checked: Checked, tuner: Tuner) -> None:
    outcome = tuner(["check", "--data", str(checked.folder), *QUESTION, "--fix"])

    said = json.loads(outcome.stdout)
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert {problem["id"] for problem in said["problems"]} == checked.problems.keys()
    assert said["datasets"][0]["num_trained"] + said["datasets"][0]["num_held_out"] == (
        len(trained_captions()) - 1  # the strip
    )


def test_a_repaired_training_gets_the_sound_images_with_mended_captions(
    tuner: Tuner, project: Project
) -> None:
    folder = write_damaged_dataset(project.dir / "damaged")
    project.edit("path: photos", "path: damaged\n    hold_out: false\n    crop: none")
    remember_pixels(folder)
    before = describe_folder(folder)

    refused = tuner(["train"])
    outcome = tuner(["train", "--fix"])

    assert refused.exit_code == ExitCode.DATASET
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert describe_folder(folder) == before
    (view,) = project.run.cache_dir.glob("view-*")
    captions = {path.stem[:16]: path.read_text("utf-8") for path in view.glob("*.txt")}
    images = {path.stem[:16] for path in view.iterdir() if path.suffix != ".txt"}
    assert len(list(view.iterdir())) == 2 * len(images)  # no copy among them
    assert captions == {
        hashlib.sha256((folder / name).read_bytes()).hexdigest()[:16]: caption
        for name, caption in trained_captions().items()
    }
    assert images == captions.keys()


def test_repair_in_the_configuration_does_the_same(tuner: Tuner, project: Project) -> None:
    remember_pixels(write_damaged_dataset(project.dir / "damaged"))
    project.edit("path: photos", "path: damaged\n    repair: true\n    crop: none")

    outcome = tuner(["check"])

    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert "ready to train" in outcome.stderr


def test_where_nothing_sound_is_left_a_repair_is_refused(tuner: Tuner, project: Project) -> None:
    for name in ("0", "1", "2"):
        (project.photos_dir / f"{name}.png").write_bytes(b"")

    outcome = tuner(["train", "--fix"])

    assert outcome.exit_code == ExitCode.DATASET
    assert "no image is left to train on" in outcome.stderr


def test_odd_names_are_no_damage(tmp_path: Path, tuner: Tuner) -> None:
    for name, caption in SOUND.items():
        write_photo(tmp_path / "data" / name, len(caption), caption=caption)
    remember_pixels(tmp_path / "data")

    outcome = tuner(["check", "--data", str(tmp_path / "data"), *QUESTION])

    said = json.loads(outcome.stdout)
    assert outcome.exit_code == ExitCode.OK
    assert said["datasets"][0]["num_images"] == len(SOUND)
