"""Configurations that break, or nearly break, a rule about the model or the adapter."""

from collections.abc import Mapping

from pydantic import JsonValue
from rule_cases_hardware import HARDWARE_CASES
from rule_cases_precision import PRECISION_CASES
from rule_setups import Case, RuleCases

from tuner_kit.catalog.base_models import PIPELINE_PARTS
from tuner_kit.simpletuner.rules.setup import Surroundings

SD3_LARGE = "stabilityai/stable-diffusion-3.5-large"
SD3_PARTS = frozenset(PIPELINE_PARTS["sd3"])
SD1 = {"model_family": "sd1x", "model_flavour": "1.5"}
LOKR: Mapping[str, JsonValue] = {
    "algo": "lokr",
    "multiplier": 1.0,
    "linear_dim": 10000,
    "linear_alpha": 1,
}
LYCORIS = {"lora_type": "lycoris", "lycoris_config": "config/lycoris.json"}

BASE_MODEL_CASES: Mapping[str, RuleCases] = {
    "B01": RuleCases(
        broken=(
            Case(
                name="sd3.5 as sd1x",
                options={
                    "model_family": "sd1x",
                    "model_flavour": None,
                    "pretrained_model_name_or_path": SD3_LARGE,
                },
            ),
            Case(
                name="an SDXL flavor of sd1x",
                options={"model_family": "sd1x", "model_flavour": "realvis"},
            ),
            Case(
                name="a folder with SD1",
                options={"model_flavour": None, "pretrained_model_name_or_path": "models/mine"},
                around=Surroundings(base_class="StableDiffusionPipeline"),
            ),
            Case(
                name="a folder with SDXL",
                options={**SD1, "model_flavour": None, "pretrained_model_name_or_path": "models/x"},
                around=Surroundings(base_class="StableDiffusionXLPipeline"),
            ),
        ),
        sound=(
            Case(name="a flavor of sd1x", options=SD1),
            Case(
                name="an unknown hub id",
                options={"model_flavour": None, "pretrained_model_name_or_path": "me/my-sd3"},
            ),
            Case(
                name="an img2img folder",
                options={"pretrained_model_name_or_path": "models/mine"},
                around=Surroundings(base_class="StableDiffusion3Img2ImgPipeline"),
            ),
        ),
    ),
    "B02": RuleCases(
        broken=(
            Case(name="a flavor that isn't there", options={"model_flavour": "huge"}),
            Case(
                name="flavor and another path",
                options={"pretrained_model_name_or_path": SD3_LARGE},
            ),
        ),
        sound=(
            Case(
                name="flavor and its own path",
                options={"model_flavour": "large", "pretrained_model_name_or_path": SD3_LARGE},
            ),
            Case(name="neither", options={"model_flavour": None}),
        ),
    ),
    "B04": RuleCases(
        broken=(
            Case(
                name="no scheduler",
                options={"pretrained_model_name_or_path": "models/mine"},
                around=Surroundings(base_parts=SD3_PARTS - {"scheduler"}),
            ),
        ),
        sound=(
            Case(name="complete", around=Surroundings(base_parts=SD3_PARTS)),
            Case(
                name="the transformer lies elsewhere",
                options={"pretrained_transformer_model_name_or_path": "models/tuned"},
                around=Surroundings(base_parts=SD3_PARTS - {"transformer"}),
            ),
        ),
    ),
    "B05": RuleCases(
        broken=(
            Case(name="a VAE", options={"pretrained_vae_model_name_or_path": "me/vae"}),
            Case(
                name="SDXL's VAE",
                options={"pretrained_vae_model_name_or_path": "madebyollin/sdxl-vae-fp16-fix"},
            ),
        ),
        sound=(
            Case(
                name="sd1x", options={**SD1, "pretrained_vae_model_name_or_path": "stabilityai/vae"}
            ),
        ),
    ),
    "B06": RuleCases(
        broken=(
            Case(name="eight", options={"aspect_bucket_alignment": 8}),
            Case(name="as text", options={**SD1, "aspect_bucket_alignment": "32"}),
        ),
        sound=(
            Case(name="64", options={"aspect_bucket_alignment": 64}),
            Case(name="64 as text", options={"aspect_bucket_alignment": "64"}),
        ),
    ),
    "B07": RuleCases(
        broken=(
            Case(name="256", options={"tokenizer_max_length": 256}),
            Case(
                name="256 on purpose",
                options={"tokenizer_max_length": 256, "i_know_what_i_am_doing": True},
            ),
            Case(name="less than CLIP", options={"tokenizer_max_length": 50}),
            Case(name="sd1x", options={**SD1, "tokenizer_max_length": 150}),
        ),
        sound=(
            Case(name="154", options={"tokenizer_max_length": 154}),
            Case(name="77", options={"tokenizer_max_length": 77}),
            Case(name="sd1x without", options=SD1),
        ),
    ),
    "B26": RuleCases(
        broken=(Case(name="muon", options={"optimizer": "muon"}),),
        sound=(Case(name="sdnq-muon", options={"optimizer": "sdnq-muon"}),),
    ),
    "B27": RuleCases(
        broken=(Case(name="no pictures", options={"controlnet": True}),),
        sound=(
            Case(
                name="a block",
                options={"controlnet": True},
                image={"conditioning": {"type": "canny"}},
            ),
            Case(
                name="an id", options={"controlnet": True}, image={"conditioning_data": "outlines"}
            ),
            Case(
                name="a video, of which upstream asks nothing",
                options={"controlnet": True},
                image={"dataset_type": "video"},
            ),
            Case(
                name="the pictures themselves",
                options={"controlnet": True},
                image={"conditioning_data": "outlines"},
                more=({"id": "outlines", "dataset_type": "conditioning"},),
            ),
        ),
    ),
}

