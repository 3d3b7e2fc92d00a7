"""Cases of the rules about ids, folders and caches."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue
from rule_setups import Case, RuleCases

from tuner_kit.simpletuner.rules.setup import ImageFolderFacts, Surroundings


def folder(num_images: int = 10, **facts: object) -> Surroundings:
    known = ImageFolderFacts(dir=Path("data/cats"), num_images=num_images, **facts)  # type: ignore[arg-type]  # its own fields
    return Surroundings(folders={0: known})


def disk(free_gib: float, num_images: int = 10) -> Surroundings:
    facts = ImageFolderFacts(dir=Path("data/cats"), num_images=num_images)
    return Surroundings(folders={0: facts}, free_disk_gib=free_gib)


def second(**changes: JsonValue) -> dict[str, JsonValue]:
    return {
        "id": "dogs",
        "type": "local",
        "instance_data_dir": "data/dogs",
        "cache_dir_vae": "cache/vae/dogs",
        **changes,
    }


def texts(**changes: JsonValue) -> dict[str, JsonValue]:
    return {"id": "more", "type": "local", "dataset_type": "text_embeds", **changes}


PREPARED: dict[str, JsonValue] = {
    "crop": True,
    "crop_aspect": "square",
    "crop_style": "center",
    "resolution": 1.048576,
    "resolution_type": "area",
    "crop_aspect_buckets": None,
    "repeats": 7,
    "caption_strategy": "filename",
}
FULL: Mapping[str, JsonValue] = {
    "model_type": "full",
    "checkpoints_total_limit": 10,
    "checkpoint_step_interval": 100,
}
LOCAL: Mapping[str, JsonValue] = {"pretrained_model_name_or_path": "/models/sd3"}

CACHE_CASES: Mapping[str, RuleCases] = {
    "H01": RuleCases(
        broken=[
            Case(name="an empty id", image={"id": ""}),
            Case(name="a blank id", text={"id": "  "}),
            Case(name="no type", image={"type": None}),
            Case(name="a cache without type", text={"type": None}),
        ],
        sound=[
            Case(name="a disabled dataset needs no type", image={"type": None, "disabled": True})
        ],
    ),
    "H02": RuleCases(
        broken=[
            Case(name="two datasets", more=[second(cache_dir_vae="cache/vae/cats")]),
            Case(name="written otherwise", more=[second(cache_dir_vae="./cache//vae/cats/")]),
            Case(name="latents among the captions", image={"cache_dir_vae": "cache/text/cats"}),
            Case(
                name="after filling in",
                image={"cache_dir_vae": "cache/{model_family}"},
                more=[second(cache_dir_vae="cache/sd3")],
            ),
        ],
        sound=[
            Case(
                name="by id",
                image={"cache_dir_vae": "cache/{id}"},
                more=[second(cache_dir_vae="cache/{id}")],
            ),
            Case(name="left out", image={"cache_dir_vae": None}, more=[second(cache_dir_vae=None)]),
            Case(name="disabled", more=[second(cache_dir_vae="cache/vae/cats", disabled=True)]),
        ],
    ),
    "H03": RuleCases(
        broken=[
            Case(name="padding", options={"t5_padding": "zero"}),
            Case(name="fewer tokens", options={"tokenizer_max_length": 77}),
            Case(name="precision", options={"text_encoder_3_precision": "int8-quanto"}),
            Case(
                name="the folder of all", options={"t5_padding": "zero"}, text={"cache_dir": None}
            ),
        ],
        sound=[
            Case(
                name="a cache of its own",
                options={"t5_padding": "zero"},
                text={"cache_dir": "output/cats/text"},
            ),
            Case(
                name="a folder for these settings",
                options={"t5_padding": "zero"},
                text={"cache_dir": "cache/text-2ab9b787acd8"},
            ),
            Case(
                name="the defaults, written",
                options={"t5_padding": "unmodified", "tokenizer_max_length": 154},
            ),
        ],
    ),
    "H04": RuleCases(
        broken=[Case(name="two of a name", around=folder(same_stem=["a.jpg", "a.png"]))],
        sound=[Case(name="all differ", around=folder())],
    ),
    "H05": RuleCases(
        broken=[Case(name="one is newer", around=folder(changed_images=["a.png"]))],
        sound=[Case(name="none is", around=folder())],
    ),
    "H06": RuleCases(
        broken=[
            Case(
                name="another resolution",
                around=folder(cached_settings={**PREPARED, "resolution": 0.25}),
            ),
            Case(
                name="another way to write it, and another size",
                image={"resolution": 1024, "resolution_type": "pixel"},
                around=folder(cached_settings=PREPARED),
            ),
            Case(
                name="a crop is gone", image={"crop": None}, around=folder(cached_settings=PREPARED)
            ),
            Case(
                name="an aspect",
                image={"crop_aspect": "preserve"},
                around=folder(cached_settings=PREPARED),
            ),
        ],
        sound=[
            Case(name="as it was", around=folder(cached_settings=PREPARED)),
            Case(name="a first run", around=folder(cached_settings={})),
            Case(
                name="the aspect is the default",
                image={"crop_aspect": None},
                around=folder(cached_settings=PREPARED),
            ),
            Case(
                name="other keys may change",
                image={"repeats": 3},
                around=folder(cached_settings=PREPARED),
            ),
        ],
    ),
    "H07": RuleCases(
        broken=[Case(name="read-only", around=folder(is_writable=False))],
        sound=[Case(name="writable", around=folder())],
    ),
    "H08": RuleCases(
        broken=[
            Case(name="none", image={"instance_data_dir": None}),
            Case(name="blank", image={"instance_data_dir": " "}),
            Case(name="two", image={"instance_data_dir": ["data/cats", "data/dogs"]}),
            Case(name="output among the images", options={"output_dir": "data/cats/out"}),
            Case(name="output is the folder", options={"output_dir": "data/cats"}),
            Case(name="latents among the images", image={"cache_dir_vae": "data/cats/latents"}),
            Case(name="captions among the images", text={"cache_dir": "data/cats/.cache"}),
        ],
        sound=[
            Case(
                name="a neighbor of nearly the same name", options={"output_dir": "data/cats-out"}
            ),
            Case(name="on the Hub", image={"type": "huggingface", "instance_data_dir": None}),
            Case(
                name="its old name", image={"instance_data_dir": None, "instance_data_root": "data"}
            ),
        ],
    ),
    "H09": RuleCases(
        broken=[
            Case(name="home", image={"instance_data_dir": "~/cats"}),
            Case(
                name="home that is known",
                options={"output_dir": "~/out"},
                text={"cache_dir": "~"},
                around=Surroundings(home_dir=Path("/home/me")),
            ),
            Case(name="a blank at the end", image={"cache_dir_vae": "cache/cats "}),
            Case(name="a line break", options={"output_dir": "out\nput"}),
        ],
        sound=[
            Case(name="a blank inside", image={"instance_data_dir": "data/my cats"}),
            Case(name="a tilde inside", image={"instance_data_dir": "data/cats~1"}),
        ],
    ),
    "H10": RuleCases(
        broken=[
            Case(name="aspect", options={"skip_file_discovery": "aspect"}),
            Case(name="all", image={"skip_file_discovery": "vae,aspect,text,metadata"}),
            Case(
                name="prepared before",
                image={"skip_file_discovery": "aspect"},
                around=folder(cached_settings=PREPARED),
            ),
        ],
        sound=[
            Case(name="empty", options={"skip_file_discovery": ""}),
            Case(name="false", image={"skip_file_discovery": "false"}),
        ],
    ),
    "H11": RuleCases(
        broken=[
            Case(name="for all", options={"preserve_data_backend_cache": True}),
            Case(name="for one", image={"preserve_data_backend_cache": True}),
        ],
        sound=[Case(name="off", image={"preserve_data_backend_cache": False})],
    ),
    "H12": RuleCases(
        broken=[
            Case(name="two defaults", more=[texts(default=True)]),
            Case(name="no default of two", text={"default": None}, more=[texts()]),
            Case(name="a cache that is not there", image={"text_embeds": "texts"}),
            Case(name="its old name", image={"text_embed_cache": "texts"}),
        ],
        sound=[
            Case(name="one alone needs no word", text={"default": None}),
            Case(name="one of two", more=[texts()]),
            Case(name="named", image={"text_embeds": "more"}, more=[texts()]),
            Case(name="none: upstream makes one", text={"disabled": True}),
        ],
    ),
    "H13": RuleCases(
        broken=[
            Case(name="names", image={"hash_filenames": False}),
            Case(name="names of a list", image={"csv_hash_filenames": False}),
        ],
        sound=[Case(name="as it is anyway", image={"hash_filenames": True})],
    ),
    "H14": RuleCases(
        broken=[
            Case(
                name="off",
                options={"compress_disk_cache": False},
                around=folder(has_compressed_latents=True),
            ),
            Case(
                name="off for the dataset",
                image={"compress_cache": False},
                around=folder(has_compressed_latents=True),
            ),
        ],
        sound=[
            Case(name="on", around=folder(has_compressed_latents=True)),
            Case(
                name="what is not compressed is read too",
                around=folder(has_compressed_latents=False),
            ),
            Case(name="no latents yet", options={"compress_disk_cache": False}, around=folder()),
            Case(
                name="on for the dataset",
                options={"compress_disk_cache": False},
                image={"compress_cache": True},
                around=folder(has_compressed_latents=True),
            ),
        ],
    ),
    "H15": RuleCases(
        broken=[
            Case(
                name="the checkpoints of a whole model", options={**FULL, **LOCAL}, around=disk(100)
            ),
            Case(name="the weights", around=disk(10)),
            Case(name="the latents", options=LOCAL, around=disk(5, num_images=5000)),
        ],
        sound=[
            Case(name="room for a LoRA and its base", around=disk(40)),
            Case(name="the base is here", options=LOCAL, around=disk(5)),
            Case(
                name="fewer checkpoints",
                options={**FULL, **LOCAL, "checkpoints_total_limit": 1},
                around=disk(100),
            ),
            Case(name="unknown", options=FULL),
        ],
    ),
    "H16": RuleCases(
        broken=[
            Case(
                name="hundreds of orphans",
                around=Surroundings(folders=folder(100).folders, num_cached_texts={1: 501}),
            ),
        ],
        sound=[
            Case(
                name="some",
                around=Surroundings(folders=folder(100).folders, num_cached_texts={1: 500}),
            ),
            Case(name="unknown images", around=Surroundings(num_cached_texts={1: 9999})),
        ],
    ),
    "H17": RuleCases(
        broken=[
            Case(name="captions in memory", text={"type": "memory"}),
            Case(name="images in memory", image={"type": "memory"}),
        ],
        sound=[Case(name="disabled", text={"type": "memory", "disabled": True})],
    ),
}
