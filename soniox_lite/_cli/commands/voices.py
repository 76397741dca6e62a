"""``soniox-lite voices``: lists, creates and deletes voices."""

from __future__ import annotations

import os

from .. import options as shared, terminal as screen
from ..clients import open_client
from ..listings import PAGE_SIZE, delete_each, moment_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ...client import SonioxClient
    from ...types.voices import TtsVoiceDetails, Voice, VoiceModel

EXAMPLE = "voices --shared tts-rt-v2"

_SHARED_PAGE_SIZE = 200
_EXIT_TIMED_OUT = 124


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options and actions of this command."""
    actions = shared.add_actions(parser)
    for listing in (parser, shared.add_action(actions, "list", "list the voices (the default)", "voices list", run)):
        listing.add_argument("--shared", metavar="MODEL", help="list the shared voices of this model")
        listing.set_defaults(option_of={"model": ("--shared", "shared")})
        shared.add_json(listing)
    create = shared.add_action(
        actions,
        "create",
        "make a voice from a clip of at most 20 seconds and print its ID",
        "voices create me.wav --name me --wait",
        _create,
    )
    create.add_argument("source", metavar="FILE|-", help="a file, or - for standard input")
    create.add_argument("--name", required=True, help="the voice's name, unique in the project")
    create.add_argument("--wait", action="store_true", help="wait until the voice is ready")
    shared.add_wait_timeout(create, "fail with exit code 124 if it is not ready after this time; implies --wait")
    shared.add_json(create)
    shared.add_delete(actions, "delete voices", "voices delete 4a8f3f5c-8f3e-4f0b-9a53-0f7b9a1f2c11", _delete)


def run(options: argparse.Namespace) -> int:
    """Prints your own voices, or those shared for a model. Returns exit code 0; errors are raised."""
    header: tuple[str, ...]
    rows: list[tuple[object, ...]]
    voices: list[Voice] | list[TtsVoiceDetails]
    with open_client(options) as client:
        if options.shared is None:
            voices = own = list(client.voices.list_all(limit=PAGE_SIZE))
            header = ("ID", "CREATED", "NAME", "MODELS")
            rows = [
                (voice.id, moment_text(voice.created_at), voice.name, ", ".join(map(_progress, voice.models)) or "-")
                for voice in own
            ]
        else:
            voices = shared = list(client.voices.list_all_shared(options.shared, limit=_SHARED_PAGE_SIZE))
            header = ("ID", "GENDER", "AGE", "ACCENT", "USE", "STYLE")
            rows = [
                (voice.id, voice.gender, voice.age, voice.accent, ", ".join(voice.use_case), ", ".join(voice.style))
                for voice in shared
            ]
    if options.json:
        screen.write_json({"voices": [voice.to_dict() for voice in voices]})
    elif not rows:
        screen.say("there are no voices")
    else:
        screen.write_table(header, rows)
    return 0


def _create(options: argparse.Namespace) -> int:
    """Creates a voice and prints its ID. Returns exit code 0; errors are raised."""
    from ..._data.rules import FieldErrors  # noqa: PLC0415 - not for --help
    from ..recording import opened, path_of_url, refuse_empty  # noqa: PLC0415 - as above

    # Reports errors of the command line before waiting for a pipe.
    with FieldErrors("the command line") as check:
        check.text("name", options.name, min_length=1, max_length=128)
    filename = "stdin" if options.source == "-" else os.path.basename(path_of_url(options.source))
    with opened(options.source) as clip, open_client(options) as client:
        refuse_empty(clip, options.source)
        voice = client.voices.create(clip, name=options.name, filename=filename)
        # Printed before the wait, which may fail: the voice exists, and deleting it needs the ID.
        if not options.json:
            screen.write(screen.printable(voice.id))
        try:
            if options.wait or options.wait_timeout is not None:
                voice = _ready(client, voice.id, options.wait_timeout)
        finally:
            if options.json:
                screen.write_json(voice.to_dict())
    return 0


def _ready(client: SonioxClient, voice_id: str, timeout_sec: float | None) -> Voice:
    from ...errors import SonioxTimeoutError  # noqa: PLC0415 - not for --help

    try:
        with screen.Progress(wanted=True) as progress:
            progress.show("preparing")
            return client.voices.wait_until_ready(voice_id, timeout_sec=timeout_sec)
    except SonioxTimeoutError as error:
        if error.voice_id is None:
            raise  # A request was out of time.
        raise screen.CommandError(
            f"voice {voice_id} was not ready within {timeout_sec:g} s", exit_code=_EXIT_TIMED_OUT
        ) from error


def _delete(options: argparse.Namespace) -> int:
    """Deletes voices. Returns the exit code of :func:`delete_each`."""
    with open_client(options) as client:
        delete = client.voices.delete_if_exists if options.all else client.voices.delete
        return delete_each(options, "voices", lambda: client.voices.list_all(limit=PAGE_SIZE), delete)


def _progress(progress: VoiceModel) -> str:
    reason = f" ({progress.error_type})" if progress.error_type else ""
    return f"{progress.model} {progress.status}{reason}"
