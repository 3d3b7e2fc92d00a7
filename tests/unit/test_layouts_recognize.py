import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from layout_files import (
    read_layout,
    refusal_of,
    row,
    write_captioned,
    write_images,
    write_jsonl,
    write_text,
)

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.table import LAYOUT_OF_NAME, LAYOUTS


def text_files(root: Path) -> None:
    write_captioned(root, {"a.png": "a fox", "deep/b.jpg": "a wolf", "deep/er/c.webp": None})
    write_text(root / "deep/er/c.caption", "a bear")


def metadata_jsonl(root: Path) -> None:
    write_images(root, "a.png", "b.png", "train/c.png")
    write_jsonl(root / "metadata.jsonl", row("a.png"), row("b.png"))
    write_jsonl(root / "train/metadata.jsonl", row("c.png"))


def metadata_above_images(root: Path) -> None:
    write_images(root, "images/a.png", "images/b.png", "images/c.png")
    write_jsonl(root / "metadata.jsonl", row("a.png"), row("images/b.png"), row("c.png"))


def metadata_csv(root: Path) -> None:
    write_images(root, "a.png", "b.png", "c.png")
    write_text(root / "metadata.csv", "file_name,text\na.png,a fox\nb.png,a wolf\nc.png,a bear\n")


def metadata_parquet(root: Path) -> None:
    write_images(root, "a.png", "b.png", "c.png")
    columns = {"file_name": ["a.png", "b.png", "c.png"], "text": ["a fox", "a wolf", "a bear"]}
    pyarrow.parquet.write_table(pyarrow.table(columns), root / "metadata.parquet")


def image_captions(root: Path) -> None:
    write_images(root, "Images/a.jpg", "Images/red/b.png", "Images/c.png")
    for name in ("a", "red/b", "c"):
        write_text(root / f"ImageCaptions/{name}.txt", "a fox")


def kohya(root: Path) -> None:
    write_captioned(
        root, {"img/10_sks dog/a.png": "x", "img/10_sks dog/b.png": "x", "reg/1_dog/c.png": "x"}
    )


def instance_prompt(root: Path) -> None:
    write_images(root, "instance_images/a.png", "instance_images/b.png", "class_images/c.png")


def file_names(root: Path) -> None:
    write_images(root, "a_red_fox_01.png", "a_red_fox_02.png", "the-grey-wolf-runs.png")


EXAMPLES: dict[str, Callable[[Path], None]] = {
    "text-files": text_files,
    "metadata-jsonl": metadata_jsonl,
    "metadata-csv": metadata_csv,
    "metadata-parquet": metadata_parquet,
    "image-captions": image_captions,
    "kohya": kohya,
    "instance-prompt": instance_prompt,
    "file-names": file_names,
}


def saved_dataset(root: Path) -> None:
    write_text(root / "dataset_dict.json", "{}")


def named_instance_images(root: Path) -> None:
    write_images(root, "instance/a_red_fox_01.png", "instance/a_red_fox_02.png")


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_layout_is_recognized_by_itself(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path / "set")
    read = read_layout(tmp_path / "set")
    assert (read.layout, read.num_images, read.problems) == (name, 3, ())
    assert read.num_captions == (0 if name == "instance-prompt" else 3)


def test_every_layout_has_an_example_but_the_one_that_is_refused() -> None:
    assert {layout.name for layout in LAYOUTS} == {*EXAMPLES, "huggingface"}
    assert len(LAYOUT_OF_NAME) == len(LAYOUTS)


def test_metadata_above_the_images_is_recognized(tmp_path: Path) -> None:
    metadata_above_images(tmp_path / "set")
    read = read_layout(tmp_path / "set")
    assert (read.layout, read.num_images, read.num_captions) == ("metadata-jsonl", 3, 3)


def test_images_without_any_captions_are_taken_to_lack_their_texts(tmp_path: Path) -> None:
    write_images(tmp_path / "set", "IMG_0001.png", "IMG_0002.png")
    read = read_layout(tmp_path / "set")
    assert (read.layout, read.num_images, read.num_captions) == ("text-files", 2, 0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("metadata-jsonl", "text-files"),
        ("metadata-jsonl", "metadata-csv"),
        ("metadata-csv", "metadata-parquet"),
        ("metadata-jsonl", "image-captions"),
        ("metadata-jsonl", "kohya"),
        ("text-files", "image-captions"),
        ("instance-prompt", "text-files"),
    ],
)
def test_a_folder_that_fits_two_layouts_is_asked_about(
    tmp_path: Path, first: str, second: str
) -> None:
    root = tmp_path / "set"
    EXAMPLES[first](root)
    EXAMPLES[second](root)
    problem = refusal_of(root)
    assert problem.id == "D14"
    assert problem.fix.startswith("set layout of the dataset to ")
    assert {first, second} == set(
        problem.fix.removeprefix("set layout of the dataset to ").partition(" (")[0].split(" or ")
    )
    assert f"{first} (" in problem.what
    assert f"{second} (" in problem.what


@pytest.mark.parametrize(
    ("write", "names"),
    [
        ((text_files, saved_dataset), ("text-files", "huggingface")),
        ((named_instance_images,), ("instance-prompt", "file-names")),
        (
            (metadata_jsonl, metadata_csv, text_files),
            ("text-files", "metadata-jsonl", "metadata-csv"),
        ),
    ],
    ids=["saved", "names", "three"],
)
def test_whatever_fits_is_part_of_the_question(
    tmp_path: Path, write: tuple[Callable[[Path], None], ...], names: tuple[str, ...]
) -> None:
    for write_one in write:
        write_one(tmp_path / "set")
    problem = refusal_of(tmp_path / "set")
    assert problem.what.startswith(f"the dataset folder can be read in {len(names)} ways: ")
    assert problem.fix.startswith(f"set layout of the dataset to {' or '.join(names)} (")
    assert all(f"{name} (" in problem.what for name in names)


