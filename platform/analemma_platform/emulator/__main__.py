"""``python -m analemma_platform.emulator --home DIR [--port N]``."""

import argparse
import os
from pathlib import Path

from analemma.errors import CloudUnavailable
from analemma_platform.emulator.server import complain, run


def main() -> None:
    """Serve the emulated AWS in this process until it is told to stop."""
    parser = argparse.ArgumentParser(
        prog="analemma_platform.emulator", description="Serve an emulated AWS."
    )
    parser.add_argument("--home", type=Path, required=True, help="where it keeps files")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--detach", action="store_true", help="go on when the caller has ended"
    )
    arguments = parser.parse_args()
    if arguments.detach and os.fork():
        # The caller reaps this process at once, and the one that serves belongs
        # to nobody, so it never stays behind as a zombie.
        os._exit(0)
    try:
        run(arguments.home.resolve(), arguments.port)
    except CloudUnavailable as error:
        complain(error)


if __name__ == "__main__":
    main()
