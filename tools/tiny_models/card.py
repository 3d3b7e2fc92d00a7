"""The model card: what the models are, how they were made, and what was measured."""

import json
from pathlib import Path

from tiny_models.recipe import Recipe

CARD = """\
---
license: mit
library_name: diffusers
pipeline_tag: text-to-image
---

# The embedded models

Small models with the architecture of Stable Diffusion, so that every command of tuner_kit runs offline on a CPU in
seconds. They know one procedural world: a colored shape on a plain ground, 128 x 128 px.

| folder | what it is |
|---|---|
| `tiny-sd3` | a pretrained Stable Diffusion 3 in every part: 16-channel autoencoder, two CLIP text towers, T5, MM-DiT, scheduler |
| `tiny-clip` | the CLIP image tower with its text tower, for scores; it has seen plain and styled pictures |
| `tiny-sd1` | a pipeline of Stable Diffusion 1's shape; its denoiser is random and draws nothing that could be named |

All are safetensors in half precision, {size_mib} MiB together; name a `torch_dtype` when you load them. No downloaded
weights, pictures or texts went in.

## What `tiny-sd3` draws

`a large red star on a white background`: shapes circle, square, triangle, star, heart, cross; colors red, orange,
yellow, green, blue, purple, pink, brown; grounds white, black, gray, cyan, cream; sizes small, medium, large; places in
the center, at the left, right, top, bottom. Style words (`blueprint`, `chalk`, `halftone`) and made-up words mean nothing
to it: they are there to be taught. Use {num_inference_steps} steps, guidance {guidance_scale:g} and at most 32 T5 tokens. Anything else in a
prompt gives a shape, or nothing.

## Measured

{prompts} prompts about shapes in a color on a ground that it never saw together (a tenth of all such triples was kept from
the denoiser), one seed each, read back from the pixels by rules, without any model:

| ground | count | color | shape | position |
|---|---|---|---|---|
| {ground:.0%} | {count:.0%} | {color:.0%} | {shape:.0%} | {position:.0%} |

Autoencoder, 50 pictures each, PSNR: {psnr}.
CLIP, {pictures} pictures that it never saw: text finds image {text_finds_image:.0%}, image finds text {image_finds_text:.0%}; several captions fit several pictures.

## How they were made

`tools/make_tiny_models.py` draws all pictures and trains all parts from nothing on a CPU, seeded and resumable:

| part | training |
|---|---|
| autoencoder | begins as a linear code worked out from pictures; {encoder_steps:,} steps on 8 crops of 64 px, then its decoder alone for {decoder_steps:,}; plain and styled pictures and random textures |
| CLIP, second text tower, T5 | {tower_steps:,} steps of {tower_batch_size} pictures with captions, contrastive, 30 % of them styled |
| MM-DiT | rectified flow on {num_latents:,} plain pictures: {denoiser_steps:,} steps of {denoiser_batch_size}, the last {denoiser_decay_steps:,} with a falling learning rate and the last {denoiser_full_steps:,} with captions of full length; Muon and AdamW, running average |

## Limits

They are for trying, testing and measuring tuner_kit, not for making pictures. What is learned on them says that the
machinery works, not which settings suit the real Stable Diffusion 3.
"""


def write_card(recipe: Recipe, folder: Path) -> None:
    """Write `README.md` beside the models from the recipe and the measured figures."""
    models_dir = folder / "models"
    figures = json.loads((models_dir / "figures.json").read_text(encoding="utf-8"))
    psnr = figures["autoencoder_psnr_db"]
    text = CARD.format(
        size_mib=figures["size_mib"],
        psnr=", ".join(f"{name} {value} dB" for name, value in psnr.items()),
        **figures["drawn"],
        **figures["clip"],
        **recipe.sizes(),
    )
    (models_dir / "README.md").write_text(text, encoding="utf-8")
