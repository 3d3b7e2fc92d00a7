"""Counts: steps, repeats, batches, several datasets (group E)."""

from collections.abc import Mapping

from pydantic import JsonValue
from rule_cases_geometry import LARGE, folder
from rule_setups import Case, RuleCases


def second(**changes: JsonValue) -> dict[str, JsonValue]:
    return {"id": "dogs", "type": "local", "instance_data_dir": "data/dogs", **changes}


FEW_STEPS: Mapping[str, JsonValue] = {"max_train_steps": 40}
COUNT_CASES: Mapping[str, RuleCases] = {
    "E01": RuleCases(
        broken=[
            Case(
                name="two wide ones for a batch of four",
                options={"train_batch_size": 4},
                image={"crop": False, "minimum_image_size": 512},
                around=folder({(1000, 1000): 10, (2000, 1000): 2}),
            ),
            Case(
                name="the batch of the dataset",
                image={"minimum_image_size": 512, "train_batch_size": 4},
                around=folder({LARGE: 3}),
            ),
        ],
        sound=[
            Case(
                name="kept",
                options={"train_batch_size": 4, "disable_bucket_pruning": True},
                image={"crop": False, "minimum_image_size": 512},
                around=folder({(1000, 1000): 10, (2000, 1000): 2}),
            ),
            Case(
                name="without a minimum upstream refuses instead",
                options={"train_batch_size": 4},
                image={"crop": False},
                around=folder({(1000, 1000): 10, (2000, 1000): 2}),
            ),
            Case(
                name="repeated",
                options={"train_batch_size": 4},
                image={"crop": False, "minimum_image_size": 512, "repeats": 1},
                around=folder({(1000, 1000): 10, (2000, 1000): 2}),
            ),
            Case(
                name="squares are all of one shape",
                options={"train_batch_size": 4},
                image={"minimum_image_size": 512},
                around=folder({(1000, 1000): 10, (2000, 1000): 2}),
            ),
        ],
    ),
    "E02": RuleCases(
        broken=[
            Case(
                name="repeats of a person",
                options={"allow_dataset_oversubscription": True},
                image={"repeats": 2},
            ),
        ],
        sound=[
            Case(name="none", options={"allow_dataset_oversubscription": True}),
            Case(name="not asked for", image={"repeats": 2}),
        ],
    ),
    "E03": RuleCases(
        broken=[
            Case(name="as many", options={"vae_batch_size": 4}, around=folder({LARGE: 4})),
            Case(name="of the dataset", image={"vae_batch_size": 8}, around=folder({LARGE: 4})),
        ],
        sound=[
            Case(name="more images", options={"vae_batch_size": 4}, around=folder({LARGE: 5})),
            Case(name="one by one", around=folder({LARGE: 1})),
        ],
    ),
    "E04": RuleCases(
        broken=[
            Case(name="less than once", image={"repeats": -1}),
            Case(name="kohya's way", image={"instance_data_dir": "data/10_sks cat", "repeats": 10}),
        ],
        sound=[
            Case(name="nine more", image={"instance_data_dir": "data/10_sks cat", "repeats": 9}),
            Case(name="ten more", image={"repeats": 10}),
        ],
    ),
    "E05": RuleCases(
        broken=[
            Case(name="eight views", options=FEW_STEPS, around=folder({LARGE: 20})),
            Case(name="eight hundred", around=folder({LARGE: 10})),
            Case(
                name="ten epochs",
                options={"max_train_steps": 0, "num_train_epochs": 10},
                around=folder({LARGE: 20}),
            ),
        ],
        sound=[
            Case(name="eighty", around=folder({LARGE: 100})),
            Case(name="a style", options=FEW_STEPS, around=folder({LARGE: 2000})),
            Case(
                name="the whole model", options={"model_type": "full"}, around=folder({LARGE: 10})
            ),
            Case(
                name="ten epochs with nine repeats",
                options={"max_train_steps": 0, "num_train_epochs": 10},
                image={"repeats": 9},
                around=folder({LARGE: 20}),
            ),
        ],
    ),
    "E06": RuleCases(
        broken=[
            Case(name="saved too late", options={"checkpoint_step_interval": 2001}),
            Case(
                name="saved too late by default",
                options={"max_train_steps": 400, "checkpoint_step_interval": None},
            ),
            Case(name="drawn too late", options={"validation_step_interval": 2001}),
        ],
        sound=[
            Case(name="at the end", options={"checkpoint_step_interval": 2000}),
            Case(
                name="by epochs",
                options={"checkpoint_step_interval": 9999, "checkpoint_epoch_interval": 1},
            ),
            Case(
                name="the length is not known",
                options={"max_train_steps": 0, "num_train_epochs": 5},
            ),
        ],
    ),
    "E07": RuleCases(
        broken=[
            Case(name="all begin later", image={"start_step": 100}),
            Case(name="in the second epoch", image={"start_epoch": 2}),
            Case(name="ends before", image={"start_epoch": "3", "end_epoch": 2}, more=[second()]),
            Case(
                name="ends before in steps", image={"start_step": 9, "end_step": 5}, more=[second()]
            ),
            Case(name="never begins", image={"start_step": 5000}, more=[second()]),
            Case(name="nothing is left", image={"end_step": 1000}),
        ],
        sound=[
            Case(
                name="two one after the other",
                image={"end_step": 1000},
                more=[second(start_step=999)],
            ),
            Case(name="a window", image={"start_step": 9, "end_step": 9}, more=[second()]),
            Case(name="no end", image={"end_step": 0, "end_epoch": None}),
            Case(name="the first step", image={"start_step": 1, "start_epoch": 1}),
            Case(name="nonsense is none", image={"start_step": "soon", "end_epoch": []}),
        ],
    ),
    "E08": RuleCases(
        broken=[
            Case(name="never drawn from", image={"probability": 0}),
            Case(name="one of two", image={"probability": -1}, more=[second()]),
        ],
        sound=[
            Case(name="seldom", image={"probability": 0.01}),
            Case(name="disabled", image={"probability": 0, "disabled": True}, more=[second()]),
        ],
    ),
    "E09": RuleCases(
        broken=[
            Case(name="twice", more=[second(instance_data_dir="data/cats/")]),
            Case(name="by another way", more=[second(instance_data_dir="./data/dogs/../cats")]),
        ],
        sound=[
            Case(name="two folders", more=[second()]),
            Case(name="disabled", more=[second(instance_data_dir="data/cats", disabled=True)]),
            Case(
                name="masks", more=[second(instance_data_dir="data/cats", conditioning_type="mask")]
            ),
        ],
    ),
    "E10": RuleCases(
        broken=[Case(name="five", image={"max_num_samples": 5}, around=folder({LARGE: 10}))],
        sound=[
            Case(name="all", image={"max_num_samples": 10}, around=folder({LARGE: 10})),
            Case(name="no limit", image={"max_num_samples": 0}, around=folder({LARGE: 10})),
        ],
    ),
}