ADAPTER_CASES: Mapping[str, RuleCases] = {
    "B23": RuleCases(
        broken=(
            Case(name="DoRA", options={"use_dora": True}),
            Case(
                name="DoRA with quanto",
                options={"use_dora": True, "base_model_precision": "int8-quanto"},
            ),
            Case(
                name="LoftQ",
                options={"lora_init_type": "loftq", "base_model_precision": "int8-quanto"},
            ),
        ),
        sound=(
            Case(name="gaussian", options={"lora_init_type": "gaussian"}),
            Case(name="LoftQ unquantized", options={"lora_init_type": "loftq"}),
            Case(name="LyCORIS", options={"use_dora": True, "lora_type": "lycoris"}),
        ),
    ),
    "B24": RuleCases(
        broken=(
            Case(name="LyCORIS", options={"train_text_encoder": True, "lora_type": "lycoris"}),
            Case(name="LoRA of SD3", options={"train_text_encoder": True}),
            Case(
                name="distillation",
                options={**SD1, "train_text_encoder": True, "distillation_method": "lcm"},
            ),
        ),
        sound=(
            Case(name="off", options={"train_text_encoder": False, "lora_type": "lycoris"}),
            Case(name="sd1x", options={**SD1, "train_text_encoder": True}),
        ),
    ),
    "B25": RuleCases(
        broken=(
            Case(name="no file", options=LYCORIS, around=Surroundings(lycoris={})),
            Case(name="no name", options={**LYCORIS, "lycoris_config": ""}),
            Case(
                name="no dimension",
                options=LYCORIS,
                around=Surroundings(
                    lycoris={key: value for key, value in LOKR.items() if key != "linear_dim"}
                ),
            ),
        ),
        sound=(
            Case(name="complete", options=LYCORIS, around=Surroundings(lycoris=LOKR)),
            Case(
                name="whole matrices",
                options=LYCORIS,
                around=Surroundings(
                    lycoris={
                        "algo": "lokr",
                        "multiplier": 1,
                        "linear_alpha": 1,
                        "full_matrix": True,
                    }
                ),
            ),
            Case(name="not looked", options=LYCORIS),
            Case(name="standard LoRA", around=Surroundings(lycoris={})),
        ),
    ),
}

MODEL_CASES: Mapping[str, RuleCases] = {
    **BASE_MODEL_CASES,
    **PRECISION_CASES,
    **HARDWARE_CASES,
    **ADAPTER_CASES,
}
