"""A table of captions with one JSON object per line, as Hugging Face's imagefolder reads it.

cats/
  metadata.jsonl        {"file_name": "a.png", "text": "a cat on a mat"}
  a.png
  outdoors/
    metadata.jsonl      {"file_name": "b.png", "text": "a cat in the grass"}
    images/             names may also be relative to images/
      b.png
"""

import json
from collections.abc import Iterator
from pathlib import Path

from tuner_kit.data.layouts.metadata_captions import MetadataFormat, metadata_layout
from tuner_kit.data.layouts.metadata_rows import (
    MAX_LINE_CHARACTERS,
    ColumnsError,
    Row,
    UnreadableRow,
    bounded_lines,
    find_columns,
    open_text,
)

# Files that were joined have a byte order mark in the middle.
_BLANK = "\ufeff \t\r\n"


def jsonl_rows(path: Path) -> Iterator[Row | UnreadableRow]:
    """Read JSON lines; blank ones are passed over."""
    with open_text(path) as stream:
        for number, line in enumerate(bounded_lines(stream), start=1):
            content = line.strip(_BLANK)
            if len(line) > MAX_LINE_CHARACTERS:
                yield UnreadableRow(number, "a line of over a million characters")
            elif content:
                yield _read_row(number, content)


def _read_row(number: int, content: str) -> Row | UnreadableRow:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        return UnreadableRow(number, "not valid JSON")
    if not isinstance(values, dict):
        return UnreadableRow(number, "not a JSON object")
    try:
        columns = find_columns(values)
    except ColumnsError as error:
        return UnreadableRow(number, str(error))
    return Row(number, values[columns.image], values[columns.caption])


FORMAT = MetadataFormat(
    file_names=frozenset({"metadata.jsonl"}),
    rows_of=jsonl_rows,
    fix='write one object per line, like {"file_name": "a.png", "text": "a red fox"}',
)


METADATA_JSONL = metadata_layout(
    "metadata-jsonl",
    FORMAT,
    title="metadata.jsonl with file_name and text",
    found=lambda shape: shape.metadata_jsonl,
)
