"""Cases of the rules about sizes and shapes."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue
from rule_setups import Case, RuleCases

from tuner_kit.simpletuner.rules.setup import ImageFolderFacts, Surroundings

LARGE, SMALL = (2000, 1500), (500, 400)


def folder(sizes: Mapping[tuple[int, int], int]) -> Surroundings:
    facts = ImageFolderFacts(dir=Path("data"), num_images=sum(sizes.values()), sizes=sizes)
    return Surroundings(folders={0: facts})


def limits(maximum: JsonValue, target: JsonValue) -> dict[str, JsonValue]:
    return {"maximum_image_size": maximum, "target_downsample_size": target}


PIXELS: Mapping[str, JsonValue] = {"resolution_type": "pixel"}
AREA: Mapping[str, JsonValue] = {"resolution_type": "area", "resolution": 1.0}
NO_PROMPT: Mapping[str, JsonValue] = {"validation_prompt": None}

GEOMETRY_CASES: Mapping[str, RuleCases] = {
    "D01": RuleCases(
        broken=[
            Case(name="a decimal point", image={"resolution": 1024.0}),
            Case(name="megapixels", image={"resolution": 1.5}),
            Case(name="no multiple of 64", image={"resolution": 1000}),
            Case(name="no multiple of 64 in pixels", image={**PIXELS, "resolution": 500}),
            Case(
                name="no multiple of 64 in config.json",
                options={"resolution": 1000},
                image={"resolution": None},
            ),
        ],
        sound=[
            Case(name="a multiple of 64", image={"resolution": 832}),
            Case(name="megapixels as such", image={**AREA, "resolution": 0.5}),
            Case(
                name="another family", options={"model_family": "flux"}, image={"resolution": 1000}
            ),
            Case(name="text is told by its type", image={"resolution": "1024"}),
        ],
    ),
    "D02": RuleCases(
        broken=[
            Case(
                name="pixels as megapixels", image={"resolution": 1024, "resolution_type": "area"}
            ),
            Case(name="six megapixels", image={"resolution": 6.0, "resolution_type": "area"}),
            Case(name="megapixels as pixels", image={**PIXELS, "resolution": 1.0}),
            Case(name="megapixels as an edge", image={"resolution": 1}),
            Case(name="thumbnails", image={"resolution": 128}),
            Case(
                name="the unit of config.json",
                options={"resolution_type": "area", "resolution": 1},
                image={"resolution_type": None},
            ),
            Case(
                name="pixels with limits that are pixels too",
                image={"resolution": 1024, "resolution_type": "area", **limits(2048, 1024)},
            ),
            Case(
                name="pixels with limits in megapixels",
                image={"resolution": 1024, "resolution_type": "area", **limits(4.0, 1.0)},
            ),
        ],
        sound=[
            Case(name="four megapixels", image={**AREA, "resolution": 4.0}),
            Case(name="256 pixels", image={**PIXELS, "resolution": 256}),
            Case(
                name="another family is trained at 4096 px",
                options={"model_family": "sana"},
                image={"resolution": 16.8, "resolution_type": "area"},
            ),
        ],
    ),
    "D03": RuleCases(
        broken=[
            Case(name="only a maximum", image=limits(2048, None)),
            Case(name="only a maximum in config.json", options=limits(2048, None)),
            Case(name="only a target", image=limits(None, 1024)),
            Case(name="a target of nothing", image=limits(2048, 0)),
        ],
        sound=[
            Case(name="both", image=limits(2048, 1024)),
            Case(
                name="the target of config.json",
                options=limits(2048, 1024),
                image=limits(2048, None),
            ),
        ],
    ),
    "D04": RuleCases(
        broken=[
            Case(name="pixels as megapixels", image={**AREA, **limits(2048, 1024)}),
            Case(name="megapixels as pixels", image={**PIXELS, **limits(4.0, 1.0)}),
            Case(name="only the target", image={**PIXELS, **limits(1024, 256)}),
            Case(name="five thousand pixels", image=limits(5000, 1024)),
            Case(name="pixels of config.json are megapixels here", options=limits(2048, 1024)),
            Case(
                name="refused with config.json",
                options={"resolution_type": "area", "resolution": 1, **limits(10, 1)},
            ),
            Case(
                name="refused with config.json in pixels",
                options={"resolution_type": "pixel", **limits(256, 256)},
                image={**AREA},
            ),
        ],
        sound=[
            Case(name="edges", image=limits(2048, 1024)),
            Case(name="areas", image={**AREA, **limits(19.0, 1.0)}),
            Case(name="pixels", image={**PIXELS, **limits(512, 512)}),
            Case(
                name="a person who knows better",
                image={**AREA, **limits(25.0, 1.0)},
                around=Surroundings(environ={"SIMPLETUNER_MAXIMUM_IMAGE_SIZE_OVERRIDE": "1"}),
            ),
        ],
    ),
    "D05": RuleCases(
        broken=[
            Case(name="pixels as megapixels", image={**AREA, "minimum_image_size": 512}),
            Case(name="a large edge", image={"minimum_image_size": 2300}),
            Case(name="pixels of config.json", options={"minimum_image_size": 512}),
        ],
        sound=[
            Case(name="an edge", image={"minimum_image_size": 512}),
            Case(name="an area", image={**AREA, "minimum_image_size": 0.25}),
            Case(name="none", options={"minimum_image_size": 0}),
            Case(name="in pixels", options={"minimum_image_size": 512}, image=PIXELS),
        ],
    ),
    "D06": RuleCases(
        broken=[
            Case(name="a maximum below the resolution", image=limits(768, 768)),
            Case(name="a target below the resolution", image=limits(2048, 768)),
            Case(name="a target above the maximum", image=limits(1024, 2048)),
            Case(name="every image is enlarged before the crop", image=limits(4096, 1536)),
            Case(name="a minimum above the resolution", image={"minimum_image_size": 1500}),
            Case(name="megapixels as edges", image=limits(4.0, 1.0)),
        ],
        sound=[
            Case(name="all the same", image={**limits(1024, 1024), "minimum_image_size": 1024}),
            Case(name="a little room", image=limits(2048, 1088)),
            Case(
                name="the resolution of config.json",
                image={**limits(1024, 1024), "resolution": None},
            ),
            Case(name="no crop", image={**limits(4096, 1536), "crop": False}),
            Case(name="areas", image={**AREA, **limits(4.0, 1.0), "minimum_image_size": 0.25}),
        ],
    ),
    "D08": RuleCases(
        broken=[
            Case(
                name="all are small",
                image={"minimum_image_size": 1024},
                around=folder({SMALL: 10}),
            ),
            Case(
                name="a third is small",
                image={"minimum_image_size": 1024},
                around=folder({SMALL: 10, LARGE: 20}),
            ),
            Case(
                name="large enough, but narrow",
                image={"minimum_image_size": 1024},
                around=folder({(3000, 500): 10, LARGE: 10}),
            ),
            Case(
                name="in pixels",
                image={**PIXELS, "minimum_image_size": 512},
                around=folder({SMALL: 10, LARGE: 10}),
            ),
            Case(
                name="too wide",
                image={"crop": False, "maximum_aspect_ratio": 1.2},
                around=folder({LARGE: 10, (1000, 1000): 10}),
            ),
        ],
        sound=[
            Case(name="no limit", around=folder({SMALL: 10})),
            Case(
                name="one of ten",
                image={"minimum_image_size": 1024},
                around=folder({SMALL: 1, LARGE: 9}),
            ),
            Case(
                name="narrow, but not cut to squares",
                image={"minimum_image_size": 1024, "crop": False},
                around=folder({(3000, 500): 10}),
            ),
            Case(
                name="squares are neither wide nor high",
                image={"maximum_aspect_ratio": 1.2},
                around=folder({LARGE: 10}),
            ),
        ],
    ),
    "D09": RuleCases(
        broken=[
            Case(name="no shapes", image={"crop_aspect": "closest"}),
            Case(name="an empty list", image={"crop_aspect": "random", "crop_aspect_buckets": []}),
            Case(
                name="no weight",
                image={
                    "crop": False,
                    "crop_aspect": "random",
                    "crop_aspect_buckets": [{"aspect": 1.0}],
                },
            ),
            Case(
                name="the key that upstream's own message names",
                image={"crop_aspect": "closest", "crop_aspect_buckets": [{"aspect_bucket": 1.0}]},
            ),
            Case(
                name="weights of nine tenths",
                image={
                    "crop": False,
                    "crop_aspect": "random",
                    "crop_aspect_buckets": [
                        {"aspect": 1.0, "weight": 0.5},
                        {"aspect": 1.5, "weight": 0.4},
                    ],
                },
            ),
            Case(
                name="numbers and objects",
                image={
                    "crop": False,
                    "crop_aspect": "random",
                    "crop_aspect_buckets": [{"aspect": 1.0, "weight": 1.0}, 1.5],
                },
            ),
            Case(
                name="a whole number first",
                image={"crop": False, "crop_aspect": "random", "crop_aspect_buckets": [1, 1.5]},
            ),
            Case(name="faces", image={"crop_style": "face"}),
            Case(
                name="sorted anew each epoch",
                image={"crop_aspect": "random", "crop_aspect_buckets": [1.0, 1.5]},
            ),
        ],
        sound=[
            Case(name="numbers", image={"crop_aspect": "closest", "crop_aspect_buckets": [1, 1.5]}),
            Case(
                name="numbers and objects",
                image={"crop_aspect": "closest", "crop_aspect_buckets": [1.5, {"aspect": 1}]},
            ),
            Case(name="faces that nobody cuts", image={"crop": False, "crop_style": "face"}),
            Case(
                name="weights",
                image={
                    "crop": False,
                    "crop_aspect": "random",
                    "crop_aspect_buckets": [
                        {"aspect": 1.0, "weight": 0.5},
                        {"aspect": 1.5, "weight": 0.5},
                    ],
                },
            ),
        ],
    ),
    "D13": RuleCases(
        broken=[
            Case(name="the default", options={"validation_resolution": None}),
            Case(name="no multiple of 64", options={"validation_resolution": "1000x1000"}),
            Case(name="one of two", options={"validation_resolution": "1024x1024, 1000"}),
            Case(name="half a megapixel becomes nothing", options={"validation_resolution": "0.5"}),
            Case(name="a hundred megapixels", options={"validation_resolution": 100}),
            Case(name="no size", options={"validation_resolution": "1024 x 1024"}),
            Case(name="huge", options={"validation_resolution": "4096x4096"}),
        ],
        sound=[
            Case(name="two sizes", options={"validation_resolution": "1024x1024,1280x768"}),
            Case(name="a number", options={"validation_resolution": 768}),
            Case(name="a megapixel", options={"validation_resolution": "1.0"}),
            Case(name="nothing to draw", options={**NO_PROMPT, "validation_resolution": None}),
            Case(
                name="drawing is off",
                options={"validation_disable": True, "validation_resolution": None},
            ),
        ],
    ),
    "D14": RuleCases(
        broken=[
            Case(name="small squares", image={"resolution": 512}),
            Case(name="small areas", image={**AREA, "resolution": 0.25}),
        ],
        sound=[
            Case(name="half way", image={"resolution": 768}),
            Case(
                name="auto", options={"flow_schedule_auto_shift": True}, image={"resolution": 512}
            ),
            Case(
                name="a small shift",
                options={"flow_schedule_shift": 1.5},
                image={"resolution": 512},
            ),
        ],
    ),
    "D15": RuleCases(
        broken=[
            Case(
                name="a film",
                around=Surroundings(
                    folders={
                        0: ImageFolderFacts(dir=Path("d"), num_images=1, other_media=["a.mp4"])
                    }
                ),
            ),
        ],
        sound=[Case(name="images only", around=folder({LARGE: 10}))],
    ),
}
