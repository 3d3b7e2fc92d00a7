"""A table of captions with separators, as Hugging Face's imagefolder reads it.

    cats/
      metadata.csv          file_name,text
      a.png                 a.png,"a cat, on a mat"
      images/               names may also be relative to images/
        b.png

`metadata.tsv` is read too; what separates the columns is seen from the first line.
"""

import csv
from collections import deque
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

# Excel writes semicolons where a comma is the decimal mark.
_DELIMITERS = ",;\t"
# Enough for dozens of stray quotes; a table of nothing else must not take hours.
_MAX_REREAD_CHARACTERS = 10_000_000


class _Lines:
    """Hands lines to the csv module, and takes back those of a record that failed.

    One quote too many makes a record swallow all lines up to the next quote.
    """

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = enumerate(lines, start=1)
        self._pending: deque[tuple[int, str]] = deque()
        self._record: list[tuple[int, str]] = []
        self._num_characters = 0
        self._num_reread_characters = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, line = self._pending.popleft() if self._pending else next(self._lines)
        self._record.append((number, line))
        self._num_characters += len(line)
        if self._num_characters > MAX_LINE_CHARACTERS:
            raise csv.Error("a row of over a million characters")
        return line

    def peek(self) -> str:
        """Show the first line without handing it out."""
        for number, line in self._lines:
            self._pending.append((number, line))
            return line
        return ""

    def begin_record(self) -> None:
        """Forget the lines of the record before."""
        self._record.clear()
        self._num_characters = 0

    def take_back(self) -> None:
        """Hand the lines of a failed record out again, but for its first, within reason."""
        self._num_reread_characters += self._num_characters
        if self._num_reread_characters > _MAX_REREAD_CHARACTERS:
            return
        self._pending.extendleft(reversed(self._record[1:]))

    @property
    def first_number(self) -> int:
        """Line that the record begins in."""
        return self._record[0][0]


def csv_rows(path: Path) -> Iterator[Row | UnreadableRow]:
    """Read a table with a header; a row that fails costs only its own first line."""
    with open_text(path) as stream:
        records = _records(_Lines(bounded_lines(stream)))
        header = next(records, None)
        if header is None or isinstance(header, UnreadableRow):
            if header is not None:
                yield header
            return
        number, names = header
        try:
            columns = find_columns(names)
        except ColumnsError as error:
            yield UnreadableRow(number, str(error))
            return
        positions = names.index(columns.image), names.index(columns.caption)
        for record in records:
            if isinstance(record, UnreadableRow):
                yield record
            else:
                yield _row_of(*record, positions=positions, num_columns=len(names))


type _Record = tuple[int, list[str]]


def _records(lines: _Lines) -> Iterator[_Record | UnreadableRow]:
    """Split lines into values; blank lines are passed over."""
    delimiter = max(_DELIMITERS, key=lines.peek().count)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        lines.begin_record()
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield UnreadableRow(lines.first_number, _explain(error))
            lines.take_back()
            continue
        if any(value.strip() for value in values):
            yield lines.first_number, values


def _explain(error: csv.Error) -> str:
    text = str(error)
    is_about_length = "million" in text or "field limit" in text
    return "a value of far too many characters" if is_about_length else "quotes don't match"


def _row_of(
    number: int, values: list[str], *, positions: tuple[int, int], num_columns: int
) -> Row | UnreadableRow:
    has_more = any(value.strip() for value in values[num_columns:])
    if has_more or len(values) <= max(positions):
        noun = "value" if len(values) == 1 else "values"
        return UnreadableRow(number, f"{len(values)} {noun}, but {num_columns} columns")
    return Row(number, values[positions[0]], values[positions[1]])


FORMAT = MetadataFormat(
    file_names=frozenset({"metadata.csv", "metadata.tsv"}),
    rows_of=csv_rows,
    fix="begin with the line file_name,text; save as UTF-8; put captions that have commas in "
    'double quotes: a.png,"a fox, asleep"',
)


METADATA_CSV = metadata_layout(
    "metadata-csv",
    FORMAT,
    title="metadata.csv with file_name and text",
    found=lambda shape: shape.metadata_csv,
)
