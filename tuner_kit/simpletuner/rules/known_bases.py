"""What the rules know of SD3's and SD1's published weights: flavors, layers and sizes."""

from collections.abc import Mapping
from dataclasses import dataclass

from tuner_kit.catalog.base_models import family_of
from tuner_kit.simpletuner.rules.setup import TrainerSetup


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBase:
    """One published SD3 model.

    The parameters were counted on diffusers' classes built from the published configurations.
    """

    name: str
    num_layers: int
    transformer_params: int


SD3_MEDIUM = "stabilityai/stable-diffusion-3-medium-diffusers"
SD3_5_MEDIUM = "stabilityai/stable-diffusion-3.5-medium"
SD3_5_LARGE = "stabilityai/stable-diffusion-3.5-large"

SD3_BASES: Mapping[str, KnownBase] = {
    SD3_MEDIUM: KnownBase(name="SD3-medium", num_layers=24, transformer_params=2_028_328_000),
    SD3_5_MEDIUM: KnownBase(name="SD3.5-medium", num_layers=24, transformer_params=2_243_171_520),
    SD3_5_LARGE: KnownBase(name="SD3.5-large", num_layers=38, transformer_params=8_056_627_520),
}

FLAVORS: Mapping[str, Mapping[str, str]] = {
    "sd3": {"medium": SD3_5_MEDIUM, "large": SD3_5_LARGE},
    "sd1x": {
        "1.5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "1.4": "CompVis/stable-diffusion-v1-4",
        "dreamshaper": "Lykon/dreamshaper-8",
        "realvis": "SG161222/RealVisXL_V5.0",
    },
}
"""`model_flavour` of each family: helpers/models/{sd3,sd1x}/model.py, HUGGINGFACE_PATHS."""

DEFAULT_FLAVORS: Mapping[str, str] = {"sd3": "medium", "sd1x": "dreamshaper"}
"""What SimpleTuner takes where neither a flavor nor a path is given."""


def base_id(setup: TrainerSetup) -> str | None:
    """Return the hub id or path of the base model; None where the flavor names none."""
    path = setup.options.text("pretrained_model_name_or_path")
    if path is not None:
        return path
    flavor = setup.options.text("model_flavour") or DEFAULT_FLAVORS.get(setup.family, "")
    return FLAVORS.get(setup.family, {}).get(flavor)


def known_sd3_base(setup: TrainerSetup) -> KnownBase | None:
    """Return the published SD3 model that is trained; None for any other."""
    return SD3_BASES.get(base_id(setup) or "") if setup.family == "sd3" else None


def is_sd3_5(setup: TrainerSetup) -> bool:
    """Whether the base is surely one of SD3.5's two models."""
    return setup.family == "sd3" and base_id(setup) in (SD3_5_MEDIUM, SD3_5_LARGE)


def is_sd3_5_large(setup: TrainerSetup) -> bool:
    """Whether the base is surely SD3.5-large."""
    return setup.family == "sd3" and base_id(setup) == SD3_5_LARGE


def family_of_hub_id(hub_id: str) -> str | None:
    """Name the family of a published model; None for any that is not known."""
    if hub_id == FLAVORS["sd1x"]["realvis"]:
        return "sdxl"  # SimpleTuner lists it among SD1's flavors.
    named = (family for family, ids in FLAVORS.items() if hub_id in ids.values())
    return family_of(hub_id) or next(named, None)
