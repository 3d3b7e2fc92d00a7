"""Configurations that break, or nearly break, a rule about precision and optimizers."""

from collections.abc import Mapping

from rule_gpus import EVERYTHING, H200, RTX_3090, RTX_4090, T4, on
from rule_setups import Case, RuleCases

from tuner_kit.simpletuner.rules.setup import Surroundings

SD1 = {"model_family": "sd1x", "model_flavour": "1.5"}

PRECISION_CASES: Mapping[str, RuleCases] = {
    "B08": RuleCases(
        broken=(
            Case(name="sd3", options={"base_model_precision": "fp8-quanto"}),
            Case(name="sd1x", options={**SD1, "base_model_precision": "fp8-quanto"}),
        ),
        sound=(
            Case(name="int8", options={"base_model_precision": "int8-quanto"}),
            Case(name="a text encoder", options={"text_encoder_3_precision": "fp8-quanto"}),
        ),
    ),
    "B09": RuleCases(
        broken=(
            Case(
                name="torchao on Ampere",
                options={"base_model_precision": "fp8-torchao"},
                around=on(RTX_3090),
            ),
            Case(
                name="native on Ada",
                options={"base_model_precision": "fp8-native"},
                around=on(RTX_4090),
            ),
        ),
        sound=(
            Case(
                name="torchao on Ada",
                options={"base_model_precision": "fp8-torchao"},
                around=on(RTX_4090),
            ),
            Case(
                name="native on Hopper",
                options={"base_model_precision": "fp8-native"},
                around=on(H200),
            ),
            Case(name="unknown GPU", options={"base_model_precision": "fp8-torchao"}),
            Case(
                name="weights only",
                options={"base_model_precision": "fp8wo-torchao"},
                around=on(RTX_3090),
            ),
        ),
    ),
    "B10": RuleCases(
        broken=(
            Case(
                name="int8",
                options={"model_type": "full", "base_model_precision": "int8-quanto"},
            ),
            Case(
                name="a configuration",
                options={"model_type": "full", "quantization_config": '{"unet": {}}'},
            ),
        ),
        sound=(
            Case(name="lora", options={"base_model_precision": "int8-quanto"}),
            Case(name="full", options={"model_type": "full"}),
            Case(
                name="ControlNet",
                options={
                    "model_type": "full",
                    "base_model_precision": "int8-quanto",
                    "controlnet": True,
                },
            ),
        ),
    ),
    "B11": RuleCases(
        broken=(
            Case(
                name="sdnq",
                options={"quantize_via": "pipeline", "base_model_precision": "int8-sdnq"},
            ),
            Case(
                name="a text encoder",
                options={"quantize_via": "pipeline", "text_encoder_3_precision": "fp8-native"},
            ),
        ),
        sound=(
            Case(
                name="nf4",
                options={"quantize_via": "pipeline", "base_model_precision": "nf4-bnb"},
            ),
            Case(
                name="sdnq on the CPU",
                options={"quantize_via": "cpu", "base_model_precision": "int8-sdnq"},
            ),
        ),
    ),
    "B12": RuleCases(
        broken=(
            Case(
                name="nf4 and sdnq",
                options={
                    "base_model_precision": "nf4-bnb",
                    "text_encoder_1_precision": "int8-sdnq",
                },
            ),
            Case(
                name="a configuration and quanto",
                options={
                    "quantization_config": '{"transformer": {}}',
                    "text_encoder_3_precision": "int8-quanto",
                },
            ),
        ),
        sound=(
            Case(
                name="sdnq for both",
                options={
                    "base_model_precision": "int8-sdnq",
                    "text_encoder_1_precision": "int8-sdnq",
                },
            ),
            Case(
                name="the encoder alone",
                options={"text_encoder_3_precision": "int8-sdnq"},
            ),
        ),
    ),
    "B13": RuleCases(
        broken=(
            Case(
                name="base and encoder",
                options={
                    "base_model_precision": "int8-quanto",
                    "text_encoder_3_precision": "int8-torchao",
                },
            ),
            Case(
                name="two encoders",
                options={
                    "text_encoder_1_precision": "int8-quanto",
                    "text_encoder_3_precision": "int8-torchao",
                },
            ),
        ),
        sound=(
            Case(
                name="quanto for both",
                options={
                    "base_model_precision": "int8-quanto",
                    "text_encoder_3_precision": "int4-quanto",
                },
            ),
            Case(
                name="the base while loading",
                options={
                    "base_model_precision": "int4-torchao",
                    "text_encoder_3_precision": "int8-quanto",
                },
            ),
        ),
    ),
    "B14": RuleCases(
        broken=(
            Case(
                name="nf4 without bitsandbytes",
                options={"base_model_precision": "nf4-bnb"},
                around=on(RTX_4090, packages=frozenset({"torchao"})),
            ),
            Case(
                name="8 bit optimizer without a GPU",
                options={"optimizer": "bnb-adamw8bit"},
                around=on(packages=EVERYTHING),
            ),
            Case(
                name="a text encoder without quanto",
                options={"text_encoder_3_precision": "int8-quanto"},
                around=on(RTX_4090, packages=frozenset()),
            ),
            Case(
                name="prodigy",
                options={"optimizer": "prodigy"},
                around=on(RTX_4090, packages=EVERYTHING),
            ),
        ),
        sound=(
            Case(
                name="everything installed",
                options={"base_model_precision": "nf4-bnb", "optimizer": "bnb-lion8bit"},
                around=on(RTX_4090, packages=EVERYTHING),
            ),
            Case(name="unknown", options={"base_model_precision": "nf4-bnb"}),
            Case(name="nothing needed", around=on(packages=frozenset())),
        ),
    ),
    "B15": RuleCases(
        broken=(
            Case(
                name="quanto",
                options={"mixed_precision": "fp8", "base_model_precision": "int8-quanto"},
            ),
            Case(name="no GPU", options={"mixed_precision": "fp8"}, around=on()),
        ),
        sound=(
            Case(
                name="torchao's fp8",
                options={"mixed_precision": "fp8", "base_model_precision": "fp8-torchao"},
                around=on(H200),
            ),
            Case(name="unknown GPU", options={"mixed_precision": "fp8"}),
        ),
    ),
    "B16": RuleCases(
        broken=(
            Case(name="no mixed precision", options={"mixed_precision": "no"}),
            Case(
                name="quantized in fp32",
                options={
                    "base_model_precision": "int8-quanto",
                    "base_model_default_dtype": "fp32",
                },
            ),
        ),
        sound=(
            Case(
                name="quantized in bf16",
                options={"base_model_precision": "int8-quanto", "mixed_precision": "no"},
            ),
            Case(
                name="another optimizer",
                options={"mixed_precision": "no", "optimizer": "optimi-adamw"},
            ),
            Case(name="the default precision", options={"mixed_precision": None}),
        ),
    ),
    "B17": RuleCases(
        broken=(
            Case(name="fp16", options={"mixed_precision": "fp16"}),
            Case(name="bf16 on Turing", around=on(T4)),
        ),
        sound=(
            Case(name="bf16 on Ampere", around=on(RTX_3090)),
            Case(name="full precision on Turing", options={"mixed_precision": "no"}, around=on(T4)),
        ),
    ),
    "B18": RuleCases(
        broken=(
            Case(
                name="two processes",
                options={"base_model_precision": "fp8-quanto"},
                around=Surroundings(num_processes=2),
            ),
            Case(
                name="as an option",
                options={"base_model_precision": "fp8-quanto", "num_processes": 4},
            ),
        ),
        sound=(
            Case(name="one GPU", options={"base_model_precision": "fp8-quanto"}),
            Case(
                name="LyCORIS",
                options={"base_model_precision": "fp8-quanto", "lora_type": "lycoris"},
                around=Surroundings(num_processes=2),
            ),
        ),
    ),
}
