"""Configurations for SimpleTuner that are wrong in one place, and the id that names the mistake.

Collected from SimpleTuner's issues and from what its own parser takes without a word.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class BrokenConfig:
    """What differs from the sound configuration of `rule_setups`; None removes a key."""

    name: str
    id: str
    options: Mapping[str, JsonValue] = field(default_factory=dict)
    image: Mapping[str, JsonValue] = field(default_factory=dict)
    """Changes the entry of the images."""
    text: Mapping[str, JsonValue] = field(default_factory=dict)
    """Changes the entry of the text cache."""


def _options(name: str, problem_id: str, **options: JsonValue) -> BrokenConfig:
    return BrokenConfig(name, problem_id, options=options)


def _image(name: str, problem_id: str, **image: JsonValue) -> BrokenConfig:
    return BrokenConfig(name, problem_id, image=image)


def _text(name: str, problem_id: str, **text: JsonValue) -> BrokenConfig:
    return BrokenConfig(name, problem_id, text=text)


BROKEN_CONFIGS: tuple[BrokenConfig, ...] = (
    # Group A, the shape of config.json
    _options("unknown-key", "C20", learnin_rate=1),
    _options("abbreviation", "C21", learning_rat=3e-4),
    _options("abbreviated-steps", "C21", max_train_step=77),
    _options("two-names", "C25", checkpointing_steps=100),
    _options("boolean-as-text", "C22", gradient_checkpointing="false"),
    _options("another-boolean-as-text", "C22", compress_disk_cache="false"),
    _options("list-for-text", "C24", validation_guidance_skip_layers=[7, 8, 9]),
    _options("fraction-for-whole", "C22", snr_gamma=5.5),
    _options("size-as-fraction", "C22", minimum_image_size=0.5),
    _options("megapixels-as-fraction", "C22", resolution=1.0),
    _options("no-family", "C07", model_family=None),
    _options("no-learning-rate", "ST-A07", learning_rate=None),
    _options("both-lengths", "ST-A08", num_train_epochs=10),
    _options("no-length", "ST-A08", max_train_steps=0),
    _options("only-steps", "ST-A08", num_train_epochs=None),
    _options("unset-variable", "ST-A09", output_dir="output/{env:NOT_SET_ANYWHERE}"),
    _options("fast-metadata", "ST-A12", metadata_update_interval=10),
    _options("half-betas", "ST-A13", optimizer_beta1=0.9),
    _options("batch-zero", "ST-A14", train_batch_size=0),
    _options("rank-zero", "ST-A14", lora_rank=0),
    _options("rank-negative", "ST-A14", lora_rank=-3),
    _options("alpha-zero", "ST-A14", lora_alpha=0),
    _options("random-seed", "ST-A15", seed=-1),
    _options("no-prompts-file", "ST-A16", user_prompt_library="prompts.json"),
    _options("unknown-tracker", "ST-A17", report_to="wandbb"),
    _options("disk-threshold", "ST-A19", disk_low_threshold="lots"),
    _options("warmup-too-long", "ST-A20", lr_warmup_steps=2000),
    # Group B, model and hardware
    _options("fp8-quanto", "ST-B08", base_model_precision="fp8-quanto"),
    _options(
        "full-quantized",
        "ST-B10",
        model_type="full",
        base_model_precision="int8-quanto",
        learning_rate=1e-5,
    ),
    _options("bf16-optimizer-in-float32", "ST-B16", mixed_precision="no"),
    _options("unknown-flavour", "ST-B02", model_flavour="huge"),
    _options("other-vae", "ST-B05", pretrained_vae_model_name_or_path="madebyollin/sdxl-vae"),
    _options("wrong-alignment", "ST-B06", aspect_bucket_alignment="8"),
    _options("long-captions", "ST-B07", tokenizer_max_length=300),
    _options("no-lycoris-file", "ST-B25", lora_type="lycoris", lycoris_config="none.json"),
    _options("optimizer-without-spelling", "C23", optimizer="adamw"),
    _options("removed-optimizer", "C23", optimizer="adamw8bit"),
    _options("checkpointing-interval-zero", "ST-B28", gradient_checkpointing_interval=0),
    # Group C, captions
    _image("caption-strategy-typo", "C27", caption_strategy="text"),
    _image("caption-strategy-of-the-option", "C27", caption_strategy="instance_prompt"),
    _image("prompt-missing", "ST-C02", caption_strategy="instanceprompt"),
    _image("parquet-without-block", "ST-C06", caption_strategy="parquet"),
    _image("filter-list-on-images", "ST-C10", caption_filter_list="filter.txt"),
    _options("no-dropout", "ST-C12", caption_dropout_probability=0.0),
    _options("much-dropout", "ST-C12", caption_dropout_probability=0.5),
    # Group D, geometry
    _image("area-in-pixels", "ST-D02", resolution_type="area"),
    _image("pixels-in-area", "ST-D02", resolution_type="pixel", resolution=1),
    _image("resolution-as-text", "C27", resolution="1024"),
    _image("maximum-alone", "ST-D03", maximum_image_size=2048),
    _image("minimum-above-resolution", "ST-D06", minimum_image_size=2048),
    _image(
        "target-above-maximum",
        "ST-D06",
        maximum_image_size=1536,
        target_downsample_size=2048,
    ),
    _image("crop-aspect-without-buckets", "ST-D09", crop_aspect="closest"),
    _image("crop-as-text", "C27", crop="False"),
    _options("tiny-validation", "ST-D13", validation_resolution="256"),
    # Group E, counts
    _image("no-probability", "ST-E08", probability=0),
    _image("negative-repeats", "ST-E04", repeats=-1),
    _image("starts-later", "ST-E07", start_epoch=5),
    _options("checkpoint-after-the-end", "ST-E06", checkpoint_step_interval=5000),
    _options("step-of-too-many", "D07", gradient_accumulation_steps=64),
    # Group F, schedule and stability
    _options("two-shifts", "ST-F01", flow_schedule_auto_shift=True),
    _options("high-grad-norm", "ST-F03", max_grad_norm=2.0),
    _options("learning-rate-too-high", "ST-F04", learning_rate=0.1),
    _options("learning-rate-too-low", "ST-F04", learning_rate=1e-8),
    _options("snr-gamma-in-flow", "ST-F09", snr_gamma=5),
    _options("epsilon-in-flow", "ST-F09", prediction_type="epsilon"),
    _options("high-guidance", "ST-F14", validation_guidance=7.5),
    # Group G, subjects and the person's files
    _image("deletes-images", "ST-G06", delete_problematic_images=True),
    _image("deletes-unwanted", "ST-G06", delete_unwanted_images=True),
    # Group H, caches, paths, ids
    _image("no-id", "C27", id=None),
    _image("same-cache", "ST-H02", cache_dir_vae="cache/text/cats"),
    _image("skips-discovery", "ST-H10", skip_file_discovery="metadata"),
    _text("default-as-text", "C27", default="true"),
    _image("missing-folder", "D01", instance_data_dir="data/dogs"),
    _image("misspelt-dataset-key", "C27", capton_strategy="textfile"),
    # Group I, resume, output, publish
    _options("resume-from-a-name", "ST-I03", resume_from_checkpoint="checkpoint-best"),
    _options("push-without-id", "ST-I09", push_to_hub=True),
    _options("prompt-missing-in-validation", "ST-I13", validation_prompt=None),
    _options(
        "adapter-and-its-config",
        "ST-I13",
        validation_adapter_path="a",
        validation_adapter_config="b",
    ),
)
