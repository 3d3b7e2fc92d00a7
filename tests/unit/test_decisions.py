"""From answers to every value of a run: who decides it, and what is given up for memory."""

import pytest
from planned_runs import SQUARE, decision, folder, plan, plan_of
from pydantic import JsonValue

from tuner_kit.preflight.planned_run import Decider
from tuner_kit.preflight.training_length import Folders

LARGE = "stabilityai/stable-diffusion-3.5-large"
SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"


def test_every_key_is_decided_once_and_with_a_reason() -> None:
    planned = plan()

    keys = [each.key for each in planned.decisions]
    assert len(keys) == len(set(keys))
    assert all(each.reason for each in planned.decisions)
    assert planned.obstacles == ()


def test_an_answer_is_taken_as_it_is() -> None:
    planned = plan(
        name="whiskers",
        views_per_image=10,
        resolution_px=512,
        tracker="wandb",
        hub_model_id="me/cats",
        trigger_word="sks",
        prompts=["a sks cat"],
    )

    assert decision(planned, "name").by is Decider.YOU
    assert planned.value("datasets", 0, "resolution_px") == 512
    assert planned.value("tracking", "tracker") == "wandb"
    assert planned.value("publishing", "hub_model_id") == "me/cats"
    assert planned.value("validation", "prompts") == ["a sks cat"]
    assert (
        planned.value("training", "max_train_steps") == 50
    )  # ten times 19 images in 5 batches of 4
    assert decision(planned, "training", "max_train_steps").by is Decider.YOU


def test_the_seed_case_fits_into_12_gb_at_1024_px() -> None:
    planned = plan(target="12 GB")

    costs = dict(planned.costs)
    assert planned.obstacles == ()
    assert planned.value("datasets", 0, "resolution_px") == 1024
    assert planned.value("model", "text_encoder_3_quantization") == "int8-quanto"
    assert decision(planned, "model", "text_encoder_3_quantization").by is Decider.GPU
    assert any("T5" in sentence for sentence in planned.given_up)
    assert {"GPU memory", "RAM", "disk", "time"} <= costs.keys()


def test_nothing_is_given_up_where_there_is_room() -> None:
    planned = plan(target="80 GB")

    assert planned.given_up == ()
    assert decision(planned, "model", "quantization").by is Decider.USUAL


def test_what_fits_nowhere_is_an_obstacle_with_a_way_out() -> None:
    planned = plan(target="8 GB", method="full", base=LARGE)

    (obstacle,) = planned.obstacles
    assert "(full) needs about" in obstacle
    assert "the GPU has 8: choose the method lora" in obstacle


@pytest.mark.parametrize(
    ("sizes", "edge_px", "by"),
    [
        pytest.param([SQUARE], 1024, Decider.MODEL, id="large-enough"),
        pytest.param([(800, 800)], 768, Decider.DATA, id="too-small"),
        pytest.param([(300, 300)], 512, Decider.DATA, id="tiny"),
        pytest.param([SQUARE] * 9 + [(600, 600)], 1024, Decider.MODEL, id="a-few-small-ones"),
    ],
)
def test_the_images_decide_the_resolution(
    sizes: list[tuple[int, int]], edge_px: int, by: Decider
) -> None:
    found = decision(plan(folder(40, *sizes)), "datasets", 0, "resolution_px")

    assert (found.value, found.by) == (edge_px, by)


@pytest.mark.parametrize(
    ("sizes", "crop"),
    [
        pytest.param([SQUARE], "center", id="squares"),
        pytest.param([(1024, 1536), (1536, 1024)], "none", id="two-shapes"),
        pytest.param([(1024, 1024 + 64 * n) for n in range(24)], "none", id="a-shape-of-each"),
    ],
)
def test_shapes_are_kept_where_they_are_not_square(sizes: list[tuple[int, int]], crop: str) -> None:
    planned = plan(folder(24, *sizes))

    assert planned.value("datasets", 0, "crop") == crop


def test_rare_shapes_are_repeated_until_they_fill_a_step() -> None:
    planned = plan(folder(19, *[(1024, 1024 + 64 * n) for n in range(19)]))

    assert planned.value("datasets", 0, "repeats") == 3


@pytest.mark.parametrize(
    ("num_images", "purpose", "views"),
    [(10, "subject", 100), (10, "style", 80), (200, "style", 40), (2000, "style", 8)],
)
def test_many_images_are_each_seen_less_often(num_images: int, purpose: str, views: int) -> None:
    planned = plan(folder(num_images), purpose=purpose)

    reason = decision(planned, "training", "max_train_steps").reason
    assert f"x {views} views / 4 per step" in reason


def test_intervals_divide_the_run_into_about_eight_parts() -> None:
    planned = plan(folder(24), views_per_image=80)

    steps = planned.value("training", "max_train_steps")
    interval = planned.value("training", "checkpointing_steps")
    assert isinstance(steps, int)
    assert isinstance(interval, int)
    assert 5 <= steps / interval <= 12


