"""``transcribe_many``: every source has one result, whatever fails, stops or kills the run."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from soniox_lite import (
    AsyncSonioxClient,
    CancelToken,
    Request,
    Response,
    SonioxCancelledError,
    SonioxClient,
    SonioxError,
    SonioxRateLimitError,
    SonioxValidationError,
)
from soniox_lite.types.bulk import BulkResult
from soniox_testing import FakeSoniox, after_polls, after_seconds

Run = Callable[..., list[BulkResult]]


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest, fake_soniox: FakeSoniox) -> Run:
    """``transcribe_many`` of either client; the results as a list."""
    urls = {"api_key": fake_soniox.api_key, "api_base_url": fake_soniox.api_base_url}

    def run_sync(sources: Any, *, on_request: Any = None, **options: Any) -> list[BulkResult]:
        with SonioxClient(**urls, on_request=on_request) as client:
            return list(client.stt.transcribe_many(sources, **options))

    async def run_async(sources: Any, *, on_request: Any = None, **options: Any) -> list[BulkResult]:
        async with AsyncSonioxClient(**urls, on_request=on_request) as client:
            return [result async for result in client.stt.transcribe_many(sources, **options)]

    if request.param == "sync":
        return run_sync
    return lambda *args, **options: asyncio.run(run_async(*args, **options))


@pytest.fixture
def recordings(tmp_path: Path) -> list[str]:
    """Paths of twelve files, each with other content."""
    paths = [tmp_path / f"call{number}.wav" for number in range(12)]
    for path in paths:
        path.write_bytes(path.name.encode())
    return [str(path) for path in paths]


def created(fake: FakeSoniox) -> int:
    """How many jobs were ever created."""
    return sum(
        1 for line in fake.requests if (line.method, line.path) == ("POST", "/v1/transcriptions") and line.status == 201
    )


def watched(fake: FakeSoniox) -> int:
    """How many jobs the client has looked at: it knows their IDs."""
    return len({line.path for line in fake.requests if line.method == "GET" and "/transcriptions/" in line.path})


def wait_until(is_so: Callable[[], bool]) -> None:
    """Returns when something has become so."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_for_transcripts(fake: FakeSoniox, count: int) -> None:
    """Returns when the client has asked for so many transcripts."""
    wait_until(lambda: sum(line.path.endswith("/transcript") for line in fake.requests) >= count)


class BytesPath:
    """A path in bytes."""

    def __fspath__(self) -> bytes:
        return b"call.wav"


def test_each_source_has_a_result_or_its_error(run: Run, fake_soniox: FakeSoniox, recordings: list[str]) -> None:
    fake_soniox.add_transcript("words of the third", filename="call2.wav")
    fake_soniox.fail_next_job("invalid_audio_file", "no audio", filename="call5.wav")
    steps: list[tuple[str, str]] = []
    sources = [*recordings, Path(recordings[0]), "missing.wav", "https://example.com/call.mp3"]
    results = run(iter(sources), concurrency=3, on_progress=lambda *step: steps.append(step))

    assert Counter(result.source for result in results) == Counter({*map(str, sources)})
    by_source = {result.source: result for result in results}
    third, failed, missing = (by_source[source] for source in (recordings[2], recordings[5], "missing.wav"))
    assert third.transcript is not None
    assert (third.transcript.text, third.error) == ("words of the third", None)
    assert (failed.transcript, "no audio" in str(failed.error)) == (None, True)
    assert isinstance(missing.error, FileNotFoundError)
    assert isinstance(missing.error, SonioxError)
    assert Counter(status for _, status in steps) == {"started": 14, "completed": 12, "failed": 2}
    assert (fake_soniox.files, fake_soniox.transcriptions) == ((), ())


def test_what_was_made_is_kept_on_request(run: Run, fake_soniox: FakeSoniox, recordings: list[str]) -> None:
    run(recordings[:2], delete_after=False, client_reference_id="mine", config={"language_hints": ["en"]})
    assert [job.client_reference_id for job in fake_soniox.transcriptions] == ["mine"] * 2
    assert len(fake_soniox.files) == 2


