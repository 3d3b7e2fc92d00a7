import csv
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from layout_files import read_layout, row, write_captioned, write_images, write_jsonl, write_text

from tuner_kit.data.records import DatasetPart, SkipReason


def test_rows_are_the_captions_of_their_images(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "a.png", "b/c.png", "d.png")
    write_jsonl(root / "metadata.jsonl", row("a.png", "a fox"), "", row("b/c.png", "a wolf"))
    read = read_layout(root)
    assert read.captions == {"a.png": "a fox", "b/c.png": "a wolf", "d.png": None}
    assert read.origins == {"a.png": "metadata.jsonl:1", "b/c.png": "metadata.jsonl:3"}
    assert read.parts == {"": DatasetPart()}
    assert read.problems == ()
    assert read.skipped == {}


@pytest.mark.parametrize(
    ("table", "image", "file_name"),
    [
        ("metadata.jsonl", "a.png", "a.png"),
        ("metadata.jsonl", "a.png", "./a.png"),
        ("metadata.jsonl", "images/a.png", "images/a.png"),
        ("metadata.jsonl", "images/a.png", "a.png"),
        ("metadata.jsonl", "images/deep/a.png", "deep/a.png"),
        ("metadata.jsonl", "Images/a.png", "a.png"),
        ("METADATA.JSONL", "a.png", "a.png"),
        ("train/metadata.jsonl", "train/a.png", "a.png"),
        ("train/metadata.jsonl", "train/images/a.png", "a.png"),
        ("metadata.jsonl", "deep/a.png", "deep\\a.png"),
        ("metadata.jsonl", "deep/a.png", ".\\deep\\a.png"),
        ("metadata.jsonl", "a\\b.png", "a\\b.png"),
        ("metadata.jsonl", "a.png", "A.PNG"),
        ("metadata.jsonl", "Deep/A.png", "deep/a.png"),
        ("metadata.jsonl", "cafe\u0301.png", "caf\xe9.png"),
        ("metadata.jsonl", "caf\xe9.png", "cafe\u0301.png"),
        ("metadata.jsonl", "\u1112\u1161\u11ab/\xe9.png", "\ud55c/e\u0301.png"),
        ("metadata.jsonl", " a fox.png", " a fox.png"),
        ("metadata.jsonl", 'a "fox".png', 'a "fox".png'),
        ("metadata.jsonl", "a\nfox.png", "a\nfox.png"),
        ("metadata.jsonl", "\U0001f98a.png", "\U0001f98a.png"),
        ("metadata.jsonl", "\udce4.png", "\udce4.png"),
        ("metadata.jsonl", "a..b/b..png/a.png", "a..b/b..png/a.png"),
    ],
)
def test_a_file_name_finds_its_image(
    tmp_path: Path, table: str, image: str, file_name: str
) -> None:
    root = write_images(tmp_path / "set", image)
    write_jsonl(root / table, row(file_name, "a fox"))
    read = read_layout(root)
    assert read.captions == {image: "a fox"}
    assert read.problems == ()


def test_a_file_name_of_other_bytes_than_utf8_finds_its_image(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "\udce4.png")
    (root / "metadata.jsonl").write_bytes(b'{"file_name": "\xe4.png", "text": "a fox"}\n')
    assert read_layout(root).captions == {"\udce4.png": "a fox"}


def test_the_exact_name_wins_over_those_that_are_alike(tmp_path: Path) -> None:
    root = write_images(
        tmp_path / "set", "a.png", "A.png", "e\u0301.png", "\xe9.png", "E\u0301.png"
    )
    rows = (row("a.png", "small"), row("\xe9.png", "composed"), row("\xc9.png", "capital"))
    write_jsonl(root / "metadata.jsonl", *rows)
    read = read_layout(root)
    assert read.captions == {
        "A.png": None,
        "E\u0301.png": "capital",
        "a.png": "small",
        "e\u0301.png": None,
        "\xe9.png": "composed",
    }
    assert read.problems == ()


def test_an_image_beside_wins_over_the_one_in_images(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "a.png", "images/a.png")
    write_jsonl(root / "metadata.jsonl", row("a.png"))
    assert read_layout(root).captions == {"a.png": "a fox", "images/a.png": None}


@pytest.mark.parametrize("image", ["file_name", "filename", "image", "file", "path", "Image_Path"])
@pytest.mark.parametrize("caption", ["text", "caption", "prompt", "DESCRIPTION"])
def test_the_columns_may_have_other_names(tmp_path: Path, image: str, caption: str) -> None:
    root = write_images(tmp_path / "set", "a.png")
    write_jsonl(root / "metadata.jsonl", {"id": 3, caption: "a fox", image: "a.png", "tags": []})
    assert read_layout(root).captions == {"a.png": "a fox"}