def test_the_question_says_what_speaks_for_each_layout(tmp_path: Path) -> None:
    root = write_captioned(tmp_path / "set", {"a.png": "a fox", "b.png": "a wolf"})
    write_jsonl(root / "metadata.jsonl", row("a.png"))
    problem = refusal_of(root)
    assert problem.what == (
        "the dataset folder can be read in 2 ways: text-files (2 images with a text file beside: "
        "a.png, b.png); or metadata-jsonl (metadata.jsonl)"
    )
    assert problem.fix == (
        "set layout of the dataset to text-files or metadata-jsonl (on the command line --layout)"
    )


@pytest.mark.parametrize(
    ("layout", "caption"), [("text-files", "beside"), ("metadata-jsonl", "in the table")]
)
def test_the_persons_choice_settles_it(tmp_path: Path, layout: str, caption: str) -> None:
    root = write_captioned(tmp_path / "set", {"a.png": "beside"})
    write_jsonl(root / "metadata.jsonl", row("a.png", "in the table"))
    read = read_layout(root, layout)
    assert (read.layout, read.captions) == (layout, {"a.png": caption})


def test_captions_outside_of_kohyas_folders_make_it_a_question(tmp_path: Path) -> None:
    root = write_captioned(tmp_path / "set", {"10_dog/a.png": "x", "b.png": "y"})
    problem = refusal_of(root)
    assert "text-files" in problem.fix
    assert "kohya" in problem.fix


def test_a_few_numbered_folders_do_not_make_it_kohyas(tmp_path: Path) -> None:
    root = write_captioned(tmp_path / "set", {"3_x/a.png": "x", "b.png": "y", "c.png": "z"})
    assert read_layout(root).layout == "text-files"


@pytest.mark.parametrize("folder", ["2023_holiday", "01_Paris", "10", "x_10", "_10", "-1_x"])
def test_other_numbered_folders_are_not_taken_for_kohyas(tmp_path: Path, folder: str) -> None:
    root = write_captioned(tmp_path / "set", {f"{folder}/a.png": "x"})
    assert read_layout(root).layout == "text-files"


@pytest.mark.parametrize("folder", ["", "train/"])
@pytest.mark.parametrize(
    "names", [["dataset_dict.json"], ["dataset_info.json", "state.json"]], ids=["dict", "split"]
)
def test_a_saved_datasets_folder_is_recognized_and_explained(
    tmp_path: Path, folder: str, names: list[str]
) -> None:
    for name in names:
        write_text(tmp_path / "set" / folder / name, "{}")
    problem = refusal_of(tmp_path / "set")
    assert problem.id == "D30"
    assert "load_from_disk" in problem.fix


def test_a_state_of_something_else_is_not_a_saved_dataset(tmp_path: Path) -> None:
    write_text(tmp_path / "set/state.json", "{}")
    write_text(tmp_path / "set/other/dataset_info.json", "{}")
    assert read_layout(tmp_path / "set").layout == "text-files"


def write_shard(path: Path, **columns: list[object]) -> None:
    path.parent.mkdir(parents=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def test_tables_with_images_inside_are_recognized(tmp_path: Path) -> None:
    image = {"bytes": b"\x89PNG", "path": "a.png"}
    for folder in ("train", "test"):
        write_shard(tmp_path / f"set/{folder}/0-of-1.parquet", image=[image], text=["a fox"])
    assert refusal_of(tmp_path / "set").id == "D30"


@pytest.mark.parametrize("is_broken", [False, True], ids=["numbers", "broken"])
def test_other_tables_are_left_out(tmp_path: Path, *, is_broken: bool) -> None:
    path = tmp_path / "set/data/scores.parquet"
    write_shard(path, score=[1, 2])
    if is_broken:
        path.write_bytes(path.read_bytes()[:-8])
    write_captioned(tmp_path / "set", {"a.png": "a fox"})
    read = read_layout(tmp_path / "set")
    assert read.layout == "text-files"
    assert "data/scores.parquet" in read.skipped


def test_pyarrow_is_imported_for_tables_only(tmp_path: Path) -> None:
    for name, write in EXAMPLES.items():
        if name != "metadata-parquet":
            write(tmp_path / name)
    script = (
        "import sys; from pathlib import Path; from layout_files import read_layout\n"
        "for root in [path for path in Path(sys.argv[1]).iterdir() if path.is_dir()]:\n"
        "    read_layout(root)\n"
        "sys.exit('pyarrow' in sys.modules or 'numpy' in sys.modules)"
    )
    here = str(Path(__file__).parent)
    child = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {here!r})\n{script}", tmp_path],
        check=False,
    )
    assert child.returncode == 0


def test_describing_a_folder_needs_no_content(tmp_path: Path) -> None:
    from tuner_kit.data.layouts.shape import summarize

    text_files(tmp_path / "set")
    with Inventory(tmp_path / "set", tmp_path / "cache.sqlite") as inventory:
        inventory.find_files()
        shape = summarize(inventory)
    assert (shape.images.count, shape.captioned.count) == (3, 3)
    assert shape.images.first == "a.png"
