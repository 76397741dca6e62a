"""``soniox-lite completion``: prints the script that completes commands and options in a shell."""

from __future__ import annotations

from .. import options as shared, terminal as screen
from ..terminal import PROGRAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

EXAMPLE = "completion bash >> ~/.bashrc"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    shared.add_remark(
        parser,
        below=f"zsh: {PROGRAM} completion zsh >> ~/.zshrc, below compinit\n"
        f"fish: {PROGRAM} completion fish > ~/.config/fish/completions/{PROGRAM}.fish",
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), metavar="SHELL", help="bash, zsh or fish")


def run(options: argparse.Namespace) -> int:
    """Prints the script. Returns exit code 0."""
    from ..completion import script  # noqa: PLC0415 - not for --help

    screen.write(script(options.shell))
    return 0
