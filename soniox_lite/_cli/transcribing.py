"""Transcribes a recording and removes its file and job from the server."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time

from .._data.rules import FieldErrors
from ..errors import SonioxError, SonioxTimeoutError, SonioxTranscriptionError
from ..types.transcriptions import CreateTranscriptionConfig, CreateTranscriptionPayload
from . import bulk, terminal as screen
from .cleanup import ServerTraces
from .clients import open_client
from .places import path_or_none, refuse_named
from .recognition import files_of_options, recognition_config
from .recording import opened, path_of_url, refuse_empty
from .transcripts import TranscriptOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any, BinaryIO

    from .._http.messages import Response
    from ..client import SonioxClient
    from ..types.transcriptions import Transcription, TranscriptionTranscript
    from .recognition import JobFields

# Shorter while progress is shown.
_WATCHED_INTERVAL_SEC = 2.0
_INTERVAL_SEC = 5.0
_EXIT_TIMED_OUT = 124
_WEBHOOK_HEADER = "X-Soniox-Webhook-Secret"


def transcribe(options: argparse.Namespace) -> int:
    """Prints the transcript of a recording, or writes those of several. Returns the exit code; errors are raised."""
    # Reports all errors of the command line before anything is sent.
    job = _job_fields(options)
    if bulk.is_bulk(options):
        _check_track(options, job)
        return bulk.transcribe_all(options, job)
    for option in ("jobs", "journal"):
        if getattr(options, option) is not None:
            raise screen.CommandError(f"--{option} needs --output-dir", exit_code=2)
    (options.source,) = options.sources
    with contextlib.ExitStack() as stack:
        url = url_or_none(options.source)
        # Opened first: an output that is the input is refused as that, whatever its name and content are.
        source = stack.enter_context(opened(options.source, path_or_none(options.output))) if url is None else url
        refuse_named(files_of_options(options), [path_or_none(options.output)])
        output = TranscriptOutput(options)
        _check_track(options, job)
        client = stack.enter_context(open_client(options))
        if not isinstance(source, str):
            refuse_empty(source, options.source)
        traces = ServerTraces(
            client, keep=options.keep, reference=job["client_reference_id"], timeout_sec=options.timeout
        )
        with traces:
            with screen.Progress(wanted=not options.quiet) as progress:
                transcript = _transcript(client, traces, progress, source, job, options)
            try:
                # Written before the cleanup, which may fail.
                output.write(transcript)
            except BaseException:
                # For example a full disk or a closed pipe: the server has the only copy.
                traces.keep_all()
                raise
    return 0


def _job_fields(options: argparse.Namespace, **more: Any) -> JobFields:
    """The fields of a job from the options of :func:`~soniox_lite._cli.options.add_recognition`. Raises as it."""
    with FieldErrors("the command line") as check:
        check.text("model", options.model, min_length=1, max_length=32)
        check.text("client_reference_id", options.client_reference_id, min_length=1, max_length=256)
    config = recognition_config(options, CreateTranscriptionConfig, "stt-async-v5", **more)
    return {
        "model": config.model or "",
        "client_reference_id": config.client_reference_id,
        # They are arguments of their own.
        "config": dataclasses.replace(config, model=None, client_reference_id=None),
    }


def _check_track(options: argparse.Namespace, job: JobFields) -> None:
    if options.track not in {None, "original"} and job["config"].translation is None:
        raise screen.CommandError("--track needs --translate-to: there is no translation", exit_code=2)


def _transcript(
    client: SonioxClient,
    traces: ServerTraces,
    progress: screen.Progress,
    source: BinaryIO | str,
    job: JobFields,
    options: argparse.Namespace,
) -> TranscriptionTranscript:
    transcription = _create(traces, progress, source, options.source, job)
    _wait(client, transcription, options.wait_timeout, progress)
    try:
        return client.stt.get_transcript(transcription.id)
    except SonioxError:
        # The job has completed; its transcript can be requested again.
        traces.keep_all()
        raise


def _create(
    traces: ServerTraces,
    progress: screen.Progress,
    source: BinaryIO | str,
    name: str,
    job: JobFields,
) -> Transcription:
    """Uploads a recording that is no URL, and makes a job of it. ``name`` is its name on the command line."""
    if isinstance(source, str):
        return traces.create(file_id=None, audio_url=source, job=job)
    progress.show("uploading")
    file_id = traces.upload(
        source,
        filename="stdin" if name == "-" else os.path.basename(path_of_url(name)),
        on_progress=lambda sent, total: progress.show(_upload_state(sent, total)),
    )
    return traces.create(file_id=file_id, audio_url=None, job=job)


def submit(options: argparse.Namespace) -> int:
    """Makes a job of each recording and prints its ID. Returns exit code 0; errors are raised."""
    secret = os.environ.get("SONIOX_API_WEBHOOK_SECRET") if options.webhook_url is not None else None
    header = os.environ.get("SONIOX_API_WEBHOOK_HEADER", _WEBHOOK_HEADER) if secret is not None else None
    job = _job_fields(
        options,
        webhook_auth_header_name=header,
        webhook_auth_header_value=secret,
    )
    _check_sources(options.sources)
    with open_client(options) as client:
        for source in options.sources:
            _submit(client, source, job, options)
    return 0


def _check_sources(sources: Sequence[str]) -> None:
    """Raises as :func:`opened` if one cannot be used: a second run would submit those before it again."""
    if sources.count("-") > 1:
        raise screen.CommandError("- stands for standard input, which can be read once only", exit_code=2)
    for source in sources:
        path = path_of_url(source)
        # A pipe is opened once only, because closing it would end the program that writes to it.
        is_pipe = os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
        if (url := url_or_none(source)) is not None:
            CreateTranscriptionPayload(audio_url=url)
        elif source != "-" and not is_pipe:
            with opened(source):
                pass


def _submit(client: SonioxClient, source: str, job: JobFields, options: argparse.Namespace) -> None:
    url = url_or_none(source)
    with contextlib.ExitStack() as stack:
        stream: BinaryIO | str = stack.enter_context(opened(source)) if url is None else url
        if not isinstance(stream, str):
            refuse_empty(stream, source)
        traces = stack.enter_context(
            ServerTraces(client, keep=False, reference=job["client_reference_id"], timeout_sec=options.timeout)
        )
        with screen.Progress(wanted=not options.quiet) as progress:
            made = _create(traces, progress, stream, source, job)
        if options.json:
            screen.write_json(made.to_dict(), indent=None)
        else:
            screen.write(made.id)
        # Printed: from here on it is the user's.
        traces.leave_all()


def fetch(options: argparse.Namespace) -> int:
    """Waits for a job and prints its transcript. Returns exit code 0; errors are raised."""
    output = TranscriptOutput(options)
    with open_client(options) as client, screen.Progress(wanted=not options.quiet) as progress:
        _wait(client, client.stt.get(options.id), options.wait_timeout, progress)
        transcript = client.stt.get_transcript(options.id)
        progress.erase()
        output.write(transcript)
        # Not before the transcript is written, which may fail.
        if options.delete:
            client.stt.destroy(options.id)
    return 0


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


def url_or_none(source: str) -> str | None:
    """An http or https URL, with a scheme in lower case; None for another source."""
    scheme, colon, rest = source.partition("://")
    # The service accepts only lower-case schemes.
    return f"{scheme.lower()}{colon}{rest}" if colon and scheme.lower() in {"http", "https"} else None


def _upload_state(sent: int, total: int | None) -> str:
    from .listings import human_size  # noqa: PLC0415 - only for uploads

    return f"uploading, {sent * 100 // total} %" if total else f"uploading, {human_size(sent)}"
