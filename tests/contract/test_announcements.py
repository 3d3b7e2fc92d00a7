"""What the real SimpleTuner announces reaches the events file, without any webhook."""

import pytest
from real_trainer import RealParser

pytestmark = pytest.mark.contract


def test_stages_and_failures_are_written_and_steps_are_not(real_parser: RealParser) -> None:
    events = real_parser.ask("announce")

    assert [event.pop("time")[-6:] for event in events] == ["+00:00"] * 3
    assert events == [
        {
            "type": "lifecycle.stage",
            "key": "loading",
            "label": "Loading",
            "status": "running",
            "current": 1,
            "total": 2,
        },
        {
            "type": "lifecycle.stage",
            "key": "validation",
            "label": "Validating",
            "status": "running",
        },
        {"type": "training.status", "status": "failed"},
    ]