def test_a_completed_job_whose_transcript_could_not_be_read_is_kept(
    run: Run, fake_soniox: FakeSoniox, tmp_path: Path, recordings: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    fake_soniox.faults.answer(400, operation="get_transcription_transcript", times=1)
    (result,) = run(recordings[:1], journal=tmp_path / "run.jsonl")
    assert result.error is not None
    assert [job.id for job in fake_soniox.transcriptions] == [result.transcription_id]
    assert f"transcription {result.transcription_id} has completed and is left" in caplog.text

    (again,) = run(recordings[:1], journal=tmp_path / "run.jsonl")
    assert (again.error, again.transcription_id) == (None, result.transcription_id)
    assert (created(fake_soniox), fake_soniox.transcriptions) == (1, ())


def test_no_more_than_asked_for_at_a_time(run: Run, fake_soniox: FakeSoniox, recordings: list[str]) -> None:
    running: set[str] = set()
    most: list[int] = []

    def watch(source: str, status: str) -> None:
        (running.add if status == "started" else running.discard)(source)
        most.append(len(running))

    run(recordings, concurrency=4, on_progress=watch)
    assert max(most) == 4


def test_limits_of_the_account_delay_a_source(run: Run, fake_soniox: FakeSoniox, recordings: list[str]) -> None:
    # Each source makes three attempts before it waits for room: six refusals would leave none that has to.
    fake_soniox.faults.answer(429, operation="create_transcription", times=7, retry_after_sec=0)
    results = run(recordings[:3])
    assert [result.error for result in results] == [None] * 3


def test_a_limit_that_lasts_too_long_is_an_error(run: Run, fake_soniox: FakeSoniox, recordings: list[str]) -> None:
    fake_soniox.faults.answer(429, operation="create_transcription", times=1, retry_after_sec=1000)
    (result,) = run(recordings[:1])
    assert isinstance(result.error, SonioxRateLimitError)
    assert result.error.retry_after_sec == 1000
    assert fake_soniox.files == ()


def test_what_a_hook_raises_ends_the_run_which_deletes_what_it_has_made(
    run: Run, fake_soniox: FakeSoniox, recordings: list[str], tmp_path: Path
) -> None:
    def on_request(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/transcriptions"):
            assert len(fake_soniox.files) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(recordings[:1], on_request=on_request)
    assert fake_soniox.files == ()
    # With a journal, the next run finds the file.
    with pytest.raises(ZeroDivisionError):
        run(recordings[:1], on_request=on_request, journal=tmp_path / "run.jsonl")
    assert len(fake_soniox.files) == 1
    (result,) = run(recordings[:1], journal=tmp_path / "run.jsonl")
    assert (result.error, fake_soniox.files) == (None, ())
    assert sum(line.path == "/v1/files" for line in fake_soniox.requests if line.method == "POST") == 2


def test_its_threads_end_with_a_run_whose_error_is_kept(fake_soniox: FakeSoniox, recordings: list[str]) -> None:
    def on_request(_: Request) -> None:
        threads.update(thread for thread in threading.enumerate() if thread.name.startswith("soniox-lite"))
        raise ZeroDivisionError

    threads: set[threading.Thread] = set()
    with SonioxClient(fake_soniox.api_key, api_base_url=fake_soniox.api_base_url, on_request=on_request) as client:
        with pytest.raises(ZeroDivisionError) as caught:
            next(client.stt.transcribe_many(recordings))
        for thread in threads:
            thread.join(60)
        assert [thread for thread in threads if thread.is_alive()] == []
    assert threads
    assert caught.traceback


def test_bad_arguments_are_refused_before_anything_is_sent(
    run: Run, fake_soniox: FakeSoniox, tmp_path: Path, recordings: list[str]
) -> None:
    journal = tmp_path / "run.jsonl"
    for options, reason in (
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": None}, "concurrency"),
        ({"config": {"language_hints": "en"}}, "language_hints"),
        ({"journal": journal, "client_reference_id": "mine"}, "client_reference_id is set by the journal"),
        ({"on_progress": 1}, "on_progress must be callable, and not async"),
        ({"executor": "threads"}, "executor must be a concurrent.futures.Executor"),
        ({"executor": ThreadPoolExecutor}, "executor must be a concurrent.futures.Executor"),
        ({"on_progress": asyncio.sleep}, "on_progress must be callable, and not async"),
    ):
        with pytest.raises(SonioxValidationError, match=reason):
            run(recordings, **options)
    for sources in ("call.wav", Path("call.wav"), None, [b"audio"], [None], [BytesPath()]):
        with pytest.raises(SonioxValidationError, match="path"):
            run(sources)
    assert fake_soniox.requests == ()
    assert not journal.exists()


def jobs_are_known(fake: FakeSoniox) -> bool:
    """Whether three jobs have been asked for, so that the answers to their creation have arrived."""
    return len({line.path for line in fake.requests if line.method == "GET" and "/transcriptions/" in line.path}) == 3


class TestStopped:
    """A run whose iterator is closed early deletes what it has made; with a journal it leaves it for the next run."""

    @pytest.fixture
    def slow(self) -> Iterator[FakeSoniox]:
        """A fake whose jobs do not end."""
        with FakeSoniox(progress=after_polls(1_000_000)) as fake:
            yield fake

    @pytest.mark.parametrize("journaled", [False, True])
    def test_sync(self, slow: FakeSoniox, recordings: list[str], tmp_path: Path, journaled: bool) -> None:
        journal = tmp_path / "run.jsonl" if journaled else None
        token = CancelToken()
        with SonioxClient(slow.api_key, api_base_url=slow.api_base_url) as client:
            stt = client.with_options(cancel=token).stt
            waiting = threading.Thread(target=self.cancel_when_running, args=(slow, token))
            waiting.start()
            with pytest.raises(SonioxCancelledError):
                list(stt.transcribe_many(recordings, concurrency=3, journal=journal))
            waiting.join()
        assert len(slow.transcriptions) == (3 if journaled else 0)
        assert len(slow.files) == (3 if journaled else 0)

    @staticmethod
    def cancel_when_running(slow: FakeSoniox, token: CancelToken, count: int = 3) -> None:
        deadline = time.monotonic() + 60
        while watched(slow) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        token.cancel()

    @pytest.mark.parametrize("journaled", [False, True])
    def test_async(self, slow: FakeSoniox, recordings: list[str], tmp_path: Path, journaled: bool) -> None:
        journal = tmp_path / "run.jsonl" if journaled else None

        async def main() -> None:
            async with AsyncSonioxClient(slow.api_key, api_base_url=slow.api_base_url) as client:

                async def collect() -> None:
                    async for _ in client.stt.transcribe_many(recordings, concurrency=3, journal=journal):
                        raise AssertionError

                running = asyncio.ensure_future(collect())
                while watched(slow) < 3:  # noqa: ASYNC110 - the fake has no event for it
                    await asyncio.sleep(0.01)
                running.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await running

        asyncio.run(asyncio.wait_for(main(), 60))
        assert len(slow.transcriptions) == (3 if journaled else 0)
        assert len(slow.files) == (3 if journaled else 0)

    @pytest.mark.parametrize("kind", ["sync", "async"])
    def test_a_job_that_is_busy_is_deleted_as_soon_as_that_is_possible(self, recordings: list[str], kind: str) -> None:
        refused = threading.Event()
        token = CancelToken()

        def look(response: Response) -> None:
            if response.status_code == 409:
                refused.set()

        async def leave(urls: dict[str, Any]) -> None:
            async with AsyncSonioxClient(**urls) as client:
                running = asyncio.ensure_future(anext(client.stt.transcribe_many(recordings[:1])))
                while not watched(fake):  # noqa: ASYNC110 - the fake has no event for it
                    await asyncio.sleep(0.01)
                running.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await running

        with FakeSoniox(progress=lambda _: "completed" if refused.is_set() else "processing") as fake:
            urls = {"api_key": fake.api_key, "api_base_url": fake.api_base_url, "on_response": look}
            if kind == "async":
                asyncio.run(asyncio.wait_for(leave(urls), 60))
            else:
                waiting = threading.Thread(target=self.cancel_when_running, args=(fake, token, 1))
                waiting.start()
                with SonioxClient(**urls) as client, pytest.raises(SonioxCancelledError):
                    next(client.with_options(cancel=token).stt.transcribe_many(recordings[:1]))
                waiting.join()
            assert refused.is_set()
            assert (fake.transcriptions, fake.files) == ((), ())

    # The service does not delete a job while it processes it.
    @pytest.mark.fake_soniox(progress=after_seconds(processing=0.5))
    def test_a_loop_that_is_left(self, fake_soniox: FakeSoniox, recordings: list[str]) -> None:
        with SonioxClient(fake_soniox.api_key, api_base_url=fake_soniox.api_base_url) as client:
            results = client.stt.transcribe_many(recordings, concurrency=3)
            next(results)
            results.close()
        assert (fake_soniox.transcriptions, fake_soniox.files) == ((), ())

    def test_a_completed_job_whose_transcript_was_on_its_way(
        self, fake_soniox: FakeSoniox, recordings: list[str]
    ) -> None:
        token = CancelToken()

        def look(request: Request) -> None:
            if request.url.endswith("/transcript"):
                token.cancel()

        with SonioxClient(fake_soniox.api_key, api_base_url=fake_soniox.api_base_url, on_request=look) as client:
            with pytest.raises(SonioxCancelledError):
                next(client.with_options(cancel=token).stt.transcribe_many(recordings[:1]))
            # The iterator was closed by its error, and has deleted the job.
            assert (fake_soniox.transcriptions, fake_soniox.files) == ((), ())

    @pytest.mark.parametrize("kind", ["sync", "async", "executor"])
    def test_results_that_were_not_looked_at(self, fake_soniox: FakeSoniox, recordings: list[str], kind: str) -> None:
        urls = {"api_key": fake_soniox.api_key, "api_base_url": fake_soniox.api_base_url}

        async def leave() -> None:
            async with AsyncSonioxClient(**urls) as client:
                results = client.stt.transcribe_many(recordings[:4], concurrency=4)
                await anext(results)
                await asyncio.to_thread(wait_for_transcripts, fake_soniox, 4)
                await asyncio.sleep(0.2)
                await results.aclose()

        if kind == "async":
            asyncio.run(leave())
        else:
            with SonioxClient(**urls) as client, ThreadPoolExecutor(4) as threads:
                executor = threads if kind == "executor" else None
                results = client.stt.transcribe_many(recordings[:4], concurrency=4, executor=executor)
                next(results)
                wait_for_transcripts(fake_soniox, 4)
                threads.shutdown()
                results.close()
        assert (fake_soniox.transcriptions, fake_soniox.files) == ((), ())

    def test_an_async_loop_that_is_left_with_its_client(self, fake_soniox: FakeSoniox, recordings: list[str]) -> None:
        async def main() -> None:
            async with AsyncSonioxClient(fake_soniox.api_key, api_base_url=fake_soniox.api_base_url) as client:
                async for _ in client.stt.transcribe_many(recordings[:3], concurrency=3):
                    await asyncio.to_thread(wait_for_transcripts, fake_soniox, 3)
                    break

        asyncio.run(main())
        assert (fake_soniox.transcriptions, fake_soniox.files) == ((), ())

    @pytest.mark.parametrize("kind", ["sync", "async"])
    def test_a_client_that_is_closed_ends_a_run_that_is_still_held(
        self, fake_soniox: FakeSoniox, recordings: list[str], kind: str
    ) -> None:
        urls = {"api_key": fake_soniox.api_key, "api_base_url": fake_soniox.api_base_url}

        def with_threads() -> None:
            with SonioxClient(**urls) as client:
                results = client.stt.transcribe_many(recordings, concurrency=3)
                next(results)
            assert (fake_soniox.transcriptions, fake_soniox.files) == ((), ())
            with pytest.raises(SonioxError, match="this client is closed"):
                next(results)

        async def with_tasks() -> None:
            async with AsyncSonioxClient(**urls) as client:
                results = client.stt.transcribe_many(recordings, concurrency=3)
                await anext(results)
            assert (fake_soniox.transcriptions, fake_soniox.files) == ((), ())
            with pytest.raises(SonioxError, match="this client is closed"):
                await anext(results)

        with_threads() if kind == "sync" else asyncio.run(asyncio.wait_for(with_tasks(), 60))

    @pytest.mark.parametrize("kind", ["sync", "async"])
    def test_a_client_that_is_closed_while_another_waits_for_results(
        self, slow: FakeSoniox, recordings: list[str], kind: str
    ) -> None:
        errors: list[SonioxError] = []

        def take(results: Iterator[BulkResult]) -> None:
            with pytest.raises(SonioxError, match="this client is closed") as caught:
                next(results)
            errors.append(caught.value)

        def with_threads() -> None:
            with SonioxClient(slow.api_key, api_base_url=slow.api_base_url) as client:
                results = client.stt.transcribe_many(recordings, concurrency=3)
                taking = threading.Thread(target=take, args=(results,), daemon=True)
                taking.start()
                wait_until(lambda: watched(slow) == 3)
            taking.join(60)

        async def with_tasks() -> None:
            async with AsyncSonioxClient(slow.api_key, api_base_url=slow.api_base_url) as client:
                taking = asyncio.ensure_future(anext(client.stt.transcribe_many(recordings, concurrency=3)))
                await asyncio.to_thread(wait_until, lambda: watched(slow) == 3)
            with pytest.raises(SonioxError, match="this client is closed") as caught:
                await taking
            errors.append(caught.value)

        with_threads() if kind == "sync" else asyncio.run(asyncio.wait_for(with_tasks(), 60))
        assert len(errors) == 1
        assert (slow.transcriptions, slow.files) == ((), ())

    @pytest.mark.parametrize("kind", ["sync", "async", "cancelled"])
    def test_what_a_request_creates_while_a_run_is_stopped(
        self, fake_soniox: FakeSoniox, recordings: list[str], kind: str
    ) -> None:
        """The body of the loop raises while the response to the upload of another source is still coming in."""
        fake_soniox.faults.drip(operation="upload_file", times=1, block_bytes=16, every_sec=0.02)
        urls = {"api_key": fake_soniox.api_key, "api_base_url": fake_soniox.api_base_url}
        token = CancelToken()

        def stop() -> None:
            wait_until(lambda: len(fake_soniox.files) == 2)
            token.cancel()
            raise ZeroDivisionError

        def with_threads() -> None:
            with SonioxClient(**urls) as client:
                stt = client.with_options(cancel=token if kind == "cancelled" else None).stt
                for _ in stt.transcribe_many(recordings[:2], concurrency=2):
                    with contextlib.suppress(ZeroDivisionError):
                        stop()
                    if kind == "sync":
                        raise ZeroDivisionError

        async def with_tasks() -> None:
            async with AsyncSonioxClient(**urls) as client:
                async for _ in client.stt.transcribe_many(recordings[:2], concurrency=2):
                    await asyncio.to_thread(stop)

        with pytest.raises(SonioxCancelledError if kind == "cancelled" else ZeroDivisionError):
            asyncio.run(asyncio.wait_for(with_tasks(), 60)) if kind == "async" else with_threads()
        assert (fake_soniox.transcriptions, fake_soniox.files) == ((), ())

    @pytest.mark.parametrize("kind", ["sync", "async"])
    def test_a_request_that_is_never_answered_delays_the_end_by_a_moment_only(
        self, fake_soniox: FakeSoniox, recordings: list[str], kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("soniox_lite.api._bulk_runs.GRACE_SEC", 0.05)
        fake_soniox.faults.stall("after", operation="create_transcription", times=1)
        urls = {"api_key": fake_soniox.api_key, "api_base_url": fake_soniox.api_base_url, "timeout_sec": 300}

        def with_threads() -> None:
            with SonioxClient(**urls) as client:
                next(client.stt.transcribe_many(recordings[:2], concurrency=2))

        async def with_tasks() -> None:
            async with AsyncSonioxClient(**urls) as client:
                await anext(client.stt.transcribe_many(recordings[:2], concurrency=2))

        started = time.monotonic()
        with_threads() if kind == "sync" else asyncio.run(with_tasks())
        assert time.monotonic() - started < 60

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
    @pytest.mark.parametrize("kind", ["sync", "async"])
    def test_an_upload_that_takes_long_is_not_completed(
        self, fake_soniox: FakeSoniox, recordings: list[str], tmp_path: Path, kind: str
    ) -> None:
        endless = tmp_path / "endless.wav"
        os.mkfifo(endless)
        stopped = threading.Event()

        def write() -> None:
            # Opening waits for the reader; writing fails when that one has gone.
            with contextlib.suppress(BrokenPipeError), endless.open("wb", buffering=0) as file:
                while not stopped.wait(0.005):
                    file.write(bytes(4096))

        urls = {"api_key": fake_soniox.api_key, "api_base_url": fake_soniox.api_base_url}

        def with_threads() -> None:
            with SonioxClient(**urls) as client:
                next(client.stt.transcribe_many([endless, *recordings[:1]], concurrency=2))

        async def with_tasks() -> None:
            async with AsyncSonioxClient(**urls) as client:
                await anext(client.stt.transcribe_many([endless, *recordings[:1]], concurrency=2))

        writing = threading.Thread(target=write)
        writing.start()
        try:
            with_threads() if kind == "sync" else asyncio.run(with_tasks())
        finally:
            stopped.set()
            writing.join()
        assert fake_soniox.files == ()

    def test_a_client_that_is_closed_in_another_loop(self, fake_soniox: FakeSoniox, recordings: list[str]) -> None:
        client = AsyncSonioxClient(fake_soniox.api_key, api_base_url=fake_soniox.api_base_url)
        first = asyncio.new_event_loop()
        results = client.stt.transcribe_many(recordings)
        assert first.run_until_complete(anext(results)).error is None
        first.run_until_complete(results.aclose())
        assert (fake_soniox.transcriptions, fake_soniox.files) == ((), ())
        asyncio.run(asyncio.wait_for(client.aclose(), 60))
        first.close()

    def test_a_client_that_is_closed_in_another_loop_does_not_wait_for_this_one(
        self, fake_soniox: FakeSoniox, recordings: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        client = AsyncSonioxClient(fake_soniox.api_key, api_base_url=fake_soniox.api_base_url)
        first = asyncio.new_event_loop()
        results = client.stt.transcribe_many(recordings[:1])
        assert first.run_until_complete(anext(results)).error is None
        asyncio.run(asyncio.wait_for(client.aclose(), 60))
        first.run_until_complete(results.aclose())
        first.close()
        assert len(fake_soniox.transcriptions) == 1
        assert fake_soniox.transcriptions[0].id in caplog.text

    def test_the_token_of_the_caller_is_not_used_up(self, fake_soniox: FakeSoniox, recordings: list[str]) -> None:
        token = CancelToken()
        with SonioxClient(fake_soniox.api_key, api_base_url=fake_soniox.api_base_url) as client:
            stt = client.with_options(cancel=token).stt
            results = stt.transcribe_many(recordings, concurrency=3)
            next(results)
            results.close()
            stt.list()
            token.cancel()
            with pytest.raises(SonioxCancelledError):
                list(stt.transcribe_many(recordings, concurrency=3))

    def test_a_token_ends_the_run_of_an_executor(self, fake_soniox: FakeSoniox, recordings: list[str]) -> None:
        class Idle(Executor):
            """An executor whose workers do nothing."""

            def submit(self, *_: Any, **__: Any) -> Future[Any]:
                return Future()

        token = CancelToken()
        outcome: list[str] = []

        def take() -> None:
            try:
                next(results)
            except SonioxCancelledError as error:
                outcome.append(str(error))

        with SonioxClient(fake_soniox.api_key, api_base_url=fake_soniox.api_base_url) as client:
            results = client.with_options(cancel=token).stt.transcribe_many(recordings, executor=Idle())
            taking = threading.Thread(target=take, daemon=True)
            taking.start()
            token.cancel()
            taking.join(30)
            token.cancel()
        assert outcome == ["the call was cancelled"]

    def test_a_source_that_waits_for_room(self, slow: FakeSoniox, recordings: list[str]) -> None:
        slow.faults.answer(429, operation="create_transcription", times=100, retry_after_sec=600)
        token = CancelToken()
        with SonioxClient(slow.api_key, api_base_url=slow.api_base_url) as client:
            refused = threading.Event()
            waiting = threading.Thread(target=lambda: refused.wait(60) and token.cancel())
            waiting.start()
            stt = client.with_options(
                cancel=token, on_response=lambda response: refused.set() if response.status_code == 429 else None
            ).stt
            started = time.monotonic()
            with pytest.raises(SonioxCancelledError):
                list(stt.transcribe_many(recordings[:1]))
            waiting.join()
        assert time.monotonic() - started < 60


class TestJournal:
    def test_a_second_run_skips_what_is_done_and_tries_again_what_failed(
        self, run: Run, fake_soniox: FakeSoniox, tmp_path: Path, recordings: list[str]
    ) -> None:
        journal = tmp_path / "run.jsonl"
        fake_soniox.fail_next_job("invalid_audio_file", "no audio", filename="call5.wav")
        assert len(run(recordings, journal=journal)) == 12
        steps: list[tuple[str, str]] = []
        (again,) = run(recordings, journal=journal, on_progress=lambda *step: steps.append(step))
        assert (again.source, again.error) == (recordings[5], None)
        assert Counter(status for _, status in steps) == {"skipped": 11, "started": 1, "completed": 1}
        assert run(recordings, journal=journal) == []
        assert created(fake_soniox) == 13
        first, *lines = map(json.loads, journal.read_text().splitlines())
        assert list(first) == ["run"]
        assert sorted(line["done"] for line in lines) == sorted(recordings)

    def test_a_line_that_was_cut_off_is_dropped(
        self, run: Run, fake_soniox: FakeSoniox, tmp_path: Path, recordings: list[str]
    ) -> None:
        journal = tmp_path / "run.jsonl"
        run(recordings[:2], journal=journal)
        whole = journal.read_bytes()
        journal.write_bytes(whole + b'{"done": "ca')
        run(recordings[:2], journal=journal)
        assert journal.read_bytes() == whole

    def test_a_run_killed_at_its_first_line_begins(
        self, run: Run, fake_soniox: FakeSoniox, tmp_path: Path, recordings: list[str]
    ) -> None:
        journal = tmp_path / "run.jsonl"
        journal.write_text('{"run": "bu')
        assert len(run(recordings[:2], journal=journal)) == 2
        assert len(journal.read_text().splitlines()) == 3

    def test_what_is_kept_is_kept_by_a_second_run(
        self, run: Run, fake_soniox: FakeSoniox, tmp_path: Path, recordings: list[str]
    ) -> None:
        run(recordings[:2], journal=tmp_path / "run.jsonl", delete_after=False)
        run(recordings[:3], journal=tmp_path / "run.jsonl", delete_after=False)
        assert (len(fake_soniox.transcriptions), len(fake_soniox.files)) == (3, 3)

    def test_jobs_of_others_are_left_alone(
        self, run: Run, fake_soniox: FakeSoniox, tmp_path: Path, recordings: list[str]
    ) -> None:
        run(recordings[:1], journal=tmp_path / "run.jsonl")
        run(recordings[:2], delete_after=False)
        run(recordings[:1], delete_after=False, client_reference_id="bulk-of-another")
        (result,) = run(recordings[:2], journal=tmp_path / "run.jsonl")
        assert (result.source, result.error) == (recordings[1], None)
        assert (len(fake_soniox.transcriptions), len(fake_soniox.files)) == (3, 3)

    def test_a_line_for_which_there_is_only_half_the_room(
        self, run: Run, fake_soniox: FakeSoniox, tmp_path: Path, recordings: list[str]
    ) -> None:
        resource = pytest.importorskip("resource", reason="Windows has no limit for the size of files")
        journal = tmp_path / "run.jsonl"
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
        try:
            with pytest.raises(SonioxError, match="the journal cannot be written: the disk is full"):
                run(recordings[:2], journal=journal)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert fake_soniox.requests == ()
        assert journal.stat().st_size == 20
        assert len(run(recordings[:2], journal=journal)) == 2

    def test_where_files_cannot_be_locked(
        self, run: Run, tmp_path: Path, recordings: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "fcntl", None)
        for expected in (1, 0):
            assert len(run(recordings[:1], journal=tmp_path / "run.jsonl")) == expected

    def test_an_iterator_that_was_never_begun_gives_it_back(
        self, fake_soniox: FakeSoniox, tmp_path: Path, recordings: list[str]
    ) -> None:
        with SonioxClient(fake_soniox.api_key, api_base_url=fake_soniox.api_base_url) as client:
            # Any warning is an error here.
            client.stt.transcribe_many(recordings, journal=tmp_path / "run.jsonl")
            gc.collect()
            assert len(list(client.stt.transcribe_many(recordings, journal=tmp_path / "run.jsonl"))) == 12

    def test_a_journal_that_cannot_be_written(
        self, run: Run, tmp_path: Path, recordings: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        journal = tmp_path / "run.jsonl"
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(SonioxError, match=r"the journal cannot be written: .*space"):
                run(recordings[:2], journal=journal)
        assert len(run(recordings[:2], journal=journal)) == 2

    def test_a_journal_that_cannot_be_read(
        self, run: Run, fake_soniox: FakeSoniox, tmp_path: Path, recordings: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_descriptor: int) -> None:
            raise OSError(116, "Stale file handle")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fstat", fail)
            with pytest.raises(SonioxError, match=r"the journal cannot be read: .*Stale file handle"):
                run(recordings, journal=tmp_path / "run.jsonl")
        assert fake_soniox.requests == ()

    @pytest.mark.skipif(sys.platform == "win32", reason="journals are not locked there")
    def test_a_folder_without_locks_is_told(
        self, run: Run, tmp_path: Path, recordings: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def flock(*_: object) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr("fcntl.flock", flock)
        with pytest.raises(SonioxError, match=r"the journal cannot be locked where it is: .*No locks available"):
            run(recordings, journal=tmp_path / "run.jsonl")

    def test_other_files_and_a_second_run_are_refused(
        self, run: Run, tmp_path: Path, recordings: list[str], fake_soniox: FakeSoniox
    ) -> None:
        other = tmp_path / "notes.txt"
        other.write_text("my notes\n")
        with pytest.raises(SonioxValidationError, match=r"notes\.txt is not the journal of a bulk run"):
            run(recordings, journal=other)
        assert other.read_text() == "my notes\n"
        other.write_text('{"a": 1}')
        with pytest.raises(SonioxValidationError, match=r"notes\.txt is not the journal of a bulk run"):
            run(recordings, journal=other)
        assert other.read_text() == '{"a": 1}'
        other.write_text('{"run": "bulk-1"}\n{"done": "a.wav"}\n{"done": 5}\n{"done": "b.wav"}\n')
        with pytest.raises(SonioxValidationError, match=r"line 3 of the journal .*notes\.txt is damaged"):
            run(recordings, journal=other)
        other.write_text('{"run": "bulk-1"}\na.wav\n')
        with pytest.raises(SonioxValidationError, match=r"line 2 of the journal .*notes\.txt is damaged"):
            run(recordings, journal=other)
        with pytest.raises(SonioxValidationError, match=f"{os.devnull} cannot be a journal: it is not a regular file"):
            run(recordings, journal=os.devnull)
        with pytest.raises(SonioxError, match="the journal cannot be opened"):
            run(recordings, journal=tmp_path)
        with SonioxClient(fake_soniox.api_key, api_base_url=fake_soniox.api_base_url) as client:
            first = client.stt.transcribe_many(recordings, journal=tmp_path / "run.jsonl")
            next(first)
            with pytest.raises(SonioxValidationError, match="another run uses the journal"):
                run(recordings, journal=tmp_path / "run.jsonl")
            assert len(list(first)) == 11


PROGRAM = """
import asyncio, sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from soniox_lite import AsyncSonioxClient, SonioxClient
kind, key, url, folder, journal = sys.argv[1:]
sources = sorted(Path(folder).glob("*.wav"))

def note(result):
    assert result.error is None, result.error
    print(Path(result.source).name, result.transcript.text, sep="|", flush=True)

def main(**options):
    with SonioxClient(key, api_base_url=url) as client:
        for result in client.stt.transcribe_many(sources, journal=journal, **options):
            note(result)

async def main_async():
    async with AsyncSonioxClient(key, api_base_url=url) as client:
        async for result in client.stt.transcribe_many(sources, journal=journal):
            note(result)

if __name__ == "__main__":
    if kind == "async":
        asyncio.run(main_async())
    elif kind == "processes":
        with ProcessPoolExecutor(2) as pool:
            main(executor=pool)
    else:
        main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["threads", "async", "processes"])
def test_a_run_that_is_killed_again_and_again(fake_soniox: FakeSoniox, tmp_path: Path, kind: str) -> None:
    for number in range(40):
        (tmp_path / f"call{number}.wav").write_bytes(b"%d" % number)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    arguments = [kind, fake_soniox.api_key, fake_soniox.api_base_url, str(tmp_path), str(tmp_path / "run.jsonl")]
    output = ""
    for lines in (3, 1, 7, 5, None):
        with subprocess.Popen(
            [sys.executable, str(program), *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            if lines is None:
                output += process.stdout.read()
                assert process.wait(60) == 0
            else:
                output += "".join(process.stdout.readline() for _ in range(lines))
                # With the processes of its pool, which would wait for ever.
                os.killpg(process.pid, signal.SIGKILL)
                output += process.stdout.read()
    texts = dict(line.split("|") for line in output.splitlines())
    assert len(texts) == 40
    # A result that was printed just before the kill may be printed again; the job was the same.
    assert len({*output.splitlines()}) == 40
    assert created(fake_soniox) == 40
    deadline = time.monotonic() + 60
    while fake_soniox.files and time.monotonic() < deadline:
        time.sleep(0.05)  # Workers that outlived their process may still be deleting.
    assert (fake_soniox.files, fake_soniox.transcriptions) == ((), ())


FORKING = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from soniox_lite import SonioxClient
key, url, folder, journal = sys.argv[1:]
with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool, SonioxClient(key, api_base_url=url) as client:
    sources = sorted(Path(folder).glob("*.wav"))
    for result in client.stt.transcribe_many(sources, journal=journal, executor=pool):
        print(result.source, flush=True)
"""


def wait_for_lock(journal: Path) -> None:
    """Returns when a journal can be locked. A worker that has just been forked closes its copy as soon as it runs."""
    import fcntl

    deadline = time.monotonic() + 60
    with journal.open("rb") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                assert time.monotonic() < deadline, "the workers of the killed process keep its journal locked"
                time.sleep(0.01)
            else:
                return


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the workers are forked")
def test_workers_whose_process_was_killed_leave_the_work_to_the_next_run(
    run: Run, fake_soniox: FakeSoniox, recordings: list[str], tmp_path: Path
) -> None:
    program = [sys.executable, "-W", "ignore", "-c", FORKING, fake_soniox.api_key, fake_soniox.api_base_url]
    arguments = [str(tmp_path), str(tmp_path / "run.jsonl")]
    root = Path(__file__).parents[3]
    with subprocess.Popen([*program, *arguments], stdout=subprocess.PIPE, cwd=root, start_new_session=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline()
        killed.kill()
    try:
        wait_for_lock(tmp_path / "run.jsonl")
        results = run(recordings, journal=tmp_path / "run.jsonl")
    finally:
        # They wait for ever.
        os.killpg(killed.pid, signal.SIGKILL)
    assert [result.error for result in results] == [None] * len(results)
    assert created(fake_soniox) == 12
    assert (fake_soniox.files, fake_soniox.transcriptions) == ((), ())


FORKED = """
import os, sys, warnings
from soniox_lite import SonioxClient, SonioxError
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
key, url, *sources = sys.argv[1:]
with SonioxClient(key, api_base_url=url) as client:
    results = client.stt.transcribe_many(sources, concurrency=2)
    next(results)
    child = os.fork()
    if child == 0:
        if sources[-1] == sources[0]:
            results.close()
            sys.exit("closed")
        try:
            next(results)
        except SonioxError as error:
            sys.exit(str(error))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    print(len([result.transcript.text for result in results]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("closes", [False, True])
def test_a_forked_child_leaves_the_run_alone(fake_soniox: FakeSoniox, recordings: list[str], closes: bool) -> None:
    program = [sys.executable, "-W", "error", "-c", FORKED, fake_soniox.api_key, fake_soniox.api_base_url]
    ended = subprocess.run(
        [*program, *recordings, *(recordings[:1] if closes else ())],
        capture_output=True, text=True, check=False, timeout=60, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    said = "closed" if closes else "a bulk run belongs to the process that has begun it, not to a forked child"
    assert (ended.stdout, ended.stderr) == ("11\n", f"{said}\n")
    assert (fake_soniox.files, fake_soniox.transcriptions) == ((), ())


def test_an_executor_needs_settings_that_can_be_pickled(fake_soniox: FakeSoniox, recordings: list[str]) -> None:
    with SonioxClient(lambda: "key", api_base_url=fake_soniox.api_base_url) as client, ThreadPoolExecutor(1) as pool:
        results = client.stt.transcribe_many(recordings, executor=pool)
        with pytest.raises(SonioxValidationError, match="an executor needs settings of the client that can be pickled"):
            next(results)


@pytest.fixture(params=["threads", "processes"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    with (
        ThreadPoolExecutor(2)
        if request.param == "threads"
        else ProcessPoolExecutor(2, mp_context=get_context("spawn")) as made
    ):
        yield made


def test_any_executor_does_the_work(
    run: Run, fake_soniox: FakeSoniox, recordings: list[str], executor: Executor
) -> None:
    results = run([*recordings, "missing.wav"], executor=executor)
    assert len(results) == 13
    (failed,) = (result for result in results if result.error is not None)
    assert isinstance(failed.error, FileNotFoundError)
    assert fake_soniox.files == ()
