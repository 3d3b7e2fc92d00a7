"""What decides how much memory and time a training needs."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

MODELS = ("sd3-medium", "sd3.5-medium", "sd3.5-large", "sd1.5", "tiny-sd3", "tiny-sd1")
"""What was counted; other models are unknown to the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingShape:
    """A training, as far as its size matters."""

    model: str
    """One of MODELS."""
    method: str = "lora"
    """`lora`, `lokr` (with the default factors) or `full`."""
    rank: int = 32
    """Of a LoRA."""
    quantization: str = "none"
    """`none`, `int8-quanto`, `int8-torchao`, `fp8-torchao` or `nf4-bnb`."""
    text_encoder_3_quantization: str = "none"
    """`none`, `int8-quanto` or `int8-torchao`."""
    optimizer: str = "adamw_bf16"
    mixed_precision: str = "bf16"
    """`bf16`, or `no` for float32."""
    resolution_px: int = 1024
    """Edge of a square with as many pixels as a training image."""
    train_batch_size: int = 1
    """On each GPU."""
    gradient_accumulation_steps: int = 1
    gradient_checkpointing: bool = True
    vae_batch_size: int = 1
    validation_resolution_px: int = 1024
    num_prompts: int = 2
    """Drawn at each validation; 0 where nothing is."""
    vae_tiling: bool = False
    """The autoencoder works in tiles of 512 px."""
    num_gpus: int = 1
    offloads_encoders: bool = False
    """The text encoders wait in RAM while images are encoded."""
    quantizes_on_cpu: bool = False
    """The base model is quantized before it goes to the GPU."""

    @property
    def family(self) -> str:
        """The trainer's family: `sd3` or `sd1x`."""
        return "sd1x" if "sd1" in self.model else "sd3"

    @property
    def effective_batch_size(self) -> int:
        """Images of one optimizer step."""
        return self.train_batch_size * self.gradient_accumulation_steps * self.num_gpus

    @property
    def num_tokens(self) -> int:
        """What activations grow with: patches of 16 px, or latents of a U-Net of 8 px."""
        return (self.resolution_px // (8 if self.family == "sd1x" else 16)) ** 2


_BY_HUB_ID = MappingProxyType(
    {
        "stabilityai/stable-diffusion-3-medium-diffusers": "sd3-medium",
        "stabilityai/stable-diffusion-3.5-medium": "sd3.5-medium",
        "stabilityai/stable-diffusion-3.5-large": "sd3.5-large",
        "stable-diffusion-v1-5/stable-diffusion-v1-5": "sd1.5",
        "CompVis/stable-diffusion-v1-4": "sd1.5",
        "embedded:tiny-sd3": "tiny-sd3",
        "embedded:tiny-sd1": "tiny-sd1",
    }
)
_TRANSFORMERS = MappingProxyType(
    {
        (24, 24, False): "sd3-medium",
        (24, 24, True): "sd3.5-medium",
        (38, 38, False): "sd3.5-large",
        (6, 4, False): "tiny-sd3",
    }
)
"""By num_layers, num_attention_heads, and whether some layers attend twice."""
_UNETS = MappingProxyType({(320, 640, 1280, 1280): "sd1.5", (16, 16, 32, 32): "tiny-sd1"})
"""By block_out_channels."""
_SD1_TEXT_WIDTH = 768
"""SD 2.x has U-Nets of the same channels, but reads wider texts."""


def model_of(base: str, family: str) -> str | None:
    """Name the model that a base is, as the plan knows it; None where it is unknown.

    Args:
        base: hub id, `embedded:<name>`, or a folder in the layout of diffusers.
        family: `sd3` or `sd1x`; another one than the folder's gives None.
    """
    known = _BY_HUB_ID.get(base)
    if known is None:
        folder = Path(base).expanduser()
        known = _transformer_of(folder) if family == "sd3" else _unet_of(folder)
    is_sd1 = known is not None and "sd1" in known
    return known if is_sd1 == (family == "sd1x") else None


def _transformer_of(folder: Path) -> str | None:
    found = _read(folder / "transformer" / "config.json")
    layers, heads = found.get("num_layers"), found.get("num_attention_heads")
    if not isinstance(layers, int) or not isinstance(heads, int):
        return None
    return _TRANSFORMERS.get((layers, heads, bool(found.get("dual_attention_layers"))))


def _unet_of(folder: Path) -> str | None:
    found = _read(folder / "unet" / "config.json")
    channels = found.get("block_out_channels")
    known = _UNETS.get(tuple(channels)) if isinstance(channels, list) else None
    is_other = known == "sd1.5" and found.get("cross_attention_dim") != _SD1_TEXT_WIDTH
    return None if is_other else known


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # the rules for base models say what is wrong with the folder
    return found if isinstance(found, dict) else {}
