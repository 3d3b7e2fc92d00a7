"""Every option that tuner_kit writes comes back from the real parser as it was meant."""

import json
from pathlib import Path

import pytest
from golden_jobs import VARIANTS, build_golden_files
from real_trainer import RealParser

pytestmark = pytest.mark.contract

READ_AS_LIST = {"report_to", "validation_guidance_skip_layers"}
"""Written as text; the parser splits them."""


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_option_comes_back_with_its_value_and_type(
    variant: str, tmp_path: Path, real_parser: RealParser
) -> None:
    files = build_golden_files(variant, tmp_path)
    config = dict(files.config)
    if files.lycoris is not None:  # The parser opens it.
        lycoris_path = tmp_path / "lycoris_config.json"
        lycoris_path.write_text(json.dumps(dict(files.lycoris)), encoding="utf-8")
        config["lycoris_config"] = str(lycoris_path)

    parsed = real_parser.parse(config, files.backend)

    meant = {name: value for name, value in config.items() if name not in READ_AS_LIST}
    returned = {name: parsed[name] for name in meant}
    del meant["data_backend_config"], returned["data_backend_config"]
    assert returned == meant
    assert {name: type(value) for name, value in returned.items()} == {
        name: type(value) for name, value in meant.items()
    }
