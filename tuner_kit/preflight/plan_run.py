"""From answers alone to a planned run: the folders that they name are looked at here."""

from tuner_kit.catalog.gpus import GpuProfile
from tuner_kit.config.answers import Answers
from tuner_kit.preflight.decisions import decide
from tuner_kit.preflight.folder_facts import FolderFacts, look_at_folder
from tuner_kit.preflight.planned_run import PlannedRun
from tuner_kit.preflight.training_length import Folders
from tuner_kit.process.worker import OnEvent


def plan_answers(answers: Answers, gpu: GpuProfile | None, on_event: OnEvent) -> PlannedRun:
    """Plan the run that answers ask for; what is not answered is as suggested.

    Args:
        answers: with a folder of images.
        gpu: what trains; None where there is none here.
        on_event: called with the progress of reading folders.

    Raises:
        AccessError: a dataset on the Hub can't be reached.
        DatasetError: a folder can't be read, or fits two layouts (D14).
    """

    def look(folder: str | None, layout: str = "auto") -> FolderFacts | None:
        return None if folder is None else look_at_folder(folder, layout, on_event)

    folders = Folders(
        look_at_folder(answers.data or "", answers.layout, on_event),
        class_images=look(answers.class_images),
        plain_images=look(answers.plain_images),
    )
    return decide(answers, folders, gpu)
