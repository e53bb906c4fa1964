"""``python -m analemma.entrypoints.cli``: the command, without its script."""

from analemma.entrypoints.cli.main import main

main()
