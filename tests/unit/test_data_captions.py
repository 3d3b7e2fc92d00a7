import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tuner_kit.data.captions import (
    CONTROLS,
    UNKNOWN,
    add_trigger_word,
    decode_caption,
    has_trigger_word,
    read_caption,
)
from tuner_kit.data.records import Caption

NAME = "photos/a.txt"


def unusable(problem: str) -> Caption:
    return Caption(None, NAME, num_lines=0, problem=problem)


@pytest.mark.parametrize(
    ("content", "caption"),
    [
        (b"a cat", Caption("a cat", NAME, 1)),
        (b"\xef\xbb\xbfa cat\r\n", Caption("a cat", NAME, 1, has_bom=True)),
        (b"a \xef\xbb\xbfcat", Caption("a cat", NAME, 1)),
        (b" a cat \n\n on a mat\n", Caption("a cat on a mat", NAME, 2)),
        (b"", Caption("", NAME, 0)),
        (b"\xef\xbb\xbf", Caption("", NAME, 0, has_bom=True)),
        (b" \n\t ", Caption("", NAME, 0)),
        (b"a\tcat,  old", Caption("a\tcat,  old", NAME, 1)),
        ("ein K\xe4tzchen".encode(), Caption("ein K\xe4tzchen", NAME, 1)),
    ],
    ids=["plain", "bom", "bom inside", "lines", "empty", "only bom", "blank", "gaps", "accents"],
)
def test_a_caption_file_becomes_one_line(tmp_path: Path, content: bytes, caption: Caption) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    assert read_caption(tmp_path / "a.txt", origin=NAME) == caption


@pytest.mark.parametrize(
    "end",
    ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"],
    ids=ascii,
)
def test_no_end_of_line_stays_in_a_caption(end: str) -> None:
    assert decode_caption(f"a cat{end}on a mat".encode(), origin=NAME) == Caption(
        "a cat on a mat", NAME, 2
    )


@pytest.mark.parametrize(
    ("content", "repaired", "encoding"),
    [
        ("ein K\xe4tzchen\non a mat".encode("cp1252"), "ein K\xe4tzchen on a mat", "windows-1252"),
        ("a cat\non a mat".encode("utf-16"), "a cat on a mat", "UTF-16"),
        ("a cat\non a mat".encode("utf-16-le"), "a cat on a mat", "UTF-16"),
        ("a cat\non a\x00 mat".encode("utf-32"), "a cat on a mat", "UTF-32"),
    ],
    ids=["windows-1252", "utf-16", "utf-16 without mark", "utf-32"],
)
def test_a_caption_in_another_encoding_is_a_problem_that_can_be_repaired(
    content: bytes, repaired: str, encoding: str
) -> None:
    assert decode_caption(content, origin=NAME) == Caption(
        text=None,
        origin=NAME,
        num_lines=2,
        repaired_text=repaired,
        problem=f"is not UTF-8 text (reads as {encoding})",
    )


@pytest.mark.parametrize(
    "content", [b"\xff\xff\xfe", b"caf\x81 on \x8d", b"\x89PNG\r\n\x1a\n\0\0"], ids=ascii
)
def test_a_caption_in_no_known_encoding_is_left_alone(content: bytes) -> None:
    caption = decode_caption(content, origin=NAME)

    assert caption == unusable(UNKNOWN)


@pytest.mark.parametrize(
    ("content", "has_bom"),
    [
        (b"a big old c\x08at", False),
        (b"a big old \x00cat", False),
        (b"a big old \xc2\x92cat", False),
        (b"\xef\xbb\xbfa big old cat\x7f", True),
    ],
    ids=["backspace", "nul", "c1", "delete"],
)
def test_stray_control_characters_are_a_problem_that_can_be_repaired(
    content: bytes,
    has_bom: bool,  # noqa: FBT001 - a row of the table
) -> None:
    assert decode_caption(content, origin=NAME) == Caption(
        None, NAME, 1, has_bom=has_bom, repaired_text="a big old cat", problem=CONTROLS
    )


@pytest.mark.parametrize(
    "content",
    [bytes(64), "\u043a\u043e\u0442".encode("utf-16-le"), bytes(range(1, 127))],
    ids=["only nul", "utf-16 that is valid utf-8", "binary"],
)
def test_text_full_of_control_characters_is_not_repaired(content: bytes) -> None:
    assert decode_caption(content, origin=NAME) == unusable(CONTROLS)


def test_a_caption_of_one_mebibyte_is_read_and_a_longer_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a" * 1024 * 1024)
    (tmp_path / "b.txt").write_bytes(b"a" * (1024 * 1024 + 1))

    assert read_caption(tmp_path / "a.txt", origin=NAME).text == "a" * 1024 * 1024
    assert read_caption(tmp_path / "b.txt", origin=NAME) == unusable("is larger than 1 MiB")


def test_of_a_huge_caption_file_only_the_first_mebibyte_is_read(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(1 << 40)  # a sparse file: a tebibyte that takes no space
    assert read_caption(tmp_path / "a.txt", origin=NAME).problem == "is larger than 1 MiB"


def make_nothing(path: Path) -> None:
    assert not path.exists()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_nothing, "no such file or directory"),
        (Path.mkdir, "not a regular file"),
        (make_pipe, "not a regular file"),
        (make_loop, "too many levels of symbolic links"),
    ],
    ids=["missing", "folder", "pipe", "link to itself"],
)
def test_a_caption_that_is_no_file_has_a_problem(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    make(tmp_path / "a.txt")

    caption = read_caption(tmp_path / "a.txt", origin=NAME)

    assert caption == unusable(f"can't be read: {reason}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_caption_that_is_not_ours_to_read_has_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a cat")
    (tmp_path / "a.txt").chmod(0)

    caption = read_caption(tmp_path / "a.txt", origin=NAME)

    assert caption == unusable("can't be read: permission denied")


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


@pytest.mark.parametrize(
    ("caption", "is_there"),
    [("a photo of SKS cat", True), ("sks", True), ("a sksy cat", False), ("", False)],
)
def test_the_trigger_word_counts_as_a_whole_word(
    caption: str,
    is_there: bool,  # noqa: FBT001 - a row of the table
) -> None:
    assert has_trigger_word(caption, "sks") is is_there
