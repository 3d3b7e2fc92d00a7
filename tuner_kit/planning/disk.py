"""How much disk space a run needs, by what it is for."""

from collections.abc import Mapping
from types import MappingProxyType

from tuner_kit.planning import measured
from tuner_kit.planning.duration import Workload, checkpoint_gib
from tuner_kit.planning.estimate import Estimate, around
from tuner_kit.planning.memory import GIB
from tuner_kit.planning.shape import TrainingShape

_PARTS = ("denoiser", "vae", "text_encoder", "text_encoder_2", "text_encoder_3")
_PUBLISHED_BYTES = {"sd3": 1, "sd1x": 2}
"""Times 16 bits: SD 1.x is published in float32."""


def estimate_disk(
    shape: TrainingShape,
    work: Workload,
    *,
    latent_cache_bytes: int,
    text_cache_bytes: int,
    checkpoints_total_limit: int,
) -> Mapping[str, Estimate]:
    """Estimate each kind of file, in GiB.

    Args:
        shape: the training.
        work: its length.
        latent_cache_bytes: of all encoded images.
        text_cache_bytes: of all encoded captions.
        checkpoints_total_limit: how many are kept; 0 keeps all.
    """
    kept = work.num_checkpoints
    if checkpoints_total_limit > 0:
        # The next one is written before the oldest is deleted.
        kept = min(kept, checkpoints_total_limit + 1)
    return MappingProxyType(
        {
            "weights": weights_gib(shape.model),
            "latents": around(latent_cache_bytes / GIB, low=0.7, high=1.1),
            "text embeds": around(text_cache_bytes / GIB, low=0.5, high=1.1),
            "checkpoints": checkpoint_gib(shape) * kept,
            "result": _result_gib(shape),
            "pictures": Estimate(0.5, 1.5, 3) * (_megapixels(shape) * _num_pictures(shape, work)),
        }
    )


def _result_gib(shape: TrainingShape) -> Estimate:
    """Estimate what the run leaves: an adapter, or a whole model with copies of its other parts."""
    if shape.method != "full":
        return checkpoint_gib(shape)
    parts = sum(measured.weight_bytes(shape.model, part, "none") for part in _PARTS)
    return around(parts / GIB, low=0.97, high=2.0)


def weights_gib(model: str) -> Estimate:
    """Estimate what is downloaded, in GiB; nothing for a model that is brought along.

    Some repositories hold a second form of a file, which a careless download takes too.
    """
    if model.startswith("tiny"):
        return Estimate.exact(0.0)
    size = sum(measured.weight_bytes(model, part, "none") for part in _PARTS)
    family = "sd1x" if "sd1" in model else "sd3"
    return around(size / GIB * _PUBLISHED_BYTES[family], low=0.97, high=1.6)


def _megapixels(shape: TrainingShape) -> float:
    # As PNG, a megapixel needs one to three MB.
    return shape.validation_resolution_px**2 / 1e6 / 1024


def _num_pictures(shape: TrainingShape, work: Workload) -> int:
    return shape.num_prompts * work.num_validations
