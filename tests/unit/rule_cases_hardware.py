"""Configurations that break, or nearly break, a rule about GPUs, memory and kernels."""

from collections.abc import Mapping

from rule_gpus import EVERYTHING, H200, MI300X, RTX_3090, RTX_4090, RTX_5090, T4, on
from rule_setups import Case, RuleCases

from tuner_kit.simpletuner.rules.setup import Surroundings

SD1 = {"model_family": "sd1x", "model_flavour": "1.5"}

HARDWARE_CASES: Mapping[str, RuleCases] = {
    "B19": RuleCases(
        broken=(
            Case(
                name="FSDP2 with quanto",
                options={"fsdp_enable": True, "base_model_precision": "int8-quanto"},
            ),
            Case(
                name="FSDP and DeepSpeed",
                options={
                    "model_type": "full",
                    "fsdp_enable": True,
                    "deepspeed_config": {"zero_optimization": {"stage": 2}},
                },
            ),
            Case(name="LoRA and DeepSpeed", options={"deepspeed_config": "ds.json"}),
            Case(
                name="offload and released gradients",
                options={
                    "fsdp_enable": True,
                    "fsdp_cpu_offload": True,
                    "optimizer": "optimi-lion",
                    "optimizer_release_gradients": True,
                },
            ),
        ),
        sound=(
            Case(name="FSDP2", options={"fsdp_enable": True, "fsdp_cpu_offload": True}),
            Case(
                name="FSDP1 with quanto",
                options={
                    "fsdp_enable": True,
                    "fsdp_version": 1,
                    "base_model_precision": "int8-quanto",
                },
            ),
            Case(
                name="full with DeepSpeed",
                options={"model_type": "full", "deepspeed_config": "ds.json"},
            ),
        ),
    ),
    "B20": RuleCases(
        broken=(
            Case(name="both", options={"ramtorch": True, "musubi_blocks_to_swap": 4}),
            Case(name="all of medium", options={"musubi_blocks_to_swap": 24}),
            Case(
                name="more than large has",
                options={"model_flavour": "large", "musubi_blocks_to_swap": 40},
            ),
            Case(name="negative", options={"musubi_blocks_to_swap": -1}),
        ),
        sound=(
            Case(name="all but one", options={"musubi_blocks_to_swap": 23}),
            Case(
                name="24 of large", options={"model_flavour": "large", "musubi_blocks_to_swap": 24}
            ),
            Case(name="ramtorch", options={"ramtorch": True, "musubi_blocks_to_swap": 0}),
            Case(
                name="an unknown model",
                options={
                    "pretrained_model_name_or_path": "me/deep-sd3",
                    "musubi_blocks_to_swap": 30,
                },
            ),
        ),
    ),
    "B21": RuleCases(
        broken=(
            Case(
                name="no sageattention",
                options={"attention_mechanism": "sageattention"},
                around=on(RTX_4090, packages=frozenset()),
            ),
            Case(
                name="sage and nf4",
                options={
                    "attention_mechanism": "sageattention",
                    "base_model_precision": "nf4-bnb",
                },
            ),
            Case(
                name="sage in training",
                options={
                    "attention_mechanism": "sageattention",
                    "sageattention_usage": "training",
                },
            ),
            Case(
                name="xformers on Hopper",
                options={"attention_mechanism": "xformers"},
                around=on(H200),
            ),
            Case(
                name="kohaku on Ampere",
                options={"attention_mechanism": "kohaku-fa"},
                around=on(RTX_3090),
            ),
        ),
        sound=(
            Case(
                name="sage",
                options={"attention_mechanism": "sageattention"},
                around=on(RTX_4090, packages=EVERYTHING),
            ),
            Case(
                name="xformers on Ada",
                options={"attention_mechanism": "xformers"},
                around=on(RTX_4090),
            ),
            Case(
                name="kohaku where it can",
                options={"attention_mechanism": "kohaku-fa-auto"},
                around=on(RTX_3090),
            ),
            Case(
                name="kohaku on Ada",
                options={"attention_mechanism": "kohaku-fa"},
                around=on(RTX_4090),
            ),
        ),
    ),
    "B22": RuleCases(
        broken=(
            Case(name="24 GB", options={"optimizer": "soap"}, around=on(RTX_4090)),
            Case(name="16 GB", options={"optimizer": "soap"}, around=on(T4)),
        ),
        sound=(
            Case(name="32 GB", options={"optimizer": "soap"}, around=on(RTX_5090)),
            Case(name="another optimizer", around=on(RTX_4090)),
            Case(name="unknown GPU", options={"optimizer": "soap"}),
        ),
    ),
    "B28": RuleCases(
        broken=(
            Case(name="none", options={"gradient_checkpointing_interval": 0}),
            Case(name="one", options={"gradient_checkpointing_interval": 1}),
            Case(
                name="short stride",
                options={
                    "gradient_checkpointing_interval": 4,
                    "gradient_checkpointing_segment_stride": 2,
                },
            ),
            Case(name="stride alone", options={"gradient_checkpointing_segment_stride": 2}),
            Case(name="sd1x", options={**SD1, "gradient_checkpointing_interval": 2}),
        ),
        sound=(
            Case(name="two", options={"gradient_checkpointing_interval": 2}),
            Case(
                name="long stride",
                options={
                    "gradient_checkpointing_interval": 4,
                    "gradient_checkpointing_segment_stride": 4,
                },
            ),
        ),
    ),
    "B29": RuleCases(
        broken=(
            Case(name="8 GB", around=Surroundings(ram_gib=7.7)),
            Case(
                name="16 GB for large",
                options={"model_flavour": "large"},
                around=Surroundings(ram_gib=15.6),
            ),
        ),
        sound=(
            Case(name="16 GB for medium", around=Surroundings(ram_gib=15.6)),
            Case(
                name="32 GB for large",
                options={"model_flavour": "large"},
                around=Surroundings(ram_gib=31.2),
            ),
            Case(
                name="an unknown model",
                options={"pretrained_model_name_or_path": "models/tiny"},
                around=Surroundings(ram_gib=2.0),
            ),
        ),
    ),
    "B30": RuleCases(
        broken=(Case(name="missing", around=Surroundings(gpus=(RTX_4090,), has_nvidia_smi=False)),),
        sound=(
            Case(name="there", around=Surroundings(gpus=(RTX_4090,), has_nvidia_smi=True)),
            Case(name="no GPU", around=Surroundings(gpus=(), has_nvidia_smi=False)),
            Case(
                name="an AMD GPU",
                around=Surroundings(gpus=(MI300X,), has_nvidia_smi=False),
            ),
            Case(name="not looked", around=on(RTX_4090)),
        ),
    ),
}
