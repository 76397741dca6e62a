"""``soniox-lite models``, ``files`` and ``transcriptions``: looking at what is on the server, and deleting it."""

from __future__ import annotations

from ..api._arguments import path_segment
from ..errors import SonioxAPIError, SonioxError
from . import terminal as screen
from .clients import open_client
from .transcripts import TranscriptOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from ..types.files import File
    from ..types.models import Model
    from ..types.transcriptions import Transcription
    from ..types.tts_models import TtsModel
    from ..types.voices import Voice

_PAGE_SIZE = 1000


def list_models(options: argparse.Namespace) -> int:
    """Prints all models; the exit code."""
    with open_client(options) as client:
        response = client.models.list()
        spoken: list[TtsModel] = []
        try:
            spoken = client.tts_models.list().models
        except SonioxAPIError as error:
            # A key, or a gateway, may be for transcription alone.
            screen.say(f"warning: the models that speak cannot be listed: {error}")
    if options.json:
        screen.write_json({**response.to_dict(), "tts_models": [model.to_dict() for model in spoken]})
    else:
        rows: list[tuple[Model | TtsModel, str]] = [(model, model.transcription_mode) for model in response.models]
        rows += [(model, "speech") for model in spoken]
        screen.write_table(
            ("ID", "MODE", "ALIAS OF", "LANGUAGES", "NAME"),
            [(model.id, mode, model.aliased_model_id, len(model.languages), model.name) for model, mode in rows],
        )
    return 0


def list_files(options: argparse.Namespace) -> int:
    """Prints all files; the exit code."""
    with open_client(options) as client:
        files = list(client.files.list_all(limit=_PAGE_SIZE))
    if options.json:
        screen.write_json({"files": [file.to_dict() for file in files]})
    elif not files:
        screen.say("there are no files")
    else:
        rows = [(file.id, human_size(file.size), moment_text(file.created_at), file.filename) for file in files]
        screen.write_table(("ID", "SIZE", "CREATED", "NAME"), rows)
    return 0


def list_transcriptions(options: argparse.Namespace) -> int:
    """Prints all jobs; the exit code."""
    with open_client(options) as client:
        jobs = list(client.stt.list_all(limit=_PAGE_SIZE))
    if options.json:
        screen.write_json({"transcriptions": [job.to_dict() for job in jobs]})
    elif not jobs:
        screen.say("there are no transcriptions")
    else:
        rows = [
            (job.id, job.status, moment_text(job.created_at), duration_text(job.audio_duration_ms), job.filename)
            for job in jobs
        ]
        screen.write_table(("ID", "STATUS", "CREATED", "LENGTH", "NAME"), rows)
    return 0


def get_transcription(options: argparse.Namespace) -> int:
    """Prints the transcript of one job; the exit code."""
    output = TranscriptOutput(options)
    with open_client(options) as client:
        transcript = client.stt.get_transcript(options.id)
    output.write(transcript)
    return 0


def delete_files(options: argparse.Namespace) -> int:
    """Deletes files; the exit code."""
    with open_client(options) as client:
        delete = client.files.delete_if_exists if options.all else client.files.delete
        return delete_each(options, "files", lambda: client.files.list_all(limit=_PAGE_SIZE), delete)


def delete_transcriptions(options: argparse.Namespace) -> int:
    """Deletes jobs, and their files if wanted; the exit code."""
    with open_client(options) as client:
        if options.with_files:
            delete = client.stt.destroy
        else:
            delete = client.stt.delete_if_exists if options.all else client.stt.delete
        what = "transcriptions with their files" if options.with_files else "transcriptions"
        return delete_each(options, what, lambda: client.stt.list_all(limit=_PAGE_SIZE), delete)


def delete_each(
    options: argparse.Namespace,
    what: str,
    list_all: Callable[[], Iterable[File | Transcription | Voice]],
    delete: Callable[[str], None],
) -> int:
    """Deletes the given, or all, one by one: what fails does not protect the others."""
    if options.all and not options.yes and not (screen.is_terminal("stdin") and screen.is_terminal("stderr")):
        raise screen.CommandError("--all needs --yes where nobody can be asked", exit_code=2)
    for thing_id in options.ids:
        path_segment("the ID", thing_id)
    ids: list[str] = [thing.id for thing in list_all()] if options.all else list(dict.fromkeys(options.ids))
    # Exactly what was counted, and not what others upload while the question stands.
    if options.all and ids and not options.yes and not screen.confirm(f"delete all {len(ids)} {what}?"):
        screen.say("nothing deleted")
        return 1
    deleted: list[str] = []
    failures: list[SonioxError] = []
    try:
        for thing_id in ids:
            try:
                delete(thing_id)
                deleted.append(thing_id)
                if not options.json:
                    screen.write(f"deleted {screen.printable(thing_id)}")
            except SonioxError as error:
                if options.debug:
                    raise
                failures.append(error)
                screen.say(f"error: {thing_id}: {error}")
    finally:
        if options.json:
            screen.write_json({"deleted": deleted})
    if options.all and not ids:
        screen.say(f"there are no {what}")
    return 1 if failures else 0


def human_size(size_bytes: int) -> str:
    """A size with a unit that keeps it short: ``3.4 MiB``."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    bits, unit = next(
        ((bits, unit) for bits, unit in ((10, "KiB"), (20, "MiB")) if size_bytes >> bits < 1024), (30, "GiB")
    )
    # Whole numbers: what the service says may be more than a float holds.
    tenths = (size_bytes * 10 + (1 << bits - 1)) >> bits
    return f"{tenths // 10}.{tenths % 10} {unit}"


def moment_text(moment: datetime) -> str:
    """A time (in UTC) to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def duration_text(duration_ms: object) -> str:
    """Minutes and seconds: ``3:07``; ``-`` for nothing, and for what is no number: jobs are listed as they are sent."""
    if not isinstance(duration_ms, int) or duration_ms <= 0:
        return "-"
    minutes, seconds = divmod((duration_ms + 500) // 1000, 60)
    return f"{minutes}:{seconds:02}"
