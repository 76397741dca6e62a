"""Options of the calls that do several requests: what they delete at the end, and what they report meanwhile."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from soniox_lite import SonioxConnectionError, SonioxTimeoutError, SonioxTranscriptionError, SonioxValidationError
from soniox_testing import FakeSoniox, after_seconds

from ...support.callers import CALLERS
from ...support.raw_server import RawServer, reply
from ...support.tables import each_row


@pytest.fixture(params=CALLERS)
def caller(request: pytest.FixtureRequest, fake_soniox: FakeSoniox) -> Any:
    with CALLERS[request.param](fake_soniox.url) as made:
        yield made


def left_at(caller: Any) -> tuple[int, int]:
    """How many files and transcriptions there are."""
    files = caller.run(lambda client: client.files.count())
    jobs = caller.run(lambda client: client.stt.count())
    return files.total, jobs.total


WAITING = [
    *("transcribe_and_wait", "transcribe_and_wait_with_tokens"),
    *("translate_and_wait", "translate_and_wait_with_tokens"),
]


def call(caller: Any, method: str, **options: Any) -> Any:
    if method.startswith("translate"):
        options.setdefault("to", "es")
    return caller.run(lambda client: getattr(client.stt, method)(**{"file": b"RIFF", **options}))


@pytest.mark.parametrize("method", WAITING)
def test_cleanup_deletes_what_it_names(caller: Any, method: str) -> None:
    for cleanup, delete_after, left in (
        (["file"], False, (0, 1)),
        (("transcription",), False, (1, 0)),
        (["file", "transcription"], False, (0, 0)),
        ([], False, (1, 1)),
        (["file"], True, (0, 0)),
    ):
        call(caller, method, cleanup=cleanup, delete_after=delete_after)
        assert left_at(caller) == left
        caller.run(lambda client: client.stt.destroy_all())
        caller.run(lambda client: client.files.delete_all())


def test_cleanup_follows_a_failed_job(caller: Any, fake_soniox: FakeSoniox) -> None:
    fake_soniox.fail_next_job("file_not_found", "It is gone.")
    with pytest.raises(SonioxTranscriptionError):
        call(caller, "transcribe_and_wait_with_tokens", cleanup=["file"])
    assert left_at(caller)[0] == 0


@pytest.mark.fake_soniox(progress=after_seconds(processing=3600))
def test_cleanup_follows_a_timeout(caller: Any) -> None:
    with pytest.raises(SonioxTimeoutError):
        call(caller, "transcribe_and_wait", cleanup=["file"], wait_timeout_sec=0)
    assert left_at(caller)[0] == 0


def test_a_failed_cleanup_is_logged(caller: Any, fake_soniox: FakeSoniox, caplog: pytest.LogCaptureFixture) -> None:
    fake_soniox.faults.answer(500, operation="delete_file")
    with caplog.at_level(logging.WARNING, "soniox_lite"):
        assert call(caller, "transcribe_and_wait", cleanup=["file"]).status == "completed"
    assert "is left at the service" in caplog.text


@each_row(
    ("cleanup", "problem"),
    [
        (["files"], r"cleanup\[0\] must be one of 'file', 'transcription'"),
        ("file", "cleanup must be a list"),
        ([None], r"cleanup\[0\] must be given"),
    ],
)
def test_a_cleanup_that_cannot_be_used_is_refused_before_anything_is_sent(cleanup: Any, problem: str) -> None:
    for surface, caller_class in CALLERS.items():
        with caller_class("http://127.0.0.1:1") as caller, pytest.raises(SonioxValidationError, match=problem):
            call(caller, "transcribe_and_wait", cleanup=cleanup)
        assert surface


def job(status: str) -> bytes:
    fields = '"created_at": "2026-01-02T03:04:05Z", "model": "m", "filename": "f"'
    return f'{{"id": "job", "status": "{status}", {fields}}}'.encode()


def test_a_change_of_the_status_is_reported_once() -> None:
    for surface, caller_class in CALLERS.items():
        seen: list[Any] = []

        def report(status: str, transcription: Any, seen: list[Any] = seen) -> None:
            seen.append((status, transcription.status))

        async def report_async(status: str, transcription: Any, report: Any = report) -> None:
            await asyncio.sleep(0)
            report(status, transcription)

        polls = [reply(job(status)) for status in ("queued", "queued", "processing", "processing", "completed")]
        with RawServer(*polls) as server, caller_class(server.url) as caller:
            callback = report if surface == "sync" else report_async
            caller.run(lambda client, done=callback: client.stt.wait("job", interval_sec=0, on_status_change=done))
        assert seen == [(status, status) for status in ("queued", "processing", "completed")]


@pytest.mark.parametrize("method", WAITING)
def test_a_call_that_waits_reports_the_status_and_the_upload(caller: Any, method: str) -> None:
    statuses: list[str] = []
    sent: list[Any] = []
    call(
        caller,
        method,
        file=bytes(300_000),
        on_status_change=lambda status, _job: statuses.append(status),
        on_progress=lambda *progress: sent.append(progress),
    )
    assert statuses[-1] == "completed"
    assert statuses == list(dict.fromkeys(statuses))
    assert sent[-1] == (300_000, 300_000)
    assert len(sent) > 1


class OwnError(Exception):
    """Raised by a callback."""


def test_what_a_callback_raises_ends_the_call_and_cleans_up(caller: Any) -> None:
    def fail(*_: object) -> None:
        raise OwnError

    with pytest.raises(OwnError):
        call(caller, "transcribe_and_wait", cleanup=["file"], on_status_change=fail)
    assert left_at(caller)[0] == 0
    caller.run(lambda client: client.stt.destroy_all())
    with pytest.raises(OwnError):
        call(caller, "transcribe", on_progress=fail)
    assert left_at(caller)[1] == 0


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("transcribe", {}),
        ("transcribe_from_file", {}),
        ("transcribe_file_with_webhook", {"webhook_url": "https://example.com/ended"}),
        ("translate", {}),
        ("translate_from_file", {}),
    ],
)
def test_every_upload_reports_its_progress(caller: Any, method: str, options: dict[str, Any]) -> None:
    sent: list[Any] = []
    call(caller, method, file=bytes(1000), on_progress=lambda *progress: sent.append(progress), **options)
    assert sent == [(1000, 1000)]


def test_callbacks_that_cannot_be_called_are_refused() -> None:
    async def report(*_: object) -> None:
        """Never called."""

    with CALLERS["sync"]("http://127.0.0.1:1") as caller:
        with pytest.raises(SonioxValidationError, match="on_status_change must be callable"):
            caller.client.stt.wait("job", on_status_change=5)
        with pytest.raises(SonioxValidationError, match="on_status_change must not be a coroutine function"):
            caller.client.stt.wait("job", on_status_change=report)
        with pytest.raises(SonioxValidationError, match="on_status_change must be callable"):
            call(caller, "transcribe_and_wait", on_status_change=5)
        with pytest.raises(SonioxConnectionError):
            caller.client.with_options(max_retries=0).stt.wait("job")
