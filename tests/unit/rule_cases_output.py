"""Configurations for the rules about subjects and output (groups G and I)."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue
from rule_cases_subject import SUBJECT_CASES
from rule_setups import Case, RuleCases

from tuner_kit.simpletuner.rules.setup import Surroundings

FILES = Path(__file__).with_name("rule_files")
OUTPUTS = Surroundings(working_dir=FILES / "outputs")
ADAPTERS = Surroundings(working_dir=FILES / "adapters")
HERE = Surroundings(working_dir=FILES / "named")
LATEST: Mapping[str, JsonValue] = {"resume_from_checkpoint": "latest"}


def output(name: str, resume: str | None = "latest", **options: JsonValue) -> dict[str, JsonValue]:
    return {"output_dir": name, "resume_from_checkpoint": resume, **options}


def at_home(home: str, **environ: str) -> Surroundings:
    return Surroundings(home_dir=FILES / "homes" / home, environ=environ)


PUBLISHED: Mapping[str, JsonValue] = {
    "push_to_hub": True,
    "hub_model_id": "someone/cats",
    "model_card_private": True,
    "model_card_safe_for_work": True,
}
LOGGED_IN = at_home("logged_in")
WITH_TOKEN = Surroundings(home_dir=FILES / "homes/bare", environ={"HF_TOKEN": "x"})

OUTPUT_CASES: Mapping[str, RuleCases] = {
    **SUBJECT_CASES,
    "I01": RuleCases(
        broken=(Case(name="by default", options=output("half", None), around=OUTPUTS),),
        sound=(
            Case(name="asked", options=output("half"), around=OUTPUTS),
            Case(name="new", options=output("half", ""), around=OUTPUTS),
            Case(name="no folder", options=output("none", None), around=OUTPUTS),
            Case(name="hidden by an odd name", options=output("stray", None), around=OUTPUTS),
        ),
    ),
    "I02": RuleCases(
        broken=(
            Case(name="elsewhere", options=output("done", "half/checkpoint-100"), around=OUTPUTS),
            Case(name="not there", options=output("half", "checkpoint-200"), around=OUTPUTS),
        ),
        sound=(
            Case(name="name", options=output("half", "checkpoint-100"), around=OUTPUTS),
            Case(name="path", options=output("half", "half/checkpoint-100"), around=OUTPUTS),
            Case(
                name="cloud",
                options=output("half", "runs/checkpoint-200", publishing_config="s3.json"),
                around=OUTPUTS,
            ),
        ),
    ),
    "I03": RuleCases(
        broken=(
            Case(name="none", options={"resume_from_checkpoint": "None"}),
            Case(name="underscore", options={"resume_from_checkpoint": "checkpoint_500"}),
            Case(name="stray folder", options=output("stray"), around=OUTPUTS),
        ),
        sound=(
            Case(name="latest", options=output("half"), around=OUTPUTS),
            Case(name="rolling", options={"resume_from_checkpoint": "checkpoint-5-rolling"}),
            Case(name="anew", options=output("stray", ""), around=OUTPUTS),
        ),
    ),
    "I04": RuleCases(
        broken=(
            Case(name="done", options=output("done"), around=OUTPUTS),
            Case(name="done by default", options=output("done", None), around=OUTPUTS),
            Case(name="written start", options={"init_lora": "a", "init_lora_step": 2000}),
            Case(
                name="recorded start",
                options={"init_lora": "step_3000.safetensors"},
                around=ADAPTERS,
            ),
        ),
        sound=(
            Case(name="half", options=output("half"), around=OUTPUTS),
            Case(name="more", options=output("done", max_train_steps=2001), around=OUTPUTS),
            Case(name="anew", options=output("done", ""), around=OUTPUTS),
            Case(
                name="start at 0",
                options={"init_lora": "step_3000.safetensors", "init_lora_step": 0},
                around=ADAPTERS,
            ),
            Case(
                name="nothing recorded",
                options={"init_lora": "no_step.safetensors"},
                around=ADAPTERS,
            ),
        ),
    ),
    "I05": RuleCases(
        broken=(
            Case(name="rank", options=output("half", lora_rank=32), around=OUTPUTS),
            Case(name="flavour", options=output("larger", lora_rank=64), around=OUTPUTS),
            Case(name="family", options=output("half", model_family="sd1x"), around=OUTPUTS),
        ),
        sound=(
            Case(name="same", options=output("half"), around=OUTPUTS),
            Case(name="flavour unsaid", options=output("half", model_flavour=None), around=OUTPUTS),
            Case(name="anew", options=output("half", "", lora_rank=32), around=OUTPUTS),
        ),
    ),
    "I06": RuleCases(
        broken=(
            Case(name="newest", options=output("broken"), around=OUTPUTS),
            Case(name="named", options=output("broken", "checkpoint-200"), around=OUTPUTS),
            Case(name="deleting", options={"delete_invalid_checkpoints": True}),
        ),
        sound=(
            Case(name="the one before", options=output("broken", "checkpoint-100"), around=OUTPUTS),
            Case(name="whole", options=output("half"), around=OUTPUTS),
        ),
    ),
    "I07": RuleCases(
        broken=(
            Case(name="with the default", options={"init_lora": "a", "init_lora_step": 10}),
            Case(name="with latest", options={**LATEST, "init_lora": "a", "init_lora_step": 10}),
            Case(name="no adapter", options={"init_lora_step": 10}),
            Case(
                name="recorded start",
                options={"init_lora": "step_3000.safetensors"},
                around=ADAPTERS,
            ),
            Case(name="no average", options={"init_lora": "a", "init_lora_ema": "b"}),
        ),
        sound=(
            Case(
                name="anew",
                options={"init_lora": "a", "init_lora_step": 10, "resume_from_checkpoint": ""},
            ),
            Case(name="from 0", options={"init_lora": "a", "init_lora_step": 0}),
            Case(name="average", options={"init_lora": "a", "init_lora_ema": "b", "use_ema": True}),
        ),
    ),
    "I08": RuleCases(
        broken=(
            Case(name="tmp", options={"output_dir": "/tmp/cats"}),  # noqa: S108 - a value that is judged
            Case(name="memory", options={"output_dir": "/dev/shm/cats"}),  # noqa: S108 - as above
        ),
        sound=(
            Case(name="disk", options={"output_dir": "/data/tmp/cats"}),
            Case(name="only begins so", options={"output_dir": "/tmpfiles/cats"}),  # noqa: S108 - as above
        ),
    ),
    "I09": RuleCases(
        broken=(
            Case(name="no name", options={**PUBLISHED, "hub_model_id": None}, around=LOGGED_IN),
            Case(name="odd name", options={**PUBLISHED, "hub_model_id": "a/b/c"}, around=LOGGED_IN),
            Case(name="spaces", options={**PUBLISHED, "hub_model_id": "my cats"}, around=LOGGED_IN),
            Case(name="no token", options=PUBLISHED, around=at_home("bare")),
            Case(
                name="offline", options=PUBLISHED, around=at_home("logged_in", HF_HUB_OFFLINE="1")
            ),
            Case(name="checkpoints alone", options={"push_checkpoints_to_hub": True}),
        ),
        sound=(
            Case(name="token file", options=PUBLISHED, around=LOGGED_IN),
            Case(name="token", options=PUBLISHED, around=WITH_TOKEN),
            Case(
                name="address",
                options={**PUBLISHED, "hub_model_id": "https://huggingface.co/someone/cats"},
                around=LOGGED_IN,
            ),
            Case(name="unknown home", options=PUBLISHED),
            Case(name="off", options={"hub_model_id": "a/b/c"}, around=at_home("bare")),
        ),
    ),
    "I10": RuleCases(
        broken=(
            Case(name="private", options={**PUBLISHED, "model_card_private": None}),
            Case(name="audience", options={**PUBLISHED, "model_card_safe_for_work": None}),
        ),
        sound=(
            Case(name="said", options={**PUBLISHED, "model_card_private": False}),
            Case(name="not published", options={"push_to_hub": False}),
        ),
    ),
    "I11": RuleCases(
        broken=(Case(name="missing", options=output("done"), around=OUTPUTS),),
        sound=(
            Case(name="there", options=output("finished"), around=OUTPUTS),
            Case(name="not finished", options=output("half"), around=OUTPUTS),
        ),
    ),
    "I12": RuleCases(
        broken=(Case(name="comfyui", options={"lora_format": "comfyui"}),),
        sound=(
            Case(name="diffusers", options={"lora_format": "diffusers"}),
            Case(name="no adapter", options={"lora_format": "comfyui", "model_type": "full"}),
        ),
    ),
    "I13": RuleCases(
        broken=(
            Case(name="no prompt", options={"validation_prompt": None}),
            Case(name="empty prompt", options={"validation_prompt": ""}),
            Case(
                name="both adapters",
                options={"validation_adapter_path": "a", "validation_adapter_config": '{"a": 1}'},
            ),
            Case(name="no strength", options={"validation_adapter_strength": 0}),
        ),
        sound=(
            Case(name="off", options={"validation_prompt": None, "validation_disable": True}),
            Case(
                name="never",
                options={"validation_prompt": None, "validation_step_interval": 0},
            ),
            Case(
                name="library",
                options={"validation_prompt": None, "validation_prompt_library": True},
            ),
            Case(
                name="one adapter",
                options={"validation_adapter_path": "a", "validation_adapter_config": "{}"},
            ),
        ),
    ),
    "I14": RuleCases(
        broken=(Case(name="library", options={"validation_prompt_library": True}),),
        sound=(
            Case(
                name="no comparison",
                options={"validation_prompt_library": True, "disable_benchmark": True},
            ),
            Case(name="own library", options={"validation_prompt_library": "prompts.json"}),
        ),
    ),
    "I15": RuleCases(
        broken=(
            Case(name="missing", options={"webhook_config": "no.json"}, around=HERE),
            Case(name="torn file", options={"webhook_config": "torn.json"}, around=HERE),
            Case(name="torn text", options={"publishing_config": '{"provider": '}),
        ),
        sound=(
            Case(name="file", options={"webhook_config": "webhook.json"}, around=HERE),
            Case(name="text", options={"publishing_config": '[{"provider": "s3"}]'}),
            Case(name="object", options={"webhook_config": {"webhook_type": "raw"}}),
        ),
    ),
}
