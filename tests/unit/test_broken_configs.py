"""Each of the configurations that SimpleTuner's users got wrong is named by the right rule."""

import pytest
from broken_configs import BROKEN_CONFIGS, BrokenConfig
from trainer_files import TrainerFolder, make_trainer_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> TrainerFolder:
    return make_trainer_folder(tmp_path_factory.mktemp("hand-written"))


def test_the_sound_configuration_is_right(folder: TrainerFolder) -> None:
    folder.write()

    assert folder.check().problems == ()


@pytest.mark.parametrize("broken", BROKEN_CONFIGS, ids=lambda broken: broken.name)
def test_a_mistake_is_named_with_its_rule(broken: BrokenConfig, folder: TrainerFolder) -> None:
    folder.write_changed(broken.options, broken.image, broken.text)

    assert broken.id in folder.ids()


def test_there_are_at_least_sixty_different_ones() -> None:
    assert len({broken.name for broken in BROKEN_CONFIGS}) == len(BROKEN_CONFIGS) >= 60
