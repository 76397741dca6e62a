"""``soniox-lite voices``: looking at voices, making them from clips, and deleting them."""

from __future__ import annotations

import os

from .._data.rules import FieldErrors
from ..errors import SonioxTimeoutError
from . import terminal as screen
from .clients import open_client
from .listings import delete_each, moment_text
from .recording import opened, path_of_url, refuse_empty

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..types.voices import TtsVoiceDetails, Voice, VoiceModel

_PAGE_SIZE = 1000
_SHARED_PAGE_SIZE = 200
_EXIT_TIMED_OUT = 124


def list_voices(options: argparse.Namespace) -> int:
    """Prints all voices of one's own, or all that are shared for a model; the exit code."""
    header: tuple[str, ...]
    rows: list[tuple[object, ...]]
    voices: list[Voice] | list[TtsVoiceDetails]
    with open_client(options) as client:
        if options.shared is None:
            voices = own = list(client.voices.list_all(limit=_PAGE_SIZE))
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


def create_voice(options: argparse.Namespace) -> int:
    """Makes a voice and prints its id; the exit code."""
    # All that can be wrong with the command line is found before a pipe is waited for.
    with FieldErrors("the command line") as check:
        check.text("name", options.name, min_length=1, max_length=128)
    filename = "stdin" if options.source == "-" else os.path.basename(path_of_url(options.source))
    with opened(options.source) as clip, open_client(options) as client:
        refuse_empty(clip, options.source)
        voice = client.voices.create(clip, name=options.name, filename=filename)
        # Before the waiting, which may fail: the voice exists, and this is how to get rid of it.
        if not options.json:
            screen.write(screen.printable(voice.id))
        try:
            if options.wait or options.wait_timeout is not None:
                with screen.Progress(wanted=True) as progress:
                    progress.show("preparing")
                    voice = client.voices.wait_until_ready(voice.id, timeout_sec=options.wait_timeout)
        except SonioxTimeoutError as error:
            if error.voice_id is None:
                raise
            raise screen.CommandError(
                f"voice {voice.id} was not ready within {options.wait_timeout:g} s", exit_code=_EXIT_TIMED_OUT
            ) from error
        finally:
            if options.json:
                screen.write_json(voice.to_dict())
    return 0


def delete_voices(options: argparse.Namespace) -> int:
    """Deletes voices; the exit code."""
    with open_client(options) as client:
        delete = client.voices.delete_if_exists if options.all else client.voices.delete
        return delete_each(options, "voices", lambda: client.voices.list_all(limit=_PAGE_SIZE), delete)


def _progress(progress: VoiceModel) -> str:
    reason = f" ({progress.error_type})" if progress.error_type else ""
    return f"{progress.model} {progress.status}{reason}"
