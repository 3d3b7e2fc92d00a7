"""`check --data DIR --html FILE`: what falls out of a folder of images, and why, on one page."""

import os
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from data_pages import check_photos, picture_in, write_photos
from dataset_files import write_image
from report_page import Page

from tuner_kit.reporting.data_sheets import (
    MAX_TILES,
)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "home" / "photos")


@pytest.fixture
def page_of(photos: Path, tmp_path: Path) -> Callable[..., Page]:
    """Check the folder by sizes and captions alone, and read the page."""

    def check(**question: object) -> Page:
        report = check_photos(photos, tmp_path / "page.html", **question)
        assert report.page_path == tmp_path / "page.html"
        return Page(report.page_path.read_text(encoding="utf-8"))

    return check


def test_the_page_begins_with_what_becomes_of_the_images(
    photos: Path, page_of: Callable[..., Page]
) -> None:
    (photos / "d.txt").unlink()

    text = page_of().text

    assert "4 images: 3 trained on, 1 falls out. No training starts before 1 thing is" in text


def test_a_sound_folder_is_said_to_be_ready(page_of: Callable[..., Page]) -> None:
    text = page_of().text

    assert "4 images: 4 trained on. This folder can be trained on." in text
    assert "Nothing was found." in text


def test_findings_come_in_the_order_of_severity(photos: Path, page_of: Callable[..., Page]) -> None:
    write_image(photos / "a.jpg")  # D09, a warning
    (photos / "d.txt").write_text("")  # D04, an error
    (photos / "c.txt").write_bytes(b"\xef\xbb\xbfc")  # D26, a notice
    (photos / "gone.png").symlink_to("nowhere")  # D29, an error

    text = page_of().text

    shown = re.findall(r"(error|warning|notice) (D\d\d)", text)
    assert shown == [
        ("error", "D04"),
        ("error", "D29"),
        ("warning", "D09"),
        ("notice", "D26"),
    ]


def test_a_finding_has_what_where_and_fix(photos: Path, page_of: Callable[..., Page]) -> None:
    (photos / "d.txt").unlink()

    text = page_of().text

    assert "1 of 4 images have no caption: d.png" in text
    assert "where photos (first: d.png)" in text
    assert "fix write what each shows into a .txt file" in text


def test_an_image_is_shown_with_its_name_size_and_fate(
    photos: Path, page_of: Callable[..., Page]
) -> None:
    write_image(photos / "wide.png", size=(96, 64))

    page = page_of()

    (image,) = page.all("img")
    assert image["alt"] == "wide.png"
    assert picture_in(image).size == (96, 64)
    assert "falls out wide.png 96 x 64 px" in page.text


def test_an_image_that_the_trainer_drops_in_silence_falls_out(
    photos: Path, page_of: Callable[..., Page]
) -> None:
    write_image(photos / "thread.png", size=(4, 1_000), caption="a thread")

    page = page_of(is_cropped=False)

    assert "4 trained on, 1 falls out" in page.text
    assert "falls out thread.png 4 x 1000 px" in page.text


def test_captions_are_shown_where_a_finding_is_about_them(
    photos: Path, page_of: Callable[..., Page]
) -> None:
    (photos / "a.txt").write_text("one\ntwo")
    (photos / "b.txt").write_bytes("grün".encode("cp1252"))

    text = page_of().text

    assert "one two" in text
    assert "is not UTF-8 text (reads as windows-1252); meant is perhaps: grün" in text
    assert "the blue one" not in text


def test_an_unreadable_image_gets_a_tile_with_the_reason(
    photos: Path, page_of: Callable[..., Page]
) -> None:
    (photos / "b.png").write_bytes(b"")
    (photos / "c.png").write_text("<html>")

    page = page_of()

    assert page.all("img") == []
    labels = [element["aria-label"] for element in page.all("div") if "aria-label" in element]
    assert labels == [
        "b.png can't be shown: empty file",
        "c.png can't be shown: its content is not an image",
    ]


def test_more_than_sixty_files_are_named_only(photos: Path, page_of: Callable[..., Page]) -> None:
    for number in range(70):
        write_image(photos / f"bare{number:02}.png")

    page = page_of()

    assert len(page.all("img")) == MAX_TILES
    assert "and 10 more bare60.png bare61.png" in page.text
    assert "bare69.png" in page.text


