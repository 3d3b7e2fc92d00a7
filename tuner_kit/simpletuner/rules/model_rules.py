"""Rules about the base model and the method: what SimpleTuner finds out after the download."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tuner_kit.catalog.base_models import PIPELINE_PARTS
from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.known_bases import (
    DEFAULT_FLAVORS,
    FLAVORS,
    base_id,
    family_of_hub_id,
)
from tuner_kit.simpletuner.rules.rule import Finding, Remove, Rule, SaidElsewhere, about, write
from tuner_kit.simpletuner.rules.setup import TrainerSetup

_PATH = "pretrained_model_name_or_path"
_SD = ("sd3", "sd1x")

T5_MOST_TOKENS = 154
"""helpers/models/sd3/model.py, check_user_config."""
CLIP_TOKENS = 77


def _other_family(setup: TrainerSetup) -> Iterator[Finding]:
    named = base_id(setup)
    family = family_of_hub_id(named) if named else None
    if named and family is not None and family != setup.family:
        key = _PATH if setup.options.has(_PATH) else "model_flavour"
        yield Finding(
            what=f"model_family is {setup.family}, but {named} is a model of the family {family}",
            fix=f'write "model_family": "{family}", or name a model of the family {setup.family}',
            key=key,
        )
    elif setup.around.base_class and not _fits(setup.around.base_class, setup.family):
        yield Finding(
            what=f"model_family is {setup.family}, but the folder {named} holds a "
            f"{setup.around.base_class}",
            fix=f"name a folder with a model of the family {setup.family}, or correct model_family",
            key=_PATH,
        )


def _fits(class_name: str, family: str) -> bool:
    """Pipelines of a family differ in their ending: img2img, inpainting."""
    if family == "sd3":
        return class_name.startswith("StableDiffusion3")
    return class_name.startswith("StableDiffusion") and not class_name.startswith(
        ("StableDiffusion3", "StableDiffusionXL")
    )


def _flavor(setup: TrainerSetup) -> Iterator[Finding]:
    flavor, path = setup.options.text("model_flavour"), setup.options.text(_PATH)
    flavors = FLAVORS[setup.family]
    if flavor is None:
        return
    if path is None and flavor not in flavors:
        yield Finding(
            what=f"model_flavour {flavor} does not exist in the family {setup.family}",
            fix=f"write one of {', '.join(flavors)}; SimpleTuner's default is "
            f"{DEFAULT_FLAVORS[setup.family]}",
            key="model_flavour",
        )
    elif path is not None and flavors.get(flavor) != path:
        yield Finding(
            what=f"model_flavour {flavor} does not count beside {_PATH}: {path} is trained",
            fix="keep the one of the two that you mean, and remove the other",
            key="model_flavour",
            severity=Severity.WARNING,
        )


def _incomplete_folder(setup: TrainerSetup) -> Iterator[Finding]:
    parts = setup.around.base_parts
    if parts is None:
        return
    elsewhere = {
        part
        for option, held in _HELD_ELSEWHERE.items()
        if setup.options.text(option)
        for part in held
    }
    needed = [part for part in PIPELINE_PARTS[setup.family] if part not in elsewhere]
    missing = [part for part in needed if part not in parts]
    if missing:
        yield Finding(
            what=f"the folder {setup.options.text(_PATH)} lacks {', '.join(missing)}",
            fix="download the model again in diffusers layout, with all its parts; the scheduler "
            "is needed for training too",
            key=_PATH,
        )


_HELD_ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "pretrained_transformer_model_name_or_path": ("transformer",),
    "pretrained_unet_model_name_or_path": ("unet",),
    "pretrained_vae_model_name_or_path": ("vae",),
}


def _own_vae(setup: TrainerSetup) -> Iterator[Finding]:
    key = "pretrained_vae_model_name_or_path"
    named = setup.options.text(key) if setup.options.has(key) else None
    if named is None:
        return
    fate = (
        "SimpleTuner passes it over, as its name has sdxl in it"
        if "sdxl" in named
        else "SimpleTuner means to pass it over, yet loads it, and SD3 is trained on its latents"
    )
    yield Finding(
        what=f"{key} is {named}: {fate}",
        fix=f"remove {key}: SD3 has a VAE of its own",
        key=key,
    )


def _alignment(setup: TrainerSetup) -> Iterator[Finding]:
    value = setup.options.get("aspect_bucket_alignment")
    if isinstance(value, str | int) and str(value) != "64":
        yield Finding(
            what=f"aspect_bucket_alignment is {value}, but SimpleTuner takes 64 for "
            f"{setup.family} whatever is written",
            fix='write "aspect_bucket_alignment": 64, or remove it',
            key="aspect_bucket_alignment",
            edits=(write("aspect_bucket_alignment", 64),),
        )


def _token_limit(setup: TrainerSetup) -> Iterator[Finding]:
    key = "tokenizer_max_length"
    tokens = setup.options.number(key)
    if tokens is None:
        return
    if setup.family == "sd1x":
        yield Finding(
            what=f"{key} is {tokens:g}, but SD1 always reads {CLIP_TOKENS} tokens",
            fix=f"remove {key}",
            key=key,
            edits=(write(key, Remove.KEY),),
        )
    elif tokens < CLIP_TOKENS:
        yield Finding(
            what=f"{key} is {tokens:g}: T5 then reads less of a caption than CLIP",
            fix=f"write {CLIP_TOKENS} to {T5_MOST_TOKENS}, or remove it for {T5_MOST_TOKENS}",
            key=key,
        )
    elif tokens > T5_MOST_TOKENS:
        yield _too_many_tokens(setup, tokens)


def _too_many_tokens(setup: TrainerSetup, tokens: float) -> Finding:
    key = "tokenizer_max_length"
    if setup.options.is_on("i_know_what_i_am_doing"):
        return Finding(
            what=f"{key} is {tokens:g}, and i_know_what_i_am_doing makes it count: SD3 falls "
            f"apart on more than {T5_MOST_TOKENS} tokens unless it was tuned on them",
            fix=f"write {T5_MOST_TOKENS}, unless the base model was trained on longer captions",
            key=key,
        )
    return Finding(
        what=f"{key} is {tokens:g}, but SimpleTuner reads no more than {T5_MOST_TOKENS} "
        "tokens for SD3",
        fix=f'write "{key}": {T5_MOST_TOKENS}, and shorten captions that are longer',
        key=key,
        edits=(write(key, T5_MOST_TOKENS),),
    )


def _muon(setup: TrainerSetup) -> Iterator[Finding]:
    if setup.options.text("optimizer") == "muon":
        yield Finding(
            what=f"the optimizer muon does not work with {setup.family}: SimpleTuner refuses it "
            "when it sets up the model",
            fix="write adamw_bf16, or optimi-lion where memory is short",
            key="optimizer",
        )


def _controlnet_pictures(setup: TrainerSetup) -> Iterator[Finding]:
    if not setup.options.is_on("controlnet"):
        return
    for entry in setup.image_datasets:
        has_pictures = entry.has("conditioning") or entry.has("conditioning_data")
        if entry.kind == "image" and not has_pictures:
            yield about(
                entry,
                "conditioning_data",
                f"controlnet is on, but the dataset {entry.name} has no pictures to be guided by",
                "add conditioning_data with the id of a conditioning dataset, or a conditioning "
                "block that makes them, such as "
                '{"type": "canny", "conditioning_type": "controlnet"}',
            )


MODEL_RULES: tuple[Rule, ...] = (
    Rule(
        id="B01",
        title="the base model is of another family",
        severity=Severity.ERROR,
        looks_at=("model_family", _PATH, "model_flavour", "around.base_class"),
        source="helpers/models/common.py: setup_model_flavour compares nothing",
        check=_other_family,
        families=_SD,
    ),
    Rule(
        id="B02",
        title="a flavor that does not exist, or does not count",
        severity=Severity.ERROR,
        looks_at=("model_flavour", _PATH),
        source="helpers/models/common.py: setup_model_flavour",
        check=_flavor,
        families=_SD,
    ),
    Rule(
        id="B04",
        title="the base model's folder is incomplete",
        severity=Severity.ERROR,
        looks_at=(_PATH, "around.base_parts"),
        source="helpers/models/common.py: setup_training_noise_schedule, load_text_encoder",
        check=_incomplete_folder,
        families=_SD,
    ),
    Rule(
        id="B05",
        title="a VAE of another model for SD3",
        severity=Severity.WARNING,
        looks_at=("pretrained_vae_model_name_or_path",),
        source="helpers/models/sd3/model.py: check_user_config; cmd_args.py keeps vae_path",
        check=_own_vae,
        families=("sd3",),
    ),
    Rule(
        id="B06",
        title="an alignment of shapes that does not count",
        severity=Severity.WARNING,
        looks_at=("aspect_bucket_alignment",),
        source="helpers/models/sd3/model.py and sd1x/model.py: check_user_config",
        check=_alignment,
        families=_SD,
    ),
    Rule(
        id="B07",
        title="a limit of caption tokens that does not count, or harms",
        severity=Severity.WARNING,
        looks_at=("tokenizer_max_length", "i_know_what_i_am_doing"),
        source="helpers/models/sd3/model.py and sd1x/model.py: check_user_config",
        check=_token_limit,
        families=_SD,
    ),
    Rule(
        id="B26",
        title="an optimizer that the family does not support",
        severity=Severity.ERROR,
        looks_at=("optimizer",),
        source="helpers/training/trainer.py: SUPPORTS_MUON_CLIP",
        check=_muon,
        families=_SD,
    ),
    Rule(
        id="B27",
        title="ControlNet without pictures to be guided by",
        severity=Severity.ERROR,
        looks_at=("controlnet", "dataset.conditioning", "dataset.conditioning_data"),
        source="helpers/data_backend/config/image.py: _validate_controlnet_requirements",
        check=_controlnet_pictures,
        families=_SD,
    ),
)

ELSEWHERE_MODEL: Mapping[str, SaidElsewhere] = MappingProxyType(
    {
        "B03": SaidElsewhere(
            title="the base model is gated, private, or can't be reached",
            ids=("A01",),
            source="helpers/models/common.py: from_pretrained of each part",
        ),
    }
)
"""Rules about the base model that are said before the trainer's options are looked at."""
