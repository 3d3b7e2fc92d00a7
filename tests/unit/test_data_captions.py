from pathlib import Path

import pytest
from dataset_files import write_image

from tuner_kit.data.captions import Caption, CaptionPolicy, add_trigger_word, read_caption
from tuner_kit.data.read_folder import read_folder
from tuner_kit.data.snapshot import ImageRecord
from tuner_kit.errors import DatasetError


@pytest.mark.parametrize(
    ("content", "caption"),
    [
        (b"a cat", Caption("a cat", 1)),
        (b"\xef\xbb\xbfa cat\r\n", Caption("a cat", 1)),
        (b" a cat \n\n on a mat\n", Caption("a cat on a mat", 2)),
        (b"", Caption("", 0)),
        (b" \n\t ", Caption("", 0)),
        ("ein K\xe4tzchen".encode(), Caption("ein K\xe4tzchen", 1)),
        ("ein K\xe4tzchen".encode("latin-1"), Caption(None, 0)),
        ("a cat".encode("utf-16"), Caption(None, 0)),
        ("a cat".encode("utf-16-le"), Caption(None, 0)),
    ],
    ids=["plain", "bom", "lines", "empty", "blank", "utf-8", "latin-1", "utf-16", "utf-16-le"],
)
def test_a_caption_file_becomes_one_line(tmp_path: Path, content: bytes, caption: Caption) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    assert read_caption(tmp_path / "a.txt") == caption


def test_a_caption_file_that_is_gone_is_not_text(tmp_path: Path) -> None:
    assert read_caption(tmp_path / "a.txt").text is None


@pytest.mark.parametrize(
    ("caption", "trigger_word", "expected"),
    [
        ("a cat", None, "a cat"),
        ("a cat", "sks", "sks, a cat"),
        ("a photo of SKS cat", "sks", "a photo of SKS cat"),
        ("sks, a cat", "sks", "sks, a cat"),
        ("a sksy cat", "sks", "sks, a sksy cat"),
        ("a cat", "c++ (style)", "c++ (style), a cat"),
        ("a cat, c++ (style).", "c++ (style)", "a cat, c++ (style)."),
    ],
)
def test_the_trigger_word_is_put_in_front_once(
    caption: str, trigger_word: str | None, expected: str
) -> None:
    assert add_trigger_word(caption, trigger_word) == expected


def read_one(root: Path, caption: str | bytes | None) -> ImageRecord:
    write_image(root / "a.png", caption=caption)
    return read_folder(root).records[0]


@pytest.mark.parametrize("content", [None, " \n"], ids=["missing", "blank"])
def test_the_fallback_caption_replaces_a_missing_one(tmp_path: Path, content: str | None) -> None:
    policy = CaptionPolicy(trigger_word="sks", fallback_caption="a photo")
    assert policy.caption_for(read_one(tmp_path, content)) == "sks, a photo"


def test_the_fallback_caption_never_replaces_a_written_one(tmp_path: Path) -> None:
    policy = CaptionPolicy(fallback_caption="a photo")
    assert policy.caption_for(read_one(tmp_path, "a cat")) == "a cat"


@pytest.mark.parametrize(
    ("content", "problem_id"), [(None, "D03"), ("", "D03"), (b"\xff\xfe", "D05")]
)
def test_an_unusable_caption_is_refused(
    tmp_path: Path, content: str | bytes | None, problem_id: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        CaptionPolicy(trigger_word="sks").caption_for(read_one(tmp_path, content))
    assert caught.value.problems[0].id == problem_id
