import json
import tracemalloc
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from layout_files import read_layout, row, write_images, write_jsonl, write_text

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.layout import LayoutOptions
from tuner_kit.data.layouts.metadata_csv import csv_rows
from tuner_kit.data.layouts.metadata_jsonl import METADATA_JSONL, jsonl_rows
from tuner_kit.data.layouts.metadata_rows import MAX_LINE_CHARACTERS, Row, RowsOf, UnreadableRow
from tuner_kit.errors import Severity

GOOD = row("good.png", "a fox")


def with_good_image(root: Path, *names: str) -> Path:
    return write_images(root, "good.png", *names)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"file_name": "a.png"', "not valid JSON"),
        ("a.png: a fox", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("1" * 5_000, "not valid JSON"),
        ('["a.png", "a fox"]', "not a JSON object"),
        ("null", "not a JSON object"),
        ('"a.png"', "not a JSON object"),
        (row("a.png", None), "the caption is empty, not a text"),
        (row("a.png", 7), "the caption is a number, not a text"),
        (row("a.png", ["a fox", "an animal"]), "the caption is a list, not a text"),
        (row("a.png", {"en": "a fox"}), "the caption is an object, not a text"),
        (row("a.png", text=True), "the caption is true or false, not a text"),
        (row("a.png", "\ud83d"), "the caption is not readable as UTF-8 text"),
        (row("a.png", "PNG\0\0"), "the caption is not readable as UTF-8 text"),
        (row(7), "the file name is a number"),
        (row(""), "the file name is empty"),
        (row(None), "the file name is empty"),
        ({"file_name": "a.png"}, "no column of captions (text or caption); found: file_name"),
        (
            {"text": "a", "label": 1, "url": "x"},
            "no column of file names (file_name or filename); found: text, label, url",
        ),
        ({}, "no column of file names (file_name or filename); found: none"),
        (
            {"file_name": "a.png", "text": "a", "Caption": "b"},
            "more than one column of captions: text, Caption",
        ),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_the_rest_goes_on(
    tmp_path: Path, line: object, complaint: str
) -> None:
    root = with_good_image(tmp_path / "set", "a.png")
    write_jsonl(root / "metadata.jsonl", "", line, GOOD)
    read = read_layout(root)
    problem = read.problem("D15")
    assert problem.severity is Severity.ERROR
    assert problem.what == (
        f"metadata.jsonl can't be read completely: metadata.jsonl:2 ({complaint})"
    )
    assert problem.where == f"{root} (first: metadata.jsonl:2)"
    assert read.captions == {"a.png": None, "good.png": "a fox"}
    assert len(read.problems) == 1


def test_many_bad_lines_are_one_finding_per_file(tmp_path: Path) -> None:
    root = with_good_image(tmp_path / "set")
    write_jsonl(root / "metadata.jsonl", *["{"] * 12, GOOD)
    write_jsonl(root / "train/metadata.jsonl", "{")
    first, second = read_layout(root).problems
    assert first.what == (
        "metadata.jsonl can't be read completely: metadata.jsonl:1 (not valid JSON), "
        "metadata.jsonl:2 (not valid JSON), metadata.jsonl:3 (not valid JSON) and 9 more"
    )
    assert "train/metadata.jsonl:1" in second.what


@pytest.mark.parametrize("name", ["metadata.jsonl", "metadata.csv"])
@pytest.mark.parametrize("content", ["", "\n \n"], ids=["empty", "blank"])
def test_a_file_without_rows_is_said(tmp_path: Path, name: str, content: str) -> None:
    root = with_good_image(tmp_path / "set")
    write_text(root / name, content)
    assert "no rows in it" in read_layout(root).problem("D15").what


@pytest.mark.parametrize("layout", ["metadata-jsonl", "metadata-csv", "metadata-parquet"])
def test_a_layout_that_was_asked_for_and_is_not_there_is_said(tmp_path: Path, layout: str) -> None:
    root = with_good_image(tmp_path / "set")
    problem = read_layout(root, layout).problem("D15")
    assert problem.what.startswith("the dataset folder has no metadata.")


def test_a_file_that_vanishes_while_it_is_read_is_said(tmp_path: Path) -> None:
    root = with_good_image(tmp_path / "set")
    path = write_jsonl(root / "metadata.jsonl", GOOD)
    with Inventory(root, tmp_path / "cache.sqlite") as inventory:
        inventory.find_files()
        path.unlink()
        (problem,) = METADATA_JSONL.read(inventory, LayoutOptions()).problems
    assert problem.what == (
        "metadata.jsonl can't be read completely: metadata.jsonl (No such file or directory)"
    )


# ---------------------------------------------------------------- which image is meant


def test_rows_without_an_image_are_a_warning(tmp_path: Path) -> None:
    root = with_good_image(tmp_path / "set", "A.png", "a.png", "photo.jpg")
    names = ("gone.png", "a.PNG", "photo.png", "\ud83d.png")
    write_jsonl(root / "metadata.jsonl", *map(row, names), GOOD)
    read = read_layout(root)
    problem = read.problem("D16")
    assert problem.severity is Severity.WARNING
    assert problem.what == (
        "4 rows of metadata.jsonl without an image that can be trained on: metadata.jsonl:1 "
        "(gone.png), metadata.jsonl:2 (a.PNG; did you mean A.png or a.png?), metadata.jsonl:3 "
        "(photo.png; did you mean photo.jpg?) and 1 more"
    )
    assert (read.num_captions, read.captions["good.png"]) == (1, "a fox")


def test_of_an_image_that_is_named_twice_the_first_caption_stays(tmp_path: Path) -> None:
    root = with_good_image(tmp_path / "set", "train/b.png")
    write_jsonl(
        root / "metadata.jsonl", row("gone.png"), GOOD, row("GOOD.png", "b"), row("train/b.png")
    )
    write_jsonl(root / "train/metadata.jsonl", row("b.png", "later"))
    read = read_layout(root)
    first, second = read.problems
    assert first.what == (
        "1 row of metadata.jsonl without an image that can be trained on: metadata.jsonl:1 "
        "(gone.png); 1 row of metadata.jsonl ignored, because the image has a caption from an "
        "earlier row: metadata.jsonl:3 (good.png)"
    )
    assert "train/metadata.jsonl:1 (train/b.png)" in second.what
    assert read.captions == {"good.png": "a fox", "train/b.png": "a fox"}


@pytest.mark.parametrize(
    "name",
    [
        "/etc/x.png",
        "../x.png",
        "deep/../../x.png",
        "deep/../good.png",
        "..\\x.png",
        "\\x.png",
        "\\\\server\\x.png",
        "C:\\x.png",
        "c:/x.png",
        "link/x.png",
        "link/x.PNG",
        "link\\x.png",
    ],
)
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    root = with_good_image(tmp_path / "set")
    write_images(tmp_path, "x.png", "elsewhere/x.png")
    (root / "link").symlink_to(tmp_path / "elsewhere")
    write_jsonl(root / "metadata.jsonl", row(name, "outside"), GOOD)
    read = read_layout(root)
    problem = read.problem("D17")
    assert problem.severity is Severity.ERROR
    assert "metadata.jsonl:1 (" in problem.what
    assert len(read.problems) == 1
    assert "outside" not in read.captions.values()
    assert read.captions["good.png"] == "a fox"


def test_an_image_or_the_dataset_may_itself_be_a_link(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "real/a.png")
    write_images(tmp_path / "store", "b.png")
    (root / "b.png").symlink_to(tmp_path / "store/b.png")
    (tmp_path / "entry").symlink_to(root)
    write_jsonl(root / "metadata.jsonl", row("real/a.png", "real"), row("b.png", "linked"))
    read = read_layout(tmp_path / "entry")
    assert read.problems == ()
    assert read.captions == {"b.png": "linked", "real/a.png": "real"}


def test_a_folder_that_is_there_twice_by_a_link_is_known_by_its_real_name(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "real/a.png")
    (root / "alias").symlink_to(root / "real")
    write_jsonl(root / "metadata.jsonl", row("alias/a.png", "by alias"))
    read = read_layout(root)
    assert "alias/a.png" in read.problem("D16").what
    assert read.captions == {"real/a.png": None}


def test_the_folder_of_the_metadata_may_itself_be_linked(tmp_path: Path) -> None:
    root = with_good_image(tmp_path / "set")
    write_jsonl(tmp_path / "big/metadata.jsonl", row("images/a.png", "far away"))
    write_images(tmp_path / "big", "images/a.png")
    (root / "big").symlink_to(tmp_path / "big")
    read = read_layout(root)
    assert read.problems == ()
    assert read.captions["big/images/a.png"] == "far away"


def test_a_million_characters_of_file_name_are_shown_in_short(tmp_path: Path) -> None:
    root = with_good_image(tmp_path / "set")
    write_jsonl(root / "metadata.jsonl", row("x" * 500_000), GOOD)
    assert f"({'x' * 77}...)" in read_layout(root).problem("D16").what


# ---------------------------------------------------------------- CSV


@pytest.mark.parametrize(
    ("lines", "complaints"),
    [
        (["a.png,a red fox, asleep"], {2: "3 values, but 2 columns"}),
        (["a.png"], {2: "1 value, but 2 columns"}),
        (['a.png,"a fox'], {2: "quotes don't match"}),
        (['a.png,"a fox" asleep'], {2: "quotes don't match"}),
        (
            ['a.png,"a fox', 'b.png,"a wolf"', "c.png,x,y"],
            {2: "quotes don't match", 4: "3 values, but 2 columns"},
        ),
        (["a.png," + "x" * 200_000], {2: "a value of far too many characters"}),
        ([",a fox"], {2: "the file name is empty"}),
    ],
    ids=["commas", "short", "open-quote", "after-quote", "two", "long", "no-name"],
)
def test_a_bad_line_of_a_table_costs_only_itself(
    tmp_path: Path, lines: list[str], complaints: dict[int, str]
) -> None:
    root = with_good_image(tmp_path / "set", "b.png")
    write_text(root / "metadata.csv", "\n".join(["file_name,text", *lines, "good.png,a fox", ""]))
    read = read_layout(root)
    listed = ", ".join(f"metadata.csv:{line} ({text})" for line, text in complaints.items())
    assert read.problem("D15").what == f"metadata.csv can't be read completely: {listed}"
    assert read.captions["good.png"] == "a fox"
    assert (read.captions["b.png"] == "a wolf") is ('b.png,"a wolf"' in lines)


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("file_name,label", "no column of captions (text or caption); found: file_name, label"),
        ("text,text,image", "more than one column of captions: text, text"),
        ("a,b,c,d,e,f,g,h", "found: a, b, c, d, e, f, ...)"),
        ('"file_name,text', "quotes don't match"),
    ],
)
def test_a_table_without_the_two_columns_is_one_finding(
    tmp_path: Path, header: str, complaint: str
) -> None:
    root = with_good_image(tmp_path / "set")
    write_text(root / "metadata.csv", f"{header}\ngood.png,a fox\ngood.png,a fox\n")
    read = read_layout(root)
    assert "metadata.csv:1 (" in read.problem("D15").what
    assert complaint in read.problem("D15").what
    assert len(read.problems) == 1
    assert read.num_captions == 0


