"""Turn prompts into pictures with a trained adapter.

    python image_finetune.py --prompt "a red tiled roof" --compare --output-path out.png

The same as `tuner-kit generate`; `--help` lists what can be set.
"""

import sys

from tuner_kit.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["generate", *sys.argv[1:]]))
