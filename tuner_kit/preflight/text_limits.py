"""How much of a caption the text encoders of the base model read."""

from functools import cache, partial
from pathlib import Path

from tuner_kit.data.audit.length_rules import TextEncoderLimit
from tuner_kit.data.clip_tokens import (
    MAX_CLIP_TEXT_TOKENS,
    MAX_T5_TOKENS,
    NUM_T5_END_TOKENS,
    load_clip_counter,
    load_t5_counter,
)


def sd3_limits(
    model_dir: Path | None, max_t5_tokens: int = MAX_T5_TOKENS
) -> tuple[TextEncoderLimit, ...]:
    """Give the limits of SD3's text encoders.

    Args:
        model_dir: the base model's folder, whose T5 tokenizer counts exactly; None estimates.
        max_t5_tokens: the trainer's `tokenizer_max_length`, with the end token.
    """
    t5 = TextEncoderLimit(
        problem_id="D23",
        title="T5",
        max_tokens=max_t5_tokens - NUM_T5_END_TOKENS,
        load_counter=cache(partial(load_t5_counter, model_dir)),
        consequence="the rest is never learned",
    )
    return _clip("the rest is left to T5 alone"), t5


def sd1x_limits() -> tuple[TextEncoderLimit, ...]:
    """Give the limit of the only text encoder of Stable Diffusion 1.x."""
    return (_clip("the rest is never learned"),)


def _clip(consequence: str) -> TextEncoderLimit:
    return TextEncoderLimit(
        problem_id="D22",
        title="CLIP",
        max_tokens=MAX_CLIP_TEXT_TOKENS,
        load_counter=cache(load_clip_counter),
        consequence=consequence,
    )
