"""The planner: what it gives up, in which order, and what it says."""

from dataclasses import replace

import pytest

from tuner_kit.catalog.gpus import find_gpu
from tuner_kit.planning.choose import RESERVED_GIB, Choice, choose_settings
from tuner_kit.planning.memory import estimate_memory
from tuner_kit.planning.shape import TrainingShape

WISH = TrainingShape(
    model="sd3.5-medium", train_batch_size=4, gradient_checkpointing=False, vae_batch_size=4
)


def choose(wish: TrainingShape, memory_gib: float, **other: object) -> Choice:
    capability = other.get("compute_capability", (8, 9))
    assert capability is None or isinstance(capability, tuple)
    return choose_settings(
        wish,
        memory_gib=memory_gib,
        compute_capability=capability,
        effective_batch_size=4,
    )


def highest(shape: TrainingShape) -> float:
    return max(found.gpu.high for found in estimate_memory(shape))


def test_a_wish_that_fits_stays_as_it_is() -> None:
    choice = choose(WISH, 79.6)

    assert choice == Choice(WISH, {}, (), fits=True)


def test_sd35_medium_at_1024_px_fits_into_12_gb_with_its_weights_in_16_bits() -> None:
    gpu = find_gpu("12 GB")
    assert gpu is not None

    choice = choose(WISH, gpu.memory_gib)

    assert choice.fits
    assert highest(choice.shape) <= gpu.memory_gib - RESERVED_GIB
    assert choice.shape.resolution_px == 1024
    assert choice.shape.quantization == "none"
    assert choice.shape.text_encoder_3_quantization == "int8-quanto"
    assert choice.shape.effective_batch_size == 4
    assert choice.shape.gradient_checkpointing


@pytest.mark.parametrize("memory_gib", [11.9, 15.0, 22.4, 45.0, 79.6])
@pytest.mark.parametrize("model", ["sd3-medium", "sd3.5-medium", "sd1.5"])
def test_what_fits_stays_below_the_gpus_memory_at_the_upper_end(
    model: str, memory_gib: float
) -> None:
    choice = choose(replace(WISH, model=model), memory_gib)

    assert choice.fits
    assert highest(choice.shape) <= memory_gib - RESERVED_GIB


def test_each_loss_is_said_in_one_sentence_and_no_more_is_lost() -> None:
    choice = choose(WISH, 15.0)

    words = ("Batches of 1 instead of 4", "checkpointing", "instead of 4 at once", "wait in RAM")
    assert [each in said for each, said in zip(words, choice.given_up, strict=True)] == [True] * 4
    assert choice.shape == replace(
        WISH,
        train_batch_size=1,
        gradient_accumulation_steps=4,
        gradient_checkpointing=True,
        vae_batch_size=1,
        offloads_encoders=True,
    )
    assert choice.options == {"offload_during_startup": True}


def test_the_batch_is_kept_when_only_the_encoders_are_too_large() -> None:
    wish = TrainingShape(model="sd3.5-medium", resolution_px=512, validation_resolution_px=512)

    choice = choose(wish, 11.9)

    assert choice.shape == replace(
        wish, offloads_encoders=True, text_encoder_3_quantization="int8-quanto"
    )


def test_the_large_model_is_quantized_on_the_cpu_in_24_gb() -> None:
    choice = choose(replace(WISH, model="sd3.5-large"), 22.4)

    assert choice.fits
    assert choice.shape.quantization == "int8-quanto"
    assert choice.options["quantize_via"] == "cpu"
    assert choice.shape.resolution_px == 1024


def test_the_large_model_needs_four_bits_in_12_gb() -> None:
    choice = choose(replace(WISH, model="sd3.5-large"), 11.9)

    assert choice.fits
    assert choice.shape.quantization == "nf4-bnb"
    assert "quantize_via" not in choice.options


def test_a_gpu_without_tensor_cores_gets_no_four_bits() -> None:
    large = replace(WISH, model="sd3.5-large")

    choice = choose(large, 11.9, compute_capability=(6, 1))

    assert choice.shape.quantization == "int8-quanto"


def test_smaller_pictures_come_before_four_bits() -> None:
    choice = choose(replace(WISH, model="sd3.5-large"), 15.0)

    positions = [
        next(index for index, said in enumerate(choice.given_up) if words in said)
        for words in ("8 bits (int8", "Validation pictures")
    ]
    assert positions == sorted(positions)


def test_resolution_is_the_last_thing_to_go() -> None:
    wish = TrainingShape(model="sd1.5", num_prompts=0)

    choice = choose(wish, 3.4)

    assert choice.given_up[-1].startswith("Images are trained on at ")
    assert any("8 bits" in said for said in choice.given_up[:-1])


def test_a_full_fine_tune_gets_a_small_optimizer_and_never_a_quantized_base() -> None:
    choice = choose(replace(WISH, method="full"), 22.4)

    assert choice.shape.optimizer == "bnb-adamw8bit"
    assert choice.shape.quantization == "none"


def test_what_is_only_likely_to_fit_is_called_so() -> None:
    wish = replace(WISH, method="full", resolution_px=512)
    sizes = [found.gpu for found in estimate_memory(choose(wish, 10.0).shape)]
    between = max(size.likely for size in sizes) + RESERVED_GIB + 0.05
    assert between < max(size.high for size in sizes)

    choice = choose(wish, between)

    assert choice.fits
    assert choice.given_up[-1].startswith("It is likely to fit into ")


def test_a_gpu_that_is_too_small_for_anything_is_called_so() -> None:
    choice = choose(replace(WISH, model="sd3.5-large", method="full"), 15.0)

    assert not choice.fits
    assert choice.shape.quantization == "none"


def test_accumulation_keeps_the_effective_batch_on_several_gpus() -> None:
    choice = choose(replace(WISH, num_gpus=2, train_batch_size=2), 15.0)

    assert choice.shape.train_batch_size == 1
    assert choice.shape.effective_batch_size == 4


def test_tiles_are_asked_for_where_they_help() -> None:
    wish = TrainingShape(
        model="sd1.5", resolution_px=1024, validation_resolution_px=1024, vae_batch_size=1
    )

    choice = choose(wish, 5.0)

    assert choice.options.get("vae_enable_tiling") is True
