"""Applies every rule to a configuration."""

from collections.abc import Callable, Iterator, Sequence

from tuner_kit.errors import Problem
from tuner_kit.simpletuner.rules.rule import ID_PREFIX, Finding, Rule
from tuner_kit.simpletuner.rules.setup import TrainerSetup


def apply_rules(setup: TrainerSetup, rules: Sequence[Rule]) -> Iterator[tuple[Rule, Finding]]:
    """Give every finding of every rule that is about the model family."""
    for rule in rules:
        if rule.families is None or setup.family in rule.families:
            for finding in rule.check(setup):
                yield rule, finding


def as_problem(rule: Rule, finding: Finding, locate: Callable[[Finding], str]) -> Problem:
    """Write a finding as the three lines that every command prints.

    Args:
        rule: that found it.
        finding: what it found.
        locate: gives the place of the finding: file, line and key.
    """
    return Problem(
        id=f"{ID_PREFIX}{rule.id}",
        severity=finding.severity or rule.severity,
        what=finding.what,
        where=locate(finding),
        fix=finding.fix,
    )
