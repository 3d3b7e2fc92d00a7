"""What a run takes, and whether the GPU and the machine have it."""

from pathlib import Path

import pytest
from config_files import read_config
from dataset_files import write_image

from tuner_kit.catalog.gpus import find_gpu
from tuner_kit.config.answers import Answers
from tuner_kit.config.load import ConfigFile
from tuner_kit.errors import Problem, Severity
from tuner_kit.planning.estimate import Estimate
from tuner_kit.preflight.accelerators import Accelerator
from tuner_kit.preflight.dataset_rules import Examination, examine_datasets
from tuner_kit.preflight.gpu_name_rules import check_gpu_name
from tuner_kit.preflight.plan_run import plan_answers
from tuner_kit.preflight.resource_rules import (
    check_resources,
    needed_disk_mib,
    plan_costs,
    target_gpu,
)
from tuner_kit.preflight.run_costs import RunCosts, format_gib, format_hours
from tuner_kit.preflight.target_gpu import describe_gpus
from tuner_kit.stages.create import create

TEXT = """\
name: cats
preset: sd3.5-medium-lora
datasets: [{path: images}]
validation: {prompts: [a cat]}
"""
HEADERS = Examination(continues=False, repairs=False, looks_at_pixels=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(8):
        write_image(tmp_path / "images" / f"{index}.png", size=(1024, 1024), caption=f"cat {index}")
    return tmp_path


def costs_of(file: ConfigFile, gpu: str | None) -> RunCosts:
    profile = None if gpu is None else find_gpu(gpu)
    with examine_datasets(file, lambda _: None, HEADERS) as findings:
        costs = plan_costs(file, findings.datasets, profile)
    assert costs is not None
    return costs


def problems(folder: Path, text: str, gpu: str) -> list[Problem]:
    file = read_config(folder, text)
    return list(check_resources(file, costs_of(file, gpu), find_gpu(gpu)))


def test_what_surely_does_not_fit_is_an_error_before_anything_is_loaded(folder: Path) -> None:
    text = TEXT + "training: {method: full}\n"

    (problem,) = (each for each in problems(folder, text, "8 GB") if each.id == "M05")

    assert problem.severity is Severity.ERROR
    assert problem.what.startswith("training needs")
    assert "8 GB has" in problem.what


def test_what_saves_memory_beyond_the_plan_leaves_it_open(folder: Path) -> None:
    text = TEXT + "training: {method: full}\nsimpletuner: {ramtorch: true}\n"

    (problem,) = (each for each in problems(folder, text, "8 GB") if each.id == "M05")

    assert problem.severity is Severity.WARNING


@pytest.mark.parametrize("gpu", ["12 GB", "16 GB", "24 GB"])
def test_what_the_wizard_plans_for_a_gpu_fits_into_it(folder: Path, gpu: str) -> None:
    answers = Answers(data=str(folder / "images"), gpu=gpu)
    planned = plan_answers(answers, find_gpu(gpu), lambda _: None)

    file = create(planned, folder / "tuner.yaml")

    assert list(check_resources(file, costs_of(file, gpu), find_gpu(gpu))) == []


def test_what_may_not_fit_is_a_warning(folder: Path) -> None:
    (problem,) = (each for each in problems(folder, TEXT, "14 GB") if each.id == "M05")

    assert problem.severity is Severity.WARNING
    assert "may need" in problem.what


def test_what_fits_is_no_finding(folder: Path) -> None:
    assert "M05" not in [each.id for each in problems(folder, TEXT, "80 GB")]


def test_the_ram_of_another_machine_is_not_judged(folder: Path) -> None:
    text = TEXT + "hardware: {gpu: 80 GB}\n"

    assert problems(folder, text, "80 GB") == []


def test_a_longer_run_takes_longer_and_more_disk(folder: Path) -> None:
    short = costs_of(read_config(folder, TEXT + "training: {max_train_steps: 100}\n"), "24 GB")
    long = costs_of(read_config(folder, TEXT + "training: {max_train_steps: 10000}\n"), "24 GB")

    assert short.hours is not None
    assert long.hours is not None
    assert long.hours.likely > 10 * short.hours.likely
    assert long.gpu_gib == short.gpu_gib


def test_a_model_that_is_here_is_not_downloaded(folder: Path) -> None:
    text = TEXT.replace("sd3.5-medium-lora", "tiny-lora")

    assert needed_disk_mib(costs_of(read_config(folder, TEXT), None)) > 10_000
    assert needed_disk_mib(costs_of(read_config(folder, text), None)) < 100


def test_without_a_gpu_neither_its_memory_nor_the_time_is_told(folder: Path) -> None:
    costs = costs_of(read_config(folder, TEXT), None)

    assert [name for name, _ in costs.in_words()] == ["RAM", "disk"]
    assert costs.as_json()["hours"] is None


def test_an_unknown_model_has_no_plan(folder: Path) -> None:
    file = read_config(folder, TEXT + "model: {base: somebody/something}\n")

    with examine_datasets(file, lambda _: None, HEADERS) as findings:
        assert plan_costs(file, findings.datasets, None) is None


@pytest.mark.parametrize(
    ("name", "fix"),
    [("RTX 409", "did you mean RTX 4090?"), ("Voodoo 2", "name its memory instead")],
)
def test_a_gpu_that_is_in_no_table_is_named(folder: Path, name: str, fix: str) -> None:
    (problem,) = check_gpu_name(read_config(folder, TEXT + f"hardware: {{gpu: {name}}}\n"))

    assert problem.id == "C06"
    assert fix in problem.fix
    assert problem.where == "tuner.yaml:5  hardware.gpu"


def test_the_gpu_that_is_named_wins_over_the_one_here(folder: Path) -> None:
    local = describe_gpus([Accelerator("NVIDIA GeForce RTX 4090", 24564, "570", (8, 9))])

    here = target_gpu(read_config(folder, TEXT), local)
    named = target_gpu(read_config(folder, TEXT + "hardware: {gpu: H100}\n"), local)

    assert here is not None
    assert here.memory_gib == pytest.approx(24564 / 1024)
    assert here.bf16_tflops is not None
    assert named == find_gpu("H100")


def test_gpus_of_one_kind_train_together() -> None:
    card = Accelerator("NVIDIA L4", 23034, "570", (8, 9))

    assert describe_gpus([card, card, Accelerator("Tesla T4", 15360, "570")]).count == 2
    assert describe_gpus([Accelerator("NVIDIA GB10", None, "580")]).profile is None
    assert describe_gpus([]).count == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Estimate(9.52, 11.4, 12.1), "11 GiB (9.5 to 12)"),
        (Estimate(0.25, 0.3, 0.38), "307 MiB (256 to 389)"),
    ],
)
def test_sizes_are_written_with_their_bar(value: Estimate, text: str) -> None:
    assert format_gib(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Estimate(0.4, 0.7, 1.3), "about 42 min (24 to 78)"),
        (Estimate(0.0, 0.001, 0.01), "about 1 min (1 to 1)"),
        (Estimate(2, 3.5, 12), "about 3.5 h (2.0 to 12)"),
    ],
)
def test_times_are_written_with_their_bar(value: Estimate, text: str) -> None:
    assert format_hours(value) == text