def test_captions_in_another_encoding_are_named(tmp_path: Path) -> None:
    root = with_good_image(tmp_path / "set", "a.png")
    content = "file_name,text\na.png,F\xfcchslein\ngood.png,a fox\n"
    (root / "metadata.csv").write_bytes(content.encode("latin-1"))
    read = read_layout(root)
    problem = read.problem("D15")
    assert "metadata.csv:2 (the caption is not readable as UTF-8 text)" in problem.what
    assert "UTF-8" in problem.fix
    assert read.captions == {"a.png": None, "good.png": "a fox"}


# ---------------------------------------------------------------- Parquet


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"file_name": ["good.png"]}, "no column of captions"),
        ({"file_name": ["good.png"], "text": [7]}, "the column text holds int64, not text"),
        (
            {"image": [{"bytes": b"x", "path": "good.png"}], "text": ["a"]},
            "the column image holds struct, not text",
        ),
        ({"file_name": ["good.png"], "text": [["a"]]}, "the column text holds list, not text"),
    ],
    ids=["missing", "numbers", "images-inside", "lists"],
)
def test_a_parquet_table_without_the_two_columns_is_one_finding(
    tmp_path: Path, columns: dict[str, list[object]], complaint: str
) -> None:
    root = with_good_image(tmp_path / "set")
    pyarrow.parquet.write_table(pyarrow.table(columns), root / "metadata.parquet")
    problem = read_layout(root, "metadata-parquet").problem("D15")
    assert f"metadata.parquet ({complaint}" in problem.what


