"""``soniox-lite transcriptions``: lists, prints and deletes transcription jobs."""

from __future__ import annotations

from .. import options as shared, terminal as screen
from ..clients import open_client
from ..listings import PAGE_SIZE, delete_each, duration_text, moment_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

EXAMPLE = "transcriptions get 73d4357d-cad2-4338-a60d-ec6f2044f721"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options and actions of this command."""
    shared.add_json(parser)
    actions = shared.add_actions(parser)
    shared.add_json(shared.add_action(actions, "list", "list the jobs (the default)", "transcriptions list", run))
    get = shared.add_action(actions, "get", "print the transcript of a job", f"{EXAMPLE} --json", _get)
    get.add_argument("id", metavar="ID", help="the job")
    shared.add_json(get)
    shared.add_transcript_output(get)
    example = "transcriptions delete --all --with-files"
    delete = shared.add_delete(actions, "delete jobs and their transcripts", example, _delete)
    delete.add_argument("--with-files", action="store_true", help="also delete the uploaded files of the jobs")


def run(options: argparse.Namespace) -> int:
    """Prints all jobs. Returns exit code 0; errors are raised."""
    with open_client(options) as client:
        jobs = list(client.stt.list_all(limit=PAGE_SIZE))
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


def _get(options: argparse.Namespace) -> int:
    """Prints the transcript of a job. Returns exit code 0; errors are raised."""
    from ..transcripts import TranscriptOutput  # noqa: PLC0415 - it imports the subtitles

    output = TranscriptOutput(options)
    with open_client(options) as client:
        transcript = client.stt.get_transcript(options.id)
    output.write(transcript)
    return 0


def _delete(options: argparse.Namespace) -> int:
    """Deletes jobs, and their files with ``--with-files``. Returns the exit code of :func:`delete_each`."""
    with open_client(options) as client:
        if options.with_files:
            delete = client.stt.destroy
        else:
            delete = client.stt.delete_if_exists if options.all else client.stt.delete
        what = "transcriptions with their files" if options.with_files else "transcriptions"
        return delete_each(options, what, lambda: client.stt.list_all(limit=PAGE_SIZE), delete)
