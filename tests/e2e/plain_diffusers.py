"""Draws one picture with diffusers (and LyCORIS) alone: no line of tuner_kit is used.

    python plain_diffusers.py METHOD BASE_DIR RESULT_PATH PICTURE_PATH

METHOD is `base`, `lora`, `lokr` or `full`; of a full fine-tune only RESULT_PATH is loaded.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

PROMPT, SEED, SIZE_PX, NUM_STEPS, GUIDANCE = "a red circle", 42, 64, 4, 4.0


def load(method: str, base_dir: Path, result_path: Path) -> "DiffusionPipeline":
    import torch
    from diffusers import DiffusionPipeline

    folder = result_path if method == "full" else base_dir
    pipeline = DiffusionPipeline.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
    )
    if method == "lora":
        pipeline.load_lora_weights(str(result_path.parent), weight_name=result_path.name)
    if method == "lokr":
        from lycoris import create_lycoris_from_weights

        denoiser = getattr(pipeline, "transformer", None) or pipeline.unet
        network, _ = create_lycoris_from_weights(1.0, str(result_path), denoiser)
        network.apply_to()
    return pipeline


def main() -> None:
    import torch

    method, base_dir, result_path, picture_path = sys.argv[1], *map(Path, sys.argv[2:])
    pipeline = load(method, base_dir, result_path)
    is_sd3 = hasattr(pipeline, "transformer")
    denoiser = pipeline.transformer if is_sd3 else pipeline.unet
    shape = (1, denoiser.config.in_channels, SIZE_PX // 8, SIZE_PX // 8)
    options = (
        {"max_sequence_length": min(256, pipeline.tokenizer_3.model_max_length)} if is_sd3 else {}
    )
    picture = pipeline(
        PROMPT,
        num_inference_steps=NUM_STEPS,
        guidance_scale=GUIDANCE,
        width=SIZE_PX,
        height=SIZE_PX,
        latents=torch.randn(shape, generator=torch.Generator("cpu").manual_seed(SEED)),
        **options,
    ).images[0]
    picture.save(picture_path)


if __name__ == "__main__":
    main()
