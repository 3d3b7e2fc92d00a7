"""Rule H15: what a training writes, against the free disk space.

Computed, not measured: bytes follow from the number of values. The weights count as if they
were still to be downloaded, which only makes a warning.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.entries import facts_about, trained_pictures, with_options
from tuner_kit.simpletuner.rules.rule import Finding
from tuner_kit.simpletuner.rules.setup import TrainerSetup
from tuner_kit.simpletuner.rules.sizes import sizes_of

_GIB = 2**30
_STORED_BYTES = 1.6
"""Of one cached value in bf16: gzip takes a fifth off (see bucket_plan.py)."""
_VAE_SCALE = 8
_STATE_BYTES = 6
"""Of one trained value in a checkpoint: itself and Adam's two averages, each in bf16."""


@dataclass(frozen=True, slots=True)
class _Base:
    """What a base model brings along."""

    weights_gib: float
    """All that the trainer loads, in the precision in which it is published."""
    num_parameters: float
    """Of the part that is trained."""
    lora_parameters: float
    """Of a LoRA on the attention, for each rank."""
    latent_channels: int
    text_values: int
    """Cached for one caption."""


_BASES: Mapping[str, _Base] = MappingProxyType(
    {
        "sd3": _Base(15.2, 2.47e9, 4.6e5, 16, 154 * 4096 + 77 * 2048 + 2048),
        "sd3-large": _Base(25.7, 8.06e9, 7.4e5, 16, 154 * 4096 + 77 * 2048 + 2048),
        "sd1x": _Base(4.0, 0.86e9, 2.0e5, 4, 77 * 768),
    }
)
"""Parameters as published on the model cards; 2 bytes each for SD3, 4 for SD1.5."""


def check_disk(setup: TrainerSetup) -> Iterator[Finding]:
    """H15: less is free than will be written."""
    free_gib, base = setup.around.free_disk_gib, _base_of(setup)
    if free_gib is None or base is None:
        return
    caches_gib, checkpoints_gib = _caches_gib(setup, base), _checkpoints_gib(setup, base)
    written_gib = caches_gib + checkpoints_gib
    weights_gib = 0.0 if _is_local(setup) else base.weights_gib
    parts = f"checkpoints {checkpoints_gib:.1f} GiB, caches {caches_gib:.1f} GiB"
    if written_gib > free_gib:
        yield _too_full(f"{free_gib:.1f} GiB are free, but the training writes about {parts}", None)
    elif written_gib + weights_gib > free_gib:
        yield _too_full(
            f"{free_gib:.1f} GiB are free, but the training writes about {parts}, and downloads "
            f"about {weights_gib:.0f} GiB unless the base model is there already",
            Severity.WARNING,
        )


def _too_full(what: str, severity: Severity | None) -> Finding:
    return Finding(
        what=what,
        fix="free some space, lower checkpoints_total_limit, or write output_dir and the cache "
        "folders to another disk",
        key="output_dir",
        severity=severity,
    )


def _base_of(setup: TrainerSetup) -> _Base | None:
    named = setup.options.text("pretrained_model_name_or_path") or ""
    is_large = "large" in (named or setup.options.text("model_flavour") or "").lower()
    return _BASES.get("sd3-large" if setup.family == "sd3" and is_large else setup.family)


def _is_local(setup: TrainerSetup) -> bool:
    named = setup.options.text("pretrained_model_name_or_path") or ""
    # On the Hub a name is user/model, with one slash and no dot in front.
    return setup.around.base_parts is not None or named.startswith((".", "/", "~"))


def _caches_gib(setup: TrainerSetup, base: _Base) -> float:
    num_values = 0.0
    for entry in trained_pictures(setup):
        facts, sizes = facts_about(setup, entry), sizes_of(setup, entry)
        if facts is None or sizes is None or sizes.edge_px is None:
            continue
        latents = 0.0
        if not (entry.is_on("vae_cache_disable") or setup.options.is_on("vae_cache_disable")):
            latents = base.latent_channels * (sizes.edge_px / _VAE_SCALE) ** 2
        strategy = with_options(setup, entry).text("caption_strategy")
        texts = 1 if strategy == "instanceprompt" else facts.num_images
        num_values += facts.num_images * latents + texts * base.text_values
    return num_values * _STORED_BYTES / _GIB


def _checkpoints_gib(setup: TrainerSetup, base: _Base) -> float:
    rank = setup.options.number("lora_rank") or 0.0
    trained = base.lora_parameters * rank if setup.is_lora else base.num_parameters
    return trained * _STATE_BYTES * _num_checkpoints(setup) / _GIB


def _num_checkpoints(setup: TrainerSetup) -> float:
    """Those that are kept, and one that is being written before the oldest goes."""
    limit = setup.options.number("checkpoints_total_limit") or 0.0
    steps, interval = (
        setup.options.number(key) or 0.0 for key in ("max_train_steps", "checkpoint_step_interval")
    )
    num_written = steps // interval if steps > 0 and interval > 0 else 1.0
    return min(num_written, limit + 1) if limit > 0 else num_written
