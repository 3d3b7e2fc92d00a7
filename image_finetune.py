"""Turn prompts into pictures, with a trained adapter or, before any run, without one.

    python image_finetune.py --prompt "a large red star on a white background"
    python image_finetune.py --prompt "a large red star" --compare --output-path out.png

The same as `tuner-kit generate`; `--help` lists what can be set.
"""

import sys

from tuner_kit.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["generate", *sys.argv[1:]]))
