"""What is known about a dataset folder, in a database that outlives the command.

One SQLite file per folder, in the person's cache. It remembers what was measured of each
file by name and version, so a second look at an unchanged folder reads no image again,
and it holds the whole dataset on disk, so memory stays flat however many files there are.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import batched, chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from unicodedata import normalize

from tuner_kit.data.inventory_rows import (
    CAPTION_COLUMNS,
    HEADER_COLUMNS,
    PIXEL_COLUMNS,
    SCAN_TABLES,
    SELECT_RECORDS,
    Row,
    caption_of,
    caption_row,
    connect,
    header_row,
    pixel_row,
    record_of,
    stem_of,
)
from tuner_kit.data.records import (
    Caption,
    Header,
    ImageRecord,
    PixelFacts,
    SkippedFile,
    SkipReason,
    TextFile,
)
from tuner_kit.data.walk import FileKind, FoundFile, walk

_BATCH = 500


class Inventory:
    """The files of one folder as they were found last, with what is known about each.

    Use it as a context manager, or call `close`. Names are relative to `root`. The layout
    of the folder says which caption belongs to which image: `pair_by_stem`, `pair`,
    `assign` and `skip` are its words, and are forgotten when the inventory is closed.
    """

    def __init__(
        self,
        root: Path,
        database_path: Path,
        temporary: TemporaryDirectory[str] | None = None,
    ) -> None:
        """Open the database; `temporary` is the folder that goes away with it, if any."""
        self.root = root
        self.path = database_path
        self._temporary = temporary
        self._connection = connect(database_path)
        try:
            self._connection.executescript(SCAN_TABLES)
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        """Do nothing: the database is open."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the database."""
        self.close()

    def close(self) -> None:
        """Let go of the database; what was measured stays in it."""
        self._connection.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    # ---------------------------------------------------------------- finding files

    def find_files(self, on_found: Callable[[int], None] | None = None) -> None:
        """List the folder, and forget what is known of files that are gone or changed.

        Raises:
            OSError: the folder itself can't be listed.
        """
        num_found = 0
        for batch in batched(walk(os.fspath(self.root)), _BATCH):
            found = (_found_row(item) for item in batch if isinstance(item, FoundFile))
            self._connection.executemany(
                "INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?)", found
            )
            self.skip(item for item in batch if isinstance(item, SkippedFile))
            num_found += len(batch)
            if on_found is not None:
                on_found(num_found)
        for table, kind in (("images", FileKind.IMAGE), ("texts", FileKind.CAPTION)):
            self._adopt(table, kind)
        self._connection.commit()

    def _adopt(self, table: str, kind: FileKind) -> None:
        """Make a table hold exactly the files that were found, each in its present version."""
        removed = self._connection.execute(
            f"DELETE FROM {table} WHERE NOT EXISTS (SELECT 1 FROM found f "  # noqa: S608
            f"WHERE f.name = {table}.name AND f.version = {table}.version AND f.kind = ?)",
            (kind.value,),
        ).rowcount
        self._connection.execute(
            f"INSERT OR IGNORE INTO {table} (name, stem, version, size_bytes) "  # noqa: S608
            "SELECT name, stem, version, size_bytes FROM found WHERE kind = ?",
            (kind.value,),
        )
        if removed and kind is FileKind.IMAGE:
            self.remember("groups", "outdated")

    # ---------------------------------------------------------------- reading files

    def headers_to_read(self) -> Iterator[str]:
        """Name the images whose header is not known yet."""
        return self._names("SELECT name FROM images WHERE is_image IS NULL AND name > ?")

    def num_headers_to_read(self) -> int:
        """Count the images whose header is not known yet."""
        return self._count("SELECT count(*) FROM images WHERE is_image IS NULL")

    def save_headers(self, headers: Iterable[tuple[str, Header | None]]) -> None:
        """Remember what the first bytes say; None for a file that is not an image."""
        self._save("images", HEADER_COLUMNS, (header_row(*item) for item in headers))

    def texts_to_read(self) -> Iterator[str]:
        """Name the caption files that were not read yet."""
        return self._names("SELECT name FROM texts WHERE is_read = 0 AND name > ?")

    def save_texts(self, captions: Iterable[tuple[str, Caption]]) -> None:
        """Remember the content of caption files."""
        columns = (*CAPTION_COLUMNS, "is_read")
        self._save("texts", columns, ((*caption_row(c), 1, os.fsencode(n)) for n, c in captions))

    def images_to_decode(self) -> Iterator[str]:
        """Name the images whose pixels were not looked at yet."""
        return self._names("SELECT name FROM images WHERE is_decoded = 0 AND name > ?")

    def num_to_decode(self) -> int:
        """Count the images whose pixels were not looked at yet."""
        return self._count("SELECT count(*) FROM images WHERE is_decoded = 0")

    def save_pixels(self, facts: Iterable[tuple[str, PixelFacts]]) -> None:
        """Remember what decoding showed; groups of look-alikes must be found anew."""
        self._save("images", PIXEL_COLUMNS, (pixel_row(*item) for item in facts))
        self.remember("groups", "outdated")

    def looks(self) -> Iterator[tuple[str, int, bytes]]:
        """Give name, perceptual hash and color layout of every image that could be decoded."""
        rows = self._rows(
            "SELECT name, perceptual_hash, color_layout FROM images "
            "WHERE is_decoded AND fault IS NULL AND name > ? ORDER BY name"
        )
        return ((os.fsdecode(name), value, layout) for name, value, layout in rows)

    def save_groups(self, groups: Mapping[str, int]) -> None:
        """Remember which images look alike: the same number, from 1; the others get 0."""
        self._connection.execute("UPDATE images SET near_group = 0 WHERE near_group != 0")
        rows = ((group, os.fsencode(name)) for name, group in groups.items())
        self._save("images", ("near_group",), rows)
        self.remember("groups", "present")

    def remember(self, name: str, value: str) -> None:
        """Keep one word about the whole folder."""
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
        self._connection.commit()

    def remember_root(self) -> None:
        """Keep the folder's place, so that the database can go when the folder has gone."""
        self.remember("root", os.fsencode(self.root.absolute()).hex())

    def recall(self, name: str) -> str | None:
        """Give the word that was kept, if any."""
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def has_present_groups(self) -> bool:
        """Whether the groups of look-alikes are those of the present images."""
        return self.recall("groups") == "present"

    # ---------------------------------------------------------------- a layout's words

    # Each of them commits: a transaction that has read a table keeps other processes from
    # writing to it, even if it has written to temporary tables only.

    def image_names(self) -> Iterator[str]:
        """Name every image in order, also those that a layout has skipped."""
        return self._names("SELECT name FROM images WHERE name > ?")

    def has_image(self, name: str) -> bool:
        """Whether an image of this name was found."""
        return self._has("images", name)

    def images_of_stem(self, stem: str) -> Iterator[str]:
        """Name the images of one folder and stem, whatever their suffix is."""
        rows = self._connection.execute(
            "SELECT name FROM images WHERE stem = ? ORDER BY name", (os.fsencode(stem),)
        )
        return (os.fsdecode(name) for (name,) in rows.fetchall())

    def images_like(self, name: str) -> Iterator[str]:
        """Name the images that differ from a name in case or in how accents are written only."""
        self._index_likeness()
        rows = self._connection.execute(
            "SELECT image FROM likeness WHERE folded = ? ORDER BY image", (_fold(name),)
        )
        return (os.fsdecode(image) for (image,) in rows.fetchall())

    def _index_likeness(self) -> None:
        """Fold all names at the first question: most folders never ask."""
        has_index = "SELECT count(*) FROM temp.sqlite_master WHERE name = 'likeness'"
        if self._count(has_index):
            return
        self._connection.execute(
            "CREATE TEMP TABLE likeness (folded BLOB, image BLOB, PRIMARY KEY (folded, image)) "
            "WITHOUT ROWID"
        )
        rows = ((_fold(name), os.fsencode(name)) for name in self.image_names())
        self._connection.executemany("INSERT INTO likeness VALUES (?, ?)", rows)

    def images_with_text(self) -> Iterator[str]:
        """Name the images that have a caption file of their stem beside them."""
        return self._names(
            "SELECT name FROM images i WHERE EXISTS "
            "(SELECT 1 FROM texts t WHERE t.stem = i.stem) AND name > ?"
        )

    def text_names(self) -> Iterator[str]:
        """Name every caption file in order, whether or not it was read."""
        return self._names("SELECT name FROM texts WHERE name > ?")

    def lone_text_names(self) -> Iterator[str]:
        """Name the caption files that have no image of their stem beside them."""
        return self._names(
            "SELECT name FROM texts t WHERE NOT EXISTS "
            "(SELECT 1 FROM images i WHERE i.stem = t.stem) AND name > ?"
        )

    def other_names(self) -> Iterator[str]:
        """Name every file that is neither an image nor a caption file."""
        return self._names("SELECT name FROM found WHERE kind = 'other' AND name > ?")

    def text_files(self) -> Iterator[TextFile]:
        """Give every caption file with its content, in order."""
        columns = ", ".join(CAPTION_COLUMNS)
        query = f"SELECT name, stem, {columns} FROM texts WHERE name > ? ORDER BY name"  # noqa: S608
        for name, stem, *cells in self._rows(query):
            caption = caption_of(os.fsdecode(name), cells)
            yield TextFile(caption.origin, os.fsdecode(stem), caption)

    def pair_by_stem(self) -> None:
        """Give each image the caption file of its folder and stem: `a.txt`, then `a.caption`."""
        self._connection.execute(
            f"INSERT OR IGNORE INTO captions (image, origin, {', '.join(CAPTION_COLUMNS)}) "  # noqa: S608
            f"SELECT i.name, t.name, {', '.join('t.' + column for column in CAPTION_COLUMNS)} "
            "FROM images i JOIN texts t ON t.stem = i.stem ORDER BY i.name, t.name DESC"
        )
        self._connection.commit()

    def pair(self, captions: Iterable[tuple[str, Caption]]) -> None:
        """Give images a caption, by the image's name; the first one stays."""
        rows = (
            (os.fsencode(name), os.fsencode(caption.origin), *caption_row(caption))
            for name, caption in captions
        )
        marks = ", ".join("?" * (2 + len(CAPTION_COLUMNS)))
        query = f"INSERT OR IGNORE INTO captions VALUES ({marks})"  # noqa: S608
        for first in rows:
            self._connection.executemany(query, chain((first,), islice(rows, _BATCH)))
            self._connection.commit()

    def has_caption(self, name: str) -> bool:
        """Whether an image was given a caption."""
        return self._has("captions", name, column="image")

    def assign(self, members: Iterable[tuple[str, str]]) -> None:
        """Put images into parts: the image's name and the part's."""
        rows = ((os.fsencode(name), part) for name, part in members)
        self._connection.executemany("INSERT OR REPLACE INTO members VALUES (?, ?)", rows)
        self._connection.commit()

    def skip(self, files: Iterable[SkippedFile]) -> None:
        """Leave files out."""
        rows = ((os.fsencode(item.name), item.reason.value) for item in files)
        self._connection.executemany("INSERT OR REPLACE INTO skipped VALUES (?, ?)", rows)
        self._connection.commit()

    def skip_unpaired_texts(self) -> None:
        """Leave out the caption files that belong to no image."""
        self._connection.execute(
            "INSERT OR IGNORE INTO skipped SELECT name, ? FROM texts "
            "WHERE name NOT IN (SELECT origin FROM captions)",
            (SkipReason.LONE_CAPTION.value,),
        )
        self._connection.commit()

    # ---------------------------------------------------------------- the result

    def records(self) -> Iterator[ImageRecord]:
        """Give every image that the layout keeps, in the order of the names' bytes."""
        return (record_of(row, self.root) for row in self._rows(SELECT_RECORDS))

    def num_images(self) -> int:
        """Count the images that the layout keeps."""
        return self._count(
            "SELECT count(*) FROM images WHERE name NOT IN (SELECT name FROM skipped)"
        )

    def names_of_shared_stems(self) -> Iterator[str]:
        """Name the images that differ from another only in the suffix."""
        return self._names(
            "SELECT name FROM images i WHERE name NOT IN (SELECT name FROM skipped) AND EXISTS "
            "(SELECT 1 FROM images o WHERE o.stem = i.stem AND o.name != i.name) AND name > ?"
        )

    def skipped(self) -> Iterator[SkippedFile]:
        """Give what is left out, in order."""
        rows = self._connection.execute("SELECT name, reason FROM skipped ORDER BY name")
        return (SkippedFile(os.fsdecode(name), SkipReason(reason)) for name, reason in rows)

    # ---------------------------------------------------------------- SQL

    def _names(self, query: str) -> Iterator[str]:
        return (os.fsdecode(name) for (name,) in self._rows(f"{query} ORDER BY name"))

    def _rows(self, query: str) -> Iterator[Sequence[Any]]:
        """Read in batches by the name, which is first: in between, anybody may write."""
        last = b""
        while rows := self._connection.execute(f"{query} LIMIT {_BATCH}", (last,)).fetchall():
            yield from rows
            last = rows[-1][0]

    def _save(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Update columns; each row ends with the file's name."""
        assignments = ", ".join(f"{column} = ?" for column in columns)
        query = f"UPDATE {table} SET {assignments} WHERE name = ?"  # noqa: S608
        if not self._connection.in_transaction:
            # Two that read before they write would wait for each other.
            self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(query, rows)
        self._connection.commit()

    def _count(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0])

    def _has(self, table: str, name: str, *, column: str = "name") -> bool:
        query = f"SELECT 1 FROM {table} WHERE {column} = ?"  # noqa: S608
        return self._connection.execute(query, (os.fsencode(name),)).fetchone() is not None


def _fold(name: str) -> bytes:
    # macOS writes an accent as a character of its own (NFD), other systems mostly don't.
    return os.fsencode(normalize("NFC", normalize("NFC", name).casefold()))


def _found_row(file: FoundFile) -> Row:
    name = os.fsencode(file.name)
    return name, stem_of(name), file.version, file.size_bytes, file.kind.value


def read_root(database_path: Path) -> Path | None:
    """Give the folder that a database is about; None when it isn't known."""
    try:
        # Read only: to ask about a database of an older format must not make it anew.
        uri = f"{database_path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            row = connection.execute("SELECT value FROM facts WHERE name = 'root'").fetchone()
        return None if row is None else Path(os.fsdecode(bytes.fromhex(row[0])))
    except (sqlite3.Error, TypeError, ValueError):
        return None
