"""One child process that has imported the real SimpleTuner, shared by all contract tests."""

from collections.abc import Iterator

import pytest
from real_trainer import RealParser, start_real_parser


@pytest.fixture(scope="session")
def real_parser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealParser]:
    with start_real_parser(tmp_path_factory.mktemp("real_simpletuner")) as parser:
        yield parser
