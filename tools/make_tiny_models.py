"""Make the embedded models from nothing: pictures are drawn, every part is trained on this CPU.

    .venv/bin/python tools/make_tiny_models.py              90 minutes on 2 cores; can be interrupted
    .venv/bin/python tools/make_tiny_models.py --trial      every part for a few steps, in a minute
    .venv/bin/python tools/make_tiny_models.py --part towers    one part only

What was made so far is kept in the work folder; the same command goes on from there.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from tiny_models.assemble import assemble
from tiny_models.autoencoder import train_decoder, train_encoder
from tiny_models.card import write_card
from tiny_models.denoiser import train_denoiser
from tiny_models.latents import encode_latents
from tiny_models.measure import measure
from tiny_models.recipe import FULL, TRIAL, Recipe
from tiny_models.towers import train_towers

PARTS: Mapping[str, Callable[[Recipe, Path], None]] = {
    "encoder": train_encoder,
    "latents": encode_latents,
    "towers": train_towers,
    "denoiser": train_denoiser,
    "decoder": train_decoder,
    "assemble": assemble,
    "measure": measure,
    "card": write_card,
}
"""In the order in which they need each other: the denoiser needs the encoder and the towers."""


def main() -> int:
    """Make all parts, or one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trial", action="store_true", help="a few steps of everything")
    parser.add_argument("--part", choices=list(PARTS), help="only this part")
    parser.add_argument("--work", type=Path, default=Path("build/tiny_models"), help="work folder")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(mode=True)
    recipe = TRIAL if arguments.trial else FULL
    arguments.work.mkdir(parents=True, exist_ok=True)
    for name, make in PARTS.items():
        if arguments.part in {None, name}:
            began = time.monotonic()
            make(recipe, arguments.work)
            print(f"{name}: {(time.monotonic() - began) / 60:.1f} min", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
