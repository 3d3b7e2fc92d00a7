"""Configurations that break, or nearly break, a rule about SD3's schedule and stability."""

from collections.abc import Mapping
from pathlib import Path

from rule_setups import Case, RuleCases

from tuner_kit.simpletuner.rules.setup import ImageFolderFacts, Surroundings

LAYERS = "validation_guidance_skip_layers"
LARGE = {"model_flavour": "large"}
SD3_MEDIUM = "stabilityai/stable-diffusion-3-medium-diffusers"
MASKS = {"id": "masks", "dataset_type": "conditioning", "conditioning_type": "mask"}


def with_images(number: int) -> Surroundings:
    folder = ImageFolderFacts(dir=Path("data/cats"), num_images=number)
    return Surroundings(folders={0: folder})


SCHEDULE_CASES: Mapping[str, RuleCases] = {
    "F01": RuleCases(
        broken=(
            Case(name="both", options={"flow_schedule_auto_shift": True}),
            Case(
                name="automatic alone",
                options={"flow_schedule_auto_shift": True, "flow_schedule_shift": None},
            ),
        ),
        sound=(
            Case(
                name="uniform with 1",
                options={"flow_schedule_shift": 1, "flow_use_uniform_schedule": True},
            ),
            Case(name="the default", options={"flow_schedule_shift": None}),
        ),
    ),
    "F02": RuleCases(
        broken=(
            Case(
                name="cubic and uniform",
                options={
                    "flow_cubic_schedule_weights": [1, 2, 1],
                    "flow_use_uniform_schedule": True,
                },
            ),
            Case(
                name="cubic and timesteps",
                options={
                    "flow_cubic_schedule_weights": "1,2,1",
                    "flow_custom_timesteps": "100,500",
                },
            ),
            Case(
                name="beta and uniform",
                options={"flow_use_beta_schedule": True, "flow_use_uniform_schedule": True},
            ),
        ),
        sound=(
            Case(name="beta alone", options={"flow_use_beta_schedule": True}),
            Case(
                name="cubic alone",
                options={"flow_cubic_schedule_weights": [1, 2], "flow_use_beta_schedule": False},
            ),
        ),
    ),
    "F03": RuleCases(
        broken=(
            Case(name="the default", options={"max_grad_norm": None}),
            Case(name="large", options={**LARGE, "max_grad_norm": 2}),
            Case(name="off", options={"max_grad_norm": 0}),
        ),
        sound=(
            Case(name="exactly 1", options={"max_grad_norm": 1}),
            Case(name="0.1", options={"max_grad_norm": 0.1}),
        ),
    ),
    "F04": RuleCases(
        broken=(
            Case(name="too small", options={"learning_rate": 9e-8}),
            Case(name="too large", options={"learning_rate": 0.1}),
            Case(name="the whole model", options={"model_type": "full", "learning_rate": 5e-5}),
            Case(
                name="StableAdamW",
                options={"optimizer": "optimi-stableadamw", "learning_rate": 4e-5},
            ),
            Case(name="prodigy", options={"optimizer": "prodigy", "learning_rate": 1e-4}),
            Case(
                name="prodigy with cosine",
                options={"optimizer": "prodigy", "learning_rate": 1, "lr_scheduler": "cosine"},
            ),
        ),
        sound=(
            Case(name="the whole model", options={"model_type": "full", "learning_rate": 1e-5}),
            Case(name="prodigy", options={"optimizer": "prodigy", "learning_rate": 1}),
            Case(
                name="StableAdamW",
                options={"optimizer": "optimi-stableadamw", "learning_rate": 1e-5},
            ),
        ),
    ),
    "F05": RuleCases(
        broken=(Case(name="two", options={**LARGE, "gradient_accumulation_steps": 2}),),
        sound=(
            Case(name="four", options=LARGE),
            Case(name="medium", options={"gradient_accumulation_steps": 1}),
            Case(
                name="four GPUs",
                options={**LARGE, "gradient_accumulation_steps": 1},
                around=Surroundings(num_processes=4),
            ),
        ),
    ),
    "F06": RuleCases(
        broken=(
            Case(name="class images", options=LARGE, image={"is_regularisation_data": True}),
            Case(name="masks", options=LARGE, more=(MASKS,)),
        ),
        sound=(
            Case(name="medium", more=(MASKS,)),
            Case(name="disabled", options=LARGE, more=({**MASKS, "disabled": True},)),
        ),
    ),
    "F07": RuleCases(
        broken=(Case(name="zero", options={"t5_padding": "zero"}),),
        sound=(Case(name="unmodified", options={"t5_padding": "unmodified"}),),
    ),
    "F08": RuleCases(
        broken=(
            Case(name="CLIP", options={"sd3_clip_uncond_behaviour": "zero"}),
            Case(name="T5", options={"sd3_t5_uncond_behaviour": "zero"}),
        ),
        sound=(Case(name="empty", options={"sd3_clip_uncond_behaviour": "empty_string"}),),
    ),
    "F09": RuleCases(
        broken=(
            Case(name="epsilon", options={"prediction_type": "epsilon"}),
            Case(name="min-SNR", options={"snr_gamma": 5}),
            Case(name="zero SNR", options={"rescale_betas_zero_snr": True}),
            Case(name="spacing", options={"training_scheduler_timestep_spacing": "leading"}),
        ),
        sound=(
            Case(name="flow", options={"prediction_type": "flow_matching"}),
            Case(name="the default", options={"training_scheduler_timestep_spacing": "trailing"}),
            Case(name="sd1x", options={"model_family": "sd1x", "snr_gamma": 5}),
        ),
    ),
    "F10": RuleCases(
        broken=(
            Case(name="without brackets", options={LAYERS: "7,8,9"}),
            Case(name="one number", options={LAYERS: "9"}),
            Case(name="nonsense", options={LAYERS: "middle"}),
            Case(name="large", options={**LARGE, LAYERS: "[7, 8, 9]"}),
            Case(name="a layer that isn't there", options={LAYERS: "[23, 24]"}),
            Case(name="strong guidance", options={LAYERS: "[7, 8, 9]", "validation_guidance": 7.0}),
            Case(name="no guidance", options={LAYERS: "[7, 8, 9]", "validation_guidance": 1.0}),
            Case(name="four layers", options={LAYERS: "[6, 7, 8, 9]"}),
            Case(
                name="it ends before it begins",
                options={LAYERS: "[7, 8, 9]", f"{LAYERS}_start": 0.3},
            ),
            Case(name="sd1x", options={"model_family": "sd1x", LAYERS: "[7]"}),
        ),
        sound=(
            Case(name="Stability's", options={LAYERS: "[7, 8, 9]"}),
            Case(
                name="four layers, doubled",
                options={LAYERS: "[6, 7, 8, 9]", "validation_guidance_skip_scale": 5.6},
            ),
            Case(
                name="as SimpleTuner's example, which the type checks tell",
                options={LAYERS: [7, 8, 9], "validation_guidance": 1.0},
            ),
        ),
    ),
    "F11": RuleCases(
        broken=(
            Case(name="Flux's", options={"peft_lora_target_modules": ["proj_mlp", "img_in"]}),
            Case(
                name="one of them",
                options={"peft_lora_target_modules": '["to_k", "proj_mlp", "ff.net.0.proj"]'},
            ),
            Case(name="a group", options={"peft_lora_target_modules": ["to_k", "to_out"]}),
        ),
        sound=(
            Case(
                name="all of attention",
                options={"peft_lora_target_modules": ["to_k", "to_out.0", "add_q_proj"]},
            ),
            Case(
                name="one block",
                options={"peft_lora_target_modules": ["transformer_blocks.12.attn.to_k"]},
            ),
            Case(name="a file", options={"peft_lora_target_modules": "targets.json"}),
            Case(
                name="LyCORIS",
                options={"peft_lora_target_modules": ["img_in"], "lora_type": "lycoris"},
            ),
        ),
    ),
    "F12": RuleCases(
        broken=(
            Case(
                name="rank 128 for 20 images",
                options={"lora_rank": 128, "lora_alpha": 128},
                around=with_images(20),
            ),
            Case(name="alpha 1", options={"lora_alpha": 1}),
            Case(name="a large alpha", options={"lora_alpha": 64}),
        ),
        sound=(
            Case(
                name="rank 128 for 200 images",
                options={"lora_rank": 128, "lora_alpha": 128},
                around=with_images(200),
            ),
            Case(
                name="rank 64 for 20 images",
                options={"lora_rank": 64, "lora_alpha": 64},
                around=with_images(20),
            ),
            Case(name="half", options={"lora_alpha": 8}),
            Case(name="no alpha", options={"lora_alpha": None}),
            Case(name="LyCORIS", options={"lora_alpha": 1, "lora_type": "lycoris"}),
        ),
    ),
    "F13": RuleCases(
        broken=(
            Case(name="100 steps", options={"use_ema": True, "max_train_steps": 100}),
            Case(
                name="rare updates",
                options={"use_ema": True, "ema_update_interval": 50},
            ),
            Case(
                name="self flow without averages",
                options={
                    "crepa_enabled": True,
                    "crepa_feature_source": "self_flow",
                    "use_ema": False,
                },
            ),
            Case(
                name="self flow with the default source",
                options={"crepa_enabled": True, "crepa_self_flow": True, "use_ema": True},
            ),
        ),
        sound=(
            Case(name="2000 steps", options={"use_ema": True}),
            Case(name="off", options={"use_ema": False, "max_train_steps": 100}),
            Case(name="self flow, but off", options={"crepa_self_flow": True}),
            Case(
                name="self flow, complete",
                options={
                    "crepa_enabled": True,
                    "crepa_feature_source": "self_flow",
                    "use_ema": True,
                },
            ),
            Case(
                name="a fixed decay from step 20 on",
                options={"use_ema": True, "max_train_steps": 100, "ema_warmup_steps": 20},
            ),
        ),
    ),
    "F14": RuleCases(
        broken=(
            Case(name="the default", options={"validation_guidance": None}),
            Case(name="9", options={**LARGE, "validation_guidance": 9}),
        ),
        sound=(
            Case(name="5", options={"validation_guidance": 5}),
            Case(
                name="SD3.0",
                options={
                    "validation_guidance": 7.0,
                    "model_flavour": None,
                    "pretrained_model_name_or_path": SD3_MEDIUM,
                },
            ),
            Case(
                name="no images",
                options={"validation_guidance": None, "validation_disable": True},
            ),
        ),
    ),
    "F15": RuleCases(
        broken=(Case(name="fp16", options={"vae_dtype": "fp16"}),),
        sound=(
            Case(name="fp32", options={"vae_dtype": "fp32"}),
            Case(name="bf16", options={"vae_dtype": "bf16"}),
        ),
    ),
}
