"""Each rule of preflight: a tuner.yaml that it finds fault with, and one that it leaves alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from config_files import SMALLEST, ids_of, read_config
from dataset_files import cut, write_noise_jpeg, write_photo
from pixel_looking import ignore, remember_pixels

from tuner_kit.config.load import ConfigFile
from tuner_kit.errors import ConfigError, Problem
from tuner_kit.preflight.config_rules import check_values_together
from tuner_kit.preflight.dataset_rules import DatasetFindings, Examination, examine_datasets
from tuner_kit.preflight.machine_rules import check_machine
from tuner_kit.preflight.model_rules import check_base_model
from tuner_kit.preflight.run_rules import run_rules
from tuner_kit.preflight.trainer_option_rules import check_trainer_options

FULL_SIZE = SMALLEST.replace("tiny-lora", "sd3.5-medium-lora")
NO_PRESET = "name: a\nmodel:\n  base: embedded:tiny-sd3\ndatasets:\n  - path: .\n"


@dataclass(frozen=True)
class Case:
    """A file with a fault, where the fault is, and a file without it."""

    id: str
    wrong: str
    where: str
    right: str
    rules: Callable[[ConfigFile], Iterable[Problem]]


def found_while_reading(file: ConfigFile) -> Iterable[Problem]:
    """Give what was found while the file was read."""
    return file.problems


def examine_headers(file: ConfigFile) -> DatasetFindings:
    """Examine the datasets of a file without decoding an image."""
    way = Examination(continues=True, repairs=False, looks_at_pixels=False)
    with examine_datasets(file, ignore, way) as findings:
        return findings


def dataset_problems(file: ConfigFile) -> Iterable[Problem]:
    """Give what is wrong with the datasets."""
    return examine_headers(file).problems


def training(*lines: str, before: str = SMALLEST) -> str:
    """Write a file with lines in its section `training`."""
    return before + "training:\n" + "".join(f"  {line}\n" for line in lines)


def options(line: str) -> str:
    """Write a file with a line in its section `simpletuner`."""
    return f"{SMALLEST}simpletuner:\n  {line}\n"


CASES = (
    Case("C03", SMALLEST + "name: b\n", "tuner.yaml:5  name", SMALLEST, rules=found_while_reading),
    Case(
        "C04",
        SMALLEST + "traning: {}\n",
        "tuner.yaml:5  traning",
        SMALLEST + "training: {}\n",
        found_while_reading,
    ),
    Case(
        "C05",
        training("seed: '42'"),
        "tuner.yaml:6  training.seed",
        training("seed: 42"),
        found_while_reading,
    ),
    Case(
        "C06",
        training("seed: 0"),
        "tuner.yaml:6  training.seed",
        training("seed: 1"),
        found_while_reading,
    ),
    Case(
        "C07",
        SMALLEST.removeprefix("name: cats\n"),
        "tuner.yaml  name",
        SMALLEST,
        found_while_reading,
    ),
    Case(
        "C08",
        training("epochs: 2", "max_train_steps: 1000"),
        "tuner.yaml:6  training.epochs",
        training("epochs: 2"),
        check_values_together,
    ),
    Case(
        "C09",
        SMALLEST.replace("tiny-lora", "tiny"),
        "tuner.yaml:2  preset",
        SMALLEST,
        found_while_reading,
    ),
    Case(
        "C10",
        SMALLEST + "model:\n  base: ./missing\n",
        "tuner.yaml:6  model.base",
        SMALLEST + "model:\n  base: user/model\n",
        check_base_model,
    ),
    Case(
        "C12",
        training("max_train_steps: 100", "lr_warmup_steps: 100"),
        "tuner.yaml:7  training.lr_warmup_steps",
        training("max_train_steps: 100", "lr_warmup_steps: 99"),
        check_values_together,
    ),
    Case(
        "C13",
        training("optimizer: adamw_bf16", "mixed_precision: no"),
        "tuner.yaml:6  training.optimizer",
        training("optimizer: adamw_bf16", "mixed_precision: bf16"),
        check_values_together,
    ),
    Case(
        "C14",
        training("mixed_precision: no") + "model:\n  quantization: int8-quanto\n",
        "tuner.yaml:8  model.quantization",
        training("mixed_precision: bf16") + "model:\n  quantization: int8-quanto\n",
        check_values_together,
    ),
    Case(
        "C15",
        training("max_train_steps: 50", "checkpointing_steps: 51"),
        "tuner.yaml:7  training.checkpointing_steps",
        training("max_train_steps: 50", "checkpointing_steps: 50"),
        check_values_together,
    ),
    Case(
        "C16",
        training("learning_rate: 0.1"),
        "tuner.yaml:6  training.learning_rate",
        training("learning_rate: 0.01"),
        check_values_together,
    ),
    Case(
        "C20",
        options("noise_ofset: 0.1"),
        "tuner.yaml:6  simpletuner.noise_ofset",
        options("noise_offset: 0.1"),
        check_trainer_options,
    ),
    Case(
        "C21",
        options("noise_off: 0.1"),
        "tuner.yaml:6  simpletuner.noise_off",
        options("noise_offset: 0.1"),
        check_trainer_options,
    ),
    Case(
        "C22",
        options("noise_offset: 'a lot'"),
        "tuner.yaml:6  simpletuner.noise_offset",
        options("noise_offset: 1"),
        check_trainer_options,
    ),
    Case(
        "C23",
        training("optimizer: torch-adam-w"),
        "tuner.yaml:6  training.optimizer",
        training("optimizer: torch-adamw"),
        check_trainer_options,
    ),
    Case(
        "C24",
        options("noise_offset: [0.1, 0.2]"),
        "tuner.yaml:6  simpletuner.noise_offset",
        options("noise_offset: 0.1"),
        check_trainer_options,
    ),
    Case(
        "C28",
        options("lora_rank: 8"),
        "tuner.yaml:6  simpletuner.lora_rank",
        options("noise_offset: 0.1"),
        check_trainer_options,
    ),
    Case(
        "D01",
        SMALLEST.replace("path: .", "path: missing"),
        "tuner.yaml:4  datasets[0].path",
        SMALLEST.replace("path: .", "path: images"),
        dataset_problems,
    ),
    Case(
        "D02",
        SMALLEST.replace("path: .", "path: empty"),
        "tuner.yaml:4  datasets[0].path",
        SMALLEST.replace("path: .", "path: images"),
        dataset_problems,
    ),
    Case(
        "D13",
        SMALLEST.replace("path: .", "path: images") + "paths:\n  runs_dir: images/runs\n",
        "tuner.yaml:4  datasets[0].path",
        SMALLEST.replace("path: .", "path: images") + "paths:\n  runs_dir: images-runs\n",
        dataset_problems,
    ),
    Case(
        "M04",
        SMALLEST + "paths:\n  runs_dir: tuner.yaml/runs\n",
        "tuner.yaml:6  paths.runs_dir",
        SMALLEST + "paths:\n  runs_dir: not/there/yet\n",
        check_machine,
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images of the default size, and an empty one; only tuner.yaml changes."""
    root = tmp_path_factory.mktemp("preflight")
    for number in range(4):
        write_photo(root / "images" / f"{number}.png", number, size=(1024, 1024), caption="a cat")
    remember_pixels(root / "images")
    (root / "empty").mkdir()
    return root


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_fault_is_found_where_it_is(case: Case, folder: Path) -> None:
    found = list(case.rules(read_config(folder, case.wrong)))
    assert ids_of(found) == [case.id]
    assert found[0].where.startswith(case.where)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_without_the_fault_nothing_is_found(case: Case, folder: Path) -> None:
    assert list(case.rules(read_config(folder, case.right))) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: b: c\n", "C02", id="C02"),
        pytest.param(None, "C01", id="C01"),
    ],
)
def test_a_file_that_cannot_be_judged_is_refused(
    text: str | None, expected: str, tmp_path: Path
) -> None:
    from tuner_kit.config.load import load_config

    path = tmp_path / "tuner.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    assert ids_of(raised.value.problems) == [expected]


