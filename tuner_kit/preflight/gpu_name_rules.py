"""Whether the GPU that a run is planned for is known."""

from collections.abc import Iterator

from tuner_kit.catalog.gpus import GPUS, find_gpu
from tuner_kit.config.load import ConfigFile
from tuner_kit.config.suggest import did_you_mean
from tuner_kit.errors import Problem

_GPU = ("hardware", "gpu")


def check_gpu_name(file: ConfigFile) -> Iterator[Problem]:
    """C06: a GPU that is in no table can't be planned for."""
    named = file.config.hardware.gpu
    if named is None or not file.is_sound(*_GPU) or find_gpu(named) is not None:
        return
    otherwise = "name its memory instead, for instance 24 GB"
    yield Problem(
        id="C06",
        what=f"there is no GPU called {named} in the table",
        where=file.source.locate(_GPU),
        fix=did_you_mean(named, [gpu.name for gpu in GPUS], otherwise=otherwise),
    )
