"""Which columns, splits and configurations of a dataset are exported."""

import pyarrow as pa
import pytest
from hub_tables import (
    IMAGE_TYPE,
    with_features,
)

from tuner_kit.workers.dataset_export.columns import choose_columns
from tuner_kit.workers.dataset_export.refusal import RefusedError
from tuner_kit.workers.dataset_export.tables import tables_of_conversion, tables_of_names

STRUCT = pa.array([{"bytes": b"x", "path": None}], IMAGE_TYPE)
WORD = pa.array(["x"])


# ------------------------------------------------------------------ columns


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        pytest.param({"image": STRUCT, "text": WORD}, ("image", "text"), id="usual"),
        pytest.param({"jpg": STRUCT, "Caption": WORD}, ("jpg", "Caption"), id="other names"),
        pytest.param(
            {"image": STRUCT, "mask": STRUCT, "prompt": WORD}, ("image", "prompt"), id="with a mask"
        ),
        pytest.param(
            {"image": STRUCT, "note": WORD, "text": WORD}, ("image", "text"), id="several texts"
        ),
        pytest.param({"image": STRUCT, "title": WORD}, ("image", "title"), id="the only text"),
        pytest.param({"image": STRUCT, "file_name": WORD}, ("image", None), id="only a name"),
        pytest.param(
            {"png": pa.array([b"x"]), "__key__": WORD}, ("png", None), id="bytes, and a key"
        ),
        pytest.param(
            {"image": STRUCT, "text": WORD.dictionary_encode()}, ("image", "text"), id="dictionary"
        ),
    ],
)
def test_the_columns_are_found(columns: dict[str, pa.Array], expected: tuple[str, str]) -> None:
    found = choose_columns(pa.table(columns).schema, "here")
    assert (found.image, found.caption) == expected


def test_an_audio_column_is_no_image_column() -> None:
    table = with_features(
        pa.table({"sound": STRUCT, "photo": STRUCT}), {"sound": "Audio", "photo": "Image"}
    )
    assert choose_columns(table.schema, "here").image == "photo"


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        pytest.param({"text": WORD}, ("no column of images", "'text: string'"), id="no image"),
        pytest.param(
            {"left": STRUCT, "right": STRUCT}, ("'left', 'right'", "image_column"), id="two images"
        ),
        pytest.param(
            {"image": STRUCT, "de": WORD, "en": WORD},
            ("'de', 'en'", "caption_column"),
            id="two texts",
        ),
        pytest.param(
            {"image": STRUCT, "caption": pa.array([["a", "b"]])},
            ("'caption'", "list<", "caption_column"),
            id="lists of captions",
        ),
    ],
)
def test_a_doubtful_choice_names_the_columns_and_the_fix(
    columns: dict[str, pa.Array], words: tuple[str, ...]
) -> None:
    with pytest.raises(RefusedError) as raised:
        choose_columns(pa.table(columns).schema, "here")
    message = raised.value.message
    assert message.kind == "dataset"
    assert all(word in f"{message.what} {message.fix}" for word in words), message


@pytest.mark.parametrize(("role", "name"), [("image", "text"), ("image", "x"), ("caption", "x")])
def test_a_column_that_was_named_and_can_not_be_used_is_refused(role: str, name: str) -> None:
    schema = pa.table({"image": STRUCT, "text": WORD}).schema
    with pytest.raises(RefusedError, match=name) as raised:
        choose_columns(schema, "here", **{role: name})
    assert f"{role}_column" in raised.value.message.fix


# ------------------------------------------------------------------ splits and configurations


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["x.parquet", "y.parquet"], {"train": 2}, id="no split in the names"),
        pytest.param(
            ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002-ab12.parquet"],
            {"train": 2},
            id="shards",
        ),
        pytest.param(
            ["data/train-00000-of-00001.parquet", "data/my.part-a-00000-of-00001.parquet"],
            {"train": 1, "my.part-a": 1},
            id="a split of any name",
        ),
        pytest.param(
            ["train/a.parquet", "val/b.parquet", "cats_test.parquet"],
            {"train": 1, "validation": 1, "test": 1},
            id="words",
        ),
        pytest.param(["x.parquet", "metadata.parquet", "../y.parquet"], {"train": 1}, id="others"),
    ],
)
def test_files_are_sorted_into_splits_by_name(names: list[str], expected: dict[str, int]) -> None:
    splits = tables_of_names(names, {}).configs["default"]
    assert {name: len(files) for name, files in splits.items()} == expected


def test_the_card_says_which_files_make_up_a_configuration() -> None:
    card = {
        "configs": [
            {"config_name": "small", "data_files": "small/*.parquet"},
            {
                "config_name": "large",
                "default": True,
                "data_files": [{"split": "fit", "path": ["large/**/a-*", "large/b-*"]}],
            },
            {"config_name": "plain", "data_dir": "plain"},
        ]
    }
    names = ["small/1.parquet", "large/a-1.parquet", "large/b-1.parquet", "plain/test.parquet"]

    tables = tables_of_names([*names, "large/c-1.parquet"], card)

    assert tables.configs == {
        "small": {"train": (names[0],)},
        "large": {"fit": (names[1], names[2])},
        "plain": {"test": (names[3],)},
    }
    assert tables.choose(None, None, "here").files == (names[1], names[2])


def test_the_hubs_conversion_is_sorted_by_its_folders() -> None:
    names = ["a/train/0000.parquet", "a/train/0001.parquet", "b/test/0000.parquet", "x.parquet"]
    assert tables_of_conversion(names).configs == {
        "a": {"train": (names[0], names[1])},
        "b": {"test": (names[2],)},
    }
