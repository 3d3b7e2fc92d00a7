"""Folders of captioned pictures, as the demo trains on them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tuner_kit.process.messages import DrawShapesRequest, Event
from tuner_kit.workers.draw_shapes import draw_shapes
from tuner_kit.workers.numbered_scenes import draw_numbered_scene
from tuner_kit.workers.runtime import RepairableError
from tuner_kit.workers.shapes_world.recognition import recognize_style


def draw(folder: Path, *, number: int = 4, style: str | None = None, seed: int = 5) -> list[Event]:
    """Draw into a folder, and give the events."""
    events: list[Event] = []

    def emit(phase: str, current: int = 0, total: int | None = None) -> None:
        events.append(Event(phase=phase, current=current, total=total))

    request = DrawShapesRequest(dataset_dir=folder, num_pictures=number, style=style, seed=seed)
    draw_shapes(request, emit)
    return events


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_every_picture_has_a_caption_of_its_scene(tmp_path: Path) -> None:
    events = draw(tmp_path / "plain", number=2)

    names = [path.name for path in sorted((tmp_path / "plain").iterdir())]
    caption = (tmp_path / "plain" / "01.txt").read_text()
    (item,) = draw_numbered_scene(5, 1, None)[0].items
    assert names == ["01.png", "01.txt", "02.png", "02.txt"]
    assert f"{item.color} {item.shape}" in caption
    assert [(event.current, event.total) for event in events] == [(1, 2), (2, 2)]


def test_equal_seeds_draw_equal_files_and_others_do_not(tmp_path: Path) -> None:
    for name, seed in {"first": 5, "again": 5, "other": 6}.items():
        draw(tmp_path / name, seed=seed)

    first = contents(tmp_path / "first")
    assert contents(tmp_path / "again") == first
    assert contents(tmp_path / "other") != first


def test_a_style_changes_the_pictures_and_not_the_captions(tmp_path: Path) -> None:
    draw(tmp_path / "plain")
    draw(tmp_path / "styled", style="chalk")

    plain, styled = contents(tmp_path / "plain"), contents(tmp_path / "styled")
    pictures = [np.asarray(Image.open(path)) for path in (tmp_path / "styled").glob("*.png")]
    assert {name: plain[name] == styled[name] for name in plain} == {
        name: name.endswith(".txt") for name in plain
    }
    assert [recognize_style(picture) for picture in pictures] == ["chalk"] * 4
    assert not any(b"chalk" in text for name, text in styled.items() if name.endswith(".txt"))


@pytest.mark.parametrize(
    ("name", "style", "what"),
    [
        pytest.param("taken", None, "taken exists already", id="folder"),
        pytest.param("new", "watercolor", "there is no style watercolor", id="style"),
    ],
)
def test_what_can_not_be_drawn_leaves_no_folder(
    tmp_path: Path, name: str, style: str | None, what: str
) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(RepairableError) as caught:
        draw(tmp_path / name, style=style)

    assert caught.value.failure.what == what
    assert [path.name for path in tmp_path.rglob("*")] == ["taken"]
