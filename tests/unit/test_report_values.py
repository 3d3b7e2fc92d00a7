"""Numbers, paths, points and pictures on their way into a report."""

import base64
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dataset_files import write_animation, write_image, write_noise_jpeg, write_sideways_photo
from PIL import Image
from pydantic import JsonValue  # noqa: TC002 - annotates a local
from report_files import metrics_line

from tuner_kit.process.messages import LossPoint
from tuner_kit.reporting.formats import (
    format_duration,
    format_number,
    format_rate,
    format_size,
    plural,
    spread,
)
from tuner_kit.reporting.images import Picture, embed_picture
from tuner_kit.reporting.loss_curve import build_loss_points, typical_seconds_per_step
from tuner_kit.reporting.privacy import mask_text, mask_values
from tuner_kit.simpletuner.metrics import TrainedStep
from tuner_kit.simpletuner.training_results import (
    list_validation_pictures,
    read_trained_steps,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (41.2, "41 s"),
        (59.7, "1 min"),
        (192, "3 min 12 s"),
        (7500, "2 h 5 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_numbers_are_written_as_people_type_them() -> None:
    assert [format_rate(rate) for rate in (1e-3, 1e-4, 2.5e-5, 0.5)] == [
        "0.001",
        "1e-4",
        "2.5e-5",
        "0.5",
    ]
    assert [format_number(value) for value in (0.4938, 1.2e-7, 0.0)] == ["0.494", "1.2e-7", "0"]
    assert [format_size(mib) for mib in (0.375, 36.04)] == ["384 KiB", "36.0 MiB"]
    assert [plural(count, "step") for count in (1, 2000)] == ["1 step", "2,000 steps"]


@pytest.mark.parametrize(("count", "limit"), [(3, 8), (10, 8), (100, 8), (9, 8), (1, 8), (0, 8)])
def test_a_selection_keeps_the_first_and_the_last(count: int, limit: int) -> None:
    chosen = spread(range(count), limit)

    assert len(chosen) == min(count, limit)
    assert list(chosen) == sorted(set(chosen))
    assert chosen[:1] == tuple(range(count))[:1]
    assert chosen[-1:] == tuple(range(count))[-1:]


def test_a_step_that_was_trained_twice_counts_as_the_last_time(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        "".join(metrics_line(step, loss) for step, loss in [(2, 0.9), (1, 1.0), (2, 0.5), (3, 0.4)])
    )

    steps = read_trained_steps(path)

    assert [(entry.step, entry.loss) for entry in steps] == [(1, 1.0), (2, 0.5), (3, 0.4)]


def test_lines_that_hold_no_step_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    load_only = json.dumps({"metrics": {"system/cpu_percent": 3}, "step": 9})
    path.write_text(f"{load_only}\n[1]\n{metrics_line(1, 1.0)}{metrics_line(2, 1.0)[:40]}")

    assert [entry.step for entry in read_trained_steps(path)] == [1]
    assert read_trained_steps(tmp_path / "missing.jsonl") == ()


def test_a_diverged_step_has_no_loss_and_no_point(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(metrics_line(1, 1.0) + metrics_line(2, float("nan")) + metrics_line(3, 0.5))

    steps = read_trained_steps(path)

    assert [entry.loss for entry in steps] == [1.0, None, 0.5]
    assert [point.step for point in build_loss_points(steps)] == [1, 3]


def trained(step: int, loss: float, *, seconds: float = 0.0) -> TrainedStep:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return TrainedStep(step, loss, 0.001, None, at)


def test_a_long_run_is_thinned_by_bucket_means() -> None:
    steps = [trained(step, float(step)) for step in range(1, 100_001)]

    points = build_loss_points(steps)

    assert len(points) == 2000
    # 1..50 have the mean 25.5, the last fifty 99975.5 (closed form).
    assert points[0] == LossPoint(step=50, loss=25.5, learning_rate=points[0].learning_rate)
    assert points[-1].loss == 99_975.5
    assert points[-1].step == 100_000


def test_the_typical_time_of_a_step_leaves_out_pauses() -> None:
    times = [(1, 0.0), (2, 0.5), (3, 30.0), (4, 30.5), (8, 39.0), (12, 49.0)]

    assert typical_seconds_per_step([trained(s, 1.0, seconds=t) for s, t in times]) == 0.5
    assert typical_seconds_per_step([trained(1, 1.0)]) is None


def test_validation_pictures_are_found_by_step_and_prompt(tmp_path: Path) -> None:
    for name in ("step_20_prompt-01_0_64x64.png", "step_0_prompt-02_0_64x64.png", "other.png"):
        write_image(tmp_path / name)

    found = list_validation_pictures(tmp_path)

    assert [(picture.step, picture.prompt_name) for picture in found] == [
        (0, "prompt-02"),
        (20, "prompt-01"),
    ]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("can't read /home/jane/photos/1.png", "can't read .../1.png"),
        ("see ~/runs/demo/trainer.log: broken", "see .../trainer.log: broken"),
        (r"in C:\Users\jane\runs", "in .../runs"),
        ("either/or at 3/4 of the way", "either/or at 3/4 of the way"),
    ],
)
def test_a_sentence_loses_its_folders(text: str, masked: str) -> None:
    assert mask_text(text) == masked


def test_only_paths_that_leave_the_project_are_shortened(tmp_path: Path) -> None:
    run_dir = tmp_path / "project" / "runs" / "demo"
    values: dict[str, JsonValue] = {
        "inside": "../../photos",
        "outside": "../../../jane/photos",
        "absolute": ["/home/jane/Jane Doe/cache/"],
        "home": "~/models/base",
        "negative_prompt": "/imagine a cat and/or a dog",
        "option": "/one_part",
        "number": 3,
    }

    assert mask_values(dict(values), run_dir) == {
        **values,
        "outside": ".../photos",
        "absolute": [".../cache"],
        "home": ".../base",
    }


def decode(picture: Picture | None) -> Image.Image:
    assert picture is not None
    head, _, content = picture.data_uri.partition(",")
    assert head in ("data:image/webp;base64", "data:image/png;base64")
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_a_large_picture_is_scaled_down(tmp_path: Path) -> None:
    path = write_image(tmp_path / "wide.png", size=(1024, 512), color=(200, 0, 0))

    picture = embed_picture(path, "a wall", max_edge_px=512)

    assert decode(picture).size == (512, 256)
    assert picture is not None
    assert (picture.width_px, picture.height_px, picture.is_tiny) == (512, 256, False)


def test_a_tiny_picture_keeps_every_pixel(tmp_path: Path) -> None:
    noise = Image.effect_noise((128, 128), 80).convert("RGB")
    noise.save(tmp_path / "tiny.png")

    picture = embed_picture(tmp_path / "tiny.png", "noise", max_edge_px=512)

    assert picture is not None
    assert picture.is_tiny
    assert decode(picture).convert("RGB").tobytes() == noise.tobytes()


def test_a_photo_is_turned_and_forgets_where_it_was_taken(tmp_path: Path) -> None:
    picture = embed_picture(write_sideways_photo(tmp_path / "a.jpg"), "a", max_edge_px=512)

    image = decode(picture)
    assert image.size == (64, 128)
    assert not image.getexif()


def test_unusual_and_damaged_files_do_not_stop_a_report(tmp_path: Path) -> None:
    animation = write_animation(tmp_path / "moving.webp")
    cut = write_noise_jpeg(tmp_path / "cut.jpg")
    cut.write_bytes(cut.read_bytes()[:100])

    assert embed_picture(animation, "a", max_edge_px=512) is not None
    assert embed_picture(cut, "b", max_edge_px=512) is None
    assert embed_picture(tmp_path / "missing.png", "c", max_edge_px=512) is None
