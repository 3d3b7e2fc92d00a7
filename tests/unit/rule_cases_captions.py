"""Cases of the rules about captions."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue
from rule_setups import Case, RuleCases

from tuner_kit.simpletuner.rules.setup import ImageFolderFacts, Surroundings

NOWHERE = Path("/nowhere/to/be/found")


def folder(**facts: object) -> Surroundings:
    known = ImageFolderFacts(dir=NOWHERE, num_images=10, **facts)  # type: ignore[arg-type]  # its own fields
    return Surroundings(folders={0: known})


PROMPT: Mapping[str, JsonValue] = {
    "caption_strategy": "instanceprompt",
    "instance_prompt": "photo of sks cat",
}
HUB: Mapping[str, JsonValue] = {
    "type": "huggingface",
    "dataset_name": "user/cats",
    "metadata_backend": "huggingface",
}
TABLE: dict[str, JsonValue] = {
    "path": "cats.parquet",
    "filename_column": "id",
    "caption_column": "caption",
}
CSV: Mapping[str, JsonValue] = {
    "type": "csv",
    "csv_file": "cats.csv",
    "csv_cache_dir": "cache/csv",
    "csv_caption_column": "caption",
}

CAPTION_CASES: Mapping[str, RuleCases] = {
    "C01": RuleCases(
        broken=[
            Case(
                name="the parser's word reaches the dataset",
                options={"caption_strategy": "instance_prompt", "instance_prompt": "sks"},
                image={"caption_strategy": None},
            ),
        ],
        sound=[
            Case(
                name="the dataset has its own word",
                options={"caption_strategy": "instance_prompt", "instance_prompt": "sks"},
            ),
            Case(
                name="textfile is known to both",
                options={"caption_strategy": "textfile"},
                image={"caption_strategy": None},
            ),
            Case(
                name="a dataset of the Hub has its own default",
                options={"caption_strategy": "instance_prompt"},
                image={**HUB, "caption_strategy": None},
            ),
        ],
    ),
    "C02": RuleCases(
        broken=[
            Case(name="no prompt", image={"caption_strategy": "instanceprompt"}),
            Case(
                name="an empty prompt hides the one of config.json",
                options={"instance_prompt": "sks"},
                image={"caption_strategy": "instanceprompt", "instance_prompt": ""},
            ),
            Case(name="nothing to prepend", image={"prepend_instance_prompt": True}),
            Case(name="prepend in config.json", options={"prepend_instance_prompt": True}),
            Case(name="only the prompt", image={"only_instance_prompt": True}),
            Case(name="only the prompt, in config.json", options={"only_instance_prompt": True}),
        ],
        sound=[
            Case(name="a prompt", image=PROMPT),
            Case(
                name="the prompt of config.json",
                options={"instance_prompt": "sks"},
                image={"caption_strategy": "instanceprompt"},
            ),
            Case(
                name="an empty prompt in front does no harm",
                image={"prepend_instance_prompt": True, "instance_prompt": ""},
            ),
            Case(
                name="a disabled dataset",
                image={"caption_strategy": "instanceprompt", "disabled": True},
            ),
        ],
    ),
    "C04": RuleCases(
        broken=[
            Case(name="several lines", around=folder(several_lines=["a.png"])),
            Case(name="a mark", around=folder(byte_order_marks=["a.png"])),
        ],
        sound=[
            Case(
                name="lines are kept together",
                image={"disable_multiline_split": True},
                around=folder(several_lines=["a.png"]),
            ),
            Case(
                name="nobody reads the files",
                image=PROMPT,
                around=folder(several_lines=["a.png"], byte_order_marks=["a.png"]),
            ),
        ],
    ),
    "C06": RuleCases(
        broken=[
            Case(
                name="metadata of the folder",
                image={"caption_strategy": "parquet", "parquet": TABLE},
            ),
            Case(
                name="metadata of the folder by default",
                image={
                    "caption_strategy": "parquet",
                    "parquet": TABLE,
                    "metadata_backend": None,
                },
            ),
            Case(
                name="no table",
                image={"caption_strategy": "parquet", "metadata_backend": "parquet"},
            ),
            Case(
                name="no path",
                image={"metadata_backend": "parquet", "parquet": {"caption_column": "caption"}},
            ),
            Case(
                name="the table is not there",
                image={
                    "caption_strategy": "parquet",
                    "metadata_backend": "parquet",
                    "parquet": TABLE,
                },
                around=Surroundings(working_dir=NOWHERE),
            ),
        ],
        sound=[
            Case(
                name="a table",
                image={
                    "caption_strategy": "parquet",
                    "metadata_backend": "parquet",
                    "parquet": TABLE,
                },
            ),
            Case(
                name="nobody knows what is at a place elsewhere",
                image={
                    "type": "aws",
                    "caption_strategy": "parquet",
                    "metadata_backend": "parquet",
                    "parquet": TABLE,
                },
                around=Surroundings(working_dir=NOWHERE),
            ),
        ],
    ),
    "C07": RuleCases(
        broken=[
            Case(
                name="null in place of a name",
                image={"metadata_backend": "parquet", "parquet": {**TABLE, "width_column": None}},
            ),
            Case(
                name="an empty name",
                image={"metadata_backend": "parquet", "parquet": {**TABLE, "height_column": ""}},
            ),
        ],
        sound=[
            Case(
                name="the names are the usual ones",
                image={"metadata_backend": "parquet", "parquet": TABLE},
            ),
            Case(name="nobody reads the table", image={"parquet": {**TABLE, "width_column": None}}),
        ],
    ),
    "C08": RuleCases(
        broken=[
            Case(name="no file", image={**CSV, "caption_strategy": "csv", "csv_file": None}),
            Case(
                name="no column", image={**CSV, "caption_strategy": "csv", "csv_caption_column": ""}
            ),
            Case(name="captions of files", image=CSV),
            Case(
                name="the strategy of config.json",
                options={"caption_strategy": "textfile"},
                image={**CSV, "caption_strategy": None},
            ),
            Case(name="a cache", text={"type": "csv"}),
        ],
        sound=[
            Case(name="complete", image={**CSV, "caption_strategy": "csv"}),
            Case(name="disabled", text={"type": "csv", "disabled": True}),
        ],
    ),
    "C09": RuleCases(
        broken=[
            Case(name="text files on the Hub", image=HUB),
            Case(name="captions of the Hub", image={"caption_strategy": "huggingface"}),
            Case(name="captions of shards", image={"caption_strategy": "webshart"}),
            Case(
                name="metadata of the folder",
                image={**HUB, **PROMPT, "metadata_backend": "discovery"},
            ),
            Case(name="no name", image={**HUB, **PROMPT, "dataset_name": None}),
            Case(
                name="shards with text files",
                image={"type": "webshart", "metadata_backend": None},
            ),
        ],
        sound=[
            Case(name="the Hub's captions", image={**HUB, "caption_strategy": "huggingface"}),
            Case(name="one prompt", image={**HUB, **PROMPT}),
            Case(
                name="nothing said",
                image={**HUB, "caption_strategy": None, "metadata_backend": None},
            ),
            Case(
                name="the name in its block",
                image={
                    **HUB,
                    **PROMPT,
                    "dataset_name": None,
                    "huggingface": {"dataset_name": "user/cats"},
                },
            ),
        ],
    ),
    "C10": RuleCases(
        broken=[Case(name="a filter of images", image={"caption_filter_list": "filter.txt"})],
        sound=[Case(name="a filter of texts", text={"caption_filter_list": "filter.txt"})],
    ),
    "C11": RuleCases(
        broken=[
            Case(name="no object", image={"caption_shuffle": True}),
            Case(name="semicolons", image={"caption_shuffle": {"enable": True, "split_on": ";"}}),
            Case(name="no variant", image={"caption_shuffle": {"enable": True, "count": 0}}),
            Case(name="a fraction", image={"caption_shuffle": {"enable": True, "count": 1.5}}),
            Case(
                name="before the first",
                image={"caption_shuffle": {"enable": True, "position_start": -1}},
            ),
            Case(name="not enabled", image={"caption_shuffle": {"count": 2}}),
            Case(name="words", image={"caption_shuffle": {"enable": True, "split_on": "space"}}),
            Case(name="a list", image={"caption_shuffle": {"enable": True, "split_on": ["comma"]}}),
        ],
        sound=[
            Case(name="tags", image={"caption_shuffle": {"enable": True, "position_start": 1}}),
            Case(name="empty", image={"caption_shuffle": {}}),
        ],
    ),
    "C12": RuleCases(
        broken=[
            Case(name="none", options={"caption_dropout_probability": 0}),
            Case(name="half", options={"caption_dropout_probability": 0.5}),
            Case(name="percent", options={"caption_dropout_probability": 10}),
            Case(
                name="a fifth of one prompt",
                options={"caption_dropout_probability": 0.2},
                image=PROMPT,
            ),
        ],
        sound=[
            Case(name="a fifth of many", options={"caption_dropout_probability": 0.2}),
            Case(name="the default", options={"caption_dropout_probability": None}, image=PROMPT),
        ],
    ),
    "C14": RuleCases(
        broken=[
            Case(name="nothing said", image={"caption_strategy": None}),
            Case(
                name="names of a camera",
                image={"caption_strategy": "filename"},
                around=folder(example_names=["IMG_1234.jpg", "sub/DSC00012.JPG", "a cat.jpg"]),
            ),
            Case(
                name="names of a download",
                image={"caption_strategy": "filename"},
                around=folder(example_names=["d41d8cd98f00b204e9800998ecf8427e.png"]),
            ),
        ],
        sound=[
            Case(
                name="names that say something",
                image={"caption_strategy": "filename"},
                around=folder(example_names=["a_red_cat_01.jpg", "img of a dog.png", "0001.png"]),
            ),
            Case(name="asked for in config.json", options={"caption_strategy": "filename"}),
            Case(name="the Hub has its own default", image={**HUB, "caption_strategy": None}),
        ],
    ),
}
