"""Configurations that the real SimpleTuner is asked about, by the rule that judges them."""

from collections.abc import Mapping

from real_trainer import SMALLEST_CONFIG

from tuner_kit.simpletuner.rules import known_bases

SD3_SHAPE: Mapping[str, object] = {
    "sample_size": 128,
    "patch_size": 2,
    "in_channels": 16,
    "out_channels": 16,
    "attention_head_dim": 64,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 2048,
}
SD3_SHAPES: Mapping[str, Mapping[str, object]] = {
    known_bases.SD3_MEDIUM: {
        "num_layers": 24,
        "num_attention_heads": 24,
        "caption_projection_dim": 1536,
    },
    known_bases.SD3_5_MEDIUM: {
        "num_layers": 24,
        "num_attention_heads": 24,
        "caption_projection_dim": 1536,
        "qk_norm": "rms_norm",
        "dual_attention_layers": tuple(range(13)),
    },
    known_bases.SD3_5_LARGE: {
        "num_layers": 38,
        "num_attention_heads": 38,
        "caption_projection_dim": 2432,
        "qk_norm": "rms_norm",
    },
}
"""The published transformer/config.json of each."""


def config(**changes: object) -> dict[str, object]:
    return {**SMALLEST_CONFIG, "max_grad_norm": 1.0, **changes}


ACCEPTED: Mapping[str, Mapping[str, object]] = {
    "B01: sd1x with SD3.5": {
        "model_family": "sd1x",
        "pretrained_model_name_or_path": known_bases.SD3_5_MEDIUM,
    },
    "B02: a flavor that isn't there": {"model_flavour": "huge"},
    "B08: fp8-quanto": {"base_model_precision": "fp8-quanto"},
    "B10: full and quantized": {"model_type": "full", "base_model_precision": "int8-quanto"},
    "B13: two quantization libraries": {
        "base_model_precision": "int8-quanto",
        "text_encoder_3_precision": "int8-torchao",
    },
    "B16: adamw_bf16 without bf16": {"optimizer": "adamw_bf16", "mixed_precision": "no"},
    "B16: adamw_bf16 with fp32": {
        "optimizer": "adamw_bf16",
        "base_model_precision": "int8-quanto",
        "base_model_default_dtype": "fp32",
    },
    "B17: fp16": {"mixed_precision": "fp16"},
    "B20: ramtorch-free block swap of all": {"musubi_blocks_to_swap": 40},
    "B26: muon": {"optimizer": "muon"},
    "B28: an interval of 0": {"gradient_checkpointing_interval": 0},
    "F02: beta and uniform": {"flow_use_beta_schedule": True, "flow_use_uniform_schedule": True},
    "F04: a learning rate of 0.1": {"learning_rate": 0.1},
    "F09: min-SNR for SD3": {"snr_gamma": 5, "prediction_type": "epsilon"},
    "F15: a VAE in fp16": {"vae_dtype": "fp16"},
}

REFUSED: Mapping[str, Mapping[str, object]] = {
    "B10: quantization_config of a full model": {
        "model_type": "full",
        "quantization_config": '{"transformer": {}}',
    },
    "B11: sdnq while loading": {"quantize_via": "pipeline", "base_model_precision": "int8-sdnq"},
    "B11: an encoder while loading": {
        "quantize_via": "pipeline",
        "text_encoder_3_precision": "fp8-native",
    },
    "B12: nf4 and sdnq": {
        "base_model_precision": "nf4-bnb",
        "text_encoder_1_precision": "int8-sdnq",
    },
    "B12: a configuration and quanto": {
        "quantization_config": '{"transformer": {}}',
        "text_encoder_3_precision": "int8-quanto",
    },
    "B15: fp8 and quanto": {"mixed_precision": "fp8", "base_model_precision": "int8-quanto"},
    "B19: FSDP2 and quanto": {"fsdp_enable": True, "base_model_precision": "int8-quanto"},
    "B19: FSDP and DeepSpeed": {"fsdp_enable": True, "deepspeed_config": {"train_batch_size": 1}},
    "B19: offload and released gradients": {
        "fsdp_enable": True,
        "fsdp_cpu_offload": True,
        "optimizer": "optimi-lion",
        "optimizer_release_gradients": True,
    },
    "B21: sageattention that is not installed": {"attention_mechanism": "sageattention"},
    "B24: distilled text encoders": {"train_text_encoder": True, "distillation_method": "lcm"},
    "B25: no name": {"lora_type": "lycoris", "lycoris_config": ""},
    "B25: no file": {"lora_type": "lycoris", "lycoris_config": "nowhere.json"},
    "F02: cubic and uniform": {
        "flow_cubic_schedule_weights": "1,2,1",
        "flow_use_uniform_schedule": True,
    },
    "F10: without brackets": {"validation_guidance_skip_layers": "7,8,9"},
    "F10: another family": {"model_family": "sd1x", "validation_guidance_skip_layers": "[7]"},
}
