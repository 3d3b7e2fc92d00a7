"""Train the text towers against the image tower: pictures and their captions find each other.

One run trains four networks: CLIP's image and text tower, a second text tower, and T5, each text
side with its own projection of the image tower's output. Source: Radford et al. 2021, CLIP.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextModelWithProjection

from tiny_models.parts import (
    CLIP_WIDTH,
    JOINT_WIDTH,
    T5_MAX_TOKENS,
    VISION_WIDTH,
    build_clip,
    build_clip_text_encoder,
    build_clip_tokenizer,
    build_t5,
    build_t5_tokenizer,
)
from tiny_models.pictures import captioned_picture, step_rng, to_tensor
from tiny_models.recipe import Recipe
from tiny_models.training import Stateful, Training, cosine, set_learning_rate

LEARNING_RATE = 1e-3
WARMUP_STEPS = 80
STYLED_SHARE = 0.3
CLIP_TOKENS = 32
"""Captions are shorter; what comes after the end token doesn't reach it."""
MAX_LOGIT_SCALE = 60.0
PIXEL_MEAN = (0.48145466, 0.4578275, 0.40821073)
PIXEL_STD = (0.26862954, 0.26130258, 0.27577711)
"""CLIP's own, which its image processor applies."""


class Towers(nn.Module):
    """The four networks and the projections that only their training needs."""

    def __init__(self) -> None:
        super().__init__()
        self.clip_tokenizer, self.t5_tokenizer = build_clip_tokenizer(), build_t5_tokenizer()
        self.clip = build_clip(self.clip_tokenizer)
        self.text_2 = build_clip_text_encoder(self.clip_tokenizer)
        self.t5 = build_t5(self.t5_tokenizer)
        self.image_to_text_2 = nn.Linear(VISION_WIDTH, CLIP_WIDTH, bias=False)
        self.image_to_t5 = nn.Linear(VISION_WIDTH, CLIP_WIDTH, bias=False)
        self.t5_projection = nn.Linear(JOINT_WIDTH, CLIP_WIDTH, bias=False)
        self.scales = nn.Parameter(torch.full((3,), 2.6))

    def forward(self, pictures: Tensor, captions: Sequence[str]) -> list[tuple[Tensor, Tensor]]:
        """Give, for each text side, image and text embeddings of length 1, each (B, 64)."""
        clip_ids = tokenize(self.clip_tokenizer, captions, CLIP_TOKENS)
        t5_ids = tokenize(self.t5_tokenizer, captions, T5_MAX_TOKENS)
        with torch.autocast("cpu", torch.bfloat16):
            seen = self.clip.vision_model(pixel_values=normalized(pictures)).pooler_output
            read = self.clip.text_model(input_ids=clip_ids).pooler_output
            hidden = self.t5(input_ids=t5_ids)[0]
            is_word = (t5_ids != 0).unsqueeze(-1)
            meant = (hidden * is_word).sum(1) / is_word.sum(1)
            pairs = [
                (self.clip.visual_projection(seen), self.clip.text_projection(read)),
                (self.image_to_text_2(seen), self.text_2(input_ids=clip_ids).text_embeds),
                (self.image_to_t5(seen), self.t5_projection(meant)),
            ]
        return [
            (
                functional.normalize(image.float(), dim=-1),
                functional.normalize(text.float(), dim=-1),
            )
            for image, text in pairs
        ]

    def losses(self, pictures: Tensor, captions: Sequence[str]) -> list[Tensor]:
        """Give the contrastive loss of each text side."""
        scales = self.scales.exp().clamp(max=MAX_LOGIT_SCALE)
        target = torch.arange(len(captions))
        losses = []
        for scale, (image, text) in zip(scales, self(pictures, captions), strict=True):
            logits = scale * image @ text.T
            losses.append(
                (
                    functional.cross_entropy(logits, target)
                    + functional.cross_entropy(logits.T, target)
                )
                / 2
            )
        return losses


def train_towers(recipe: Recipe, folder: Path) -> None:
    """Train them and save `clip`, `text_encoder`, `text_encoder_2` and `text_encoder_3`."""
    if (folder / "clip").exists():
        return
    torch.manual_seed(recipe.seed + 1)
    towers = Towers()
    weights = list(towers.parameters())
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.05)

    def step(number: int) -> Mapping[str, float]:
        share = number / recipe.tower_steps
        warmup = min(1, (number + 1) / WARMUP_STEPS)
        set_learning_rate(optimizer, LEARNING_RATE * warmup * cosine(share))
        name = f"towers/{number}"
        losses = towers.losses(*captioned_batch(recipe, name, recipe.tower_batch_size))
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call] # torch leaves it unannotated
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        names = ("clip", "text_2", "t5")
        return {name: loss.item() for name, loss in zip(names, losses, strict=True)}

    states: dict[str, Stateful] = {"towers": towers, "optimizer": optimizer}
    Training("towers", folder, recipe.tower_steps, recipe.save_every_steps, states).run(step)
    _save(towers, folder)


def tokenize(tokenizer: object, captions: Sequence[str], num_tokens: int) -> Tensor:
    """Give token ids, shape (B, num_tokens), padded as SD3's pipeline pads them."""
    return tokenizer(  # type: ignore[operator, no-any-return] # transformers' tokenizers are callable
        list(captions),
        padding="max_length",
        max_length=num_tokens,
        truncation=True,
        return_tensors="pt",
    ).input_ids


def captioned_batch(recipe: Recipe, name: str, count: int) -> tuple[Tensor, list[str]]:
    """Draw pictures with their captions, plain ones and styled ones; the same for one name."""
    drawn = [
        captioned_picture(step_rng(recipe.seed, name, number), styled_share=STYLED_SHARE)
        for number in range(count)
    ]
    return to_tensor([picture for picture, _ in drawn]), [caption for _, caption in drawn]


def normalized(pictures: Tensor) -> Tensor:
    """Bring pictures in -1..1 to what CLIP's image processor gives."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (PIXEL_MEAN, PIXEL_STD))
    return ((pictures + 1) / 2 - mean) / std


def _save(towers: Towers, folder: Path) -> None:
    towers.text_2.save_pretrained(folder / "text_encoder_2")
    towers.t5.save_pretrained(folder / "text_encoder_3")
    text = CLIPTextModelWithProjection(towers.clip.config.text_config)
    weights = towers.clip.state_dict()
    text.load_state_dict({name: weights[name] for name in text.state_dict()})
    text.save_pretrained(folder / "text_encoder")
    # Last: its presence says that all are there.
    towers.clip.save_pretrained(folder / "clip")
