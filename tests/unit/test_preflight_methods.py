"""The rules about methods and families: what doesn't go together, and what has no effect."""

from pathlib import Path

import pytest
from config_files import SMALLEST, ids_of, read_config
from dataset_files import write_photo
from pixel_looking import ignore

from tuner_kit.config.presets import PRESET_NAMES, preset_path
from tuner_kit.errors import Problem, Severity
from tuner_kit.preflight.config_rules import check_values_together
from tuner_kit.preflight.dataset_rules import Examination, examine_datasets
from tuner_kit.preflight.model_rules import check_base_model

MEDIUM = SMALLEST.replace("tiny-lora", "sd3.5-medium-lora")
SD1 = SMALLEST.replace("tiny-lora", "sd1-lora")


def check(folder: Path, text: str) -> list[Problem]:
    file = read_config(folder, text)
    assert file.problems == ()
    return list(check_values_together(file))


def test_a_full_fine_tune_of_a_quantized_base_is_refused(tmp_path: Path) -> None:
    text = MEDIUM + "training: {method: full, learning_rate: 1e-5}\nmodel: {quantization: %s}\n"

    (problem,) = check(tmp_path, text % "int8-quanto")

    assert (problem.id, problem.severity) == ("C17", Severity.ERROR)
    assert problem.where == "tuner.yaml:6  model.quantization"
    assert check(tmp_path, text % "none") == []


@pytest.mark.parametrize("method", ["lora", "lokr"])
def test_an_adapter_may_have_a_quantized_base(method: str, tmp_path: Path) -> None:
    text = f"{MEDIUM}training: {{method: {method}}}\nmodel: {{quantization: int8-quanto}}\n"
    assert check(tmp_path, text) == []


@pytest.mark.parametrize(
    ("quantization", "method", "targets", "ids"),
    [
        ("int8-quanto", "lora", "[to_q, proj_out]", ["C19"]),
        ("int8-quanto", "lora", "[to_q, to_out.0]", []),
        ("int8-torchao", "lora", "[to_q, proj_out]", []),
        ("int8-quanto", "lokr", "[to_q, proj_out]", []),
    ],
)
def test_a_lora_on_a_quantized_convolution_is_refused(
    quantization: str, method: str, targets: str, ids: list[str], tmp_path: Path
) -> None:
    text = (
        f"{SD1}training: {{method: {method}}}\nmodel: {{quantization: {quantization}}}\n"
        f"simpletuner: {{peft_lora_target_modules: {targets}}}\n"
    )
    assert ids_of(check(tmp_path, text)) == ids


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param(
            MEDIUM + "lokr: {factor: 4}\n", "lokr.factor has no effect", id="lokr with lora"
        ),
        pytest.param(
            MEDIUM + "training: {method: lokr}\nlora: {rank: 8, alpha: 4}\n",
            "lora.rank, lora.alpha have no effect",
            id="lora with lokr",
        ),
        pytest.param(
            MEDIUM + "training: {method: full, learning_rate: 1e-5}\nlora: {dropout: 0.1}\n",
            "lora.dropout has no effect",
            id="lora with full",
        ),
        pytest.param(
            SD1 + "training: {flow_schedule_shift: 2.5}\n",
            "training.flow_schedule_shift has no effect",
            id="flow with sd1x",
        ),
        pytest.param(
            SD1 + "model: {text_encoder_3_quantization: int8-quanto}\n",
            "model.text_encoder_3_quantization has no effect",
            id="third text encoder with sd1x",
        ),
    ],
)
def test_a_value_of_another_method_or_family_is_named(
    text: str, names: str, tmp_path: Path
) -> None:
    (problem,) = check(tmp_path, text)

    assert (problem.id, problem.severity) == ("C18", Severity.WARNING)
    assert problem.what.startswith(names)


@pytest.mark.parametrize("name", PRESET_NAMES)
@pytest.mark.parametrize("method", ["lokr", "full"])
def test_what_a_preset_writes_whole_is_no_choice_of_a_person(
    name: str, method: str, tmp_path: Path
) -> None:
    text = preset_path(name).read_text("utf-8")
    text = text.replace("  method: lora\n", "")
    text = text.replace("training:", f"training:\n  method: {method}", 1)
    if method == "full":
        text = text.replace("quantization: int8-quanto", "quantization: none")
        text = text.replace("learning_rate: 4e-3", "learning_rate: 1e-4")
    assert check(tmp_path, text) == []


@pytest.mark.parametrize(
    ("method", "highest", "safe"),
    [("lora", 1e-2, 1e-4), ("lokr", 1e-2, 1e-4), ("full", 1e-3, 1e-5)],
)
def test_each_method_has_its_own_highest_learning_rate(
    method: str, highest: float, safe: float, tmp_path: Path
) -> None:
    text = MEDIUM + "training: {method: %s, learning_rate: %s}\n"

    (problem,) = check(tmp_path, text % (method, 1.1 * highest))

    assert problem.id == "C16"
    assert f"{highest:g}" in problem.what
    assert float(problem.fix.rpartition(" ")[2]) == safe
    assert check(tmp_path, text % (method, highest)) == []
    assert check(tmp_path, text % (method, safe)) == []


@pytest.mark.parametrize(
    ("family", "base", "other"),
    [
        ("sd3", "stable-diffusion-v1-5/stable-diffusion-v1-5", "sd1x"),
        ("sd3", "CompVis/stable-diffusion-v1-4", "sd1x"),
        ("sd3", "embedded:tiny-sd1", "sd1x"),
        ("sd1x", "stabilityai/stable-diffusion-3.5-large", "sd3"),
        ("sd1x", "embedded:tiny-sd3", "sd3"),
    ],
)
def test_a_base_model_that_is_known_by_name_tells_its_family(
    family: str, base: str, other: str, tmp_path: Path
) -> None:
    text = f"{SMALLEST}model: {{family: %s, base: {base}}}\n"

    (problem,) = check_base_model(read_config(tmp_path, text % family))

    assert problem.id == "C11"
    assert f"model.family: {other}" in problem.fix
    assert ids_of(check_base_model(read_config(tmp_path, text % other))) == []


def test_each_gpu_must_get_an_image(tmp_path: Path) -> None:
    for number in range(3):
        write_photo(tmp_path / "photos" / f"{number}.png", number, size=(128, 128), caption="a cat")
    text = SMALLEST.replace("path: .", "path: photos") + "hardware: {num_gpus: %s}\n"
    text += "training: {train_batch_size: 1}\n"
    way = Examination(continues=False, repairs=False, looks_at_pixels=False)

    def found(num_gpus: int) -> list[str]:
        with examine_datasets(read_config(tmp_path, text % num_gpus), ignore, way) as findings:
            return [each.id for each in findings.problems if each.severity is Severity.ERROR]

    assert found(3) == []
    assert found(4) == ["D07"]
