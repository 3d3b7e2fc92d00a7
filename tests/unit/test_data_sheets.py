"""Which images a page shows for a finding: groups side by side, and never too many."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from data_pages import write_photos
from report_page import Page

from tuner_kit.data.audit.audit import audit
from tuner_kit.data.audit.rule import AuditPolicy
from tuner_kit.data.caption_policy import CaptionPolicy
from tuner_kit.data.read_dataset import DatasetSource, read_dataset
from tuner_kit.data.records import Caption, PixelFacts
from tuner_kit.data.snapshot import DatasetSnapshot, Selection
from tuner_kit.errors import Problem, Severity
from tuner_kit.reporting.data_page import (
    DataMaterial,
    build_data_page,
    describe_caption,
    render_data_page,
)
from tuner_kit.reporting.data_sheets import (
    MAX_TILES,
    MAX_TILES_OF_PAGE,
    DataSheets,
    Fate,
    collect_sheets,
    share_tiles,
)
from tuner_kit.reporting.thumbnails import (
    make_thumbnails,
)
from tuner_kit.simpletuner.dataset_plan import DatasetPlan

PLAN = DatasetPlan(
    path="photos",
    layout="text-files",
    num_images=4,
    num_captions=4,
    num_trained=4,
    num_held_out=0,
    resolution_px=64,
    is_cropped=True,
    parts=(),
    steps_per_epoch=4,
    latent_cache_bytes=0,
    text_cache_bytes=0,
)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "home" / "photos")


@pytest.fixture
def snapshot(photos: Path) -> Iterator[DatasetSnapshot]:
    """The folder as it was read; `decode` says what its images look like."""
    with read_dataset(DatasetSource(photos, str(photos))) as found:
        yield found


def decode(snapshot: DatasetSnapshot, contents: dict[str, str]) -> None:
    """Say which bytes each image has; those that are named look alike."""
    inventory = snapshot.inventory
    names = list(inventory.image_names())
    facts = (PixelFacts(None, contents.get(n, n), 0, 1.0, 128.0, 50.0) for n in names)
    inventory.save_pixels(zip(names, facts, strict=True))
    inventory.save_groups(dict.fromkeys(contents, 1))


def sheets_of(snapshot: DatasetSnapshot, *, repairs: bool = False) -> DataSheets:
    problems = audit(snapshot, AuditPolicy(resolution_px=64, is_repaired=repairs))
    selection = Selection(CaptionPolicy(), leaves_out_copies=repairs)
    return collect_sheets(snapshot, selection, PLAN, problems)


def page_with(sheets: DataSheets | None, *problems: Problem, root: Path) -> Page:
    material = DataMaterial(
        name="photos",
        root=root,
        problems=problems,
        plan=PLAN,
        sheets=sheets,
        pictures=make_thumbnails(sheets.records()) if sheets else {},
        is_decoded=True,
        written_at=datetime(2026, 3, 2, 10, 0, tzinfo=UTC),
    )
    return Page(render_data_page(build_data_page(material)))


def test_copies_are_shown_side_by_side_with_their_original(
    photos: Path, snapshot: DatasetSnapshot
) -> None:
    decode(snapshot, {"a.png": "1", "c.png": "1"})

    page = page_with(sheets_of(snapshot), root=photos)

    assert [div["class"] for div in page.all("div") if "family" in (div.get("class") or "")] == [
        "family"
    ]
    assert [image["alt"] for image in page.all("img")] == ["a.png", "c.png"]


def test_of_look_alikes_that_are_copies_too_one_is_shown(snapshot: DatasetSnapshot) -> None:
    decode(snapshot, {"a.png": "1", "b.png": "1", "d.png": "2"})

    sheets = sheets_of(snapshot)

    shown = {
        sheet.problem.id: [[i.record.name for i in group] for group in sheet.groups]
        for sheet in sheets.findings
    }
    assert shown == {"D18": [["a.png", "b.png"]], "D19": [["a.png", "d.png"]]}
    assert all(sheet.more.count == 0 for sheet in sheets.findings)


def test_a_copy_that_is_left_out_says_so(photos: Path, snapshot: DatasetSnapshot) -> None:
    decode(snapshot, {"a.png": "1", "c.png": "1"})

    text = page_with(sheets_of(snapshot, repairs=True), root=photos).text

    assert "falls out c.png" in text
    assert "falls out a.png" not in text


def test_held_out_images_are_shown_as_a_sheet(photos: Path, snapshot: DatasetSnapshot) -> None:
    decode(snapshot, {})
    selection = Selection(CaptionPolicy(), held_out=frozenset({"d.png", "b.png"}))

    sheets = collect_sheets(snapshot, selection, PLAN, ())
    page = page_with(sheets, root=photos)

    assert [image.fate for image in sheets.held_out] == [Fate.HELD_OUT] * 2
    assert [image["alt"] for image in page.all("img")] == ["b.png", "d.png"]
    assert "b.png 64 x 64 px d.png 64 x 64 px" in page.text


def test_a_page_of_many_findings_stays_small() -> None:
    counts = [2_000] * 25 + [3]

    limit = share_tiles(counts)

    assert 1 < limit < MAX_TILES
    assert sum(min(count, limit) for count in counts) <= MAX_TILES_OF_PAGE
    assert share_tiles([2_000] * 5) == MAX_TILES


def test_names_without_pictures_are_bounded(photos: Path, snapshot: DatasetSnapshot) -> None:
    names = tuple(f"gone{number}.png" for number in range(1_000))
    problem = Problem(
        id="D08", what="w", where="x", fix="f", severity=Severity.WARNING, files=names
    )
    sheets = collect_sheets(snapshot, Selection(CaptionPolicy()), PLAN, [problem])

    text = page_with(sheets, root=photos).text

    assert "1,000 files gone0.png" in text
    assert "600 more are not listed" in text


def test_a_long_caption_is_cut() -> None:
    shown = describe_caption(Caption("word " * 1_000, "a.txt"))

    assert len(shown) <= 280
    assert shown.endswith("...")


def test_a_caption_with_control_characters_can_be_shown() -> None:
    caption = Caption(None, "a.txt", problem="odd", repaired_text="a\x00b\x1b[31m\ud800")

    mark = "\N{REPLACEMENT CHARACTER}"
    assert describe_caption(caption) == f"(odd; meant is perhaps: a{mark}b{mark}[31m{mark})"
