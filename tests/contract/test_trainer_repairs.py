"""Each repair of SimpleTuner: the flaw is still upstream, and the repair removes it."""

import pytest
from real_trainer import RealParser

from tuner_kit.workers.trainer_repairs import REPAIRS

pytestmark = pytest.mark.contract

REPAIR_NAMES = [repair.name for repair in REPAIRS]
NEEDED_WITHOUT_ACCELERATOR_ONLY = {"pin_memory"}

Findings = dict[str, dict[str, bool]]


@pytest.fixture(scope="module")
def findings(real_parser: RealParser) -> Findings:
    found: Findings = real_parser.ask("check_repairs")
    return found


@pytest.mark.parametrize("name", REPAIR_NAMES)
def test_the_flaw_that_the_repair_removes_is_still_upstream(
    name: str, findings: Findings, real_parser: RealParser
) -> None:
    if name in NEEDED_WITHOUT_ACCELERATOR_ONLY and real_parser.ask("has_accelerator"):
        pytest.skip("shows on machines without an accelerator only")

    assert findings[name]["before"], f"{name}: this repair is no longer needed: delete it"


@pytest.mark.parametrize("name", REPAIR_NAMES)
def test_the_repair_removes_the_flaw(name: str, findings: Findings) -> None:
    assert not findings[name]["after"]


def test_every_repair_says_why_and_where() -> None:
    assert all(repair.reason and repair.upstream for repair in REPAIRS)
    assert len(set(REPAIR_NAMES)) == len(REPAIR_NAMES)
