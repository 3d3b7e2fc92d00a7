"""What the exporting worker writes of a dataset's rows, and what it refuses."""

import io
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_tables import (
    IMAGE_TYPE,
    captions_of,
    encoded,
    files_of,
    table_of,
    write_parquet,
)
from PIL import Image

from tuner_kit.process.messages import (
    Event,
    ExportDatasetRefusal,
    ExportDatasetRequest,
    ExportDatasetResult,
)
from tuner_kit.workers.dataset_export.pictures import suffix_of
from tuner_kit.workers.export_dataset import export_dataset

STRUCT = pa.array([{"bytes": b"x", "path": None}], IMAGE_TYPE)
WORD = pa.array(["x"])


def export(folder: Path, **wishes: str | None) -> ExportDatasetResult | ExportDatasetRefusal:
    """Export every file of a folder in this process."""
    files = tuple(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    exports_dir = folder.with_name("exports")
    exports_dir.mkdir(exist_ok=True)
    request = ExportDatasetRequest(
        source_dir=folder,
        files=files,
        exports_dir=exports_dir,
        stem="cats",
        version="1",
        config_name=wishes.get("config_name"),
        split=wishes.get("split"),
        image_column=wishes.get("image_column"),
        caption_column=wishes.get("caption_column"),
    )
    return export_dataset(request, lambda *_, **__: None).answer


def exported(folder: Path, **wishes: str | None) -> ExportDatasetResult:
    answer = export(folder, **wishes)
    assert isinstance(answer, ExportDatasetResult), answer
    return answer


def refused(folder: Path, **wishes: str | None) -> ExportDatasetRefusal:
    answer = export(folder, **wishes)
    assert isinstance(answer, ExportDatasetRefusal), answer
    assert list(folder.with_name("exports").iterdir()) == []
    return answer


# ------------------------------------------------------------------ cells


def test_encoded_images_are_written_as_they_are_under_a_number(tmp_path: Path) -> None:
    red, blue = encoded("red"), encoded("blue", "JPEG")
    write_parquet(tmp_path / "cats/a.parquet", table_of([(red, "a cat"), (blue, "a dog")]))

    result = exported(tmp_path / "cats")

    files = files_of(result.export_dir)
    assert files.keys() == {"images/00000000.png", "images/00000001.jpg", "metadata.jsonl"}
    assert files["images/00000000.png"] == red
    assert files["images/00000001.jpg"] == blue
    assert captions_of(result.export_dir) == {
        "images/00000000.png": "a cat",
        "images/00000001.jpg": "a dog",
    }


def test_broken_images_are_kept_and_missing_ones_counted(tmp_path: Path) -> None:
    rows = [(b"no image", "a"), (None, "b"), (b"", None), (encoded("red"), "d\nsecond \u2028 line")]
    write_parquet(tmp_path / "cats/a.parquet", table_of(rows))

    result = exported(tmp_path / "cats")

    assert (result.num_images, result.num_captions, result.num_without_image) == (3, 2, 1)
    files = files_of(result.export_dir)
    assert files["images/00000000.jpg"] == b"no image"
    assert files["images/00000002.jpg"] == b""
    assert captions_of_raw(result.export_dir) == 2
    assert "images/00000001.jpg" not in files


def captions_of_raw(folder: Path) -> int:
    return (folder / "metadata.jsonl").read_bytes().count(b"\n")


def test_a_path_in_a_dataset_is_never_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(encoded("red"))
    cells = [
        {"bytes": None, "path": str(secret)},
        {"bytes": encoded("blue"), "path": "../../../evil.png"},
    ]
    write_parquet(tmp_path / "cats/a.parquet", pa.table({"image": pa.array(cells, IMAGE_TYPE)}))

    result = exported(tmp_path / "cats")

    assert result.num_without_image == 1
    assert files_of(result.export_dir).keys() == {"images/00000001.png", "metadata.jsonl"}
    assert list(tmp_path.rglob("evil*")) == []


@pytest.mark.parametrize(
    ("shape", "mode"),
    [
        pytest.param((4, 5), "L", id="gray"),
        pytest.param((4, 5, 1), "L", id="one channel"),
        pytest.param((4, 5, 3), "RGB", id="color"),
        pytest.param((4, 5, 4), "RGBA", id="with transparency"),
    ],
)
def test_arrays_of_pixels_become_png(tmp_path: Path, shape: tuple[int, ...], mode: str) -> None:
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    kind: pa.DataType = pa.uint8()
    for _ in shape:
        kind = pa.list_(kind)
    cells = pa.array([pixels.tolist(), [], None], kind)
    write_parquet(tmp_path / "cats/a.parquet", pa.table({"pixels": cells}))

    result = exported(tmp_path / "cats")

    content = files_of(result.export_dir)["images/00000000.png"]
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.mode, picture.size) == (mode, (5, 4))
        assert np.array_equal(np.asarray(picture), pixels.reshape(shape[:2] + shape[2:]).squeeze())
    assert (result.num_images, result.num_without_image) == (1, 2)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"])
def test_the_suffix_follows_from_the_content(image_format: str) -> None:
    usual = {"JPEG": ".jpg", "TIFF": ".tif"}
    assert suffix_of(encoded("red", image_format)) == usual.get(
        image_format, f".{image_format.lower()}"
    )