def test_neither_length_is_as_wrong_as_both(tmp_path: Path) -> None:
    (problem,) = check_values_together(read_config(tmp_path, NO_PRESET))
    assert (problem.id, problem.where) == ("C08", "tuner.yaml  training.max_train_steps")
    assert problem.what == "neither epochs nor max_train_steps is given"


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("lr_scheduler: constant", "lr_warmup_steps: 200"), id="constant"),
        pytest.param(("lr_scheduler: cosine", "lr_warmup_steps: 200"), id="cosine"),
        pytest.param(("epochs: 1", "lr_warmup_steps: 200"), id="length-in-epochs"),
        pytest.param(("optimizer: prodigy", "learning_rate: 1"), id="prodigy"),
        pytest.param(("optimizer: torch-adamw", "mixed_precision: no"), id="torch-adamw"),
    ],
)
def test_what_only_looks_like_a_fault_is_left_alone(lines: tuple[str, ...], tmp_path: Path) -> None:
    assert list(check_values_together(read_config(tmp_path, training(*lines)))) == []


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("max_train_steps: many",), id="length-of-another-type"),
        pytest.param(("max_train_step: 100",), id="misspelt-length"),
        pytest.param(("steps: 100",), id="length-under-another-name"),
        pytest.param(
            ("max_train_steps: 300", "lr_warmup_steps: 400", "lr_scheduler: cosin"),
            id="misspelt-scheduler",
        ),
        pytest.param(
            ("max_train_steps: 300", "lr_warmup_steps: 400", "lr_schedular: cosine"),
            id="scheduler-under-a-misspelt-key",
        ),
        pytest.param(("max_train_steps: 100", "checkpointing_steps: ten"), id="interval"),
        pytest.param(("max_train_steps: 100", "checkpointing_step: 10"), id="misspelt-interval"),
        pytest.param(
            ("max_train_steps: 1000", "mixed_precision: no", "optimizer: [torch-adamw]"),
            id="optimizer-of-another-type",
        ),
        pytest.param(
            ("max_train_steps: 1000", "learning_rate: 1", "optimiser: prodigy"),
            id="optimizer-under-a-misspelt-key",
        ),
    ],
)
def test_what_stands_in_for_a_wrong_value_is_not_judged(
    lines: tuple[str, ...], tmp_path: Path
) -> None:
    file = read_config(tmp_path, training(*lines, before=NO_PRESET))
    assert len(file.problems) == 1
    assert list(check_values_together(file)) == []


