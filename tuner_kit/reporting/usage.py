"""Builds what a person copies: the command, the program, the configuration."""

import json
import shlex
from io import StringIO

from ruamel.yaml import YAML

from tuner_kit.catalog.base_models import BASE_MODELS, EMBEDDED_PREFIX
from tuner_kit.config.run_config import RunConfig
from tuner_kit.data.captions import add_trigger_word
from tuner_kit.reporting.collect import RunMaterial
from tuner_kit.reporting.privacy import mask_values
from tuner_kit.reporting.sections import DetailsSection, UsageSection

_SNIPPET = """\
{imports}import torch
from diffusers import StableDiffusion3Pipeline

{base}device = "cuda" if torch.cuda.is_available() else "cpu"
pipeline = StableDiffusion3Pipeline.from_pretrained({arguments})
pipeline.load_lora_weights({folder}, weight_name={weight_name})
pipeline.to(device)

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

_BASE_FROM_RUN = """\
# The base model is a folder of the machine that trained; the run remembers which.
config = json.loads(Path({path}).read_text())
base_model = config["pretrained_model_name_or_path"]

"""


def build_usage(material: RunMaterial) -> UsageSection | None:
    """Say how to use the adapter; nothing before there is one."""
    run, config = material.run, material.config
    if not run.adapter_path.is_file():
        return None
    prompt = _example_prompt(material)
    words = [dataset.trigger_word for dataset in config.datasets if dataset.trigger_word]
    notes = []
    if any(model.id == config.model.base and model.is_gated for model in BASE_MODELS):
        notes.append(
            "The base model is gated: accept its license on its page, then log in once "
            "with `hf auth login`."
        )
    return UsageSection(
        # A prompt that begins with a dash would be read as an option after a space.
        command=f"tuner-kit generate --run {shlex.quote(run.name)} --prompt={shlex.quote(prompt)}",
        snippet=build_snippet(material, prompt),
        trigger_words=tuple(dict.fromkeys(words)),
        notes=tuple(notes),
    )


def build_snippet(material: RunMaterial, prompt: str) -> str:
    """Write a program for plain diffusers that renders a prompt, to be run in the run's folder."""
    run, config = material.run, material.config
    validation = config.validation
    is_hub_id = not config.model.base.startswith((EMBEDDED_PREFIX, "/", ".", "~"))
    attempt = material.attempts[-1].name if material.attempts else "attempt-01"
    recorded = f"training/{attempt}/config.json"
    return _SNIPPET.format(
        imports="" if is_hub_id else "import json\nfrom pathlib import Path\n\n",
        base="" if is_hub_id else _BASE_FROM_RUN.format(path=_quote(recorded)),
        arguments=_arguments(config, is_hub_id=is_hub_id),
        folder=_quote(run.adapter_path.parent.relative_to(run.dir).as_posix()),
        weight_name=_quote(run.adapter_path.name),
        prompt=_quote(prompt),
        negative_prompt=_quote(validation.negative_prompt),
        num_inference_steps=validation.num_inference_steps,
        guidance_scale=validation.guidance_scale,
        size_px=validation.resolution_px,
        length=_length(config),
        seed=validation.seed,
    )


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


def _arguments(config: RunConfig, *, is_hub_id: bool) -> str:
    dtype = "torch.float32" if config.training.mixed_precision == "no" else "torch.bfloat16"
    parts = [_quote(config.model.base) if is_hub_id else "base_model"]
    if is_hub_id and config.model.revision is not None:
        parts.append(f"revision={_quote(config.model.revision)}")
    return ", ".join([*parts, f"torch_dtype={dtype}"])


def _length(config: RunConfig) -> str:
    """Read prompts as long as captions were read, where that isn't left to the trainer."""
    tokens = config.simpletuner.get("tokenizer_max_length")
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
