"""Write the images and captions of a Hugging Face dataset into a plain folder, once.

The folder holds `images/00000123.jpg`, numbered by row, and `metadata.jsonl` with
`file_name` and `text`. Nothing in a dataset can choose a name or a path, and no program
that it brings is run.
"""

import errno
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tuner_kit.data.dataset_exports import export_dir_of, load_export, record_path_of
from tuner_kit.process.messages import (
    ExportDatasetOutcome,
    ExportDatasetRequest,
    ExportDatasetResult,
)
from tuner_kit.workers.dataset_export.columns import Columns, choose_columns
from tuner_kit.workers.dataset_export.folder import list_folder
from tuner_kit.workers.dataset_export.pictures import picture_of
from tuner_kit.workers.dataset_export.refusal import RefusedError, UnreachableError
from tuner_kit.workers.dataset_export.rows import count_rows, read_rows, read_schema
from tuner_kit.workers.dataset_export.tables import Table
from tuner_kit.workers.new_folder import new_folder
from tuner_kit.workers.runtime import Emit, run

IMAGES_DIR = "images"
METADATA = "metadata.jsonl"

_ROWS_PER_EVENT = 50


@dataclass(frozen=True, slots=True)
class Source:
    """The files of one split on this machine, and where they come from."""

    where: str
    """What a person calls the dataset."""
    table: Table
    paths: Sequence[Path]
    commit: str | None = None
    is_conversion: bool = False


@dataclass(slots=True)
class Counts:
    """What has been written so far."""

    num_images: int = 0
    num_captions: int = 0
    num_without_image: int = 0


def export_dataset(request: ExportDatasetRequest, emit: Emit) -> ExportDatasetOutcome:
    """Give the whole export of the dataset's present version, making it if there is none."""
    try:
        if request.hub_id is None:
            return ExportDatasetOutcome(answer=_export_folder(request, emit))
        return ExportDatasetOutcome(answer=_export_from_hub(request, request.hub_id, emit))
    except UnreachableError as error:
        last = _find_last_export(request.exports_dir, request.stem)
        if last is None:
            return ExportDatasetOutcome(answer=error.message)
        return ExportDatasetOutcome(answer=last.model_copy(update={"is_last_known": True}))
    except RefusedError as error:
        return ExportDatasetOutcome(answer=error.message)


def _find_last_export(exports_dir: Path, stem: str) -> ExportDatasetResult | None:
    """Give the youngest whole export of a dataset, whatever its version."""
    records = sorted(
        exports_dir.glob(f"{stem}-*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True
    )
    for path in records:
        if (export := load_export(path.with_suffix(""))) is not None:
            return export
    return None


def _export_folder(request: ExportDatasetRequest, emit: Emit) -> ExportDatasetResult:
    assert request.source_dir is not None  # noqa: S101 - a request names one or the other
    assert request.version is not None  # noqa: S101
    export_dir = export_dir_of(request.exports_dir, request.stem, request.version)
    where = str(request.source_dir)
    tables = list_folder(request.source_dir, request.files)
    table = tables.choose(request.config_name, request.split, where)
    paths = [request.source_dir / name for name in table.files]
    return _export(Source(where, table, paths), request, export_dir, emit)


def _export_from_hub(request: ExportDatasetRequest, hub_id: str, emit: Emit) -> ExportDatasetResult:
    # Here, so that huggingface_hub is imported into the quiet environment.
    from tuner_kit.workers.dataset_export.hub import download, list_dataset

    emit(f"asking the Hub for {hub_id}")
    listing = list_dataset(hub_id, request.revision)
    export_dir = export_dir_of(request.exports_dir, request.stem, listing.commit)
    if (whole := load_export(export_dir)) is not None:
        return whole
    table = listing.tables.choose(request.config_name, request.split, hub_id)
    paths = download(listing, table.files, emit)
    source = Source(hub_id, table, paths, listing.commit, listing.is_conversion)
    return _export(source, request, export_dir, emit)


def _export(
    source: Source, request: ExportDatasetRequest, export_dir: Path, emit: Emit
) -> ExportDatasetResult:
    """Write the folder under another name and rename it when it is complete."""
    columns = choose_columns(
        read_schema(source.paths[0]),
        source.where,
        image=request.image_column,
        caption=request.caption_column,
    )
    with _room_made(request, export_dir), new_folder(export_dir) as partial_dir:
        counts = _write_rows(source, columns, partial_dir, emit)
        if counts.num_images == 0:
            raise RefusedError(
                "dataset",
                what=f"no row of the split {source.table.split!r} holds an image",
                where=source.where,
                fix="name another split, or another column as image_column",
            )
        result = ExportDatasetResult(
            export_dir=export_dir,
            num_images=counts.num_images,
            num_captions=counts.num_captions,
            num_without_image=counts.num_without_image,
            image_column=columns.image,
            caption_column=columns.caption,
            config_name=source.table.config_name,
            split=source.table.split,
            commit=source.commit,
            is_conversion=source.is_conversion,
        )
        record_path_of(export_dir).write_text(result.model_dump_json(indent=2), encoding="utf-8")
    return result


@contextmanager
def _room_made(request: ExportDatasetRequest, export_dir: Path) -> Iterator[None]:
    """Remove what earlier attempts left, and this one's half when it fails.

    Raises:
        RefusedError: the disk is full.
    """
    # A folder without its record is not known to be whole.
    shutil.rmtree(export_dir, ignore_errors=True)
    _remove_partials(request)
    try:
        yield
    except BaseException as error:
        _remove_partials(request)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RefusedError(
                "disk",
                what="the disk is full",
                where=str(request.exports_dir),
                fix="free space, or keep the cache on another disk, then run the command again",
            ) from error
        raise


def _remove_partials(request: ExportDatasetRequest) -> None:
    for partial_dir in request.exports_dir.glob(f"{request.stem}-*.partial"):
        shutil.rmtree(partial_dir, ignore_errors=True)


def _write_rows(source: Source, columns: Columns, folder: Path, emit: Emit) -> Counts:
    counts, num_rows = Counts(), count_rows(source.paths)
    (folder / IMAGES_DIR).mkdir()
    with (folder / METADATA).open("w", encoding="utf-8", newline="\n") as metadata:
        rows = (row for path in source.paths for row in read_rows(path, columns))
        for number, (cell, caption) in enumerate(rows):
            if number % _ROWS_PER_EVENT == 0:
                emit("writing images", number, num_rows)
            if (picture := picture_of(cell)) is None:
                counts.num_without_image += 1
                continue
            content, suffix = picture
            name = f"{IMAGES_DIR}/{number:08d}{suffix}"
            (folder / name).write_bytes(content)
            counts.num_images += 1
            if caption is not None:
                _write_caption(metadata, name, caption)
                counts.num_captions += 1
    emit("writing images", counts.num_images + counts.num_without_image, num_rows)
    return counts


def _write_caption(metadata: TextIO, name: str, caption: str) -> None:
    line = json.dumps({"file_name": name, "text": caption}, ensure_ascii=False)
    metadata.write(line + "\n")


if __name__ == "__main__":
    sys.exit(run(ExportDatasetRequest, export_dataset))
