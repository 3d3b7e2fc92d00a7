"""Captions to what the denoiser is conditioned on, as SD3's pipeline encodes them."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import CLIPTextModelWithProjection, T5EncoderModel

from tiny_models.parts import (
    CLIP_MAX_TOKENS,
    T5_MAX_TOKENS,
    build_clip_tokenizer,
    build_t5_tokenizer,
)
from tiny_models.towers import tokenize

NUM_SHORT_TOKENS = 20
"""Nearly every caption ends before; the rest is padding."""


class PromptEncoder:
    """The three text encoders, frozen."""

    def __init__(self, folder: Path) -> None:
        self.clip_tokenizer, self.t5_tokenizer = build_clip_tokenizer(), build_t5_tokenizer()
        load = CLIPTextModelWithProjection.from_pretrained
        self.clips = [load(folder / name).eval() for name in ("text_encoder", "text_encoder_2")]
        self.t5 = T5EncoderModel.from_pretrained(folder / "text_encoder_3").eval()

    @torch.no_grad()
    def encode(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Give the tokens' embeddings, (B, 77 + 32, 128), and the pooled ones, (B, 128)."""
        return self._encode(captions, CLIP_MAX_TOKENS, T5_MAX_TOKENS)

    @torch.no_grad()
    def encode_short(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Give the first 20 tokens of either kind, (B, 20 + 20, 128), and the pooled ones.

        CLIP looks back only, so the first tokens are what they are in the full length; T5, which
        looks everywhere, is run in full and then cut.
        """
        return self._encode(captions, NUM_SHORT_TOKENS, NUM_SHORT_TOKENS)

    def _encode(
        self, captions: Sequence[str], num_clip_tokens: int, num_t5_tokens: int
    ) -> tuple[Tensor, Tensor]:
        clip_ids = tokenize(self.clip_tokenizer, captions, num_clip_tokens)
        t5_ids = tokenize(self.t5_tokenizer, captions, T5_MAX_TOKENS)
        read = [clip(clip_ids, output_hidden_states=True) for clip in self.clips]
        clip_tokens = torch.cat([output.hidden_states[-2] for output in read], dim=-1)
        t5_tokens = self.t5(t5_ids)[0][:, :num_t5_tokens]
        tokens = torch.cat([clip_tokens, t5_tokens], dim=1)
        return tokens, torch.cat([output.text_embeds for output in read], dim=-1)
