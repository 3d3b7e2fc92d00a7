"""Looking at every image of a folder once, and grouping those that look alike."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from dataset_files import (
    draw_photo_like,
    write_image,
    write_sideways_photo,
)
from PIL import Image

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.records import PixelFacts
from tuner_kit.process.messages import AuditImagesRequest, AuditImagesResult, Event
from tuner_kit.process.worker import run_worker
from tuner_kit.workers import audit_images as worker
from tuner_kit.workers.audit_images import audit_images
from tuner_kit.workers.numbered_scenes import draw_numbered_scene
from tuner_kit.workers.runtime import RepairableError
from tuner_kit.workers.shapes_world.captions import exact_caption


def open_inventory(folder: Path) -> Inventory:
    """Open a folder's inventory beside it, with the files that are there now."""
    inventory = Inventory(folder, folder.with_name(f"{folder.name}.sqlite"))
    inventory.find_files()
    return inventory


def request_for(folder: Path) -> AuditImagesRequest:
    return AuditImagesRequest(
        dataset_dir=folder, database_path=folder.with_name(f"{folder.name}.sqlite")
    )


def ignore_progress(phase: str, current: int = 0, total: int | None = None) -> None:
    """Take an event and do nothing."""


def audit(folder: Path) -> Mapping[str, PixelFacts]:
    """Audit a folder, and give what is known about each image then."""
    with open_inventory(folder):
        audit_images(request_for(folder), ignore_progress)
    with open_inventory(folder) as inventory:
        return {record.name: record.pixels for record in inventory.records() if record.pixels}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "images"
    path.mkdir()
    return path


def test_every_image_is_looked_at_once(folder: Path) -> None:
    for number in range(5):
        write_image(folder / f"{number}.jpg", color=(50 * number, 9, 9))
    (folder / "broken.jpg").touch()
    write_sideways_photo(folder / "sideways.jpg")

    facts = audit(folder)

    assert len(facts) == 7
    assert {name for name, value in facts.items() if value.fault} == {"broken.jpg"}
    with open_inventory(folder):
        assert audit_images(request_for(folder), ignore_progress).num_looked_at == 0


def test_only_a_changed_image_is_looked_at_again(folder: Path) -> None:
    for name in ("a.png", "b.png"):
        write_image(folder / name, color=(200, 0, 0))
    before = audit(folder)
    write_image(folder / "b.png", color=(0, 0, 200))

    with open_inventory(folder):
        result = audit_images(request_for(folder), ignore_progress)
    after = audit(folder)

    assert result.num_looked_at == 1
    assert [before[name].near_group for name in before] == [1, 1]
    assert [after[name].near_group for name in after] == [0, 0]


def test_the_last_event_tells_that_all_is_done(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_EMIT_EVERY_S", 1000)
    for number in range(3):
        write_image(folder / f"{number}.png")
    steps: list[tuple[str, int, int | None]] = []

    with open_inventory(folder):
        audit_images(request_for(folder), lambda *step: steps.append(step))

    assert steps[0] == ("checking images", 3, 3)


def test_an_interrupted_audit_goes_on_where_it_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_SAVE_EVERY_S", "_EMIT_EVERY_S"):
        monkeypatch.setattr(worker, name, 0)
    for number in range(60):
        write_image(folder / f"{number}.png")

    def interrupt(phase: str, current: int = 0, total: int | None = None) -> None:  # noqa: ARG001
        if current == 20:
            raise KeyboardInterrupt

    with open_inventory(folder):
        with pytest.raises(KeyboardInterrupt):
            audit_images(request_for(folder), interrupt)
        assert audit_images(request_for(folder), ignore_progress).num_looked_at == 40


def test_copies_in_other_formats_and_sizes_look_alike(folder: Path) -> None:
    image = draw_photo_like(512)
    image.save(folder / "a.png")
    image.save(folder / "b.jpg", quality=40)
    image.resize((300, 300)).save(folder / "c.webp")
    Image.effect_noise((256, 256), 80).save(folder / "d.png")
    (folder / "e.png").write_bytes((folder / "a.png").read_bytes())

    groups = {name: facts.near_group for name, facts in audit(folder).items()}

    assert groups == {"a.png": 1, "b.jpg": 1, "c.webp": 1, "d.png": 0, "e.png": 1}


def test_pictures_of_one_color_are_alike_only_in_the_same_color(folder: Path) -> None:
    for name, color in {"a": "black", "b": "red", "c": "black", "d": "white"}.items():
        Image.new("RGB", (300, 300), color).save(folder / f"{name}.png")
    groups = [facts.near_group for facts in audit(folder).values()]
    assert groups == [1, 0, 1, 0]


def test_drawings_with_other_captions_do_not_look_alike(folder: Path) -> None:
    captions = {}
    for number in range(1, 201):
        scene, picture = draw_numbered_scene(7, number, None)
        captions[f"{number:03d}.png"] = exact_caption(scene)
        Image.fromarray(picture).save(folder / f"{number:03d}.png")

    by_group: dict[int, set[str]] = {}
    for name, facts in audit(folder).items():
        by_group.setdefault(facts.near_group, set()).add(captions[name])

    by_group.pop(0)
    assert {len(found) for found in by_group.values()} <= {1}


def test_damaged_images_are_in_no_group(folder: Path) -> None:
    for name in ("a.png", "b.png"):
        (folder / name).touch()
    assert [facts.near_group for facts in audit(folder).values()] == [0, 0]


def test_an_inventory_that_cannot_be_written_is_explained(folder: Path) -> None:
    request = AuditImagesRequest(dataset_dir=folder, database_path=folder / "none" / "a.sqlite")
    with pytest.raises(RepairableError) as error:
        audit_images(request, ignore_progress)
    assert error.value.failure.where == str(folder / "none" / "a.sqlite")


def test_the_worker_tells_how_far_it_is_and_writes_into_the_inventory(
    folder: Path, tmp_path: Path
) -> None:
    for number in range(3):
        write_image(folder / f"\udcff{number}.png", color=(number, 0, 0))
    events: list[Event] = []
    (tmp_path / "work").mkdir()

    with open_inventory(folder) as inventory:
        result = run_worker(
            "audit_images",
            request_for(folder),
            AuditImagesResult,
            tmp_path / "work",
            events.append,
        )
        found = [record.pixels for record in inventory.records()]

    assert result.num_looked_at == 3
    assert events[-2] == Event(phase="checking images", current=3, total=3)
    assert events[-1].phase == "looking for images that look alike"
    assert all(facts is not None and facts.near_group == 1 for facts in found)
