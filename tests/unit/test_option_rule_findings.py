"""What rules about options and output say, beyond whether they find something."""

import pytest
from rule_cases_options import FILES, named, plain
from rule_cases_subject import partner
from rule_setups import Case

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.option_rules import OPTION_RULES
from tuner_kit.simpletuner.rules.output_rules import OUTPUT_RULES
from tuner_kit.simpletuner.rules.rule import Finding, Remove
from tuner_kit.simpletuner.rules.setup import Surroundings
from tuner_kit.simpletuner.rules.subject_rules import SUBJECT_RULES

RULES = {rule.id: rule for rule in (*OPTION_RULES, *SUBJECT_RULES, *OUTPUT_RULES)}
OUTPUTS = Surroundings(working_dir=FILES / "outputs")


def only_finding(rule_id: str, case: Case) -> Finding:
    (finding,) = case.findings(RULES[rule_id])
    return finding


def severity(rule_id: str, case: Case) -> Severity:
    return only_finding(rule_id, case).severity or RULES[rule_id].severity


def changes(finding: Finding) -> dict[str, object]:
    return {edit.key: edit.value for edit in finding.edits}


def test_the_old_name_is_removed_only_where_the_new_one_counts_anyway() -> None:
    new_last = Case(name="", options={"vae_cache_preprocess": True, "vae_cache_ondemand": True})
    old_last = Case(name="", options={"save_total_limit": 7})

    assert changes(only_finding("A03", new_last)) == {"vae_cache_preprocess": Remove.KEY}
    assert changes(only_finding("A03", old_last)) == {}
    assert "only save_total_limit counts" in only_finding("A03", old_last).what


def test_a_length_is_corrected_only_where_the_person_wrote_one_of_both() -> None:
    default = Case(name="", options={"num_train_epochs": None})
    both = Case(name="", options={"num_train_epochs": 5})

    assert changes(only_finding("A08", default)) == {"num_train_epochs": 0}
    assert changes(only_finding("A08", both)) == {}


@pytest.mark.parametrize(
    ("around", "expected"),
    [
        pytest.param(plain(CONFIG_PATH="config/dogs"), Severity.WARNING, id="path, plain"),
        pytest.param(named(CONFIG_PATH="config/dogs"), Severity.ERROR, id="path, named"),
        pytest.param(plain(CONFIG_BACKEND="toml"), Severity.WARNING, id="format, plain"),
        pytest.param(named(CONFIG_BACKEND="toml"), Severity.ERROR, id="format, named"),
        pytest.param(plain(SIMPLETUNER_CONFIG_BACKEND="toml"), Severity.ERROR, id="own format"),
    ],
)
def test_a_variable_is_an_error_where_the_usual_command_heeds_it(
    around: Surroundings, expected: Severity
) -> None:
    case = Case(name="", around=around)

    assert severity("A10", case) is expected
    assert "unset " in only_finding("A10", case).fix


@pytest.mark.parametrize(
    ("ours", "other", "expected"),
    [
        ("config.json", "config.toml", Severity.WARNING),
        ("config.toml", "config.json", Severity.ERROR),
        ("config.json", "config.env", Severity.WARNING),
    ],
)
def test_a_neighbor_is_an_error_where_it_is_read_instead(
    ours: str, other: str, expected: Severity
) -> None:
    around = Surroundings(config_name=ours, config_names=(other,))

    assert severity("A10", Case(name="", around=around)) is expected


def test_a_file_that_sets_variables_is_named_with_its_line_to_remove() -> None:
    place = FILES / "redirected"
    around = Surroundings(working_dir=place, config_dir=place / "config")

    finding = only_finding("A10", Case(name="", around=around))

    assert "CONFIG_BACKEND=toml is set in config/config.env" in finding.what
    assert finding.fix == "remove the line from config/config.env"


@pytest.mark.parametrize(
    ("warmup", "expected"), [(400, Severity.WARNING), (2000, Severity.ERROR)], ids=["long", "all"]
)
def test_warm_up_is_an_error_where_the_learning_rate_is_never_reached(
    warmup: int, expected: Severity
) -> None:
    assert severity("A20", Case(name="", options={"lr_warmup_steps": warmup})) is expected


def test_a_damaged_checkpoint_is_replaced_by_the_whole_one_before() -> None:
    case = Case(
        name="",
        options={"output_dir": "broken", "resume_from_checkpoint": "latest"},
        around=OUTPUTS,
    )

    assert changes(only_finding("I06", case)) == {"resume_from_checkpoint": "checkpoint-100"}


def test_a_mask_takes_the_size_that_simpletuner_would_give_it() -> None:
    finding = only_finding("G03", Case(name="", more=(partner(resolution=512),)))

    assert changes(finding) == {"resolution": 1024}
    assert finding.edits[0].dataset == 2
