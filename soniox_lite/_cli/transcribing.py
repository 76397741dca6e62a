"""Transcribes a recording and removes its file and job from the server."""

from __future__ import annotations

import contextlib
import os
import time

from .._data.rules import FieldErrors
from ..errors import SonioxError, SonioxTimeoutError, SonioxTranscriptionError
from ..types.context import TranslationConfig
from ..types.transcriptions import CreateTranscriptionConfig
from . import bulk, terminal as screen
from .cleanup import ServerTraces
from .clients import open_client
from .places import path_or_none
from .recording import opened, path_of_url, refuse_empty
from .transcripts import TranscriptOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import BinaryIO

    from .._http.messages import Response
    from ..client import SonioxClient
    from ..types.transcriptions import Transcription, TranscriptionTranscript

# Shorter while progress is shown.
_WATCHED_INTERVAL_SEC = 2.0
_INTERVAL_SEC = 5.0
_EXIT_TIMED_OUT = 124


def transcribe(options: argparse.Namespace) -> int:
    """Prints the transcript of a recording, or writes those of several. Returns the exit code; errors are raised."""
    # Reports all errors of the command line before anything is sent.
    with FieldErrors("the command line") as check:
        check.text("model", options.model, min_length=1, max_length=32)
        check.text("client_reference_id", options.client_reference_id, min_length=1, max_length=256)
    config = CreateTranscriptionConfig(
        language_hints=options.language,
        enable_speaker_diarization=options.diarize or None,
        translation=None
        if options.translate_to is None
        else TranslationConfig(type="one_way", target_language=options.translate_to),
    )
    if bulk.is_bulk(options):
        _check_track(options)
        return bulk.transcribe_all(options, config)
    for option in ("jobs", "journal"):
        if getattr(options, option) is not None:
            raise screen.CommandError(f"--{option} needs --output-dir", exit_code=2)
    (options.source,) = options.sources
    with contextlib.ExitStack() as stack:
        url = _url_or_none(options.source)
        # Opened first: an output that is the input is refused as that, whatever its name and content are.
        source = stack.enter_context(opened(options.source, path_or_none(options.output))) if url is None else url
        output = TranscriptOutput(options)
        _check_track(options)
        client = stack.enter_context(open_client(options))
        if not isinstance(source, str):
            refuse_empty(source, options.source)
        traces = ServerTraces(
            client, keep=options.keep, reference=options.client_reference_id, timeout_sec=options.timeout
        )
        with traces:
            with screen.Progress(wanted=not options.quiet) as progress:
                transcript = _transcript(client, traces, progress, source, config, options)
            try:
                # Written before the cleanup, which may fail.
                output.write(transcript)
            except BaseException:
                # For example a full disk or a closed pipe: the server has the only copy.
                traces.keep_all()
                raise
    return 0


def _check_track(options: argparse.Namespace) -> None:
    if options.track not in {None, "original"} and options.translate_to is None:
        raise screen.CommandError("--track needs --translate-to: there is no translation", exit_code=2)


def _transcript(
    client: SonioxClient,
    traces: ServerTraces,
    progress: screen.Progress,
    source: BinaryIO | str,
    config: CreateTranscriptionConfig,
    options: argparse.Namespace,
) -> TranscriptionTranscript:
    file_id = None
    if not isinstance(source, str):
        progress.show("uploading")
        file_id = traces.upload(
            source,
            filename="stdin" if options.source == "-" else os.path.basename(path_of_url(options.source)),
            on_progress=lambda sent, total: progress.show(_upload_state(sent, total)),
        )
    audio_url = source if isinstance(source, str) else None
    transcription = traces.create(model=options.model, file_id=file_id, audio_url=audio_url, config=config)
    _wait(client, transcription, options.wait_timeout, progress)
    try:
        return client.stt.get_transcript(transcription.id)
    except SonioxError:
        # The job has completed; its transcript can be requested again.
        traces.keep_all()
        raise


def _wait(
    client: SonioxClient, transcription: Transcription, timeout_sec: float | None, progress: screen.Progress
) -> None:
    """Waits until the job is completed.

    Raises:
        SonioxTranscriptionError: The job failed.
        CommandError: It has not ended within the time-out; exit code 124.
    """
    started = time.monotonic()

    def show(status: str) -> None:
        progress.show(f"{status}, {time.monotonic() - started:.0f} s")

    def show_status(response: Response) -> None:
        # Invalid responses are reported by wait() itself.
        job = response.json() if response.is_success else None
        if isinstance(job, dict) and "status" in job:
            show(screen.printable(str(job["status"])))  # pyright: ignore[reportUnknownArgumentType]

    show(transcription.status)
    watcher = client.with_options(on_response=show_status) if progress.is_shown else client
    interval_sec = _WATCHED_INTERVAL_SEC if progress.is_shown else _INTERVAL_SEC
    try:
        ended = watcher.stt.wait(transcription.id, interval_sec=interval_sec, timeout_sec=timeout_sec)
    except SonioxTimeoutError as error:
        if error.transcription_id is None:
            raise
        raise screen.CommandError(
            f"transcription {transcription.id} did not end within {timeout_sec:g} s", exit_code=_EXIT_TIMED_OUT
        ) from error
    if ended.status != "completed":
        reason = ended.error_message or "no reason given"
        raise SonioxTranscriptionError(f"transcription {ended.id} failed: {reason}", transcription=ended)


def _url_or_none(source: str) -> str | None:
    scheme, colon, rest = source.partition("://")
    # The service accepts only lower-case schemes.
    return f"{scheme.lower()}{colon}{rest}" if colon and scheme.lower() in {"http", "https"} else None


def _upload_state(sent: int, total: int | None) -> str:
    from .listings import human_size  # noqa: PLC0415 - only for uploads

    return f"uploading, {sent * 100 // total} %" if total else f"uploading, {human_size(sent)}"
