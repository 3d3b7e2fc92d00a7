"""The plan of a dataset as plain values: what will be trained on, in which shapes."""

from dataclasses import dataclass

from tuner_kit.simpletuner.bucket_plan import Bucket


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """One part of a dataset; most datasets have one."""

    name: str
    """Empty for the only one."""
    repeats: int
    is_regularization: bool
    num_images: int
    buckets: tuple[Bucket, ...]
    batches_per_epoch: int


@dataclass(frozen=True, slots=True)
class DatasetPlan:
    """What the trainer will make of a dataset."""

    path: str
    """What the person called it."""
    layout: str
    num_images: int
    """Images of the folder that its layout keeps."""
    num_captions: int
    num_trained: int
    num_held_out: int
    resolution_px: int
    is_cropped: bool
    parts: tuple[PlannedPart, ...]
    steps_per_epoch: float
    latent_cache_bytes: int
    """Disk space of the encoded images, in bfloat16."""
    text_cache_bytes: int
    """Disk space of the encoded captions, in bfloat16."""

    @property
    def num_fallen_out(self) -> int:
        """Images that are neither trained on nor held out."""
        return self.num_images - self.num_trained - self.num_held_out
