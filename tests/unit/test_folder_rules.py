"""Rules about what a folder holds besides images and their captions."""

import os
from pathlib import Path

import pytest
from audit_cases import REPAIRED, SMALL, audit_folder
from dataset_files import write_photo
from dataset_reading import ordinary_rights, public_folder

from tuner_kit.data.audit.folder_rules import check_left_out
from tuner_kit.data.audit.rule import Dataset
from tuner_kit.data.inventory import Inventory
from tuner_kit.data.records import SkippedFile, SkipReason
from tuner_kit.errors import Problem, Severity


def left_out(folder: Path, *files: SkippedFile) -> list[Problem]:
    with Inventory(folder, folder.parent / "i.sqlite") as inventory:
        inventory.skip(files)
        return list(check_left_out(inventory, Dataset(folder, 1), SMALL))


def problem_of(tmp_path: Path, problem_id: str) -> Problem:
    """Audit a folder with one sound image, and give its only finding."""
    write_photo(tmp_path / "0.png", caption="a cat")
    problems = audit_folder(tmp_path)
    assert list(problems) == [problem_id]
    return problems[problem_id]


@pytest.mark.parametrize(
    ("name", "severity"), [("meta.json", Severity.NOTICE), ("clip.MP4", Severity.WARNING)]
)
def test_files_that_are_not_trained_on_are_told(
    tmp_path: Path, name: str, severity: Severity
) -> None:
    (tmp_path / name).write_text("x")

    problem = problem_of(tmp_path, "D11")

    assert problem.severity is severity
    assert problem.what == f"1 file is left out of the training: {name}"


def test_a_hidden_video_does_not_make_other_files_a_warning(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text("x")
    (tmp_path / "._clip.mp4").write_text("x")
    write_photo(tmp_path / "0.png", caption="a cat")

    problems = audit_folder(tmp_path)

    assert list(problems) == ["D11", "D27"]
    assert problems["D11"].severity is Severity.NOTICE


def test_a_text_without_an_image_is_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "cat.txt").write_text("a cat")
    problem = problem_of(tmp_path, "D11")
    assert problem.what.endswith("cat.txt (a text file without an image of its name)")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (".DS_Store", ".DS_Store"),
        (".ipynb_checkpoints/0.png", ".ipynb_checkpoints"),
        ("masks/0.png", "masks (a folder of masks, outputs or checkpoints)"),
        ("0-masklabel.png", "0-masklabel.png (a mask of another image)"),
    ],
)
def test_what_is_left_out_by_its_name_is_told(tmp_path: Path, name: str, shown: str) -> None:
    write_photo(tmp_path / "x.png")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / "x.png").rename(tmp_path / name)

    problem = problem_of(tmp_path, "D27")

    assert problem.severity is Severity.NOTICE
    assert problem.what == f"1 hidden or side file or folder is left out: {shown}"


def test_a_link_to_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "1.png").symlink_to("nowhere.png")

    problem = problem_of(tmp_path, "D29")

    assert problem.severity is Severity.ERROR
    assert problem.what == "1 link or folder is impossible to open: 1.png (a link to nothing)"
    assert audit_folder(tmp_path, REPAIRED)["D29"].severity is Severity.WARNING


def test_a_folder_that_can_not_be_listed_is_an_error() -> None:
    with public_folder() as parent:
        write_photo(parent / "data" / "0.png", caption="a cat")
        write_photo(parent / "data" / "closed" / "1.png", 1, caption="a dog")
        (parent / "data" / "closed").chmod(0)
        with ordinary_rights():
            problems = audit_with_cache_in(parent)
        (parent / "data" / "closed").chmod(0o700)

    assert problems["D29"].what.endswith("closed (a folder that can't be listed)")


def audit_with_cache_in(parent: Path) -> dict[str, Problem]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(parent))
        return audit_folder(parent / "data")


def test_a_loop_of_links_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    problem = problem_of(tmp_path, "D11")
    assert problem.what.endswith(f"again ({SkipReason.VISITED.value})")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1.png")
    problem = problem_of(tmp_path, "D11")
    assert problem.what.endswith("1.png (not a regular file)")


def test_an_image_without_a_decoder_is_an_error(tmp_path: Path) -> None:
    (without,) = left_out(tmp_path, SkippedFile("a.jxl", SkipReason.NO_DECODER))

    assert (without.id, without.severity) == ("D31", Severity.ERROR)
    assert without.files == ("a.jxl",)
    assert "pillow-jxl-plugin" in without.fix


def test_images_with_a_decoder_are_left_alone(tmp_path: Path) -> None:
    assert left_out(tmp_path) == []


@pytest.mark.parametrize("reason", SkipReason)
def test_every_reason_has_its_finding(tmp_path: Path, reason: SkipReason) -> None:
    (problem,) = left_out(tmp_path, SkippedFile("a", reason))
    assert problem.files == ("a",)
    assert problem.fix
