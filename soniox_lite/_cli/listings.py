"""What the commands that list and delete have in common."""

from __future__ import annotations

from . import terminal as screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from ..types.files import File
    from ..types.transcriptions import Transcription
    from ..types.voices import Voice

PAGE_SIZE = 1000


def delete_each(
    options: argparse.Namespace,
    what: str,
    list_all: Callable[[], Iterable[File | Transcription | Voice]],
    delete: Callable[[str], None],
) -> int:
    """Deletes the given items, or all, one by one; continues after an error.

    Returns:
        Exit code 0 if all were deleted; 1 if a deletion failed or the user did not confirm.

    Raises:
        CommandError: ``--all`` without ``--yes`` needs a confirmation, and there is no terminal to ask on.
    """
    from ..api._arguments import path_segment  # noqa: PLC0415 - not for --help

    if options.all and not options.yes and not (screen.is_terminal("stdin") and screen.is_terminal("stderr")):
        raise screen.CommandError(
            "--all needs --yes unless standard input and standard error are a terminal", exit_code=2
        )
    for thing_id in options.ids or ():
        path_segment("the ID", thing_id)
    ids: list[str] = [thing.id for thing in list_all()] if options.all else list(dict.fromkeys(options.ids or ()))
    # Only the counted items are deleted, not items created while the question is shown.
    if options.all and ids and not options.yes and not screen.confirm(f"delete all {len(ids)} {what}?"):
        screen.say("nothing deleted")
        return 1
    deleted: list[str] = []
    try:
        deleted.extend(thing_id for thing_id in ids if _is_deleted(thing_id, delete, options))
    finally:
        if options.json:
            screen.write_json({"deleted": deleted})
    if options.all and not ids:
        screen.say(f"there are no {what}")
    return 0 if len(deleted) == len(ids) else 1


def _is_deleted(thing_id: str, delete: Callable[[str], None], options: argparse.Namespace) -> bool:
    """Deletes an item and says so. False if that fails, which it also says."""
    from ..errors import SonioxError  # noqa: PLC0415 - not for --help

    try:
        delete(thing_id)
    except SonioxError as error:
        if options.debug:
            raise
        screen.say(f"error: {thing_id}: {error}")
        return False
    if not options.json:
        screen.write(f"deleted {screen.printable(thing_id)}")
    return True


def human_size(size_bytes: int) -> str:
    """A size with a binary unit: ``3.4 MiB``."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    bits, unit = next(
        ((bits, unit) for bits, unit in ((10, "KiB"), (20, "MiB")) if size_bytes >> bits < 1024), (30, "GiB")
    )
    # Integer arithmetic: the size may exceed the range of a float.
    tenths = (size_bytes * 10 + (1 << bits - 1)) >> bits
    return f"{tenths // 10}.{tenths % 10} {unit}"


def moment_text(moment: datetime) -> str:
    """A UTC time to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def duration_text(duration_ms: object) -> str:
    """Minutes and seconds: ``3:07``; ``-`` for zero and for an invalid value, since listings are not validated."""
    if not isinstance(duration_ms, int) or duration_ms <= 0:
        return "-"
    minutes, seconds = divmod((duration_ms + 500) // 1000, 60)
    return f"{minutes}:{seconds:02}"
