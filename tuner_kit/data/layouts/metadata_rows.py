"""Rows of metadata files: which columns are meant, and lines of bounded length."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

from tuner_kit.data.layouts.few import shorten

MAX_LINE_CHARACTERS = 1_000_000
"""A longer line is no caption; reading it would cost memory without limit."""
IMAGE_COLUMNS = ("file_name", "filename", "image", "file", "path", "image_path")
"""Names of the column that says which image is meant; case doesn't matter."""
CAPTION_COLUMNS = ("text", "caption", "prompt", "description")
"""Names of the column with the caption; case doesn't matter."""

_MAX_COLUMNS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Row:
    """What a metadata file says about one image, not yet checked."""

    number: int
    """Line of the file, from 1; where a file has no lines, the row."""
    image: object
    caption: object


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row, or a whole file, that can't be read."""

    number: int
    """0 for the whole file."""
    reason: str


class RowsOf(Protocol):
    """Reads a metadata file row by row; what can't be read is a row too."""

    def __call__(self, path: Path, /) -> Iterator[Row | UnreadableRow]:
        """Give the rows in the order of the file.

        Raises:
            OSError: the file can't be opened or read.
        """


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the two columns that count, as the file writes them."""

    image: str
    caption: str


class ColumnsError(ValueError):
    """A column is missing, or there are two of its kind; the message says which are there."""


def find_columns(names: Iterable[str]) -> Columns:
    """Find the column of images and the one of captions.

    Raises:
        ColumnsError: there isn't exactly one of each.
    """
    found = tuple(names)
    return Columns(
        image=_the_only(found, IMAGE_COLUMNS, "file names"),
        caption=_the_only(found, CAPTION_COLUMNS, "captions"),
    )


def _the_only(names: tuple[str, ...], accepted: tuple[str, ...], content: str) -> str:
    matches = [name for name in names if name.strip().casefold() in accepted]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise ColumnsError(f"more than one column of {content}: {_list_columns(matches)}")
    shown = _list_columns(names) or "none"
    raise ColumnsError(f"no column of {content} ({' or '.join(accepted[:2])}); found: {shown}")


def _list_columns(names: Iterable[str]) -> str:
    listed = [shorten(name) for name in names]
    more = ", ..." if len(listed) > _MAX_COLUMNS_SHOWN else ""
    return ", ".join(listed[:_MAX_COLUMNS_SHOWN]) + more


def open_text(path: Path) -> TextIO:
    r"""Open UTF-8 or UTF-16 text with any line ends, which all read as `\n`.

    Bytes that aren't UTF-8 become lone surrogates, as Python does with file names.

    Raises:
        OSError: the file can't be opened.
    """
    with path.open("rb") as file:
        head = file.read(64)
    encoding = _encoding_of(head)
    # A broken half of a character must not end the reading of a whole file.
    errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
    return path.open(encoding=encoding, errors=errors)


def _encoding_of(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    # Without a byte order mark, the first character of a table is still ASCII.
    if head[:1] == b"\0":
        return "utf-16-be"
    if head[1:2] == b"\0":
        return "utf-16-le"
    return "utf-8-sig"


def bounded_lines(stream: TextIO) -> Iterator[str]:
    """Give each line; of one longer than `MAX_LINE_CHARACTERS`, one character more than that."""
    limit = MAX_LINE_CHARACTERS + 1
    while line := stream.readline(limit):
        yield line
        while len(line) == limit and not line.endswith("\n"):
            line = stream.readline(limit)
