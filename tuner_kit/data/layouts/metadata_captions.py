"""Captions from metadata files, whatever their format: each row finds its image, or is told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.few import Few, shorten
from tuner_kit.data.layouts.image_lookup import ImageLookup, Lookup, Miss
from tuner_kit.data.layouts.layout import (
    FolderShape,
    Layout,
    LayoutOptions,
    Reading,
    leave_out_lone_texts,
    leave_out_others,
)
from tuner_kit.data.layouts.metadata_rows import Row, RowsOf, UnreadableRow
from tuner_kit.data.records import Caption, printable
from tuner_kit.errors import Problem, Severity

_KINDS = {
    type(None): "empty",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True, slots=True)
class MetadataFormat:
    """One way to write a table of captions."""

    file_names: frozenset[str]
    """In lower case."""
    rows_of: RowsOf
    fix: str
    """How to write it."""

    def matches(self, name: str) -> bool:
        """Whether a file is such a table, by its name."""
        return name.rpartition("/")[2].lower() in self.file_names


def metadata_layout(
    name: str, metadata: MetadataFormat, *, title: str, found: Callable[[FolderShape], Few]
) -> Layout:
    """Make the layout of a metadata file.

    Args:
        name: as it is written in tuner.yaml.
        metadata: how its rows are read.
        title: for lists of layouts.
        found: gives the files of this kind, by which the layout is recognized.
    """

    def fits(shape: FolderShape, _: LayoutOptions) -> bool:
        return found(shape).count > 0

    def read(inventory: Inventory, _: LayoutOptions) -> Reading:
        return read_metadata(inventory, metadata)

    def evidence(shape: FolderShape) -> str:
        return found(shape).listed

    return Layout(name, title, fits, read, evidence)


def read_metadata(inventory: Inventory, table_format: MetadataFormat) -> Reading:
    """Give the images of a folder the captions of every table in it; the first caption stays."""
    names = tuple(name for name in inventory.other_names() if table_format.matches(name))
    problems: list[Problem] = []
    for name in names:
        problems += _Table(inventory, name, table_format).read()
    if not names:
        problems.append(_no_table(inventory, table_format))
    leave_out_lone_texts(inventory)
    leave_out_others(inventory, used=names)
    return Reading(problems=tuple(problems))


def _no_table(inventory: Inventory, table_format: MetadataFormat) -> Problem:
    return Problem(
        id="D15",
        what=f"the dataset folder has no {' or '.join(sorted(table_format.file_names))}",
        where=str(inventory.root),
        fix=f"{table_format.fix}; or set layout of the dataset to auto",
    )


@dataclass(slots=True)
class _Table:
    """Reads one metadata file, and collects what is wrong with it."""

    inventory: Inventory
    name: str
    format: MetadataFormat
    num_rows: int = 0
    unreadable: Few = field(default_factory=Few)
    unknown: Few = field(default_factory=Few)
    repeated: Few = field(default_factory=Few)
    outside: Few = field(default_factory=Few)

    def read(self) -> list[Problem]:
        """Pair what can be paired; give one problem per id."""
        try:
            self.inventory.pair(self._captions())
        except OSError as error:
            self.unreadable.add(self.name, error.strerror or "can't be read")
        if self.num_rows == 0 and self.unreadable.count == 0:
            self.unreadable.add(self.name, "no rows in it")
        candidates = (self._unreadable_problem(), self._image_problem(), self._outside_problem())
        return [problem for problem in candidates if problem is not None]

    def _captions(self) -> Iterator[tuple[str, Caption]]:
        lookup = ImageLookup(self.inventory, self.name.rpartition("/")[0])
        for row in self.format.rows_of(self.inventory.root / self.name):
            self.num_rows += 1
            position = f"{self.name}:{row.number}" if row.number else self.name
            values = _values_of(row)
            if isinstance(values, str):
                self.unreadable.add(position, values)
                continue
            image, caption = values
            found = lookup.find(image)
            if self._accepts(found, position, image):
                yield found.image, _caption_of(caption, position)

    def _accepts(self, found: Lookup, position: str, name: str) -> bool:
        if found.miss is Miss.OUTSIDE:
            self.outside.add(position, shorten(name))
        elif found.miss is Miss.UNKNOWN:
            hint = f"; did you mean {found.hint}?" if found.hint else ""
            self.unknown.add(position, f"{shorten(name)}{hint}")
        elif self.inventory.has_caption(found.image):
            self.repeated.add(position, shorten(found.image))
        else:
            return True
        return False

    def _unreadable_problem(self) -> Problem | None:
        if not self.unreadable.count:
            return None
        return Problem(
            id="D15",
            what=f"{printable(self.name)} can't be read completely: {self.unreadable.listed}",
            where=self._where(self.unreadable),
            fix=self.format.fix,
        )

    def _image_problem(self) -> Problem | None:
        clauses = []
        if self.unknown.count:
            clauses.append(
                f"{self.unknown.count_of('row')} of {printable(self.name)} without an image that "
                f"can be trained on: {self.unknown.listed}"
            )
        if self.repeated.count:
            clauses.append(
                f"{self.repeated.count_of('row')} of {printable(self.name)} ignored, because the "
                f"image has a caption from an earlier row: {self.repeated.listed}"
            )
        if not clauses:
            return None
        return Problem(
            id="D16",
            severity=Severity.WARNING,
            what="; ".join(clauses),
            where=self._where(self.unknown if self.unknown.count else self.repeated),
            fix="correct the file names there, add the missing images, or remove these rows; the "
            "other rows are used",
        )

    def _outside_problem(self) -> Problem | None:
        if not self.outside.count:
            return None
        return Problem(
            id="D17",
            what=f"{self.outside.count_of('row')} of {printable(self.name)} would lead out of the "
            f"dataset folder, and nothing is read from there: {self.outside.listed}",
            where=self._where(self.outside),
            fix="write file names relative to the folder of the metadata file, without .. and "
            "without links to other folders",
        )

    def _where(self, found: Few) -> str:
        return f"{printable(str(self.inventory.root))} (first: {found.first})"


def _values_of(row: Row | UnreadableRow) -> tuple[str, str] | str:
    """Give file name and caption of a row, or what is wrong with it."""
    if isinstance(row, UnreadableRow):
        return row.reason
    if not isinstance(row.image, str) or not row.image:
        return f"the file name is {_kind_of(row.image)}"
    if not isinstance(row.caption, str):
        return f"the caption is {_kind_of(row.caption)}, not a text"
    if not _is_text(row.caption):
        return "the caption is not readable as UTF-8 text"
    return row.image, row.caption


def _kind_of(value: object) -> str:
    return _KINDS.get(type(value), "empty" if value == "" else "of another kind")


def _is_text(caption: str) -> bool:
    """Whether the caption is free of binary data and of halves of characters."""
    try:
        return b"\0" not in caption.encode()
    except UnicodeEncodeError:
        return False


def _caption_of(text: str, origin: str) -> Caption:
    num_lines = sum(1 for line in text.splitlines() if line.strip())
    return Caption(" ".join(text.split()), origin, num_lines)
