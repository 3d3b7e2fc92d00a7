"""How long `--help` takes: tuner-kit beside SimpleTuner's own command."""

import os
import sys
import tempfile
from pathlib import Path

from measure import Contender, compare, run_command

BIN = Path(sys.executable).parent


def main() -> None:
    """Compare both commands."""
    with tempfile.TemporaryDirectory() as folder:
        contenders = [
            Contender(
                name,
                lambda name=name: run_command(  # type: ignore[misc]
                    [str(BIN / name), "--help"], env=os.environ, workdir=Path(folder)
                ),
            )
            for name in ("tuner-kit", "simpletuner")
        ]
        compare("help", contenders, repeats=5)


if __name__ == "__main__":
    main()