@pytest.mark.parametrize(
    ("start", "suffix"),
    [
        pytest.param(b"\x00\x00\x00\x18ftypheic", ".heic", id="heic"),
        pytest.param(b"\x00\x00\x00\x18ftypqt  ", ".jpg", id="a film"),
        pytest.param(b"\xff\x0a", ".jxl", id="jxl"),
        pytest.param(b"<svg>", ".jpg", id="a drawing"),
    ],
)
def test_the_suffix_of_other_content_is_one_that_the_audit_opens(start: bytes, suffix: str) -> None:
    assert suffix_of(start) == suffix


def test_an_extension_type_with_code_inside_runs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = f"cos\nsystem\n(S'touch {mark}'\ntR.".encode()
    marked = pa.field(
        "image",
        pa.binary(),
        metadata={
            b"ARROW:extension:name": b"arrow.py_extension_type",
            b"ARROW:extension:metadata": code,
        },
    )
    table = pa.table([[encoded("red")]], schema=pa.schema([marked]))
    write_parquet(tmp_path / "cats/a.parquet", table)

    export(tmp_path / "cats")

    assert not mark.exists()


# ------------------------------------------------------------------ choices


def test_named_columns_are_used(tmp_path: Path) -> None:
    table = pa.table({"a": STRUCT, "b": STRUCT, "de": WORD, "en": pa.array(["cat"])})
    write_parquet(tmp_path / "cats/x.parquet", table)
    result = exported(tmp_path / "cats", image_column="b", caption_column="en")
    assert (result.image_column, result.caption_column) == ("b", "en")
    assert list(captions_of(result.export_dir).values()) == ["cat"]


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        pytest.param({}, ("several splits", "'test', 'validation'"), id="none named"),
        pytest.param({"split": "fit"}, ("'fit'", "'test', 'validation'"), id="an unknown one"),
        pytest.param({"config_name": "x"}, ("'x'", "'default'"), id="an unknown configuration"),
    ],
)
def test_a_doubtful_split_names_the_splits(
    tmp_path: Path, wishes: dict[str, str], words: tuple[str, ...]
) -> None:
    for name in ("test", "val"):
        write_parquet(tmp_path / f"cats/{name}.parquet", table_of([(encoded("red"), name)]))

    refusal = refused(tmp_path / "cats", **wishes)

    assert all(word in refusal.what for word in words), refusal
    assert exported(tmp_path / "cats", split="test").split == "test"


# ------------------------------------------------------------------ files and folders


def test_a_damaged_file_leaves_nothing_behind(tmp_path: Path) -> None:
    write_parquet(tmp_path / "cats/a.parquet", table_of([(encoded("red"), "a")]))
    (tmp_path / "cats/b.parquet").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert "b.parquet can't be read" in refused(tmp_path / "cats").what


def test_a_damage_inside_a_file_leaves_nothing_behind(tmp_path: Path) -> None:
    noise = [(os.urandom(5_000), str(number)) for number in range(200)]
    path = write_parquet(tmp_path / "cats/a.parquet", table_of(noise))
    content = bytearray(path.read_bytes())
    content[4:60] = b"\xff" * 56
    path.write_bytes(content)
    assert "a.parquet can't be read" in refused(tmp_path / "cats").what


def test_a_file_without_the_column_is_named(tmp_path: Path) -> None:
    write_parquet(tmp_path / "cats/a.parquet", table_of([(encoded("red"), "a")]))
    write_parquet(tmp_path / "cats/b.parquet", table_of([(encoded("red"), "b")], caption="word"))
    assert "b.parquet lacks the column 'text'" in refused(tmp_path / "cats").what


def test_a_split_without_any_image_is_refused(tmp_path: Path) -> None:
    write_parquet(tmp_path / "cats/a.parquet", table_of([(None, "a")]))
    assert "holds an image" in refused(tmp_path / "cats").what


def test_a_dataset_that_is_a_program_is_refused(tmp_path: Path) -> None:
    write_parquet(tmp_path / "cats/a.parquet", table_of([(encoded("red"), "a")]))
    (tmp_path / "cats/cats.py").write_text("raise SystemExit('ran')\n")
    assert "never run" in refused(tmp_path / "cats").what


def test_what_an_interrupted_export_left_is_removed(tmp_path: Path) -> None:
    write_parquet(tmp_path / "cats/a.parquet", table_of([(encoded("red"), "a")]))
    stale = tmp_path / "exports/cats-0.partial/images"
    stale.mkdir(parents=True)
    result = exported(tmp_path / "cats")
    assert not stale.exists()
    assert result.export_dir.is_dir()


def test_progress_counts_the_rows(tmp_path: Path) -> None:
    rows = [(encoded("red"), "a")] * 120
    path = write_parquet(tmp_path / "cats/a.parquet", table_of(rows))
    events: list[Event] = []

    def emit(phase: str, current: int = 0, total: int | None = None) -> None:
        events.append(Event(phase=phase, current=current, total=total))

    (tmp_path / "exports").mkdir()
    request = ExportDatasetRequest(
        source_dir=path.parent,
        files=(path.name,),
        exports_dir=tmp_path / "exports",
        stem="cats",
        version="1",
    )
    export_dataset(request, emit)

    assert [event.current for event in events] == [0, 50, 100, 120]
    assert {event.total for event in events} == {pq.read_metadata(path).num_rows}
