"""The trainer's LoKr: what is refused, and that its shape goes with it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tuner_kit.process.messages import AdapterSummary, FinishLokrRequest
from tuner_kit.workers.finish_lokr import finish_lokr
from tuner_kit.workers.lora_file import Float32Array
from tuner_kit.workers.runtime import RepairableError

WHOLE = "down_blocks.0.attn1.to_q"
"""A layer of 6 x 4: the Kronecker product of 2 x 2 and 3 x 2."""
SPLIT = "down_blocks.0.ff.net.2"
"""A layer of 8 x 10: 2 x 2, and 4 x 3 times 3 x 5."""
SHAPE = {"algo": "lokr", "linear_dim": 3}
CONFIG_TEXT = json.dumps({"algo": "lokr"})

Tensors = dict[str, Float32Array]


def name(module: str, part: str) -> str:
    return f"lycoris_{module.replace('.', '_')}.{part}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    base = tmp_path / "base" / "unet"
    base.mkdir(parents=True)
    layers = {f"{WHOLE}.weight": np.zeros((6, 4)), f"{SPLIT}.weight": np.zeros((8, 10))}
    save_file(layers, base / "diffusion_pytorch_model.safetensors")
    (tmp_path / "lycoris_config.json").write_text(json.dumps(SHAPE), "utf-8")
    (tmp_path / "adapter").mkdir()
    return tmp_path


@pytest.fixture
def trained() -> Tensors:
    random = np.random.default_rng(1)

    def draw(*shape: int) -> Float32Array:
        return random.normal(size=shape).astype(np.float32)

    return {
        name(WHOLE, "alpha"): np.array(10_000, np.float32),
        name(WHOLE, "lokr_w1"): draw(2, 2),
        name(WHOLE, "lokr_w2"): draw(3, 2),
        name(SPLIT, "alpha"): np.array(3, np.float32),
        name(SPLIT, "lokr_w1"): draw(2, 2),
        name(SPLIT, "lokr_w2_a"): draw(4, 3),
        name(SPLIT, "lokr_w2_b"): draw(3, 5),
    }


def finish(folder: Path, trained: Tensors) -> AdapterSummary:
    trained_path = folder / "trained.safetensors"
    save_file(trained, trained_path, {"lycoris_config": CONFIG_TEXT, "home": "/home/me"})
    request = FinishLokrRequest(
        trained_path=trained_path,
        lycoris_path=folder / "lycoris_config.json",
        lokr_path=folder / "adapter" / "lycoris_weights.safetensors",
        base_model=str(folder / "base"),
        family="sd1x",
        metadata={"run": "cats"},
    )
    return finish_lokr(request, emit=lambda *_: None)


def test_a_sound_lokr_is_described_and_kept_bit_for_bit(folder: Path, trained: Tensors) -> None:
    summary = finish(folder, trained)

    finished = load_file(folder / "adapter/lycoris_weights.safetensors")
    assert finished.keys() == trained.keys()
    assert all(np.array_equal(finished[key], trained[key]) for key in trained)
    assert (summary.method, summary.rank, summary.num_modules) == ("lokr", None, 2)
    assert summary.num_parameters == 4 + 6 + 4 + 12 + 15
    zero_before = (trained[name(WHOLE, "lokr_w2")], trained[name(SPLIT, "lokr_w2_b")])
    assert summary.largest_update == max(np.abs(values).max() for values in zero_before)


def test_its_shape_lies_beside_it_and_in_its_header(folder: Path, trained: Tensors) -> None:
    finish(folder, trained)

    assert json.loads((folder / "adapter/lycoris_config.json").read_text("utf-8")) == SHAPE
    with safe_open(folder / "adapter/lycoris_weights.safetensors", framework="numpy") as file:
        metadata = file.metadata()
    # What else the trainer wrote there is not ours to hand on.
    assert metadata == {"format": "pt", "lycoris_config": CONFIG_TEXT, "run": "cats"}


def make_lora(trained: Tensors) -> None:
    trained["unet.down_blocks.0.attn1.to_q.lora_A.weight"] = np.ones((2, 2), np.float32)


def make_halved(trained: Tensors) -> None:
    del trained[name(SPLIT, "lokr_w2_a")]


def make_double(trained: Tensors) -> None:
    trained[name(SPLIT, "lokr_w2")] = np.ones((4, 5), np.float32)


def make_small_missing(trained: Tensors) -> None:
    del trained[name(WHOLE, "lokr_w1")]


def make_unknown_layer(trained: Tensors) -> None:
    for key in [key for key in trained if key.startswith(name(WHOLE, "")[:-1])]:
        trained[key.replace("blocks_0", "blocks_9")] = trained.pop(key)


def make_wide(trained: Tensors) -> None:
    trained[name(WHOLE, "lokr_w2")] = np.ones((3, 3), np.float32)


def make_nan(trained: Tensors) -> None:
    trained[name(SPLIT, "lokr_w2_a")][0, 0] = np.nan


def make_untrained(trained: Tensors) -> None:
    trained[name(WHOLE, "lokr_w2")][:] = 0
    trained[name(SPLIT, "lokr_w2_b")][:] = 0


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(dict.clear, "it is empty", id="empty"),
        pytest.param(make_lora, "1 foreign tensors, first unet.down_blocks", id="lora"),
        pytest.param(make_halved, "1 layers lack a part .* first down_blocks_0_ff", id="half"),
        pytest.param(make_double, "1 layers lack a part", id="whole and split"),
        pytest.param(
            make_small_missing, "1 layers lack a part .* first down_blocks_0_attn1", id="w1"
        ),
        pytest.param(make_unknown_layer, "blocks_9_attn1_to_q as .* no such layer", id="layer"),
        pytest.param(make_wide, r"as \[6, 6\], the base model has shape \[6, 4\]", id="shape"),
        pytest.param(
            make_nan, "1 of 2 layers hold NaN or infinity, first down_blocks_0_ff", id="nan"
        ),
        pytest.param(make_untrained, "every lokr_w2 is zero: nothing was learned", id="zero"),
    ],
)
def test_a_bad_lokr_is_refused_by_name_and_nothing_is_written(
    folder: Path, trained: Tensors, damage: Callable[[Tensors], None], message: str
) -> None:
    damage(trained)

    with pytest.raises(RepairableError, match=message):
        finish(folder, trained)
    assert not [*(folder / "adapter").iterdir()]


def test_one_learned_layer_is_enough(folder: Path, trained: Tensors) -> None:
    trained[name(WHOLE, "lokr_w2")][:] = 0

    assert finish(folder, trained).largest_update > 0
