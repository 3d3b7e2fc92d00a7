"""The trainer's adapter: what is refused, and that alpha keeps its trained strength."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tuner_kit.errors import ExitCode
from tuner_kit.process.messages import AdapterSummary, FinishAdapterRequest, WorkerFailure
from tuner_kit.workers.finish_adapter import finish_adapter
from tuner_kit.workers.lora_file import Float32Array, Tensor, load_tensors, save_tensors
from tuner_kit.workers.runtime import RepairableError

RANK, WIDTH = 4, 6
QUERY = "transformer_blocks.0.attn.to_q"
OUTPUT = "transformer_blocks.0.attn.to_out.0"
Tensors = dict[str, Float32Array]


@pytest.fixture
def base_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "base" / "transformer"
    folder.mkdir(parents=True)
    shapes = {f"{module}.weight": np.zeros((WIDTH, WIDTH)) for module in (QUERY, OUTPUT)}
    save_file(shapes, folder / "diffusion_pytorch_model.safetensors")
    return tmp_path / "base"


@pytest.fixture
def trained() -> Tensors:
    random = np.random.default_rng(1)
    return {
        f"transformer.{module}.lora_{half}.weight": random.normal(size=shape).astype(np.float32)
        for module in (QUERY, OUTPUT)
        for half, shape in (("A", (RANK, WIDTH)), ("B", (WIDTH, RANK)))
    }


def finish(base_dir: Path, trained: Tensors, *, alpha: float = RANK) -> AdapterSummary:
    save_file(trained, trained_path(base_dir), {"format": "pt"})
    return finish_adapter(request_for(base_dir, alpha=alpha), emit=lambda *_: None)


def request_for(base_dir: Path, *, alpha: float = RANK) -> FinishAdapterRequest:
    return FinishAdapterRequest(
        trained_path=trained_path(base_dir),
        adapter_path=adapter_path(base_dir),
        base_model=str(base_dir),
        rank=RANK,
        alpha=alpha,
        metadata={"run": "cats", "base_model": "tiny"},
    )


def trained_path(base_dir: Path) -> Path:
    return base_dir.parent / "pytorch_lora_weights.safetensors"


def adapter_path(base_dir: Path) -> Path:
    return base_dir.parent / "adapter.safetensors"


def test_a_sound_adapter_is_described_and_kept_bit_for_bit(
    base_dir: Path, trained: Tensors
) -> None:
    summary = finish(base_dir, trained)

    finished = load_file(adapter_path(base_dir))
    assert all(np.array_equal(finished[name], trained[name]) for name in trained)
    assert (summary.num_modules, summary.rank, summary.dtype) == (2, RANK, "float32")
    assert summary.num_parameters == 4 * RANK * WIDTH
    assert summary.largest_update == max(
        np.abs(values).max() for name, values in trained.items() if "lora_B" in name
    )


def test_the_adapter_carries_the_metadata(base_dir: Path, trained: Tensors) -> None:
    finish(base_dir, trained)

    with safe_open(adapter_path(base_dir), framework="numpy") as adapter:
        metadata = adapter.metadata()
    assert metadata == {"format": "pt", "run": "cats", "base_model": "tiny"}


def test_one_training_gives_one_adapter_byte_for_byte(base_dir: Path, trained: Tensors) -> None:
    finish(base_dir, trained)
    first = adapter_path(base_dir).read_bytes()
    finish(base_dir, trained)

    assert adapter_path(base_dir).read_bytes() == first


@pytest.mark.parametrize("alpha", [1.0, 2.0, 16.0, 3.7])
def test_folded_alpha_gives_the_update_that_was_trained(
    base_dir: Path, trained: Tensors, alpha: float
) -> None:
    finish(base_dir, trained, alpha=alpha)

    down, up = (f"transformer.{QUERY}.lora_{half}.weight" for half in "AB")
    finished = load_file(adapter_path(base_dir))
    # Hu et al. 2021, section 4.1: the update is B A alpha / rank. Loaders take alpha = rank.
    wanted = trained[up] @ trained[down] * (alpha / RANK)
    # One float32 rounding of each lora_B entry, relative 6e-8, over sums of 4 products.
    np.testing.assert_allclose(finished[up] @ finished[down], wanted, rtol=1e-5, atol=1e-6)


def test_bfloat16_is_read_exactly_and_rounded_to_the_nearest_even(tmp_path: Path) -> None:
    # bfloat16 has 7 stored bits: the neighbors of 1 are 1 + 2**-7 steps apart.
    values = np.array([1.0, 1 + 2**-7, 1 + 2**-8, 1 + 3 * 2**-8, -3.5, 0.0], np.float32)
    save_tensors(tmp_path / "a.safetensors", {"a": Tensor(values, "BF16")}, metadata={})

    loaded = load_tensors(tmp_path / "a.safetensors")["a"]

    assert loaded.dtype == "BF16"
    assert loaded.values.tolist() == [1.0, 1 + 2**-7, 1.0, 1 + 2**-6, -3.5, 0.0]


def test_a_sharded_base_model_is_read_through_its_index(base_dir: Path, trained: Tensors) -> None:
    folder = base_dir / "transformer"
    (folder / "diffusion_pytorch_model.safetensors").unlink()
    shards = {f"{QUERY}.weight": "1.safetensors", f"{OUTPUT}.weight": "2.safetensors"}
    for name, shard in shards.items():
        save_file({name: np.zeros((WIDTH, WIDTH))}, folder / shard)
    index = folder / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": shards}), encoding="utf-8")

    assert finish(base_dir, trained).num_modules == 2


def make_foreign(trained: Tensors) -> None:
    trained["lora_te_text_model.alpha"] = np.ones(1, np.float32)


def make_widowed(trained: Tensors) -> None:
    del trained[f"transformer.{QUERY}.lora_B.weight"]


def make_other_rank(trained: Tensors) -> None:
    for name in [*trained]:
        trained[name] = trained[name][:2] if "lora_A" in name else trained[name][:, :2].copy()


def make_unknown_layer(trained: Tensors) -> None:
    for half in "AB":
        moved = trained.pop(f"transformer.{QUERY}.lora_{half}.weight")
        trained[f"transformer.transformer_blocks.9.attn.to_q.lora_{half}.weight"] = moved


def make_wide(trained: Tensors) -> None:
    trained[f"transformer.{QUERY}.lora_A.weight"] = np.ones((RANK, WIDTH + 1), np.float32)


def make_nan(trained: Tensors) -> None:
    trained[f"transformer.{QUERY}.lora_A.weight"][0, 0] = np.nan


def make_infinite(trained: Tensors) -> None:
    trained[f"transformer.{QUERY}.lora_B.weight"][0, 0] = np.inf


def make_untrained(trained: Tensors) -> None:
    for name in trained:
        if "lora_B" in name:
            trained[name][:] = 0


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(dict.clear, "it is empty", id="empty"),
        pytest.param(make_foreign, "1 foreign tensors, first lora_te_text_model.alpha", id="key"),
        pytest.param(make_widowed, f"half of their LoRA pair, first {QUERY}", id="widowed"),
        pytest.param(make_other_rank, "rank 2 x 2; this run trains rank 4", id="rank"),
        pytest.param(make_unknown_layer, "blocks.9.attn.to_q as .* no such layer", id="layer"),
        pytest.param(make_wide, r"as \[6, 7\], the base model has shape \[6, 6\]", id="shape"),
        pytest.param(make_nan, f"1 of 2 layers hold NaN or infinity, first {QUERY}", id="nan"),
        pytest.param(make_infinite, "1 of 2 layers hold NaN or infinity", id="infinity"),
        pytest.param(make_untrained, "every lora_B is zero: nothing was learned", id="zero"),
    ],
)
def test_a_bad_adapter_is_refused_by_name_and_nothing_is_written(
    base_dir: Path, trained: Tensors, damage: Callable[[Tensors], None], message: str
) -> None:
    damage(trained)

    with pytest.raises(RepairableError, match=message):
        finish(base_dir, trained)
    assert not adapter_path(base_dir).exists()


@pytest.mark.parametrize("kept_bytes", [0, 5, 100, -1])
def test_a_truncated_adapter_is_refused(base_dir: Path, trained: Tensors, kept_bytes: int) -> None:
    save_file(trained, trained_path(base_dir))
    trained_path(base_dir).write_bytes(trained_path(base_dir).read_bytes()[:kept_bytes])

    with pytest.raises(RepairableError, match="damaged or cut short"):
        finish_adapter(request_for(base_dir), emit=lambda *_: None)


def test_a_missing_adapter_is_refused(base_dir: Path) -> None:
    with pytest.raises(RepairableError, match="the trainer left no pytorch_lora_weights"):
        finish_adapter(request_for(base_dir), emit=lambda *_: None)


def test_a_base_model_without_a_transformer_is_refused(base_dir: Path, trained: Tensors) -> None:
    (base_dir / "transformer" / "diffusion_pytorch_model.safetensors").unlink()

    with pytest.raises(RepairableError, match="transformer/diffusion_pytorch_model") as refusal:
        finish(base_dir, trained)
    assert "diffusers folder" in refusal.value.failure.fix


def test_the_program_ends_with_8_and_says_why(base_dir: Path, trained: Tensors) -> None:
    make_untrained(trained)
    save_file(trained, trained_path(base_dir))
    request, result = base_dir.parent / "request.json", base_dir.parent / "result.json"
    request.write_text(request_for(base_dir).model_dump_json(), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "tuner_kit.workers.finish_adapter", request, result], check=False
    )

    assert done.returncode == ExitCode.WORKER
    failure = WorkerFailure.model_validate_json(result.read_bytes())
    assert "nothing was learned" in failure.what


def test_an_adapter_of_a_unet_fits_its_own_family_only(base_dir: Path, trained: Tensors) -> None:
    (base_dir / "transformer").rename(base_dir / "unet")
    of_unet = {name.replace("transformer.", "unet.", 1): trained[name] for name in trained}
    save_file(of_unet, trained_path(base_dir))
    request = request_for(base_dir, alpha=2.0)

    summary = finish_adapter(request.model_copy(update={"family": "sd1x"}), lambda *_: None)

    finished = load_file(adapter_path(base_dir))
    up = f"unet.{QUERY}.lora_B.weight"
    assert (finished.keys(), summary.num_modules) == (of_unet.keys(), 2)
    np.testing.assert_allclose(finished[up], of_unet[up] * (2.0 / RANK), rtol=1e-6)
    with pytest.raises(RepairableError, match="not a plain LoRA of a transformer: 4 foreign"):
        finish_adapter(request, emit=lambda *_: None)
