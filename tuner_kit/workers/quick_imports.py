"""Keep diffusers and transformers from importing every optional package they find.

They import what is installed, whether a program uses it or not. Importing the SD3 pipeline took
19.8 s on two cores; with the packages below out of sight, 11.4 s (diffusers 0.42.1, transformers
5.18.0). bitsandbytes also asks the Hub for a kernel while it is imported.
"""

import sys

UNUSED_PACKAGES = (
    "bitsandbytes",
    "kernels",
    "pandas",
    "scipy",
    "sklearn",
    "torchao",
    "torchaudio",
    "torchvision",
)
"""Nothing that renders with an SD3 pipeline in plain precision needs these."""


def hide_unused_packages() -> None:
    """Let this process take the unused packages for not installed; call before any import."""
    for name in UNUSED_PACKAGES:
        # Python's own way to say "this can't be imported": find_spec gives None for it.
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None is allowed, see above
