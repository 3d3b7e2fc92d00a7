"""Hugging Face datasets as a person names them, and the exports that are reused."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from hub_tables import captions_of, encoded, table_of, write_parquet

from tuner_kit.data.hub_dataset import (
    Choice,
    DatasetExport,
    HubDataset,
    LocalDataset,
    export_dataset,
    find_local_dataset,
    parse_hub_dataset,
)
from tuner_kit.errors import DatasetError, MachineError, Severity
from tuner_kit.process.messages import Event, ExportDatasetResult

WHOLE = Choice()
COMMIT = "0123456789abcdef" * 2 + "01234567"


@pytest.fixture
def cats(tmp_path: Path) -> Path:
    """A folder of parquet files with one image."""
    write_parquet(tmp_path / "cats/a.parquet", table_of([(encoded("red"), "a cat")]))
    return tmp_path / "cats"


def local(folder: Path) -> LocalDataset:
    found = find_local_dataset(folder)
    assert found is not None
    return found


def export(folder: Path, choice: Choice = WHOLE) -> tuple[DatasetExport, list[Event]]:
    """Export a folder with the real worker, or reuse what there is, and give the events."""
    events: list[Event] = []
    exports_dir = folder.with_name("exports")
    made = export_dataset(local(folder), exports_dir, on_event=events.append, choice=choice)
    return made, events


# ------------------------------------------------------------------ recognizing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("me/cats", HubDataset("me/cats"), id="id"),
        pytest.param(" me/cats.v2_x ", HubDataset("me/cats.v2_x"), id="spaces around"),
        pytest.param("me/cats@v1.0", HubDataset("me/cats", "v1.0"), id="tag"),
        pytest.param("me/cats@refs/pr/1", HubDataset("me/cats", "refs/pr/1"), id="pull request"),
        pytest.param("hf://datasets/me/cats", HubDataset("me/cats"), id="address"),
        pytest.param("https://huggingface.co/datasets/me/cats", HubDataset("me/cats"), id="page"),
        pytest.param("datasets/me/cats", HubDataset("me/cats"), id="as on the page"),
        pytest.param("datasets/cats", HubDataset("datasets/cats"), id="a person named datasets"),
        pytest.param("cats", None, id="one word"),
        pytest.param("/data/cats", None, id="absolute"),
        pytest.param("./cats", None, id="relative"),
        pytest.param("../cats", None, id="parent"),
        pytest.param("a/b/c", None, id="three parts"),
        pytest.param("me/..", None, id="dots"),
        pytest.param("me/ca ts", None, id="space"),
        pytest.param("me/c\u00e4ts", None, id="not ascii"),
        pytest.param("me/cats@", None, id="empty revision"),
        pytest.param("https://elsewhere.example/datasets/me/cats", None, id="another host"),
    ],
)
def test_a_dataset_on_the_hub_is_recognized(text: str, expected: HubDataset | None) -> None:
    assert parse_hub_dataset(text) == expected


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["a.parquet"], id="parquet"),
        pytest.param(["data/train-00000-of-00001.parquet", "README.md"], id="below data"),
        pytest.param(["state.json", "dataset_info.json", "data-0.arrow"], id="saved"),
        pytest.param(
            ["dataset_dict.json", "train/state.json", "train/data-0.arrow"], id="saved with splits"
        ),
    ],
)
def test_a_folder_of_tables_is_recognized_with_its_files(tmp_path: Path, names: list[str]) -> None:
    write_files(tmp_path, [*names, ".git/x.parquet", "notes.txt"])
    assert local(tmp_path) == LocalDataset(tmp_path, tuple(sorted(names)))


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([], id="empty"),
        pytest.param(["a.txt", "b/c.txt"], id="texts"),
        pytest.param(["metadata.parquet", "a.png"], id="image folder"),
        pytest.param(["train/metadata.parquet"], id="only captions"),
        pytest.param(["a.parquet", "images/a.JPG"], id="images beside"),
        pytest.param(["state.json"], id="half of a saved one"),
    ],
)
def test_another_folder_is_not_taken_for_tables(tmp_path: Path, names: list[str]) -> None:
    write_files(tmp_path, names)
    assert find_local_dataset(tmp_path) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may list every folder")
def test_a_folder_inside_that_can_not_be_listed_holds_nothing(tmp_path: Path) -> None:
    write_files(tmp_path, ["a.parquet", "b/c.png"])
    (tmp_path / "b").chmod(0)
    assert local(tmp_path).files == ("a.parquet",)
    (tmp_path / "b").chmod(0o700)


def write_files(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")


# ------------------------------------------------------------------ exporting


def test_an_export_is_a_plain_folder_and_is_made_once(cats: Path) -> None:
    made, events = export(cats)
    again, no_events = export(cats)

    assert captions_of(made.folder) == {"images/00000000.png": "a cat"}
    assert {path.name for path in made.folder.iterdir()} == {"images", "metadata.jsonl"}
    assert made.summary == ExportDatasetResult(
        export_dir=made.folder,
        num_images=1,
        num_captions=1,
        num_without_image=0,
        image_column="image",
        caption_column="text",
        config_name="default",
        split="train",
    )
    assert events[-1] == Event(phase="writing images", current=1, total=1)
    assert (again, no_events) == (made, [])


def test_only_the_owner_can_read_exports(cats: Path) -> None:
    made, _ = export(cats)
    assert made.folder.parent.stat().st_mode & 0o077 == 0


def test_a_change_of_the_dataset_or_of_the_choice_makes_a_new_export(cats: Path) -> None:
    folders = [export(cats)[0].folder]

    write_parquet(cats / "a.parquet", table_of([(encoded("blue"), "a longer text")]))
    folders.append(export(cats)[0].folder)
    os.utime(cats / "a.parquet", (1, 1))
    folders.append(export(cats)[0].folder)
    write_parquet(cats / "b.parquet", table_of([(encoded("blue"), "a dog")]))
    folders.append(export(cats)[0].folder)
    folders.append(export(cats, Choice(split="train"))[0].folder)

    assert len(set(folders)) == 5
    assert all(folder.is_dir() for folder in folders)


def test_a_folder_without_its_record_is_written_again(cats: Path) -> None:
    made, _ = export(cats)
    made.folder.with_name(made.folder.name + ".json").unlink()
    (made.folder / "metadata.jsonl").unlink()

    again, _ = export(cats)

    assert again == made
    assert captions_of(again.folder)


def test_an_export_that_a_person_removed_is_written_again(cats: Path) -> None:
    made, _ = export(cats)
    shutil.rmtree(made.folder)

    again, _ = export(cats)

    assert again == made
    assert captions_of(again.folder)


def test_rows_without_an_image_are_said(cats: Path) -> None:
    write_parquet(cats / "a.parquet", table_of([(encoded("red"), "a"), (None, "b")]))
    (notice,) = export(cats)[0].notices
    assert (notice.id, notice.severity) == ("D34", Severity.NOTICE)
    assert "1 of 2 rows" in notice.what


def test_what_the_worker_refuses_is_a_problem_of_the_dataset(cats: Path) -> None:
    (cats / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(DatasetError) as raised:
        export(cats)
    (problem,) = raised.value.problems
    assert problem.id == "D30"
    assert "a.parquet" in problem.what


def test_a_cache_that_can_not_be_written_is_a_problem_of_the_machine(cats: Path) -> None:
    (cats.with_name("exports")).write_text("a file in the way")
    with pytest.raises(MachineError) as raised:
        export(cats)
    assert raised.value.problems[0].id == "M04"


def test_a_commit_that_was_exported_needs_no_hub_and_no_worker(tmp_path: Path) -> None:
    # The name is part of the cache on people's disks: it must not change by accident.
    record = planted_export(tmp_path / "me-cats-abeefd274e8f-0123456789abcdef")

    events: list[Event] = []
    made = export_dataset(HubDataset("me/cats", COMMIT), tmp_path, on_event=events.append)

    assert (made.summary, made.notices, events) == (record, (), [])


def test_offline_the_last_export_that_is_whole_is_used_with_a_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stem = "me-cats-8287b6634056"
    record = planted_export(tmp_path / f"{stem}-aaaaaaaaaaaaaaaa")
    removed = planted_export(tmp_path / f"{stem}-bbbbbbbbbbbbbbbb")
    removed.export_dir.rmdir()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    made = export_dataset(HubDataset("me/cats"), tmp_path, on_event=lambda _: None)

    assert made.summary == record.model_copy(update={"is_last_known": True})
    assert [(notice.id, notice.severity) for notice in made.notices] == [("A03", Severity.NOTICE)]
    removed.export_dir.mkdir()
    made = export_dataset(HubDataset("me/cats"), tmp_path, on_event=lambda _: None)
    assert made.folder == removed.export_dir


def planted_export(folder: Path) -> ExportDatasetResult:
    """Put a whole export where one would be."""
    folder.mkdir(parents=True)
    record = ExportDatasetResult(
        export_dir=folder,
        num_images=1,
        num_captions=1,
        num_without_image=0,
        image_column="image",
        caption_column=None,
        config_name="default",
        split="train",
        commit=COMMIT,
    )
    folder.with_name(folder.name + ".json").write_text(record.model_dump_json())
    return record


def test_a_second_command_waits_for_the_first(cats: Path) -> None:
    made, _ = export(cats)
    (lock_path,) = made.folder.parent.glob("*.lock")
    events: list[Event] = []
    lock = FileLock(lock_path)

    def let_go(event: Event) -> None:
        events.append(event)
        lock.release()

    with lock:
        again = export_dataset(local(cats), made.folder.parent, on_event=let_go)

    assert again == made
    assert ["waiting" in event.phase for event in events] == [True]
