"""`python -m tuner_kit` is `tuner-kit`."""

import sys

from tuner_kit.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
