"""A table of captions in Parquet, as Hugging Face's imagefolder reads it.

    cats/
      metadata.parquet      columns file_name and text
      a.png
      images/               names may also be relative to images/
        b.png

pyarrow is imported when such a file is there, and by no other folder.
"""

from collections.abc import Iterator
from pathlib import Path

from tuner_kit.data.layouts.metadata_captions import MetadataFormat, metadata_layout
from tuner_kit.data.layouts.metadata_rows import ColumnsError, Row, UnreadableRow, find_columns

_BATCH = 1_000
# The columns' types of text in which tables keep names and captions.
_TEXT_TYPES = ("string", "large_string", "string_view", "dictionary<values=string")


def parquet_rows(path: Path) -> Iterator[Row | UnreadableRow]:
    """Read the two columns that count, a thousand rows at a time."""
    import pyarrow

    number = 0
    try:
        for image, caption in _pairs(path):
            number += 1
            yield Row(number, image, caption)
    except ColumnsError as error:
        yield UnreadableRow(0, str(error))
    except (pyarrow.ArrowException, UnicodeDecodeError):
        yield UnreadableRow(number, f"damaged after {number} rows, or not a Parquet table")


def _pairs(path: Path) -> Iterator[tuple[object, object]]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as table:
        columns = find_columns(table.schema_arrow.names)
        for name in (columns.image, columns.caption):
            content = str(table.schema_arrow.field(name).type)
            if not content.startswith(_TEXT_TYPES):
                raise ColumnsError(f"the column {name} holds {content.partition('<')[0]}, not text")
        for batch in table.iter_batches(_BATCH, columns=[columns.image, columns.caption]):
            yield from zip(
                batch.column(columns.image).to_pylist(),
                batch.column(columns.caption).to_pylist(),
                strict=True,
            )


def has_image_column(path: Path) -> bool:
    """Whether a Parquet file holds images, as the `datasets` library writes them.

    It writes an image as its bytes and the name of the file that it came from.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        schema = pyarrow.parquet.read_schema(path)
    except (OSError, pyarrow.ArrowException):
        return False
    return any(
        content.startswith("struct<") and "bytes: binary" in content
        for content in map(str, schema.types)
    )


FORMAT = MetadataFormat(
    file_names=frozenset({"metadata.parquet"}),
    rows_of=parquet_rows,
    fix="write a table with the columns file_name and text, or write metadata.jsonl instead",
)


METADATA_PARQUET = metadata_layout(
    "metadata-parquet",
    FORMAT,
    title="metadata.parquet with file_name and text",
    found=lambda shape: shape.metadata_parquet,
)
