"""All numbers that the making of the tiny models depends on."""

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long each part is trained, on how much; one seed stands behind everything."""

    seed: int
    encoder_steps: int
    """Autoencoder whole, 8 crops of 64 px a step."""
    decoder_steps: int
    """Decoder alone, encoder frozen; the last share of them on whole pictures."""
    tower_steps: int
    """Both CLIP towers, the second text tower and T5 together."""
    tower_batch_size: int
    num_latents: int
    """Pictures whose latents and captions the denoiser learns from."""
    denoiser_steps: int
    denoiser_decay_steps: int
    """The last of them, in which the learning rate falls."""
    denoiser_full_steps: int
    """The last of them, with captions as long as SD3 has them; before, they are cut: faster."""
    denoiser_batch_size: int
    save_every_steps: int
    num_measured: int
    """Pictures that are drawn and read back at the end."""
    num_retrieved: int
    """Pictures and captions among which CLIP finds the pairs."""

    def sizes(self) -> dict[str, int]:
        """Give all numbers by name."""
        return dataclasses.asdict(self)


FULL = Recipe(
    seed=2026,
    encoder_steps=1500,
    decoder_steps=3500,
    tower_steps=1200,
    tower_batch_size=64,
    num_latents=24_000,
    denoiser_steps=4_200,
    denoiser_decay_steps=1_200,
    denoiser_full_steps=500,
    denoiser_batch_size=64,
    save_every_steps=200,
    num_measured=100,
    num_retrieved=300,
)

TRIAL = Recipe(
    seed=2026,
    encoder_steps=4,
    decoder_steps=4,
    tower_steps=4,
    tower_batch_size=8,
    num_latents=32,
    denoiser_steps=6,
    denoiser_decay_steps=2,
    denoiser_full_steps=2,
    denoiser_batch_size=8,
    save_every_steps=2,
    num_measured=10,
    num_retrieved=10,
)
"""Goes through every part in a minute, so that a test can see that it works and repeats itself."""
