"""Each rule about SimpleTuner's configuration: what it reports, and what it leaves alone."""

import pytest
from rule_cases import CASES
from rule_setups import Case

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.elsewhere import ELSEWHERE
from tuner_kit.simpletuner.rules.table import RULES

BY_ID = {rule.id: rule for rule in RULES}
BROKEN = [(rule, case) for rule, cases in CASES.items() for case in cases.broken]
FIXABLE = [
    (rule, case)
    for rule, case in BROKEN
    if any(finding.edits for finding in case.findings(BY_ID[rule]))
]
SOUND = [(rule, case) for rule, cases in CASES.items() for case in cases.sound]


def names(pairs: list[tuple[str, Case]]) -> list[str]:
    return [f"{rule}-{case.name}" for rule, case in pairs]


@pytest.mark.parametrize(("rule_id", "case"), BROKEN, ids=names(BROKEN))
def test_a_broken_configuration_is_reported_with_what_and_how_to_fix_it(
    rule_id: str, case: Case
) -> None:
    findings = case.findings(BY_ID[rule_id])

    assert findings
    assert all(finding.what and finding.fix for finding in findings)


@pytest.mark.parametrize(("rule_id", "case"), SOUND, ids=names(SOUND))
def test_a_sound_configuration_is_left_alone(rule_id: str, case: Case) -> None:
    assert case.findings(BY_ID[rule_id]) == []


@pytest.mark.parametrize("rule_id", sorted(BY_ID))
def test_the_configuration_that_all_cases_start_from_breaks_no_rule(rule_id: str) -> None:
    assert Case(name="sound").findings(BY_ID[rule_id]) == []


@pytest.mark.parametrize(("rule_id", "case"), FIXABLE, ids=names(FIXABLE))
def test_what_a_fix_would_change_is_right_afterwards(rule_id: str, case: Case) -> None:
    rule = BY_ID[rule_id]
    edits = [edit for finding in case.findings(rule) for edit in finding.edits]

    assert case.edited(edits).findings(rule) == []


def test_every_rule_has_cases_of_both_kinds() -> None:
    assert set(CASES) == set(BY_ID)
    assert all(cases.broken and cases.sound for cases in CASES.values())


def test_every_rule_of_the_list_is_said_in_one_place() -> None:
    sizes = {"A": 20, "B": 30, "C": 14, "D": 15, "E": 10, "F": 15, "G": 7, "H": 17, "I": 15}
    listed = {f"{letter}{n:02}" for letter, size in sizes.items() for n in range(1, size + 1)}

    assert listed == set(BY_ID) | set(ELSEWHERE)
    assert not set(BY_ID) & set(ELSEWHERE)
    assert len(BY_ID) == len(RULES)


def test_every_rule_says_where_upstream_shows_it() -> None:
    assert all(rule.source and rule.looks_at for rule in RULES)
    assert all(rule.severity is not Severity.NOTICE or rule.title for rule in RULES)
