"""Rows of parquet and Arrow files, a few at a time, with only the columns that are wanted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tuner_kit.workers.dataset_export.columns import Columns
from tuner_kit.workers.dataset_export.refusal import RefusedError
from tuner_kit.workers.dataset_export.tables import PARQUET

_BATCH_ROWS = 32
_BUFFER_BYTES = 1 << 20


def read_schema(path: Path) -> pa.Schema:
    """Read the names and kinds of a file's columns.

    Raises:
        RefusedError: the file is damaged.
    """
    with _explained(path):
        if _is_parquet(path):
            return pq.read_schema(path)
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
            return stream.schema


def count_rows(paths: Sequence[Path]) -> int | None:
    """Count the rows of parquet files by their footers; None for Arrow files, which have none.

    Raises:
        RefusedError: a file is damaged.
    """
    total = 0
    for path in paths:
        if not _is_parquet(path):
            return None
        with _explained(path):
            total += pq.read_metadata(path).num_rows
    return total


def read_rows(path: Path, columns: Columns) -> Iterator[tuple[pa.Scalar, str | None]]:
    """Give each row's image, as it is stored, and its caption.

    Raises:
        RefusedError: the file is damaged, or lacks a column.
    """
    missing = [name for name in columns.names() if name not in read_schema(path).names]
    if missing:
        raise RefusedError(
            "dataset",
            what=f"{path.name} lacks the column {missing[0]!r} that the other files have",
            where=str(path),
            fix="name another column, or remove this file from the dataset",
        )
    with _explained(path):
        for batch in _batches(path, columns.names()):
            images = batch.column(columns.image)
            captions = None if columns.caption is None else batch.column(columns.caption)
            for row in range(batch.num_rows):
                yield images[row], None if captions is None else captions[row].as_py()


def _batches(path: Path, names: list[str]) -> Iterator[pa.RecordBatch]:
    if _is_parquet(path):
        # pyarrow would read a row group at once (pre_buffer), and one may be the whole file:
        # 331 instead of 153 MiB for 200 MB of images.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
            yield from file.iter_batches(_BATCH_ROWS, columns=names)
        return
    # Not memory-mapped: every page that was touched would count as this process's memory.
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
        yield from stream


def _is_parquet(path: Path) -> bool:
    return path.suffix == PARQUET


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise RefusedError(
            "dataset",
            what=f"{path.name} can't be read: it is damaged, or was not downloaded completely",
            where=str(path),
            fix="get this file again, or remove it from the dataset",
        ) from error
