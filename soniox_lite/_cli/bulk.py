"""``soniox-lite transcribe`` for many recordings: a transcript file for each, in one folder."""

from __future__ import annotations

import contextlib
import os
from urllib.parse import urlsplit

from ..errors import SonioxError
from . import terminal as screen
from .clients import open_client
from .options import Options
from .places import check_folder, refuse_named
from .recognition import files_of_options
from .transcripts import TranscriptOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Iterable, Iterator

    from typing_extensions import Self

    from ..client import SonioxClient
    from ..types.bulk import BulkResult
    from .recognition import JobFields

_URL_SCHEMES = ("http://", "https://")
_DEFAULT_JOBS = 4
# What a folder is searched for: the containers that the service documents, and their usual other endings.
_RECORDINGS = (
    *(".aac", ".aif", ".aifc", ".aiff", ".amr", ".asf", ".flac", ".m4a", ".m4b", ".mka", ".mkv"),
    *(".mov", ".mp3", ".mp4", ".mpeg", ".mpga", ".oga", ".ogg", ".opus", ".wav", ".webm", ".wma", ".wmv"),
)


def is_bulk(options: argparse.Namespace) -> bool:
    """Whether the command line names more than one recording, or a folder."""
    sources: list[str] = options.sources
    return options.output_dir is not None or len(sources) > 1 or os.path.isdir(sources[0])


def transcribe_all(options: argparse.Namespace, job: JobFields) -> int:
    """Writes a transcript for each recording. Returns exit code 0, or 1 if any of them failed."""
    _check(options)
    outputs = _outputs(options)
    waiting = {
        source: output for source, output in outputs.items() if options.force or not os.path.exists(str(output.path))
    }
    recordings = [("", source) for source in outputs if not _is_url(source)]
    refuse_named(
        [*recordings, ("--journal", options.journal), *files_of_options(options)],
        [output.path for output in waiting.values()],
    )
    # Before anything is sent: transcripts that cannot be written would have been paid for.
    check_folder(options.output_dir)
    with _Report(len(outputs), quiet=options.quiet) as report:
        for source in outputs.keys() - waiting.keys():
            report.skipped(source, "its transcript exists")
        with open_client(options) as client, contextlib.closing(_run(client, options, job, waiting, report)) as results:
            for result in results:
                problem = _written(result, waiting[result.source])
                if problem is not None and result.error is None:
                    result.error = SonioxError(problem)  # So that the journal does not note it as done.
                report.done(result, problem)
    return report.exit_code


def _check(options: argparse.Namespace) -> None:
    if options.output_dir is None:
        folder = next((f"{source!r} is a folder" for source in options.sources if os.path.isdir(source)), "")
        raise screen.CommandError(f"{folder or 'several recordings'}: give --output-dir", exit_code=2)
    if options.output is not None or "-" in options.sources:
        other = "-" if options.output is None else "--output"
        raise screen.CommandError(f"{other} is for one recording", exit_code=2)


def _run(
    client: SonioxClient, options: argparse.Namespace, job: JobFields, sources: Iterable[str], report: _Report
) -> Generator[BulkResult]:
    """The results as they come. Closing it, while the client is open, deletes what it has made at the service."""
    return client.stt.transcribe_many(
        sources,
        **job,
        concurrency=_DEFAULT_JOBS if options.jobs is None else options.jobs,
        journal=options.journal,
        delete_after=not options.keep,
        wait_timeout_sec=options.wait_timeout,
        on_progress=report.note,
    )


def _written(result: BulkResult, output: TranscriptOutput) -> str | None:
    """Writes a transcript; returns why there is none, or None."""
    if result.transcript is None:
        return str(result.error)
    try:
        os.makedirs(os.path.dirname(str(output.path)) or os.curdir, exist_ok=True)
        output.write(result.transcript)
    except OSError as error:
        return f"cannot create its folder: {error.strerror}"
    except screen.CommandError as error:
        return error.message
    return None


