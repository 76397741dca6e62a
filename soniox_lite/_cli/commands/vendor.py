"""``soniox-lite vendor``: copies this package into another project's tree, and checks such copies."""

from __future__ import annotations

from pathlib import Path

from .. import options as shared, terminal as screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

EXAMPLE = "vendor my_app/_vendor --with-websocket"

_KINDS = {
    "--rest-only": "leave out realtime sessions and the command line",
    "--no-cli": "leave out the command line",
    "--with-websocket": "also copy the installed websocket-client, which realtime sessions need",
    "--compact": "drop docstrings and comments; a third smaller, line numbers stay",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    shared.add_remark(parser, "The copy goes to DEST/soniox_lite, with a list of checksums in vendored.json.")
    parser.add_argument("dest", metavar="DEST", help="the folder for the copy, such as my_app/_vendor")
    for option, text in _KINDS.items():
        parser.add_argument(option, action="store_true", help=text)
    parser.add_argument("--check", action="store_true", help="say whether the copies in DEST are as they were made")
    parser.add_argument("--force", action="store_true", help="replace a copy that was changed by hand")


def run(options: argparse.Namespace) -> int:
    """Copies or checks. Returns exit code 0, or 1 if a copy has changed; errors are raised."""
    from .. import vendoring  # noqa: PLC0415 - not for --help

    if not options.dest:
        raise screen.CommandError("DEST is empty: name a folder, or . for this one", exit_code=2)
    place = Path(options.dest)
    kinds = [option for option in _KINDS if getattr(options, option[2:].replace("-", "_"))]
    if not options.check:
        if {"--rest-only", "--with-websocket"} <= {*kinds}:
            raise screen.CommandError("--with-websocket is of no use with --rest-only", exit_code=2)
        for copy in vendoring.copy_all(place, kinds, force=bool(options.force)):
            screen.say(f"copied: {copy}")
        return 0
    if kinds or options.force:
        raise screen.CommandError("--check takes no other option", exit_code=2)
    copies = vendoring.copies_in(place)
    if not copies:
        raise screen.CommandError(f"{place} has no copy that this command made", exit_code=1)
    changes = [line for copy in copies for line in vendoring.changes_of(copy)]
    screen.write("\n".join(changes or [f"as copied: {copy}" for copy in copies]))
    return 1 if changes else 0