@pytest.mark.parametrize(
    ("base", "preset", "family", "edge_px"),
    [
        pytest.param(None, "sd3.5-medium-lora", "sd3", 1024, id="suggested"),
        pytest.param(LARGE, "sd3.5-large-lora", "sd3", 1024, id="large"),
        pytest.param(SD15, "sd1-lora", "sd1x", 512, id="sd1.5"),
        pytest.param("CompVis/stable-diffusion-v1-4", "sd1-lora", "sd1x", 512, id="sd1.4"),
        pytest.param(
            "somebody/my-sd3.5-medium-finetune", "sd3.5-medium-lora", "sd3", 1024, id="by-its-name"
        ),
    ],
)
def test_the_base_model_decides_preset_and_family(
    base: str | None, preset: str, family: str, edge_px: int
) -> None:
    planned = plan(base=base)

    assert planned.preset == preset
    assert planned.value("model", "family") == family
    assert planned.value("datasets", 0, "resolution_px") == edge_px


def test_the_embedded_model_keeps_what_its_preset_was_tried_with() -> None:
    planned = plan(base="embedded:tiny-sd3", target=None)

    keys = {each.key for each in planned.decisions}
    assert planned.preset == "tiny-lora"
    assert ("training", "max_train_steps") not in keys
    assert ("training", "learning_rate") not in keys
    assert "GPU memory" not in dict(planned.costs)


@pytest.mark.parametrize(
    ("method", "trained", "rate"),
    [("lora", "lora", 1e-4), ("lokr", "lokr", 1e-4), ("full", "full", 1e-5)],
)
def test_the_method_decides_the_learning_rate(method: str, trained: str, rate: float) -> None:
    planned = plan(target="80 GB", method=method)

    assert planned.value("training", "method") == trained
    assert planned.value("training", "learning_rate") == rate


def test_class_images_are_shown_as_often_as_the_subject() -> None:
    folders = Folders(folder(10), class_images=folder(200))

    planned = plan(
        folders,
        method="dreambooth-class",
        instance_prompt="a photo of a sks dog",
        class_images="dogs",
        class_prompt="a photo of a dog",
    )

    assert planned.obstacles == ()
    assert planned.value("training", "method") == "lora"
    assert planned.value("datasets", 0, "repeats") == 19  # 10 images x 20 = 200 class images
    assert planned.value("datasets", 1, "instance_prompt") == "a photo of a dog"
    assert planned.value("datasets", 1, "repeats") == 0
    assert planned.value("validation", "prompts") == [
        "a photo of a sks dog",
        "a photo of a sks dog on a beach",
    ]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        pytest.param({"method": "dreambooth"}, "set instance_prompt", id="no-prompt"),
        pytest.param(
            {"method": "dreambooth", "instance_prompt": "a dog", "trigger_word": "sks"},
            "trigger word sks is not in the prompt",
            id="word-not-in-prompt",
        ),
        pytest.param({"class_images": "dogs"}, "only used by DreamBooth", id="class-images-alone"),
        pytest.param(
            {"method": "dreambooth-class", "instance_prompt": "a sks dog", "class_prompt": "a dog"},
            "set class_images",
            id="no-class-images",
        ),
        pytest.param(
            {
                "method": "dreambooth-class",
                "instance_prompt": "a dog",
                "class_prompt": "a dog",
                "class_images": "dogs",
            },
            "the same prompt",
            id="same-prompt",
        ),
        pytest.param(
            {
                "method": "dreambooth-class",
                "instance_prompt": "a sks dog",
                "class_prompt": "a dog",
                "class_images": "./cats",
            },
            "name another folder",
            id="same-folder",
        ),
        pytest.param(
            {"instance_prompt": "a dog", "fallback_caption": "a dog"},
            "leave fallback_caption out",
            id="two-captions",
        ),
        pytest.param(
            {"instance_prompt": "a dog", "layout": "kohya"}, "replaces the captions", id="layout"
        ),
        pytest.param({"gpu": "RTX 9999"}, "name its memory instead", id="unknown-gpu"),
        pytest.param(
            {"base": "embedded:tiny-sd3", "num_gpus": 2}, "trains on a CPU", id="tiny-on-gpus"
        ),
        pytest.param({"base": "./nowhere"}, "no folder ./nowhere", id="missing-base"),
        pytest.param({"base": "embedded:huge"}, "no embedded model huge", id="unknown-embedded"),
        pytest.param({"base": "somebody/something"}, "can't be told", id="unknown-base"),
    ],
)
def test_answers_that_contradict_each_other_are_named_with_a_way_out(
    answers: dict[str, JsonValue], said: str
) -> None:
    obstacles = plan_of(answers).obstacles

    assert any(said in sentence for sentence in obstacles)
    assert all(": " in sentence for sentence in obstacles)


def test_several_gpus_fill_a_step_together() -> None:
    planned = plan(folder(24), num_gpus=2, views_per_image=10)

    assert planned.value("hardware", "num_gpus") == 2
    assert (
        planned.value("training", "max_train_steps") == 45
    )  # ten times 9 images on each, 2 of them summed
