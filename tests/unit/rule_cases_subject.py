"""Configurations for the rules about subjects (group G)."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue
from rule_setups import Case, RuleCases

from tuner_kit.simpletuner.rules.setup import ImageFolderFacts, Surroundings

FILES = Path(__file__).with_name("rule_files")
PAIRS = Surroundings(working_dir=FILES / "pairs")


def class_images(**keys: JsonValue) -> dict[str, JsonValue]:
    return {
        "id": "class",
        "type": "local",
        "instance_data_dir": "data/class",
        "is_regularisation_data": True,
        **keys,
    }


def counted(subject: int, of_class: int) -> Surroundings:
    return Surroundings(
        folders={
            0: ImageFolderFacts(dir=Path("data/cats"), num_images=subject),
            2: ImageFolderFacts(dir=Path("data/class"), num_images=of_class),
        }
    )


def partner(folder: str = "masks", **keys: JsonValue) -> dict[str, JsonValue]:
    return {
        "id": "partner",
        "type": "local",
        "dataset_type": "conditioning",
        "conditioning_type": "mask",
        "instance_data_dir": folder,
        "source_dataset_id": "cats",
        **keys,
    }


def preference(**options: JsonValue) -> dict[str, JsonValue]:
    return {
        "distillation_method": "flow_dpo",
        "flow_custom_timesteps": "801,694",
        **options,
    }


PHOTOS: Mapping[str, JsonValue] = {"instance_data_dir": "photos"}
LINKED: Mapping[str, JsonValue] = {"conditioning_data": ["partner"]}
REJECTED = partner(conditioning_type="reference_strict", source_dataset_id=None)

SUBJECT_CASES: Mapping[str, RuleCases] = {
    "G01": RuleCases(
        broken=(
            Case(name="adapter", more=(class_images(),)),
            Case(name="whole model", options={"model_type": "full"}, more=(class_images(),)),
            Case(
                name="American spelling",
                more=(class_images(is_regularisation_data=False, is_regularization_data=True),),
            ),
        ),
        sound=(
            Case(name="off", more=(class_images(is_regularisation_data=False),)),
            Case(name="disabled", more=(class_images(disabled=True),)),
        ),
    ),
    "G02": RuleCases(
        broken=(
            Case(name="more", more=(class_images(),), around=counted(20, 200)),
            Case(
                name="more after repeats",
                image={"repeats": 4},
                more=(class_images(),),
                around=counted(20, 101),
            ),
        ),
        sound=(
            Case(
                name="as many",
                image={"repeats": 4},
                more=(class_images(),),
                around=counted(20, 100),
            ),
            Case(name="uncounted", more=(class_images(),)),
            Case(name="no class images", around=counted(20, 200)),
        ),
    ),
    "G03": RuleCases(
        broken=(
            Case(name="one missing", image=PHOTOS, more=(partner("one_missing"),), around=PAIRS),
            Case(name="ending", image=PHOTOS, more=(partner("other_ending"),), around=PAIRS),
            Case(
                name="linked from the image",
                image={**PHOTOS, **LINKED},
                more=(partner("one_missing", source_dataset_id=None),),
                around=PAIRS,
            ),
            Case(name="other size", more=(partner(resolution=512),)),
        ),
        sound=(
            Case(
                name="complete",
                image=PHOTOS,
                more=(partner(resolution=1024),),
                around=PAIRS,
            ),
            Case(
                name="loose",
                image=PHOTOS,
                around=PAIRS,
                more=(partner("one_missing", conditioning_type="reference_loose"),),
            ),
            Case(name="folders unknown", more=(partner(),)),
        ),
    ),
    "G04": RuleCases(
        broken=(
            Case(name="no source", more=(partner(source_dataset_id=None),)),
            Case(name="unknown source", more=(partner(source_dataset_id="dogs"),)),
            Case(name="disabled partner", image=LINKED, more=(partner(disabled=True),)),
            Case(name="unknown partner", image={"conditioning_data": "masks"}),
        ),
        sound=(
            Case(name="named there", image=LINKED, more=(partner(source_dataset_id=None),)),
            Case(name="named here", more=(partner(),)),
            Case(
                name="loose",
                more=(partner(conditioning_type="reference_loose", source_dataset_id=None),),
            ),
        ),
    ),
    "G05": RuleCases(
        broken=(
            Case(name="no pairs", options=preference()),
            Case(name="masks only", options=preference(), image=LINKED, more=(partner(),)),
            Case(
                name="whole model",
                options=preference(model_type="full"),
                image=LINKED,
                more=(REJECTED,),
            ),
            Case(
                name="noise model",
                options=preference(model_family="sd1x"),
                image=LINKED,
                more=(REJECTED,),
            ),
            Case(
                name="text encoder",
                options=preference(train_text_encoder=True),
                image=LINKED,
                more=(REJECTED,),
            ),
            Case(
                name="any timestep",
                options=preference(flow_custom_timesteps=None),
                image=LINKED,
                more=(REJECTED,),
            ),
        ),
        sound=(
            Case(name="paired", options=preference(), image=LINKED, more=(REJECTED,)),
            Case(name="another method", options={"distillation_method": "lcm"}),
        ),
    ),
    "G06": RuleCases(
        broken=(
            Case(name="everywhere", options={"delete_unwanted_images": True}),
            Case(name="unreadable", options={"delete_problematic_images": True}),
            Case(name="one dataset", image={"delete_unwanted_images": True}),
            Case(name="as text", image={"delete_nsfw_images": "false"}),
        ),
        sound=(
            Case(name="off", options={"delete_unwanted_images": False}),
            Case(name="off there", image={"delete_unwanted_images": False}),
        ),
    ),
}
