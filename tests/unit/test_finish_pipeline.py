"""A whole pipeline of a fine-tuned denoiser: what is refused, and what is copied.

That diffusers loads the result is shown by `tests/e2e/test_methods.py`.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tuner_kit.workers.base_source import fetch_pipeline_folder
from tuner_kit.workers.finish_pipeline import (
    Difference,
    assemble,
    compare,
    largest_change,
    link_weights,
)
from tuner_kit.workers.lora_file import Float32Array, Tensor
from tuner_kit.workers.runtime import RepairableError
from tuner_kit.workers.stored_weights import find_tensors

Tensors = dict[str, Float32Array]

INDEX: dict[str, object] = {
    "_class_name": "StableDiffusionPipeline",
    "requires_safety_checker": True,
    "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    "feature_extractor": [None, None],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "unet": ["diffusers", "UNet2DConditionModel"],
}


def write_base(folder: Path) -> Path:
    files = {
        "scheduler/scheduler_config.json": "{}",
        "text_encoder/config.json": "{}",
        "text_encoder/model.safetensors": "text encoder",
        "text_encoder/model.fp16.safetensors": "the same in half",
        "text_encoder/pytorch_model.bin": "the same as a pickle",
        "unet/config.json": '{"of": "the base"}',
        "unet/diffusion_pytorch_model.safetensors": "untrained",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def listing(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in files}


# ------------------------------------------------------------------ what is copied


def test_every_part_is_copied_once_and_the_denoiser_without_its_weights(tmp_path: Path) -> None:
    base = write_base(tmp_path / "base")

    assemble(tmp_path / "new", base, INDEX, denoiser="unet")

    files = listing(tmp_path / "new")
    index = json.loads(files.pop("model_index.json"))
    assert files == {
        "scheduler/scheduler_config.json": "{}",
        "text_encoder/config.json": "{}",
        "text_encoder/model.safetensors": "text encoder",
        "unet/config.json": '{"of": "the base"}',
    }
    assert index["unet"] == ["diffusers", "UNet2DConditionModel"]
    # The base model's folder has no checker, so the pipeline must not ask for one.
    assert index["safety_checker"] == [None, None]
    assert "requires_safety_checker" not in index


def test_a_safety_checker_that_is_there_stays(tmp_path: Path) -> None:
    base = write_base(tmp_path / "base")
    (base / "safety_checker").mkdir()
    (base / "safety_checker/config.json").write_text("{}", "utf-8")

    assemble(tmp_path / "new", base, INDEX, denoiser="unet")

    index = json.loads((tmp_path / "new/model_index.json").read_text("utf-8"))
    assert index == INDEX


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    base = write_base(tmp_path / "base")
    for path in (base / "text_encoder").iterdir():
        path.unlink()
    (base / "text_encoder").rmdir()

    with pytest.raises(RepairableError, match="lacks its text_encoder"):
        assemble(tmp_path / "new", base, INDEX, denoiser="unet")


def test_writing_into_the_pipeline_leaves_the_base_model_alone(tmp_path: Path) -> None:
    base = write_base(tmp_path / "base")
    before = listing(base)
    assemble(tmp_path / "new", base, INDEX, denoiser="unet")

    for path in (tmp_path / "new").rglob("*.*"):
        if path.is_file():
            path.write_text("overwritten in place", "utf-8")

    assert listing(base) == before


def test_the_trained_weights_take_no_second_room(tmp_path: Path) -> None:
    for folder in ("trained", "new"):
        (tmp_path / folder).mkdir()
    names = {"a-00001-of-00002.safetensors", "a-00002-of-00002.safetensors"}
    for name in {*names, "a.safetensors.index.json", "config.json"}:
        (tmp_path / "trained" / name).write_text(name, "utf-8")

    link_weights(tmp_path / "trained", tmp_path / "new")

    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        *names,
        "a.safetensors.index.json",
    }
    assert all((tmp_path / "new" / name).samefile(tmp_path / "trained" / name) for name in names)


def test_a_folder_is_its_own_source(tmp_path: Path) -> None:
    assert fetch_pipeline_folder(str(tmp_path), revision=None) == tmp_path


# ------------------------------------------------------------------ what is compared


@pytest.fixture
def base() -> Tensors:
    random = np.random.default_rng(1)
    shapes = {"conv.weight": (4, 3), "conv.bias": (4,), "norm.weight": (4,)}
    return {name: random.normal(size=shape).astype(np.float16) for name, shape in shapes.items()}


def compared(folder: Path, base: Tensors, trained: Tensors) -> Difference:
    save_file(base, folder / "base.safetensors")
    save_file(trained, folder / "trained.safetensors")
    return compare(
        find_tensors([folder / "trained.safetensors"]),
        find_tensors([folder / "base.safetensors"]),
        where=folder,
        emit=lambda *_: None,
    )


def widened(base: Tensors) -> Tensors:
    return {name: values.astype(np.float32) for name, values in base.items()}


def test_layers_that_changed_are_counted_once(tmp_path: Path, base: Tensors) -> None:
    trained = widened(base)
    trained["conv.weight"][1, 2] += 0.5
    trained["conv.bias"][0] -= 0.25

    found = compared(tmp_path, base, trained)

    assert found.num_layers == 1
    assert found.largest == pytest.approx(0.5, rel=1e-6)


def test_rounding_the_base_model_is_no_training() -> None:
    values = np.array([0.1, 1 / 3, -2.7], np.float32)
    in_half = values.astype(np.float16).astype(np.float32)

    assert largest_change(Tensor(in_half, "F16"), values) == 0
    assert largest_change(Tensor(in_half, "F32"), values) > 0


def drop(trained: Tensors) -> None:
    del trained["norm.weight"]


def add(trained: Tensors) -> None:
    trained["time.weight"] = np.ones(2, np.float32)


def reshape(trained: Tensors) -> None:
    trained["conv.weight"] = trained["conv.weight"].T.copy()


def break_number(trained: Tensors) -> None:
    trained["conv.bias"][2] = np.inf


def keep(_: Tensors) -> None:
    """Train nothing."""


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(drop, "1 of 3 weights are not those .* first norm.weight", id="missing"),
        pytest.param(add, "1 of 4 weights are not those .* first time.weight", id="additional"),
        pytest.param(reshape, "1 of 3 weights are not those .* first conv.weight", id="shape"),
        pytest.param(
            break_number, "1 of 3 weights hold NaN or infinity, first conv.bias", id="inf"
        ),
        pytest.param(keep, "nothing was learned", id="untrained"),
    ],
)
def test_bad_weights_are_refused(
    tmp_path: Path, base: Tensors, damage: Callable[[Tensors], None], message: str
) -> None:
    trained = widened(base)
    trained["conv.weight"][0, 0] += damage is not keep
    damage(trained)

    with pytest.raises(RepairableError, match=message):
        compared(tmp_path, base, trained)


# ------------------------------------------------------------------ files read piece by piece


def test_each_tensor_is_found_in_its_file(tmp_path: Path, base: Tensors) -> None:
    names = sorted(base)
    save_file({names[0]: base[names[0]]}, tmp_path / "1.safetensors", {"format": "pt"})
    save_file({name: base[name] for name in names[1:]}, tmp_path / "2.safetensors")

    found = find_tensors([tmp_path / "1.safetensors", tmp_path / "2.safetensors"])

    assert found.keys() == base.keys()
    assert all(np.array_equal(found[name].load().values, base[name]) for name in base)
    assert all(found[name].num_values == base[name].size for name in base)
    assert load_file(tmp_path / "1.safetensors").keys() == {names[0]}


@pytest.mark.parametrize("kept_bytes", [0, 4, 60, -1])
def test_a_file_that_was_cut_short_is_refused(
    tmp_path: Path, base: Tensors, kept_bytes: int
) -> None:
    path = tmp_path / "cut.safetensors"
    save_file(base, path)
    path.write_bytes(path.read_bytes()[:kept_bytes])

    with pytest.raises(RepairableError, match=r"cut\.safetensors is damaged or cut short"):
        find_tensors([path])


def test_numbers_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    save_file({"a": np.ones(2, np.int64)}, tmp_path / "a.safetensors")

    with pytest.raises(RepairableError, match="a is stored as I64"):
        find_tensors([tmp_path / "a.safetensors"])
