"""From a folder of images to a Stable Diffusion 3 LoRA, by wrapping SimpleTuner."""

__version__ = "0.1.0"
