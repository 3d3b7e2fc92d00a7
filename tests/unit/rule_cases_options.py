"""Configurations for the rules about options (group A)."""

from collections.abc import Mapping
from pathlib import Path

from rule_setups import Case, RuleCases

from tuner_kit.simpletuner.rules.setup import Surroundings

FILES = Path(__file__).with_name("rule_files")
NAMED = Surroundings(working_dir=FILES / "named", config_dir=FILES / "named/config/cats")
PLAIN = Surroundings(working_dir=FILES / "named", config_dir=FILES / "named/config")


def named(**environ: str) -> Surroundings:
    """Started as `simpletuner train --env cats`."""
    return Surroundings(working_dir=NAMED.working_dir, config_dir=NAMED.config_dir, environ=environ)


def plain(**environ: str) -> Surroundings:
    """Started as `simpletuner train`."""
    return Surroundings(working_dir=PLAIN.working_dir, config_dir=PLAIN.config_dir, environ=environ)


def at_home(home: str, **environ: str) -> Surroundings:
    return Surroundings(home_dir=FILES / "homes" / home, environ=environ)


OPTION_CASES: Mapping[str, RuleCases] = {
    "A03": RuleCases(
        broken=(
            Case(name="both limits", options={"save_total_limit": 2}),
            Case(
                name="old epochs", options={"ignore_final_epochs": True, "strict_epoch_limit": True}
            ),
        ),
        sound=(
            Case(
                name="old alone", options={"checkpoints_total_limit": None, "save_total_limit": 2}
            ),
            Case(name="old is null", options={"save_total_limit": None}),
        ),
    ),
    "A07": RuleCases(
        broken=(Case(name="none", options={"learning_rate": None}),),
        sound=(Case(name="tiny, yet written", options={"learning_rate": 4e-7}),),
    ),
    "A08": RuleCases(
        broken=(
            Case(name="steps beside the default epoch", options={"num_train_epochs": None}),
            Case(name="both", options={"num_train_epochs": 10}),
            Case(name="neither", options={"max_train_steps": 0}),
            Case(name="negative", options={"max_train_steps": -1}),
        ),
        sound=(
            Case(name="epochs alone", options={"max_train_steps": None, "num_train_epochs": 10}),
            Case(
                name="epochs by default",
                options={"max_train_steps": None, "num_train_epochs": None},
            ),
            Case(name="steps in text", options={"max_train_steps": "2000", "num_train_epochs": 1}),
        ),
    ),
    "A09": RuleCases(
        broken=(
            Case(name="unset variable", options={"output_dir": "out/{env:NOPE}"}),
            Case(name="family in config.json", options={"output_dir": "out/{model_family}"}),
            Case(name="unknown word of a dataset", image={"cache_dir_vae": "cache/{family}"}),
        ),
        sound=(
            Case(
                name="set",
                options={"output_dir": "{env:DISK}/out"},
                around=Surroundings(environ={"DISK": "/d"}),
            ),
            Case(name="family in a dataset", image={"cache_dir_vae": "cache/{model_family}/{id}"}),
            Case(name="braces in a prompt", options={"validation_prompt": "a {red} cat"}),
            Case(name="JSON in text", options={"publishing_config": '{"provider": "s3"}'}),
        ),
    ),
    "A10": RuleCases(
        broken=(
            Case(
                name="file that sets the format",
                around=Surroundings(
                    working_dir=FILES / "redirected", config_dir=FILES / "redirected/config"
                ),
            ),
            Case(name="another format", around=plain(SIMPLETUNER_CONFIG_BACKEND="env")),
            Case(name="another path", around=named(CONFIG_PATH="config/dogs")),
            Case(
                name="another path without extension",
                around=named(CONFIG_PATH="config/dogs/config"),
            ),
            Case(name="another name", around=named(SIMPLETUNER_ENV="dogs")),
            Case(name="another name and no command", around=plain(ENV="dogs")),
            Case(
                name="file beside the folder",
                around=Surroundings(
                    working_dir=FILES / "hidden", config_dir=FILES / "hidden/config"
                ),
            ),
            Case(name="stray variables", around=Surroundings(config_names=("config.env",))),
            Case(name="stray table", around=Surroundings(config_names=("config.toml",))),
            Case(
                name="JSON wins",
                around=Surroundings(config_name="config.toml", config_names=("config.json",)),
            ),
        ),
        sound=(
            Case(
                name="harmless variables",
                around=Surroundings(
                    working_dir=FILES / "harmless", config_dir=FILES / "harmless/config"
                ),
            ),
            Case(name="same format", around=plain(CONFIG_BACKEND="JSON")),
            Case(name="same path", around=named(CONFIG_PATH="config/cats/config")),
            Case(name="path to nothing", around=named(CONFIG_PATH="config/birds")),
            Case(name="same name", around=named(SIMPLETUNER_ENV="cats")),
            Case(name="default name", around=plain(ENV="default")),
            Case(name="name that the command sets", around=named(ENV="dogs")),
            Case(
                name="without file beside it",
                around=Surroundings(working_dir=FILES / "hidden", config_dir=FILES / "hidden"),
            ),
        ),
    ),
    "A11": RuleCases(
        broken=(
            Case(name="four processes", around=at_home("with_accelerate")),
            Case(
                name="in HF_HOME",
                around=Surroundings(
                    environ={"HF_HOME": str(FILES / "homes/with_accelerate/.cache/huggingface")}
                ),
            ),
        ),
        sound=(
            Case(name="same as the options", around=at_home("with_defaults")),
            Case(name="none", around=at_home("bare")),
            Case(
                name="chosen",
                around=at_home(
                    "with_accelerate", ACCELERATE_CONFIG_PATH=str(FILES / "named/prompts.json")
                ),
            ),
        ),
    ),
    "A12": RuleCases(
        broken=(Case(name="59 s", options={"metadata_update_interval": 59}),),
        sound=(Case(name="60 s", options={"metadata_update_interval": 60}),),
    ),
    "A13": RuleCases(
        broken=(
            Case(name="first", options={"optimizer_beta1": 0.9}),
            Case(name="second", options={"optimizer_beta2": 0.99}),
        ),
        sound=(Case(name="both", options={"optimizer_beta1": 0.9, "optimizer_beta2": 0.99}),),
    ),
    "A14": RuleCases(
        broken=(
            Case(name="no accumulation", options={"gradient_accumulation_steps": 0}),
            Case(name="empty batch", options={"train_batch_size": 0}),
            Case(name="negative rank", options={"lora_rank": -3}),
            Case(name="zero alpha", options={"lora_alpha": 0}),
            Case(name="much dropout", options={"lora_dropout": 0.5}),
            Case(name="every checkpoint", options={"checkpoints_total_limit": 0}),
            Case(name="negative limit", options={"checkpoints_total_limit": -1}),
        ),
        sound=(
            Case(
                name="least",
                options={"gradient_accumulation_steps": 1, "lora_rank": 1, "lora_dropout": 0.3},
            ),
            Case(name="rank of LyCORIS", options={"lora_type": "lycoris", "lora_rank": 0}),
            Case(name="rank of a whole model", options={"model_type": "full", "lora_rank": 0}),
        ),
    ),
    "A15": RuleCases(
        broken=(
            Case(name="zero", options={"seed": 0}),
            Case(name="minus one", options={"seed": -1}),
            Case(name="missing", options={"seed": None}),
        ),
        sound=(
            Case(name="one", options={"seed": 1}),
            Case(name="text is told elsewhere", options={"seed": "x"}),
        ),
    ),
    "A16": RuleCases(
        broken=(
            Case(name="missing", options={"user_prompt_library": "no/prompts.json"}, around=NAMED),
        ),
        sound=(
            Case(name="there", options={"user_prompt_library": "prompts.json"}, around=NAMED),
            Case(
                name="shipped",
                options={"user_prompt_library": "config/examples/x.json"},
                around=NAMED,
            ),
        ),
    ),
    "A17": RuleCases(
        broken=(
            Case(name="unknown", options={"report_to": "tensorbord"}),
            Case(name="all", options={"report_to": ["all"]}),
            Case(name="none and another", options={"report_to": "none, simpletuner"}),
            Case(name="unnamed", options={"report_to": "custom-tracker"}),
            Case(name="no login", options={"report_to": "wandb"}, around=at_home("bare")),
            Case(
                name="no package",
                options={"report_to": ["tensorboard"]},
                around=Surroundings(packages=frozenset({"wandb"})),
            ),
        ),
        sound=(
            Case(name="two", options={"report_to": ["simpletuner", "tensorboard"]}),
            Case(name="with commas", options={"report_to": "simpletuner,TensorBoard"}),
            Case(name="logged in", options={"report_to": "wandb"}, around=at_home("logged_in")),
            Case(
                name="key",
                options={"report_to": "wandb"},
                around=at_home("bare", WANDB_API_KEY="x"),
            ),
            Case(
                name="offline",
                options={"report_to": "wandb"},
                around=at_home("bare", WANDB_MODE="offline"),
            ),
            Case(name="unknown home", options={"report_to": "wandb"}),
            Case(name="a number", options={"report_to": 3}),
        ),
    ),
    "A18": RuleCases(
        broken=(
            Case(name="steps", options={"eval_steps_interval": 50}),
            Case(name="epochs", options={"eval_epoch_interval": 0.5}),
        ),
        sound=(
            Case(name="kept", options={"eval_steps_interval": 50, "report_to": "simpletuner"}),
            Case(name="off", options={"eval_steps_interval": 0}),
        ),
    ),
    "A19": RuleCases(
        broken=(
            Case(name="binary unit", options={"disk_low_threshold": "10GiB"}),
            Case(name="percent", options={"disk_low_threshold": "10%"}),
            Case(
                name="no script", options={"disk_low_threshold": "10G", "disk_low_action": "script"}
            ),
            Case(
                name="missing script",
                options={
                    "disk_low_threshold": "10G",
                    "disk_low_action": "script",
                    "disk_low_script": "no.sh",
                },
                around=NAMED,
            ),
            Case(name="no threshold", options={"disk_low_action": "wait"}),
        ),
        sound=(
            Case(name="unit", options={"disk_low_threshold": "1.5 tb"}),
            Case(name="bytes", options={"disk_low_threshold": 1000000}),
            Case(
                name="script",
                options={
                    "disk_low_threshold": "10G",
                    "disk_low_action": "script",
                    "disk_low_script": "clean.sh",
                },
                around=NAMED,
            ),
        ),
    ),
    "A20": RuleCases(
        broken=(
            Case(name="constant with warm-up", options={"lr_scheduler": "constant"}),
            Case(name="endless warm-up", options={"lr_warmup_steps": 2000}),
            Case(name="long warm-up", options={"lr_warmup_steps": 400}),
            Case(name="sine without wave", options={"lr_scheduler": "sine", "lr_warmup_steps": 0}),
            Case(
                name="restarts without wave",
                options={"lr_scheduler": "cosine_with_restarts", "lr_warmup_steps": None},
            ),
            Case(name="restarts", options={"lr_scheduler": "cosine_with_restarts"}),
            Case(name="cosine rises again", options={"lr_scheduler": "cosine"}),
            Case(
                name="cosine by default", options={"lr_scheduler": "cosine", "lr_warmup_steps": 0}
            ),
        ),
        sound=(
            Case(name="short warm-up", options={"lr_warmup_steps": 399}),
            Case(name="one decay", options={"lr_scheduler": "cosine", "lr_warmup_steps": 2000}),
            Case(name="sine", options={"lr_scheduler": "sine"}),
            Case(name="constant", options={"lr_scheduler": "constant", "lr_warmup_steps": 0}),
            Case(
                name="own schedule",
                options={"optimizer": "prodigy", "lr_scheduler": "sine", "lr_warmup_steps": 0},
            ),
        ),
    ),
}