@pytest.mark.parametrize(
    ("text", "caption", "num_lines"),
    [
        ("  a fox \t in  snow ", "a fox in snow", 1),
        ("a fox\n\nin snow\r\n", "a fox in snow", 2),
        ("", "", 0),
        ("\n", "", 0),
        ("ein F\xfcchslein \U0001f98a", "ein F\xfcchslein \U0001f98a", 1),
    ],
)
def test_a_caption_becomes_one_line(
    tmp_path: Path, text: str, caption: str, num_lines: int
) -> None:
    root = write_images(tmp_path / "set", "a.png")
    write_jsonl(root / "metadata.jsonl", row("a.png", text))
    read = read_layout(root)
    assert (read.captions["a.png"], read.num_lines["a.png"]) == (caption, num_lines)


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_every_usual_encoding_of_json_lines_is_read(
    tmp_path: Path, encoding: str, end: str
) -> None:
    root = write_images(tmp_path / "set", "a.png", "b.png")
    lines = [
        json.dumps(row(name, "ein F\xfcchslein"), ensure_ascii=False) for name in ("a.png", "b.png")
    ]
    (root / "metadata.jsonl").write_bytes(end.join(lines).encode(encoding))
    read = read_layout(root)
    assert read.captions == {"a.png": "ein F\xfcchslein", "b.png": "ein F\xfcchslein"}
    assert read.origins["b.png"] == "metadata.jsonl:2"


def test_a_byte_order_mark_between_joined_files_is_passed_over(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "a.png", "b.png")
    write_jsonl(root / "metadata.jsonl", row("a.png"), "\ufeff" + json.dumps(row("b.png")))
    assert read_layout(root).num_captions == 2


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_every_usual_way_to_write_a_table_is_read(
    tmp_path: Path, encoding: str, delimiter: str, end: str
) -> None:
    root = write_images(tmp_path / "set", "a.png", "b, c.png")
    with (root / "metadata.csv").open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
        writer.writerow(["id", "file_name", "text"])
        writer.writerow(["1", "a.png", 'a "red" fox, asleep; or\tnot'])
        writer.writerow(["2", "b, c.png", "two\nlines"])
    read = read_layout(root)
    assert read.layout == "metadata-csv"
    assert read.captions == {"a.png": 'a "red" fox, asleep; or not', "b, c.png": "two lines"}
    assert read.num_lines == {"a.png": 1, "b, c.png": 2}
    assert read.origins == {"a.png": "metadata.csv:2", "b, c.png": "metadata.csv:3"}


def test_a_tsv_is_a_table_too(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "a.png")
    write_text(root / "metadata.tsv", "file_name\ttext\n\na.png\ta fox\n\n")
    assert read_layout(root).captions == {"a.png": "a fox"}


def test_blanks_around_commas_and_empty_columns_at_the_end_are_passed_over(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "a.png")
    write_text(root / "metadata.csv", 'file_name, text\na.png, "a fox, asleep",, \n')
    assert read_layout(root).captions == {"a.png": "a fox, asleep"}


@pytest.mark.parametrize("kind", [pyarrow.string(), pyarrow.large_string()], ids=str)
def test_a_parquet_table_is_read_in_the_two_columns_that_count(
    tmp_path: Path, kind: pyarrow.DataType
) -> None:
    root = write_images(tmp_path / "set", "a.png", "b.png")
    table = pyarrow.table(
        {
            "embedding": [[1.0], [2.0]],
            "Caption": pyarrow.array(["a fox", "a wolf"], kind),
            "file_name": pyarrow.array(["b.png", "a.png"]).dictionary_encode(),
        }
    )
    pyarrow.parquet.write_table(table, root / "metadata.parquet")
    read = read_layout(root)
    assert read.captions == {"a.png": "a wolf", "b.png": "a fox"}
    assert read.origins == {"a.png": "metadata.parquet:2", "b.png": "metadata.parquet:1"}


def test_texts_beside_the_images_are_not_left_out_as_lone(tmp_path: Path) -> None:
    root = write_captioned(tmp_path / "set", {"a.png": "beside"})
    write_jsonl(root / "metadata.jsonl", row("a.png", "in the table"))
    write_text(root / "notes.txt", "x")
    write_text(root / "train.json", "x")
    read = read_layout(root, "metadata-jsonl")
    assert read.captions == {"a.png": "in the table"}
    assert read.skipped == {
        "notes.txt": SkipReason.LONE_CAPTION,
        "train.json": SkipReason.NOT_AN_IMAGE,
    }


def test_the_other_metadata_file_is_left_out(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "a.png")
    write_jsonl(root / "metadata.jsonl", row("a.png", "from json"))
    write_text(root / "metadata.csv", "file_name,text\na.png,from csv\n")
    read = read_layout(root, "metadata-csv")
    assert read.captions == {"a.png": "from csv"}
    assert read.skipped == {"metadata.jsonl": SkipReason.NOT_AN_IMAGE}
