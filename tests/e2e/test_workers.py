"""The workers as programs, with the real libraries and the tiny model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

from tuner_kit.catalog.base_models import embedded_model_dir
from tuner_kit.errors import ExitCode
from tuner_kit.process.messages import (
    Event,
    GenerateRequest,
    GenerateResult,
    LossPoint,
    Message,
    PlotLossRequest,
    PlotLossResult,
    WorkerFailure,
)

pytestmark = pytest.mark.e2e

SIZE_PX = 64
SEED = 7
NUM_STEPS = 3
PROMPTS = ("a round orange flower", "the crowns of green trees")


def run_worker(name: str, request: Message, folder: Path) -> subprocess.CompletedProcess[str]:
    folder.mkdir(parents=True, exist_ok=True)
    request_path = folder / "request.json"
    request_path.write_text(request.model_dump_json(), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", f"tuner_kit.workers.{name}", request_path, folder / "result.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    (folder / "events.jsonl").write_text(done.stdout, encoding="utf-8")
    return done


def result_of[Result: Message](
    name: str, request: Message, result_type: type[Result], folder: Path
) -> Result:
    done = run_worker(name, request, folder)
    assert done.returncode == ExitCode.OK, done.stderr[-3000:]
    return result_type.model_validate_json((folder / "result.json").read_bytes())


def failure_of(name: str, request: Message, folder: Path) -> WorkerFailure:
    done = run_worker(name, request, folder)
    assert done.returncode == ExitCode.WORKER, done.stderr[-3000:]
    return WorkerFailure.model_validate_json((folder / "result.json").read_bytes())


def pixels(path: Path) -> bytes:
    with Image.open(path) as picture:
        return picture.convert("RGB").tobytes()


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


# ------------------------------------------------------------------ shared, built once


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workers")


@pytest.fixture(scope="session")
def tiny_sd3() -> Path:
    return embedded_model_dir("tiny-sd3")


@pytest.fixture(scope="session")
def adapter(workplace: Path, tiny_sd3: Path) -> Path:
    """An adapter with weights large enough to see, for every attention layer."""
    import numpy as np

    random = np.random.default_rng(1)
    tensors = {}
    weights = tiny_sd3 / "transformer" / "diffusion_pytorch_model.safetensors"
    with safe_open(weights, framework="numpy") as base:
        for name in base.keys():  # noqa: SIM118  # safe_open is no mapping
            if name.endswith(("to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight")):
                out_size, in_size = base.get_slice(name).get_shape()
                key = f"transformer.{name.removesuffix('.weight')}.lora"
                for half, shape in (("A", (4, in_size)), ("B", (out_size, 4))):
                    values = random.normal(size=shape).astype(np.float32)
                    tensors[f"{key}_{half}.weight"] = values
    save_file(tensors, workplace / "adapter.safetensors", {"format": "pt"})
    return workplace / "adapter.safetensors"


def render(
    workplace: Path, name: str, *, base: Path, adapter: Path | None, compare: bool
) -> GenerateResult:
    request = request_for(workplace / name, base=base, adapter=adapter, compare=compare)
    request.output_dir.mkdir(parents=True)
    return result_of("generate", request, GenerateResult, workplace / name)


def request_for(
    folder: Path, *, base: Path, adapter: Path | None = None, compare: bool = False
) -> GenerateRequest:
    return GenerateRequest(
        base_model=str(base),
        adapter_path=adapter,
        prompts=PROMPTS,
        negative_prompt="blurred",
        seeds=(SEED, SEED + 1),
        num_inference_steps=NUM_STEPS,
        guidance_scale=4.0,
        width_px=SIZE_PX,
        height_px=SIZE_PX,
        compare=compare,
        output_dir=folder / "pictures",
        label="cats",
        base_label="tiny SD3",
    )


@pytest.fixture(scope="session")
def comparison(workplace: Path, tiny_sd3: Path, adapter: Path) -> GenerateResult:
    return render(workplace, "comparison", base=tiny_sd3, adapter=adapter, compare=True)


@pytest.fixture(scope="session")
def tuned_alone(workplace: Path, tiny_sd3: Path, adapter: Path) -> GenerateResult:
    return render(workplace, "tuned", base=tiny_sd3, adapter=adapter, compare=False)


@pytest.fixture(scope="session")
def base_alone(workplace: Path, tiny_sd3: Path) -> GenerateResult:
    return render(workplace, "base", base=tiny_sd3, adapter=None, compare=False)


# ------------------------------------------------------------------ generate


def test_a_seed_gives_the_same_picture_twice(
    comparison: GenerateResult, tuned_alone: GenerateResult
) -> None:
    first = [pixels(image.path) for image in comparison.images if image.variant == "tuned"]
    second = [pixels(image.path) for image in tuned_alone.images]

    assert first == second
    assert len(set(first)) == len(first)


def test_the_base_is_the_same_with_the_adapter_loaded_and_without(
    comparison: GenerateResult, base_alone: GenerateResult
) -> None:
    beside = [pixels(image.path) for image in comparison.images if image.variant == "base"]

    assert beside == [pixels(image.path) for image in base_alone.images]


def test_the_adapter_changes_every_picture(comparison: GenerateResult) -> None:
    pairs = zip(comparison.images[::2], comparison.images[1::2], strict=True)

    for base, tuned in pairs:
        assert (base.prompt, base.seed) == (tuned.prompt, tuned.seed)
        assert (base.variant, tuned.variant) == ("base", "tuned")
        assert pixels(base.path) != pixels(tuned.path)


def test_a_picture_carries_its_settings_and_no_path(
    comparison: GenerateResult, workplace: Path
) -> None:
    tuned = comparison.images[1]
    with Image.open(tuned.path) as picture:
        texts = dict(picture.info)

    settings = json.loads(texts["tuner_kit"])
    assert tuned.path.name == "01-7-tuned.png"
    assert settings["prompt"] == PROMPTS[0]
    assert (settings["seed"], settings["variant"], settings["label"]) == (SEED, "tuned", "cats")
    lines = texts["parameters"].splitlines()
    assert lines[:2] == ["a round orange flower <lora:cats:1>", "Negative prompt: blurred"]
    assert lines[2].startswith("Steps: 3, Sampler: Euler, CFG scale: 4, Seed: 7, Size: 64x64")
    assert str(workplace) not in tuned.path.read_bytes().decode("latin-1")


def test_the_sheet_shows_base_beside_tuned_for_every_seed(comparison: GenerateResult) -> None:
    width_px, height_px = size(comparison.sheet_path)

    # Cells of 64 px are enlarged to 256: two columns; two prompts of two rows each.
    assert 2 * 256 < width_px < 3 * 256
    assert 4 * 256 < height_px < 6 * 256


def test_progress_counts_the_steps_of_all_pictures(
    workplace: Path, tuned_alone: GenerateResult
) -> None:
    lines = (workplace / "tuned" / "events.jsonl").read_text().splitlines()

    events = [Event.model_validate_json(line) for line in lines]
    counts = [event.current for event in events if event.phase == "rendering"]
    total = len(tuned_alone.images) * NUM_STEPS
    assert counts == [*range(total + 1)]
    assert {event.total for event in events if event.phase == "rendering"} == {total}


def test_a_size_between_two_steps_is_refused_with_the_nearest(
    tmp_path: Path, tiny_sd3: Path
) -> None:
    request = request_for(tmp_path, base=tiny_sd3).model_copy(update={"width_px": 100})

    failure = failure_of("generate", request, tmp_path)

    assert failure.what == "a width of 100 px is not a multiple of 16"
    assert failure.fix == "use 96 or 112 px"


def test_a_folder_that_is_no_sd3_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')

    failure = failure_of("generate", request_for(tmp_path / "w", base=tmp_path), tmp_path / "w")

    assert "it is a StableDiffusionPipeline, not a StableDiffusion3Pipeline" in failure.what


def test_an_adapter_for_another_model_is_refused(
    tmp_path: Path, tiny_sd3: Path, adapter: Path
) -> None:
    from safetensors.numpy import load_file

    foreign = tmp_path / "foreign.safetensors"
    save_file({name: values[:, :8].copy() for name, values in load_file(adapter).items()}, foreign)

    failure = failure_of(
        "generate", request_for(tmp_path, base=tiny_sd3, adapter=foreign), tmp_path
    )

    assert failure.what.startswith("foreign.safetensors doesn't fit this base model")


# ------------------------------------------------------------------ plot_loss


def plot(folder: Path, losses: list[float]) -> PlotLossResult:
    points = tuple(LossPoint(step=step, loss=loss) for step, loss in enumerate(losses, start=1))
    request = PlotLossRequest(points=points, checkpoint_steps=(20,), svg_path=folder / "loss.svg")
    return result_of("plot_loss", request, PlotLossResult, folder)


def test_the_loss_curve_is_the_same_file_for_the_same_losses(tmp_path: Path) -> None:
    losses = [1 / step for step in range(1, 41)]

    first, second = plot(tmp_path / "1", losses), plot(tmp_path / "2", losses)

    assert first.svg_path.read_bytes() == second.svg_path.read_bytes()
    assert first.svg_path.read_text().startswith("<?xml")
    assert first.first_mean == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert first.last_mean == pytest.approx((1 / 37 + 1 / 38 + 1 / 39 + 1 / 40) / 4)


@pytest.mark.parametrize("num_points", [0, 1])
def test_a_run_too_short_for_a_curve_is_drawn_all_the_same(tmp_path: Path, num_points: int) -> None:
    result = plot(tmp_path, [0.5] * num_points)

    assert result.svg_path.is_file()
    assert (result.first_mean, result.last_mean) == (None, None)
