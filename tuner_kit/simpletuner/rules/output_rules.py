"""Rules about what a training leaves: its folder, validation images, the Hub (I08-I15)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.entries import place
from tuner_kit.simpletuner.rules.redirect_rules import trainer_environ
from tuner_kit.simpletuner.rules.resume_rules import RESUME_RULES
from tuner_kit.simpletuner.rules.rule import Finding, Rule, SaidElsewhere
from tuner_kit.simpletuner.rules.setup import TrainerSetup

_SHORT_LIVED = ("/tmp", "/dev/shm", "/run", "/var/run")  # noqa: S108 - told, not used
_REPOSITORY = re.compile(r"(?:[\w.-]{1,96}/)?[\w.-]{1,96}")
_HUB = re.compile(r"^(?:https?://)?huggingface\.co/")
_TRUE = frozenset({"1", "on", "yes", "true"})
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_LIBRARY_PROMPTS = 53
"""Prompts of SimpleTuner's own library (helpers/prompts.py)."""
_EMPTY_IN_TEXT = ("{}", "[]", "None")
_STRUCTURED = ("webhook_config", "publishing_config")


def _short_lived(setup: TrainerSetup) -> Iterator[Finding]:
    """I08."""
    named = setup.options.text("output_dir") or ""
    parents = (str(path) for path in (Path(named), *Path(named).parents))
    place_of_it = next((path for path in parents if path in _SHORT_LIVED), None)
    if place_of_it:
        yield Finding(
            what=f"output_dir is {named}: {place_of_it} is emptied when the machine restarts",
            fix="write a folder on a disk that lasts, such as output_dir: output/cats",
            key="output_dir",
        )


def _publishing(setup: TrainerSetup) -> Iterator[Finding]:
    """I09: the trainer logs in, and makes the repository, before anything else."""
    options = setup.options
    if not options.is_on("push_to_hub"):
        if options.is_on("push_checkpoints_to_hub"):
            yield Finding(
                what="push_checkpoints_to_hub has no effect without push_to_hub",
                fix="write push_to_hub: true, or push_checkpoints_to_hub: false",
                key="push_checkpoints_to_hub",
                severity=Severity.WARNING,
            )
        return
    yield from _repository(setup)
    environ = trainer_environ(setup.around)
    offline = next((n for n in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if n in environ), None)
    if offline and environ[offline].value.lower() in _TRUE:
        yield Finding(
            what=f"push_to_hub is on while {offline} is set: the trainer stops at its start",
            fix=f"write push_to_hub: false, or type: unset {offline}",
            key="push_to_hub",
        )
    elif _has_no_token(setup):
        yield Finding(
            what="push_to_hub is on, but there is no token of the Hugging Face Hub here",
            fix="type: hf auth login, with a token that may write, or write push_to_hub: false",
            key="push_to_hub",
        )


def _repository(setup: TrainerSetup) -> Iterator[Finding]:
    named = setup.options.text("hub_model_id")
    if named is None:
        instead = setup.options.text("tracker_project_name") or "simpletuner"
        yield Finding(
            what=f"push_to_hub is on without hub_model_id: the model would be published "
            f"as {instead}, the name of the tracker's project",
            fix="write hub_model_id: your-name/name-of-the-model",
            key="hub_model_id",
        )
        return
    name = _HUB.sub("", named).split("?")[0].split("#")[0].strip("/ ")
    is_odd = "--" in name or ".." in name or name.endswith(".git")
    if is_odd or not _REPOSITORY.fullmatch(name) or name[:1] in "-." or name[-1:] in "-.":
        yield Finding(
            what=f"hub_model_id is {named}, which the Hub does not take as a name",
            fix="write your-name/name-of-the-model: letters, digits, - _ and . only",
            key="hub_model_id",
        )


def _has_no_token(setup: TrainerSetup) -> bool:
    environ, home = trainer_environ(setup.around), setup.around.home_dir
    if any(name in environ for name in _TOKENS):
        return False
    if "HF_HOME" in environ:
        return not (Path(environ["HF_HOME"].value) / "token").is_file()
    return home is not None and not (home / ".cache" / "huggingface" / "token").is_file()


def _model_card(setup: TrainerSetup) -> Iterator[Finding]:
    """I10."""
    options = setup.options
    if not options.is_on("push_to_hub"):
        return
    if not options.has("model_card_private"):
        yield Finding(
            what="the published model would be private: model_card_private is true by default",
            fix="write model_card_private: true, or false for everyone to see it",
            key="model_card_private",
        )
    if not options.has("model_card_safe_for_work"):
        yield Finding(
            what="the published model would be marked not-for-all-audiences: "
            "model_card_safe_for_work is false by default",
            fix="write model_card_safe_for_work: true if its images are for everyone",
            key="model_card_safe_for_work",
        )


def _key_layout(setup: TrainerSetup) -> Iterator[Finding]:
    """I12."""
    if setup.is_lora and setup.options.text("lora_format") == "comfyui":
        yield Finding(
            what="lora_format is comfyui: diffusers, and whatever reads its files, can't take "
            "the names that the adapter's weights then have",
            fix="remove lora_format, and convert a copy for ComfyUI when the training is done",
            key="lora_format",
        )


