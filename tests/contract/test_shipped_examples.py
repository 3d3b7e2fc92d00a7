"""SimpleTuner's own examples, as `tuner-kit check` judges them."""

import importlib.util
from pathlib import Path

import pytest

from tuner_kit.errors import ConfigError, Problem, Severity
from tuner_kit.preflight.hand_written import TrainingSite, check_trainer_config
from tuner_kit.simpletuner.option_table import load_option_table
from tuner_kit.simpletuner.written_config import read_written_config

pytestmark = pytest.mark.contract

NOT_JSON = {"hidream.peft-controlnet-lora/config.json"}
"""A comma too many: SimpleTuner 4.10.1 can't read it either."""


def examples_dir() -> Path:
    package = importlib.util.find_spec("simpletuner")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "examples"


EXAMPLES = sorted(
    path.relative_to(examples_dir()).as_posix()
    for suffix in (".json", ".toml", ".env")
    for path in examples_dir().glob(f"*/config{suffix}")
)
OF_OUR_FAMILIES = [name for name in EXAMPLES if name.startswith(("sd3.", "sd1x"))]


def check(name: str, working_dir: Path) -> tuple[Problem, ...]:
    site = TrainingSite(working_dir, {"HOME": str(working_dir)})
    return check_trainer_config(examples_dir() / name, site, lambda _: None).problems


@pytest.mark.parametrize("name", OF_OUR_FAMILIES)
def test_an_example_of_our_families_has_no_error(name: str, tmp_path: Path) -> None:
    errors = [each for each in check(name, tmp_path) if each.severity is Severity.ERROR]

    assert errors == []


def test_there_are_examples_of_both_families() -> None:
    assert {name.partition(".")[0].partition("-")[0] for name in OF_OUR_FAMILIES} == {"sd3", "sd1x"}
    assert len(EXAMPLES) > 140


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_judged_and_every_finding_says_what_to_do(
    name: str, tmp_path: Path
) -> None:
    if name in NOT_JSON:
        with pytest.raises(ConfigError):
            check(name, tmp_path)
        return

    assert all(problem.what and problem.fix for problem in check(name, tmp_path))


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - NOT_JSON))
def test_every_option_of_an_example_is_known_or_reported(name: str) -> None:
    config = read_written_config(examples_dir() / name, load_option_table())

    assert config.written or name.endswith(".env")
