"""Builds what a person copies: the command, the program, the configuration."""

import json
import shlex
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from types import MappingProxyType

from ruamel.yaml import YAML

from tuner_kit.catalog.base_models import (
    BASE_MODELS,
    DENOISERS,
    EMBEDDED_PREFIX,
    PIPELINE_CLASSES,
)
from tuner_kit.config.run_config import RunConfig, TrainingMethod
from tuner_kit.data.captions import add_trigger_word
from tuner_kit.reporting.collect import RunMaterial
from tuner_kit.reporting.privacy import mask_values
from tuner_kit.reporting.sections import DetailsSection, UsageSection

_SNIPPET = """\
{imports}import torch
from diffusers import {pipeline_class}
{more_imports}
{base}device = "cuda" if torch.cuda.is_available() else "cpu"
pipeline = {pipeline_class}.from_pretrained({arguments})
{attach}
image = pipeline(
    {prompt},
    negative_prompt={negative_prompt},
    num_inference_steps={num_inference_steps},
    guidance_scale={guidance_scale:g},
    width={size_px},
    height={size_px},
{length}    generator=torch.Generator("cpu").manual_seed({seed}),
).images[0]
image.save("picture.png")
"""

_ATTACH: Mapping[TrainingMethod, str] = MappingProxyType(
    {
        "lora": """\
pipeline.load_lora_weights({folder}, weight_name={weight_name})
pipeline.to(device)
""",
        "lokr": """\
pipeline.to(device)
network, _ = create_lycoris_from_weights(
    1.0, {path}, pipeline.{denoiser}
)
network.apply_to()
network.to(device, {dtype})
""",
        "full": "pipeline.to(device)\n",
    }
)

_LYCORIS_IMPORT = "from lycoris import create_lycoris_from_weights\n"

_BASE_FROM_RUN = """\
# The base model is a folder of the machine that trained; the run remembers which.
config = json.loads(Path({path}).read_text())
base_model = config["pretrained_model_name_or_path"]

"""


def build_usage(material: RunMaterial) -> UsageSection | None:
    """Say how to use what was trained; nothing before there is something."""
    run, config = material.run, material.config
    result = run.find_result()
    if result is None:
        return None
    prompt = _example_prompt(material)
    words = [dataset.trigger_word for dataset in config.datasets if dataset.trigger_word]
    notes = []
    is_full = config.training.method == "full"
    if config.training.method == "lokr":
        notes.append("diffusers alone can't load a LoKr: `pip install lycoris-lora` first.")
    if not is_full and any(
        model.id == config.model.base and model.is_gated for model in BASE_MODELS
    ):
        notes.append(
            "The base model is gated: accept its license on its page, then log in once "
            "with `hf auth login`."
        )
    return UsageSection(
        # A prompt that begins with a dash would be read as an option after a space.
        command=f"tuner-kit generate --run {shlex.quote(run.name)} --prompt={shlex.quote(prompt)}",
        snippet=build_snippet(material, prompt, result),
        trigger_words=tuple(dict.fromkeys(words)),
        notes=tuple(notes),
    )


def build_snippet(material: RunMaterial, prompt: str, result: Path) -> str:
    """Write a program for plain diffusers that renders a prompt, to be run in the run's folder.

    Args:
        material: what the run has.
        prompt: what to render.
        result: what training gave: an adapter's file, or the folder of a whole model.
    """
    run, config = material.run, material.config
    method, validation = config.training.method, config.validation
    place = result.relative_to(run.dir)
    is_from_run = method != "full" and not _is_hub_id(config)
    attempt = material.attempts[-1].name if material.attempts else "attempt-01"
    return _SNIPPET.format(
        imports="import json\nfrom pathlib import Path\n\n" if is_from_run else "",
        more_imports=_LYCORIS_IMPORT if method == "lokr" else "",
        base=_BASE_FROM_RUN.format(path=_quote(f"training/{attempt}/config.json"))
        if is_from_run
        else "",
        pipeline_class=PIPELINE_CLASSES[config.model.family][0],
        arguments=_arguments(config, place),
        attach=_ATTACH[method].format(
            folder=_quote(place.parent.as_posix()),
            weight_name=_quote(place.name),
            path=_quote(place.as_posix()),
            denoiser=DENOISERS[config.model.family],
            dtype=_dtype(config),
        ),
        prompt=_quote(prompt),
        negative_prompt=_quote(validation.negative_prompt),
        num_inference_steps=validation.num_inference_steps,
        guidance_scale=validation.guidance_scale,
        size_px=validation.resolution_px,
        length=_length(config),
        seed=validation.seed,
    )


def _is_hub_id(config: RunConfig) -> bool:
    return not config.model.base.startswith((EMBEDDED_PREFIX, "/", ".", "~"))


def build_details(material: RunMaterial) -> DetailsSection | None:
    """Show the complete tuner.yaml, without folders of this machine."""
    yaml = YAML()
    yaml.default_flow_style = False
    # Prompts stay on their line, however long.
    yaml.width = 10_000
    data = json.loads(material.config.model_dump_json())
    stream = StringIO()
    yaml.dump(mask_values(data, material.run.dir), stream)
    return DetailsSection(stream.getvalue())


def _arguments(config: RunConfig, place: Path) -> str:
    if config.training.method == "full":
        parts = [_quote(place.as_posix())]
    else:
        parts = [_quote(config.model.base) if _is_hub_id(config) else "base_model"]
        if _is_hub_id(config) and config.model.revision is not None:
            parts.append(f"revision={_quote(config.model.revision)}")
    return ", ".join([*parts, f"torch_dtype={_dtype(config)}"])


def _dtype(config: RunConfig) -> str:
    return "torch.float32" if config.training.mixed_precision == "no" else "torch.bfloat16"


def _length(config: RunConfig) -> str:
    """Read prompts as long as captions were read, where that isn't left to the trainer."""
    tokens = config.simpletuner.get("tokenizer_max_length")
    if config.model.family != "sd3":
        return ""
    return f"    max_sequence_length={tokens},\n" if isinstance(tokens, int) else ""


def _quote(text: str) -> str:
    """Write a text in double quotes: a string of JSON is one of Python too."""
    return json.dumps(text, ensure_ascii=False)


def _example_prompt(material: RunMaterial) -> str:
    """Choose a prompt that was seen in validation, else a caption, with the trigger word."""
    config = material.config
    captions = [image.caption for image in material.training_images[:1] if image.caption]
    prompt = [*config.validation.prompts, *captions, "a photo"][0]
    return add_trigger_word(prompt, config.datasets[0].trigger_word)
