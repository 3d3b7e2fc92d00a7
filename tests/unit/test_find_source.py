"""What a person wrote is a folder of files, or a dataset to be exported first."""

from pathlib import Path

import pytest
from dataset_files import write_image
from hub_tables import encoded, parquet_bytes, table_of

from tuner_kit.data.find_source import as_written, find_source
from tuner_kit.data.read_dataset import DatasetSource


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("hf://datasets/me/cats", "hf://datasets/me/cats"),
        ("photos/cats", "photos/cats"),
        ("/data/hf:/cats", "/data/hf:/cats"),
    ],
)
def test_an_address_on_the_hub_keeps_both_slashes(path: str, written: str) -> None:
    assert as_written(Path(path)) == written


def test_a_folder_of_images_is_read_as_it_is(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    source = DatasetSource(tmp_path, "photos")
    assert find_source(source, lambda _: None) == (source, ())


@pytest.mark.parametrize("layout", ["auto", "huggingface"])
def test_tables_with_images_are_read_from_their_export(tmp_path: Path, layout: str) -> None:
    (tmp_path / "train.parquet").write_bytes(parquet_bytes(table_of([(encoded("red"), "red")])))

    found, notices = find_source(DatasetSource(tmp_path, "tables", layout), lambda _: None)

    assert (found.written, found.layout, notices) == ("tables", "metadata-jsonl", ())
    assert found.dir != tmp_path
    assert sorted(path.name for path in found.dir.iterdir()) == ["images", "metadata.jsonl"]


def test_a_layout_that_was_named_is_not_exported(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(parquet_bytes(table_of([(encoded("red"), "red")])))
    source = DatasetSource(tmp_path, "tables", "text-files")
    assert find_source(source, lambda _: None) == (source, ())


@pytest.mark.parametrize("written", ["photos/cats", "./cats", "/nowhere/cats"])
def test_a_missing_folder_beside_a_real_one_is_not_looked_for_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    source = DatasetSource(tmp_path / written, written)
    assert find_source(source, lambda _: None) == (source, ())
