"""`tuner-kit check --data`: what a folder holds, before there is any run."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from damaged_dataset import describe_folder
from dataset_files import cut, draw_photo, write_caption, write_noise_jpeg, write_photo
from hub_tables import encoded, table_of, write_parquet
from layout_files import row, write_jsonl, write_text
from pixel_looking import remember_pixels
from project_files import Outcome, Tuner

from tuner_kit.errors import ExitCode

SMALL = ["--resolution", "64"]


def write_photos(root: Path, *names: str) -> None:
    for name in names:
        number = sum(name.encode())
        write_photo(root / name, number)


def write_text_files(root: Path) -> None:
    write_photos(root, "a.png", "in/b.png", "c.png")
    write_text(root / "a.txt", "a cat")
    write_text(root / "in/b.caption", "a dog")
    write_text(root / "c.txt", "a fox")


def write_metadata_jsonl(root: Path) -> None:
    write_photos(root, "images/a.png", "images/b.png", "images/c.png")
    rows = (row(f"images/{name}.png", f"picture {name}") for name in "abc")
    write_jsonl(root / "metadata.jsonl", *rows)


def write_metadata_inside(root: Path) -> None:
    write_photos(root, "images/a.png", "images/b.png")
    rows = (row(f"{name}.png", f"picture {name}") for name in "ab")
    write_jsonl(root / "images/metadata.jsonl", *rows)


def write_metadata_csv(root: Path) -> None:
    write_photos(root, "a.png", "b.png")
    write_text(root / "metadata.csv", 'file_name,text\na.png,"a cat, asleep"\nb.png,a dog\n')


def write_metadata_parquet(root: Path) -> None:
    import pyarrow as pa

    write_photos(root, "a.png", "b.png")
    table = pa.table({"file_name": ["a.png", "b.png"], "text": ["a cat", "a dog"]})
    write_parquet(root / "metadata.parquet", table)


def write_two_folders(root: Path) -> None:
    write_photos(root, "Images/a.png", "Images/b.png")
    write_text(root / "ImageCaptions/a.txt", "a cat")
    write_text(root / "ImageCaptions/b.txt", "a dog")


def write_kohya(root: Path) -> None:
    write_photos(root, "img/3_sks dog/a.png", "img/3_sks dog/b.png", "reg/1_dog/c.png")
    write_text(root / "img/3_sks dog/a.txt", "sks dog in snow")


def write_dreambooth(root: Path) -> None:
    write_photos(root, "instance_images/a.png", "instance_images/b.png", "class_images/c.png")


def write_file_names(root: Path) -> None:
    write_photos(root, "a cat on a mat.png", "a dog in the rain.png")


def write_shards(root: Path) -> None:
    rows = [(encoded("red"), "a red tile"), (encoded("blue"), "a blue tile")]
    write_parquet(root / "data" / "train-00000-of-00001.parquet", table_of(rows))


@dataclass(frozen=True, slots=True)
class Case:
    """A folder, how it is asked about, and what is to be said."""

    id: str
    write: Callable[[Path], None]
    layout: str
    num_images: int
    num_captions: int
    words: tuple[str, ...] = ()


CASES = (
    Case("texts beside", write_text_files, "text-files", 3, 3),
    Case("metadata.jsonl", write_metadata_jsonl, "metadata-jsonl", 3, 3),
    Case("metadata.jsonl beside the images", write_metadata_inside, "metadata-jsonl", 2, 2),
    Case("metadata.csv", write_metadata_csv, "metadata-csv", 2, 2),
    Case("metadata.parquet", write_metadata_parquet, "metadata-parquet", 2, 2),
    Case("Images and ImageCaptions", write_two_folders, "image-captions", 2, 2),
    Case("kohya", write_kohya, "kohya", 3, 3),
    Case(
        "DreamBooth",
        write_dreambooth,
        "instance-prompt",
        3,
        3,
        ("--instance-prompt", "a photo of sks dog", "--class-prompt", "a photo of a dog"),
    ),
    Case("file names", write_file_names, "file-names", 2, 2),
    Case("parquet with images", write_shards, "metadata-jsonl", 2, 2),
)


def ask(tuner: Tuner, root: Path, *words: str) -> tuple[Outcome, dict[str, Any]]:
    outcome = tuner(["check", "--data", str(root), *SMALL, *words, "--json"])
    return outcome, json.loads(outcome.stdout)


def ids_in(said: dict[str, Any]) -> list[str]:
    return [problem["id"] for problem in said["problems"]]


def write_captioned(root: Path, count: int) -> Path:
    """Write sound images that were looked at before."""
    for number in range(count):
        write_photo(root / f"{number:02}.png", number, caption=f"picture {number}")
    remember_pixels(root)
    return root


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_layout_is_recognized_and_counted(tmp_path: Path, tuner: Tuner, case: Case) -> None:
    root = tmp_path / "my data"
    case.write(root)
    before = describe_folder(root)
    remember_pixels(root)

    outcome = tuner(["check", "--data", str(root), *SMALL, *case.words])

    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    first, counts, uses, *_ = outcome.stdout.splitlines()
    assert first == f"{root}  ({case.layout})"
    assert counts.split(maxsplit=1) == [
        "images",
        f"{case.num_images} found, {case.num_captions} with caption",
    ]
    assert uses.split(maxsplit=1) == ["use", f"{case.num_images} trained on"]
    assert describe_folder(root) == before


def test_the_plan_is_given_to_programs_in_full(tmp_path: Path, tuner: Tuner) -> None:
    outcome, said = ask(
        tuner, write_captioned(tmp_path / "data", 24), "--batch", "2", "--repeats", "1"
    )

    (plan,) = said["datasets"]
    assert outcome.exit_code == ExitCode.OK
    assert (plan["num_images"], plan["num_trained"], plan["num_held_out"]) == (24, 19, 5)
    assert plan["steps_per_epoch"] == 20
    (part,) = plan["parts"]
    assert (
        part["buckets"][0] | {"num_images": 19, "width_px": 64, "height_px": 64}
        == (part["buckets"][0])
    )


def test_what_is_found_says_the_kind_of_problem_and_how_many(tmp_path: Path, tuner: Tuner) -> None:
    root = write_captioned(tmp_path / "data", 2)
    (root / "notes.md").write_text("x")
    write_photo(root / "lone.png", 7)

    outcome = tuner(["check", "--data", str(root), *SMALL])

    assert outcome.exit_code == ExitCode.DATASET
    assert "error D03  1 of 3 images have no caption: lone.png" in outcome.stderr
    assert "1 to repair, 1 to know" in outcome.stderr


def test_errors_become_warnings_where_they_would_be_repaired(tmp_path: Path, tuner: Tuner) -> None:
    root = write_captioned(tmp_path / "data", 2)
    cut(write_noise_jpeg(root / "cut.jpg"), num_bytes=500)
    write_caption(root / "cut.jpg", "cut")

    as_it_is, _ = ask(tuner, root)
    repaired, said = ask(tuner, root, "--fix")

    assert (as_it_is.exit_code, repaired.exit_code) == (ExitCode.DATASET, ExitCode.OK)
    assert ids_in(said) == ["D06"]
    assert said["datasets"][0]["num_trained"] == 2


def test_a_plan_alone_decodes_no_image(tmp_path: Path, tuner: Tuner) -> None:
    root = write_captioned(tmp_path / "data", 2)
    cut(write_noise_jpeg(root / "cut.jpg"), num_bytes=500)
    write_caption(root / "cut.jpg", "cut")

    outcome, said = ask(tuner, root, "--plan-only")

    assert outcome.exit_code == ExitCode.OK
    assert ids_in(said) == []
    assert said["datasets"][0]["num_trained"] == 3


def test_a_second_look_at_an_unchanged_folder_decodes_nothing(tmp_path: Path, tuner: Tuner) -> None:
    for number in range(3):
        write_photo(tmp_path / "data" / f"{number}.png", number, caption=f"picture {number}")

    first = tuner(["check", "--data", str(tmp_path / "data"), *SMALL])
    second = tuner(["check", "--data", str(tmp_path / "data"), *SMALL])

    assert "checking images" in first.stderr
    assert "checking images" not in second.stderr
    assert first.stdout == second.stdout


@pytest.mark.parametrize(
    ("words", "problem_id"),
    [
        pytest.param(("--trigger", "sks"), "D24", id="trigger word"),
        pytest.param(("--crop", "none", "--resolution", "448"), "D33", id="resolution"),
        pytest.param(("--batch", "4"), "D07", id="batch"),
        pytest.param(("--accumulation", "4"), "D07", id="accumulation"),
        pytest.param(("--resolution", "128"), "D08", id="small"),
    ],
)
def test_what_is_asked_of_the_images_is_taken_into_account(
    tmp_path: Path, tuner: Tuner, words: tuple[str, ...], problem_id: str
) -> None:
    root = write_captioned(tmp_path / "data", 2)
    write_photo(root / "2.png", 2, caption="an sks dog")
    remember_pixels(root)

    _, plain = ask(tuner, root)
    _, said = ask(tuner, root, *words)

    assert problem_id not in ids_in(plain)
    assert problem_id in ids_in(said)


def test_a_fallback_caption_makes_up_for_missing_ones(tmp_path: Path, tuner: Tuner) -> None:
    write_photos(tmp_path / "data", "a.png", "b.png")
    remember_pixels(tmp_path / "data")

    outcome, said = ask(tuner, tmp_path / "data", "--caption", "a photo")

    assert outcome.exit_code == ExitCode.OK
    assert [(item["id"], item["severity"]) for item in said["problems"]] == [("D03", "notice")]


@pytest.mark.parametrize(
    ("words", "exit_code"),
    [
        pytest.param(["--data", "missing"], ExitCode.DATASET, id="missing folder"),
        pytest.param(["--data", "file"], ExitCode.DATASET, id="a file"),
        pytest.param(["--data", "empty"], ExitCode.DATASET, id="no images"),
        pytest.param(["--data", "empty", "--batch", "0"], ExitCode.USAGE, id="batch of none"),
        pytest.param(["--data", "empty", "--repeats", "-1"], ExitCode.USAGE, id="repeats"),
        pytest.param(["--data", "empty", "--crop", "left"], ExitCode.USAGE, id="unknown crop"),
        pytest.param(["--data", "empty", "--layout", "kohia"], ExitCode.USAGE, id="layout"),
    ],
)
def test_a_question_that_can_not_be_answered_is_refused(
    tmp_path: Path,
    tuner: Tuner,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    exit_code: ExitCode,
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)

    outcome = tuner(["check", *words])

    assert outcome.exit_code == exit_code
    assert "Traceback" not in outcome.stderr


def test_a_folder_that_fits_two_layouts_is_asked_about(tmp_path: Path, tuner: Tuner) -> None:
    root = tmp_path / "data"
    write_text_files(root)
    write_jsonl(root / "metadata.jsonl", *(row(name) for name in ("a.png", "c.png")))
    remember_pixels(root)

    unsure, said = ask(tuner, root)
    sure, _ = ask(tuner, root, "--layout", "text-files")

    assert (unsure.exit_code, ids_in(said)) == (ExitCode.DATASET, ["D14"])
    assert "--layout" in said["problems"][0]["fix"]
    assert sure.exit_code == ExitCode.OK


def test_memory_of_a_folder_does_not_outlive_a_change(tmp_path: Path, tuner: Tuner) -> None:
    root = write_captioned(tmp_path / "data", 2)
    draw_photo(9).save(root / "00.png")
    cut(root / "00.png", num_bytes=100)

    outcome, said = ask(tuner, root)

    assert outcome.exit_code == ExitCode.DATASET
    assert ids_in(said) == ["D06"]