def _validation(setup: TrainerSetup) -> Iterator[Finding]:
    """I13."""
    options = setup.options
    if _validates(setup) and not _has_prompt(setup):
        yield Finding(
            what="validation is on, but there is no validation_prompt",
            fix="write validation_prompt: what is to be drawn, or validation_disable: true",
            key="validation_prompt",
            severity=Severity.WARNING,
        )
    config = options.get("validation_adapter_config")
    if options.text("validation_adapter_path") and config and config not in _EMPTY_IN_TEXT:
        yield Finding(
            what="validation_adapter_path and validation_adapter_config are both given; "
            "SimpleTuner refuses that",
            fix="keep one of them",
            key="validation_adapter_path",
        )
    if options.number("validation_adapter_strength") == 0:
        yield Finding(
            what="validation_adapter_strength is 0; SimpleTuner refuses that",
            fix="write validation_adapter_strength: 1.0",
            key="validation_adapter_strength",
        )


def _validates(setup: TrainerSetup) -> bool:
    options = setup.options
    every = (options.number(f"validation_{unit}_interval") for unit in ("step", "epoch"))
    return not options.is_on("validation_disable") and any(number for number in every)


def _has_prompt(setup: TrainerSetup) -> bool:
    """Whether something is drawn: a prompt, a library, or images of a dataset."""
    names = ("validation_prompt", "user_prompt_library", "validation_prompt_library")
    sources = ("validation_using_datasets", "eval_dataset_id", "controlnet", "control")
    return any(setup.options.get(name) for name in (*names, *sources))


def _first_images(setup: TrainerSetup) -> Iterator[Finding]:
    """I14."""
    options = setup.options
    if not _validates(setup) or options.is_on("disable_benchmark"):
        return
    if options.is_on("validation_prompt_library"):
        each = options.number("num_validation_images") or 1
        yield Finding(
            what=f"before the first step, {_LIBRARY_PROMPTS * each:g} images are drawn with the "
            "untrained model: validation_prompt_library is on",
            fix="write validation_prompt_library: false, or disable_benchmark: true",
            key="validation_prompt_library",
        )


def _structured(setup: TrainerSetup) -> Iterator[Finding]:
    """I15."""
    for name in _STRUCTURED:
        written = setup.options.text(name)
        if written is None or written.strip() in ("", "None") or written.startswith("~"):
            continue
        if written.startswith(("{", "[")):
            text: str | None = written
        else:
            path = place(setup, written)
            text = path.read_text("utf-8", errors="replace") if path.is_file() else None
        if text is None or not _is_structured(text):
            yield Finding(
                what=f"{name} names {written}, which does not exist"
                if text is None
                else f"{name} is no JSON object, nor a list of some",
                fix="write the object itself, or the path of a JSON file",
                key=name,
            )


def _is_structured(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False


OUTPUT_RULES = (
    *RESUME_RULES,
    Rule(
        id="I08",
        title="the output goes to a folder that does not last",
        severity=Severity.WARNING,
        looks_at=("output_dir",),
        source="output_dir is used as it is, helpers/training/trainer.py",
        check=_short_lived,
    ),
    Rule(
        id="I09",
        title="publishing that can't work",
        severity=Severity.ERROR,
        looks_at=("push_to_hub", "hub_model_id", "around.environ", "around.home_dir"),
        source="helpers/publishing/huggingface.py:31, 164; trainer.py:2632",
        check=_publishing,
    ),
    Rule(
        id="I10",
        title="what the model card says by default",
        severity=Severity.WARNING,
        looks_at=("push_to_hub", "model_card_private", "model_card_safe_for_work"),
        source="helpers/publishing/metadata.py:887",
        check=_model_card,
    ),
    Rule(
        id="I12",
        title="an adapter that only ComfyUI reads",
        severity=Severity.WARNING,
        looks_at=("lora_format",),
        source="helpers/models/common.py:2110",
        check=_key_layout,
        families=("sd3", "sd1x"),
    ),
    Rule(
        id="I13",
        title="validation that contradicts itself",
        severity=Severity.ERROR,
        looks_at=("validation_prompt", "validation_adapter_path", "validation_adapter_config"),
        source="helpers/configuration/cmd_args.py:1345; helpers/training/validation.py:1114",
        check=_validation,
        families=("sd3", "sd1x"),
    ),
    Rule(
        id="I14",
        title="many images before the first step",
        severity=Severity.WARNING,
        looks_at=("validation_prompt_library", "disable_benchmark", "num_validation_images"),
        source="helpers/training/validation.py:2364; helpers/prompts.py",
        check=_first_images,
        families=("sd3", "sd1x"),
    ),
    Rule(
        id="I15",
        title="a configuration in text that can't be read",
        severity=Severity.ERROR,
        looks_at=_STRUCTURED,
        source="helpers/configuration/cmd_args.py _normalize_structured_config_option",
        check=_structured,
    ),
)
"""Group I."""

ELSEWHERE_OUTPUT = MappingProxyType(
    {
        "G07": SaidElsewhere(
            "group size: judged by the reward trainer's own configuration",
            (),
            "no option of SimpleTuner is about it",
        ),
    }
)
"""Rules of groups G and I without a function."""
