"""Which column of a table holds the images and which the captions."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.types as kinds

from tuner_kit.workers.dataset_export.refusal import RefusedError, listed

_CAPTION_NAMES = ("text", "caption", "prompt", "description")
"""In the order in which they are taken when a dataset has several."""
_NO_CAPTIONS = frozenset({"file_name", "filename", "path", "url", "id"})
"""Text that names an image; the Hub's conversions call theirs `__key__` and `__url__`."""
_ARRAY_DEPTHS = (2, 3)


@dataclass(frozen=True, slots=True)
class Columns:
    """The two columns that are exported."""

    image: str
    caption: str | None
    """None when the table holds no text."""

    def names(self) -> list[str]:
        """Give what is to be read of the table."""
        return [self.image] if self.caption is None else [self.image, self.caption]


def choose_columns(
    schema: pa.Schema, where: str, *, image: str | None = None, caption: str | None = None
) -> Columns:
    """Find the columns of images and captions, or take the ones that were named.

    Raises:
        RefusedError: there is none, or nobody can tell which of several is meant.
    """
    image_column = _choose_image(schema, image, where)
    return Columns(image_column, _choose_caption(schema, caption, image_column, where))


def _choose_image(schema: pa.Schema, asked: str | None, where: str) -> str:
    features = _features(schema)
    if asked is not None:
        if asked in schema.names and any(test(schema.field(asked)) for test in _IMAGE_TESTS):
            return asked
        raise _unusable("image", asked, schema, where)
    for test in _IMAGE_TESTS:
        found = [
            field.name
            for field in schema
            if test(field) and features.get(field.name) in _IMAGE_FEATURES
        ]
        named = [name for name in found if name.lower() == "image"]
        if len(found) == 1 or len(named) == 1:
            return str((named or found)[0])
        if found:
            raise _ambiguous("images", found, "image_column", where)
    raise RefusedError(
        "dataset",
        what=f"the dataset has no column of images; its columns are {_described(schema)}",
        where=where,
        fix="use a dataset with an image column, or name the column that holds encoded images",
    )


def _choose_caption(
    schema: pa.Schema, asked: str | None, image_column: str, where: str
) -> str | None:
    texts = [str(f.name) for f in schema if _is_text(f.type) and f.name != image_column]
    if asked is not None:
        if asked in texts:
            return asked
        raise _unusable("caption", asked, schema, where)
    by_name = {name.lower(): str(name) for name in schema.names if name != image_column}
    usual = [by_name[name] for name in _CAPTION_NAMES if name in by_name]
    if readable := [name for name in usual if name in texts]:
        return readable[0]
    if usual:
        raise _unusable("caption", usual[0], schema, where)
    rest = [n for n in texts if n.lower() not in _NO_CAPTIONS and not n.startswith("__")]
    if len(rest) > 1:
        raise _ambiguous("captions", rest, "caption_column", where)
    return rest[0] if rest else None


def _features(schema: pa.Schema) -> Mapping[str, object]:
    """Read the kinds of columns that the `datasets` library wrote beside the table."""
    try:
        written = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = written["info"]["features"]
        return {name: feature.get("_type") for name, feature in features.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


_IMAGE_FEATURES = (None, "Image", "Value", "Array2D", "Array3D", "List", "Sequence")
"""Features that can hold one image; an `Audio` looks like an `Image` but for its name."""


def _is_image_struct(field: pa.Field) -> bool:
    if not kinds.is_struct(field.type):
        return False
    inside = {child.name: child.type for child in field.type}
    return "path" in inside and "bytes" in inside and _is_binary(inside["bytes"])


def _is_encoded(field: pa.Field) -> bool:
    return _is_binary(field.type)


def _is_pixel_array(field: pa.Field) -> bool:
    """Whether the values are nested lists of bytes: rows of pixels, or of pixels' channels."""
    kind, depth = field.type, 0
    while kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind):
        kind, depth = kind.value_type, depth + 1
    return depth in _ARRAY_DEPTHS and kinds.is_uint8(kind)


_IMAGE_TESTS: tuple[Callable[[pa.Field], bool], ...] = (
    _is_image_struct,
    _is_encoded,
    _is_pixel_array,
)
"""The surest sign first."""


def _is_binary(kind: pa.DataType) -> bool:
    return bool(kinds.is_binary(kind) or kinds.is_large_binary(kind))


def _is_text(kind: pa.DataType) -> bool:
    if kinds.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind))


def _described(schema: pa.Schema) -> str:
    return listed(f"{field.name}: {field.type}" for field in schema)


def _unusable(role: str, name: str, schema: pa.Schema, where: str) -> RefusedError:
    if name in schema.names:
        what = f"the column {name!r} can't be used as the {role} column: {schema.field(name).type}"
    else:
        what = f"the dataset has no column {name!r}; its columns are {_described(schema)}"
    wanted = "one text per row" if role == "caption" else "encoded images"
    return RefusedError(
        "dataset", what=what, where=where, fix=f"name a column with {wanted} as {role}_column"
    )


def _ambiguous(things: str, names: list[str], option: str, where: str) -> RefusedError:
    return RefusedError(
        "dataset",
        what=f"several columns could hold the {things}: {listed(names)}",
        where=where,
        fix=f"name one of them as {option}",
    )