NAMES = {
    "a script": "<script>alert(1)<;script>.png",
    "quotes": "it's \"mine\" & 'yours'.png",
    "a line break": "two\nlines.png",
    "an emoji": "rose \N{ROSE}.png",
    "bytes that are no text": os.fsdecode(b"caf\xe9.png"),
    "an attribute": '" onerror="alert(1)" x=".png',
    "a template": "{{ 7 * 7 }}.png",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_any_file_name_is_text_on_the_page(
    photos: Path, page_of: Callable[..., Page], name: str
) -> None:
    write_image(photos / "x.png").rename(photos / name)

    page = page_of()

    (image,) = page.all("img")
    expected = name.replace("\n", "\\n").encode("utf-8", "backslashreplace").decode()
    assert image["alt"] == expected
    assert set(image) == {"src", "alt", "width", "height"}
    assert page.all("script") == []
    assert f"falls out {expected} 64 x 64 px" in page.text


def test_captions_and_folders_are_text_on_the_page_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path(os.fsdecode(b"<b>caf\xe9"))
    write_image(folder / "a.png", caption="<img src=x onerror=alert(1)>\nsecond line")

    report = check_photos(folder, tmp_path / "page.html")

    assert report.page_path is not None
    page = Page(report.page_path.read_text(encoding="utf-8"))
    assert {image["alt"] for image in page.all("img")} == {"a.png"}
    assert page.all("b") == []
    assert "<img src=x onerror=alert(1)> second line" in page.text
    assert "<b>caf\\udce9" in page.text


def test_everything_is_inside_the_file(photos: Path, page_of: Callable[..., Page]) -> None:
    (photos / "d.txt").unlink()

    page = page_of()

    assert page.all("script") == []
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    assert all((image["src"] or "").startswith("data:image/jpeg;") for image in page.all("img"))
    policies = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_the_page_keeps_the_folders_above_to_itself(
    photos: Path, tmp_path: Path, page_of: Callable[..., Page]
) -> None:
    (photos / "d.txt").unlink()

    page = page_of()

    assert str(tmp_path) not in page.text


def test_headings_go_down_step_by_step_and_links_lead_somewhere(
    photos: Path, page_of: Callable[..., Page]
) -> None:
    (photos / "d.txt").unlink()
    (photos / "notes.docx").write_text("x")

    page = page_of()

    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    ids = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
    assert {(link["href"] or "").removeprefix("#") for link in page.all("a")} <= ids


def test_a_shape_that_the_trainer_refuses_is_marked(
    photos: Path, page_of: Callable[..., Page]
) -> None:
    write_image(photos / "wide.png", size=(192, 64), caption="wide")

    page = page_of(is_cropped=False, train_batch_size=2)

    marked = [row.get("class") for row in page.all("tr")]
    assert marked.count("refused") == 1
    assert "too few: needs repeats 1" in page.text


def test_shapes_are_drawn_in_their_proportion(photos: Path, page_of: Callable[..., Page]) -> None:
    write_image(photos / "wide.png", size=(256, 64), caption="wide")

    page = page_of(is_cropped=False, resolution_px=128)

    drawings = [
        (float(svg["width"] or 0), float(svg["height"] or 0))
        for svg in page.all("svg")
        if not (svg["width"] or "").endswith("%")
    ]
    assert drawings == [(26, 26), (52, 13)]


def test_what_is_left_out_is_listed_with_its_reason(
    photos: Path, page_of: Callable[..., Page]
) -> None:
    (photos / "lonely.txt").write_text("x")
    (photos / "masks").mkdir()

    text = page_of().text

    assert "2 files or folders of this folder are not part of the dataset" in text
    assert text.count("lonely.txt a text file without an image of its name") == 2
    assert "masks a folder of masks, outputs or checkpoints" in text


def test_sizes_alone_are_said_to_be_sizes_alone(page_of: Callable[..., Page]) -> None:
    assert "damage, copies and blur are not searched" in page_of().text


def test_a_folder_that_cannot_be_read_has_a_page_too(tmp_path: Path) -> None:
    report = check_photos(tmp_path / "missing", tmp_path / "page.html")

    assert report.plan is None
    text = Page((tmp_path / "page.html").read_text(encoding="utf-8")).text
    assert "This folder can't be read as a dataset." in text
    assert "error D01" in text
