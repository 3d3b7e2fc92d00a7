"""Runs in the child of `real_trainer`: the validation of SimpleTuner's own web interface."""

from typing import Any


def finds_errors(config: dict[str, Any]) -> bool:
    """Whether it reports an error about a configuration, or refuses it."""
    from simpletuner.simpletuner_sdk.server.services.validation_service import ValidationService

    result = ValidationService().validate_configuration(config)
    return not result.is_valid
