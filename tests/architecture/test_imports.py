"""The import contracts of pyproject.toml hold."""

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports
from package_facts import REPOSITORY


def test_the_import_contracts_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPOSITORY)
    status = lint_imports(config_filename="pyproject.toml", no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out