@pytest.mark.parametrize("section", ["training: 3\n", "trainng:\n  epochs: 3\n"])
def test_what_stands_in_for_a_wrong_section_is_not_judged(section: str, tmp_path: Path) -> None:
    file = read_config(tmp_path, NO_PRESET + section)
    assert len(file.problems) == 1
    assert list(check_values_together(file)) == []


def test_a_wrong_optimizer_is_not_compared_with_the_trainers(tmp_path: Path) -> None:
    assert list(check_trainer_options(read_config(tmp_path, training("optimizer: 3")))) == []


def test_faults_of_every_kind_are_reported_at_once_with_their_lines(folder: Path) -> None:
    text = (
        "name: cats\npreset: tiny-lora\ndatasets:\n  - path: missing\n  - path: empty\n"
        "training:\n  seed: '1'\n  lerning_rate: 1e-4\n  lr_warmup_steps: 5000\n"
        "simpletuner:\n  noise_ofset: 1\n  lora_rank: 3\nmodel:\n  base: ./missing\n"
        "paths:\n  runs_dir: tuner.yaml/runs\n"
    )
    with run_rules(read_config(folder, text), ignore) as findings:
        assert findings.datasets == ()
    assert {(problem.id, problem.where.split()[0]) for problem in findings.problems} == {
        ("C05", "tuner.yaml:7"),
        ("C04", "tuner.yaml:8"),
        ("C12", "tuner.yaml:9"),
        ("C20", "tuner.yaml:11"),
        ("C28", "tuner.yaml:12"),
        ("C10", "tuner.yaml:14"),
        ("D01", "tuner.yaml:4"),
        ("D02", "tuner.yaml:5"),
        ("M04", "tuner.yaml:16"),
    } | ({("M02", "this")} if "M02" in ids_of(findings.problems) else set())


def test_a_sound_file_has_no_findings_and_its_images_are_read(folder: Path) -> None:
    file = read_config(folder, SMALLEST.replace("path: .", "path: images"))
    with run_rules(file, ignore) as findings:
        assert findings.problems == ()
        assert [dataset.num_trained for dataset in findings.datasets] == [4]


@pytest.mark.parametrize(("end", "is_seen"), [("", True), ("training: {rnak: 2}\n", False)])
def test_pixels_are_looked_at_only_where_nothing_else_is_wrong(
    end: str, tmp_path: Path, *, is_seen: bool
) -> None:
    cut(write_noise_jpeg(tmp_path / "images" / "0.jpg"), num_bytes=500)
    file = read_config(tmp_path, SMALLEST.replace("path: .", "path: images") + end)

    with run_rules(file, ignore) as findings:
        found = ids_of(findings.problems)

    assert ("D06" in found) is is_seen


def test_a_wrong_folder_of_runs_is_not_taken_for_one_inside_the_dataset(tmp_path: Path) -> None:
    write_photo(tmp_path / "0.png", caption="a cat")
    file = read_config(tmp_path, SMALLEST + "paths:\n  runs_dir: 3\n")
    assert ids_of(file.problems) == ["C05"]
    assert "D13" not in ids_of(examine_headers(file).problems)


def test_a_dataset_with_a_wrong_path_is_left_out_and_the_next_is_read(folder: Path) -> None:
    text = "name: a\npreset: tiny-lora\ndatasets:\n  - path: 3\n  - path: images\n"
    findings = examine_headers(read_config(folder, text))
    assert findings.problems == ()
    roots = [dataset.snapshot.root for dataset in findings.datasets]
    assert roots == [folder.resolve() / "images"]


@pytest.mark.parametrize(
    ("spelling", "fix"),
    [
        ("checkpoint_step_interval", "use training.checkpointing_steps instead"),
        ("checkpointing_steps", "use training.checkpointing_steps instead"),
        ("lycoris_config", "use lokr instead"),
        ("lora_format", "remove it: training relies on its value"),
    ],
)
def test_an_option_of_ours_is_refused_under_each_of_its_names(
    spelling: str, fix: str, tmp_path: Path
) -> None:
    (problem,) = check_trainer_options(read_config(tmp_path, options(f"{spelling}: 8")))
    assert (problem.id, problem.fix) == ("C28", fix)
