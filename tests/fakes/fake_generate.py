"""A worker that renders nothing, fast: it writes the files that `generate` promises.

Prompts that begin with `fail` or `crash` end it in that way, after the first picture.
"""

import sys
from itertools import product
from typing import Literal

from tuner_kit.process.messages import GeneratedImage, GenerateRequest, GenerateResult
from tuner_kit.workers.runtime import Emit, RepairableError, run


def generate(request: GenerateRequest, emit: Emit) -> GenerateResult:
    images = []
    variants: tuple[Literal["base", "tuned"], ...] = ("base", "tuned")
    if request.adapter_path is None:
        variants = ("base",)
    elif not request.compare:
        variants = ("tuned",)
    cases = list(product(request.prompts, request.seeds, variants))
    for number, (prompt, seed, variant) in enumerate(cases, start=1):
        emit("rendering", number, len(cases))
        path = request.output_dir / f"{number:02d}.png"
        path.write_bytes(f"{prompt} {seed} {variant}".encode())
        images.append(GeneratedImage(path=path, prompt=prompt, seed=seed, variant=variant))
        end_as_told(prompt)
    sheet_path = request.output_dir / "sheet.png"
    sheet_path.write_bytes(b"a sheet")
    return GenerateResult(images=tuple(images), sheet_path=sheet_path, device="cpu", seconds=0.1)


def end_as_told(prompt: str) -> None:
    if prompt.startswith("fail"):
        raise RepairableError(what="the base model is missing", where="here", fix="get it")
    if prompt.startswith("crash"):
        raise RuntimeError("a bug")


if __name__ == "__main__":
    sys.exit(run(GenerateRequest, generate))