def test_a_null_in_a_parquet_table_is_named(tmp_path: Path) -> None:
    root = with_good_image(tmp_path / "set", "a.png")
    columns = {"file_name": ["a.png", "good.png"], "text": [None, "a fox"]}
    pyarrow.parquet.write_table(pyarrow.table(columns), root / "metadata.parquet")
    read = read_layout(root)
    assert "metadata.parquet:1 (the caption is empty" in read.problem("D15").what
    assert read.captions["good.png"] == "a fox"


def test_a_damaged_parquet_table_is_named(tmp_path: Path) -> None:
    root = with_good_image(tmp_path / "set")
    write_text(root / "metadata.parquet", "not a table")
    assert "not a Parquet table" in read_layout(root).problem("D15").what


def test_a_parquet_table_that_is_damaged_inside_is_named(tmp_path: Path) -> None:
    root = with_good_image(tmp_path / "set")
    path = root / "metadata.parquet"
    columns = {"file_name": ["good.png"] * 5_000, "text": [str(number) for number in range(5_000)]}
    pyarrow.parquet.write_table(pyarrow.table(columns), path, compression="gzip")
    content = bytearray(path.read_bytes())
    content[200:4_000] = bytes(3_800)
    path.write_bytes(content)
    assert "metadata.parquet" in read_layout(root).problem("D15").what