class _Report:
    """Reports the result of each recording and the totals at the end; on a terminal also the progress."""

    def __init__(self, count: int, *, quiet: bool | None) -> None:
        self._count, self._quiet = count, quiet
        self._completed = self._failed = self._skipped = self._running = 0
        self._progress = screen.Progress(wanted=not quiet)

    @property
    def exit_code(self) -> int:
        """1 if a recording failed, else 0."""
        return 1 if self._failed else 0

    def note(self, source: str, status: str) -> None:
        """What ``transcribe_many`` reports."""
        if status == "skipped":
            self.skipped(source, "the journal says that it is done")
        self._running += {"started": 1, "completed": -1, "failed": -1}.get(status, 0)
        self._show()

    def skipped(self, source: str, reason: str) -> None:
        """A recording that is done already."""
        self._skipped += 1
        self._say(f"{_name(source)}: skipped, {reason}")

    def done(self, result: BulkResult, problem: str | None) -> None:
        """A recording whose transcript was written, or not."""
        if problem is None:
            self._completed += 1
            self._say(f"{_name(result.source)}: transcribed")
        else:
            self._failed += 1
            self._progress.erase()
            screen.say(f"{_name(result.source)}: failed: {problem}")
        self._show()

    def _say(self, text: str) -> None:
        if not self._quiet:
            self._progress.erase()
            screen.say(text)

    def _show(self) -> None:
        done = self._completed + self._failed + self._skipped
        self._progress.show(f"{done} of {self._count} done, {self._failed} failed, {self._running} in progress")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.erase()
        if not self._quiet or self._failed:
            screen.say(f"{self._completed} transcribed, {self._failed} failed, {self._skipped} skipped")


def _outputs(options: argparse.Namespace) -> dict[str, TranscriptOutput]:
    """Where the transcript of each recording goes.

    Raises:
        CommandError: Two recordings would share a file, there is no recording, or an option is not valid.
    """
    transcript_format = "json" if options.json else options.format or "txt"
    outputs: dict[str, TranscriptOutput] = {}
    taken: dict[str, str] = {}
    for source, stem in _recordings(options.sources):
        path = os.path.normpath(os.path.join(options.output_dir, f"{stem}.{transcript_format}"))
        if (other := taken.setdefault(path, source)) != source:
            names = f"{_name(other)!r} and {_name(source)!r}"
            raise screen.CommandError(f"{names} would both be written to {path!r}", exit_code=2)
        # The file's folder may not be there yet, so its place is checked when it is written.
        output = TranscriptOutput(Options(**{**vars(options), "output": None, "format": transcript_format}))
        output.path = path
        outputs[source] = output
    if not outputs:
        raise screen.CommandError(f"there is no recording in {', '.join(map(repr, options.sources))}", exit_code=2)
    return outputs


def _recordings(sources: list[str]) -> Iterator[tuple[str, str]]:
    """Each recording, with the name of its transcript without an ending; those of folders in their subfolders.

    A folder that cannot be read takes the place of its recordings: it fails as a recording.
    """
    unread: list[OSError] = []
    for source in sources:
        if os.path.isdir(source):
            yield from _recordings_in(source, unread)
        else:
            path = urlsplit(source).path if _is_url(source) else source
            yield source, os.path.splitext(os.path.basename(path))[0] or "recording"
    for error in unread:
        yield error.filename, error.filename


def _recordings_in(top: str, unread: list[OSError]) -> Iterator[tuple[str, str]]:
    """Those of a folder and its subfolders. The errors of folders that cannot be read are added to ``unread``."""
    for folder, folders, names in os.walk(top, onerror=unread.append):
        folders.sort()
        for name in sorted(names):
            stem, ending = os.path.splitext(name)
            if ending.lower() in _RECORDINGS:
                yield os.path.join(folder, name), os.path.join(os.path.relpath(folder, top), stem)


def _is_url(source: str) -> bool:
    return source.lower().startswith(_URL_SCHEMES)


def _name(source: str) -> str:
    """A recording in a message: a URL without its query, which may hold a signature."""
    return source.partition("?")[0] if _is_url(source) else source
