"""The tables of the inventory, and how values become rows and rows values."""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuner_kit.data.records import Caption, Header, ImageRecord, PixelFacts

type Cell = str | bytes | int | float | None
type Row = tuple[Cell, ...]

CAPTION_COLUMNS = ("text", "num_lines", "has_bom", "problem", "repaired_text")
HEADER_COLUMNS = (
    "is_image",
    "width_px",
    "height_px",
    "pixel_mode",
    "image_format",
    "has_transparency",
    "is_animated",
    "is_turned",
)
PIXEL_COLUMNS = (
    "is_decoded",
    "fault",
    "sha256",
    "perceptual_hash",
    "sharpness",
    "brightness",
    "contrast",
    "color_layout",
)

FORMAT = 3
"""Raised with every change of a table or of what its columns mean: an older file is made anew."""
_WAIT_FOR_OTHERS_S = 30.0

# Names are bytes: a file name need not be valid UTF-8.
_TABLES = """
CREATE TABLE images (
    name BLOB PRIMARY KEY, stem BLOB NOT NULL, version TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    is_image INTEGER, width_px INTEGER, height_px INTEGER, pixel_mode TEXT, image_format TEXT,
    has_transparency INTEGER, is_animated INTEGER, is_turned INTEGER,
    is_decoded INTEGER NOT NULL DEFAULT 0, fault TEXT, sha256 TEXT, perceptual_hash INTEGER,
    sharpness REAL, brightness REAL, contrast REAL, color_layout BLOB,
    near_group INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX images_by_stem ON images (stem);
CREATE TABLE texts (
    name BLOB PRIMARY KEY, stem BLOB NOT NULL, version TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    is_read INTEGER NOT NULL DEFAULT 0,
    text TEXT, num_lines INTEGER, has_bom INTEGER, problem TEXT, repaired_text TEXT
) WITHOUT ROWID;
CREATE INDEX texts_by_stem ON texts (stem);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
SCAN_TABLES = """
CREATE TEMP TABLE found (
    name BLOB PRIMARY KEY, stem BLOB, version TEXT, size_bytes INTEGER, kind TEXT
) WITHOUT ROWID;
CREATE TEMP TABLE skipped (name BLOB PRIMARY KEY, reason TEXT) WITHOUT ROWID;
CREATE TEMP TABLE captions (
    image BLOB PRIMARY KEY, origin BLOB, text TEXT, num_lines INTEGER, has_bom INTEGER,
    problem TEXT, repaired_text TEXT
) WITHOUT ROWID;
CREATE TEMP TABLE members (image BLOB PRIMARY KEY, part TEXT) WITHOUT ROWID;
"""
SELECT_RECORDS = """
SELECT i.name, i.size_bytes, coalesce(m.part, ''),
    i.is_image, i.width_px, i.height_px, i.pixel_mode, i.image_format, i.has_transparency,
    i.is_animated, i.is_turned,
    c.origin, c.text, c.num_lines, c.has_bom, c.problem, c.repaired_text,
    i.is_decoded, i.fault, i.sha256, i.perceptual_hash, i.sharpness, i.brightness, i.contrast,
    i.color_layout, i.near_group
FROM images i LEFT JOIN captions c ON c.image = i.name LEFT JOIN members m ON m.image = i.name
WHERE i.name NOT IN (SELECT name FROM skipped) AND i.name > ?
ORDER BY i.name
"""
_HEADER_FROM, _CAPTION_FROM, _PIXELS_FROM = 3, 11, 17


def connect(path: Path) -> sqlite3.Connection:
    """Open the database of a folder; one that is damaged or of an older format is made anew.

    Raises:
        sqlite3.Error: it can't be written.
    """
    try:
        return _open(path)
    except sqlite3.OperationalError:  # locked, or not writable: nothing is wrong with the file
        raise
    except sqlite3.DatabaseError:
        discard(path)
        return _open(path)


def discard(path: Path) -> None:
    """Remove a damaged database with what belongs to it."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_FOR_OTHERS_S)
    try:
        # A lost cache is measured again; waiting for the disk would cost more than that.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA temp_store = FILE")
        if not _is_present(connection):
            _make_anew(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_present(connection: sqlite3.Connection) -> bool:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return bool(found == FORMAT)


def _make_anew(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    # While we waited for it, another process may have made the tables.
    if not _is_present(connection):
        for table in ("images", "texts", "facts"):
            connection.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.commit()


def stem_of(name: bytes) -> bytes:
    """Give folder and stem: what an image and its caption have in common."""
    return os.path.splitext(name)[0]  # noqa: PTH122 - of bytes


def caption_row(caption: Caption) -> Row:
    """Give a caption in the order of `CAPTION_COLUMNS`."""
    return (
        caption.text,
        caption.num_lines,
        caption.has_bom,
        caption.problem,
        caption.repaired_text,
    )


def header_row(name: str, header: Header | None) -> Row:
    """Give a header in the order of `HEADER_COLUMNS`, then the name."""
    if header is None:
        return 0, *[None] * (len(HEADER_COLUMNS) - 1), os.fsencode(name)
    return (
        1,
        header.width_px,
        header.height_px,
        header.pixel_mode,
        header.image_format,
        header.has_transparency,
        header.is_animated,
        header.is_turned,
        os.fsencode(name),
    )


def pixel_row(name: str, facts: PixelFacts) -> Row:
    """Give pixel facts in the order of `PIXEL_COLUMNS`, then the name."""
    return (
        1,
        facts.fault,
        facts.sha256,
        facts.perceptual_hash,
        facts.sharpness,
        facts.brightness,
        facts.contrast,
        facts.color_layout,
        os.fsencode(name),
    )


def record_of(row: Sequence[Any], root: Path) -> ImageRecord:
    """Read one row of `SELECT_RECORDS`."""
    name = os.fsdecode(row[0])
    return ImageRecord(
        name=name,
        root=root,
        size_bytes=row[1],
        part=row[2],
        header=_header_of(row[_HEADER_FROM:_CAPTION_FROM]),
        caption=_caption_of(row[_CAPTION_FROM:_PIXELS_FROM]),
        pixels=_pixels_of(row[_PIXELS_FROM:]),
    )


def _header_of(cells: Sequence[Any]) -> Header | None:
    is_image, width_px, height_px, pixel_mode, image_format, *flags = cells
    if not is_image:
        return None
    return Header(width_px, height_px, pixel_mode, image_format, *map(bool, flags))


def _caption_of(cells: Sequence[Any]) -> Caption | None:
    origin, *columns = cells
    return None if origin is None else caption_of(os.fsdecode(origin), columns)


def caption_of(origin: str, cells: Sequence[Any]) -> Caption:
    """Read the columns of `CAPTION_COLUMNS`."""
    text, num_lines, has_bom, problem, repaired_text = cells
    return Caption(text, origin, num_lines, bool(has_bom), problem, repaired_text)


def _pixels_of(cells: Sequence[Any]) -> PixelFacts | None:
    is_decoded, *columns = cells
    return PixelFacts(*columns) if is_decoded else None