# ---------------------------------------------------------------- size


@pytest.mark.parametrize("rows_of", [jsonl_rows, csv_rows], ids=["jsonl", "csv"])
def test_a_line_without_end_is_not_held_in_memory(tmp_path: Path, rows_of: RowsOf) -> None:
    path = tmp_path / "metadata"
    with path.open("w") as file:
        file.write("file_name,text\n" if rows_of is csv_rows else "\n")
        for _ in range(40):
            file.write("x" * MAX_LINE_CHARACTERS)
        file.write("\ngood.png,a fox\n" if rows_of is csv_rows else f"\n{json.dumps(GOOD)}\n")
    tracemalloc.start()
    long, good = rows_of(path)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(long, UnreadableRow)
    assert "characters" in long.reason
    assert isinstance(good, Row)
    assert (long.number, good.number, good.caption) == (2, 3, "a fox")
    assert peak_bytes < 12 * MAX_LINE_CHARACTERS


def test_a_table_of_stray_quotes_alone_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    line = f'{"x" * 500}","{"y" * 500}\n'  # from any line, the record never ends
    path.write_text("file_name,text\n" + line * 3_000)
    found = list(csv_rows(path))
    assert all(isinstance(item, UnreadableRow) for item in found)
    assert found[0] == UnreadableRow(2, "a value of far too many characters")
    assert len(found) < 100
