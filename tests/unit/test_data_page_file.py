"""`check --html FILE`: where the page goes, and what is told when it can't be written."""

import json
from pathlib import Path

import pytest
from data_pages import check_photos, write_photos
from project_files import Tuner

from tuner_kit.errors import ExitCode


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "home" / "photos")


def test_the_page_is_never_written_among_the_images(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(photos)
    before = sorted(photos.iterdir())

    for page_path in (photos / "new" / "page.html", tmp_path / "link" / "page.html", photos):
        report = check_photos(photos, page_path)

        assert [problem.id for problem in report.problems] == ["D13"]
        assert "would be written inside the dataset folder" in report.problems[0].what
    assert sorted(photos.iterdir()) == before


def test_the_folder_is_only_read(photos: Path, tmp_path: Path) -> None:
    (photos / "d.txt").unlink()
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in photos.iterdir()}

    check_photos(photos, tmp_path / "page.html")

    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in photos.iterdir()}
    assert after == before


def test_folders_above_the_page_are_made(photos: Path, tmp_path: Path) -> None:
    check_photos(photos, tmp_path / "new" / "pages" / "page.html")

    assert [path.name for path in (tmp_path / "new" / "pages").iterdir()] == ["page.html"]


def test_a_page_in_place_of_a_folder_is_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()

    report = check_photos(photos, tmp_path / "pages")

    assert [problem.id for problem in report.problems] == ["M04"]
    assert "dataset.html" in report.problems[0].fix


def test_what_was_found_is_told_although_the_page_cannot_be_written(
    photos: Path, tmp_path: Path
) -> None:
    (photos / "d.txt").unlink()
    (tmp_path / "file").write_text("")

    report = check_photos(photos, tmp_path / "file" / "page.html")

    assert [problem.id for problem in report.problems] == ["D03", "M04"]
    assert report.plan is not None
    assert report.page_path is None


def test_the_command_writes_page_and_json(tuner: Tuner, photos: Path, tmp_path: Path) -> None:
    page_path = tmp_path / "page.html"

    outcome = tuner(
        ["check", "--data", str(photos), "--html", str(page_path), "--plan-only", "--json"]
    )

    assert json.loads(outcome.stdout)["datasets"][0]["num_images"] == 4
    assert f"page       {page_path}" in outcome.stderr
    assert page_path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_command_without_html_writes_nothing(
    tuner: Tuner, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    outcome = tuner(["check", "--data", str(photos), "--plan-only", "--resolution", "64"])

    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    assert list((tmp_path / "here").iterdir()) == []


def test_a_page_without_a_folder_of_images_is_refused(tuner: Tuner, tmp_path: Path) -> None:
    outcome = tuner(["check", "--html", str(tmp_path / "page.html")])

    assert outcome.exit_code == ExitCode.CONFIG
    assert "--data DIR" in outcome.stderr
