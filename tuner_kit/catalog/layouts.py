"""The names of the dataset layouts; what each looks like is in `tuner_kit/data/layouts/`."""

from typing import Literal, get_args

LayoutName = Literal[
    "auto",
    "text-files",
    "metadata-jsonl",
    "metadata-csv",
    "metadata-parquet",
    "image-captions",
    "kohya",
    "instance-prompt",
    "file-names",
    "huggingface",
]
AUTO_LAYOUT: LayoutName = "auto"
"""Instead of a layout's name: recognize it."""
LAYOUT_NAMES: tuple[str, ...] = get_args(LayoutName)[1:]
"""In the order in which lists show them."""
