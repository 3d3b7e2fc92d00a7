"""What the report says about using what was trained, for each method and family."""

import json
from pathlib import Path

import pytest
from report_files import begin_run

from tuner_kit.reporting.collect import collect_material
from tuner_kit.reporting.sections import UsageSection
from tuner_kit.reporting.usage import build_usage
from tuner_kit.runs.layout import Run


def usage_of(folder: Path, method: str, family: str, base: str) -> UsageSection:
    run = begin_run(folder)
    config = json.loads(run.config_path.read_text("utf-8"))
    config["model"] = {"family": family, "base": base}
    config["training"]["method"] = method
    run.config_path.write_text(json.dumps(config), "utf-8")
    result = result_of(run, method)
    result.parent.mkdir(parents=True)
    result.write_text("{}", "utf-8")
    section = build_usage(collect_material(run))
    assert section is not None
    compile(section.snippet, "snippet", "exec")
    return section


def result_of(run: Run, method: str) -> Path:
    places = {
        "lora": run.adapter_path,
        "lokr": run.lokr_path,
        "full": run.pipeline_dir / "model_index.json",
    }
    return places[method]


@pytest.mark.parametrize(
    ("family", "base", "pipeline_class"),
    [
        ("sd3", "stabilityai/stable-diffusion-3.5-medium", "StableDiffusion3Pipeline"),
        ("sd1x", "CompVis/stable-diffusion-v1-4", "StableDiffusionPipeline"),
    ],
)
def test_a_lora_is_loaded_beside_its_base_model(
    tmp_path: Path, family: str, base: str, pipeline_class: str
) -> None:
    section = usage_of(tmp_path, "lora", family, base)

    assert f"from diffusers import {pipeline_class}\n" in section.snippet
    assert f'{pipeline_class}.from_pretrained("{base}", ' in section.snippet
    assert 'load_lora_weights("training/adapter", weight_name="pytorch_lora' in section.snippet
    assert "lycoris" not in section.snippet
    # The tiny preset reads 32 tokens of T5; without a T5 nothing has such a length.
    assert ("max_sequence_length" in section.snippet) is (family == "sd3")


@pytest.mark.parametrize(
    ("family", "base", "denoiser"),
    [("sd3", "embedded:tiny-sd3", "transformer"), ("sd1x", "embedded:tiny-sd1", "unet")],
)
def test_a_lokr_is_loaded_by_lycoris(tmp_path: Path, family: str, base: str, denoiser: str) -> None:
    section = usage_of(tmp_path, "lokr", family, base)

    assert "from lycoris import create_lycoris_from_weights\n" in section.snippet
    assert f'"training/adapter/lycoris_weights.safetensors", pipeline.{denoiser}\n' in (
        section.snippet
    )
    assert "load_lora_weights" not in section.snippet
    assert 'config["pretrained_model_name_or_path"]' in section.snippet
    assert any("pip install lycoris-lora" in note for note in section.notes)


@pytest.mark.parametrize("base", ["embedded:tiny-sd3", "stabilityai/stable-diffusion-3.5-medium"])
def test_a_whole_model_needs_no_base_model(tmp_path: Path, base: str) -> None:
    section = usage_of(tmp_path, "full", "sd3", base)

    assert 'from_pretrained("training/pipeline", torch_dtype=' in section.snippet
    assert "load_lora_weights" not in section.snippet
    assert "base_model" not in section.snippet
    assert section.notes == ()
