"""The only conftest: fixtures that several tests share live in modules named after them."""

import pytest

pytest_plugins = ("pipeline", "project_fixtures", "real_trainer")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the expected files in tests/golden"
    )
