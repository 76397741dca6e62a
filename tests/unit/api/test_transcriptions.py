"""What transcribing does beyond single calls: waiting, failing, cleaning up, deleting all."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_httpserver
import werkzeug

from soniox_lite import (
    AsyncSonioxClient,
    Response,
    SonioxClient,
    SonioxConflictError,
    SonioxInvalidRequestError,
    SonioxRateLimitError,
    SonioxTimeoutError,
    SonioxTranscriptionError,
    SonioxValidationError,
)
from soniox_testing import FakeSoniox, after_polls, after_seconds
from tests.contract.targets import Target

KINDS = ["sync", "async"]


def is_poll(response: Response) -> bool:
    """Whether it answers a look at a job."""
    return response.request.method == "GET" and "/transcriptions/" in response.request.url


class VirtualTime:
    """A clock that only calls of ``sleep`` advance; ``pauses`` has their lengths in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, _cancel: object = None) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float, _cancel: object = None) -> None:
        self.sleep(seconds)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which of our clients."""
    return str(request.param)


@pytest.fixture
def virtual_time(kind: str, monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """The time that the client's pauses pass in."""
    virtual = VirtualTime()
    prefix, sleep = ("async_", virtual.sleep_async) if kind == "async" else ("", virtual.sleep)
    monkeypatch.setattr(f"soniox_lite.api._{prefix}polling.pause", sleep)
    monkeypatch.setattr(f"soniox_lite.api._{prefix}polling.time", SimpleNamespace(monotonic=virtual.monotonic))
    monkeypatch.setattr(f"soniox_lite.api._{prefix}paging.pause", sleep)
    return virtual


@pytest.fixture
def target_of(kind: str) -> Iterator[Callable[[FakeSoniox], Target]]:
    """Makes a client for a fake server."""
    made: list[Target] = []

    def make(fake: FakeSoniox) -> Target:
        made.append(Target(kind, fake.api_key, fake.api_base_url))
        return made[-1]

    yield make
    for target in made:
        target.close()


@pytest.fixture
def target(target_of: Callable[[FakeSoniox], Target], fake_soniox: FakeSoniox) -> Target:
    """A client for the test's own fake server."""
    return target_of(fake_soniox)


class TestWait:
    def test_looks_quickly_at_first_and_backs_off_to_the_interval(
        self, target_of: Callable[[FakeSoniox], Target], virtual_time: VirtualTime
    ) -> None:
        with FakeSoniox(audio="any", progress=lambda job: "completed" if job.looks >= 10 else "processing") as fake:
            target = target_of(fake)
            job = target.call("stt.transcribe", file=b"abc")
            assert target.call("stt.wait", transcription_id=job["id"], interval_sec=3.0)["status"] == "completed"
        assert virtual_time.pauses[0] == 0.25
        assert virtual_time.pauses == sorted(virtual_time.pauses)
        assert virtual_time.pauses[-1] == 3.0

    def test_never_sleeps_past_its_deadline(
        self, target_of: Callable[[FakeSoniox], Target], virtual_time: VirtualTime
    ) -> None:
        with FakeSoniox(audio="any", progress=lambda _: "processing") as fake:
            target = target_of(fake)
            job = target.call("stt.transcribe", file=b"abc")
            with pytest.raises(SonioxTimeoutError, match=r"still processing after 7 s") as caught:
                target.call("stt.wait", transcription_id=job["id"], interval_sec=60.0, timeout_sec=7)
        assert sum(virtual_time.pauses) == pytest.approx(7.0)
        assert isinstance(caught.value, TimeoutError)
        assert caught.value.transcription_id == job["id"]

    def test_a_job_that_ends_with_the_deadline_is_not_lost(
        self, target_of: Callable[[FakeSoniox], Target], virtual_time: VirtualTime
    ) -> None:
        with FakeSoniox(audio="any", progress=lambda _: "completed" if virtual_time.now >= 1007 else "queued") as fake:
            target = target_of(fake)
            job = target.call("stt.transcribe", file=b"abc")
            ended = target.call("stt.wait", transcription_id=job["id"], interval_sec=60.0, timeout_sec=7)
        assert ended["status"] == "completed"

    def test_timeout_zero_is_one_look(
        self, target_of: Callable[[FakeSoniox], Target], virtual_time: VirtualTime
    ) -> None:
        with FakeSoniox(audio="any", progress=lambda _: "queued") as fake:
            target = target_of(fake)
            job = target.call("stt.transcribe", file=b"abc")
            with pytest.raises(SonioxTimeoutError):
                target.call("stt.wait", transcription_id=job["id"], timeout_sec=0)
        assert virtual_time.pauses == []

    def test_an_interval_of_zero_does_not_spin(
        self, target_of: Callable[[FakeSoniox], Target], virtual_time: VirtualTime
    ) -> None:
        with FakeSoniox(audio="any", progress=lambda job: "completed" if job.looks >= 3 else "queued") as fake:
            target = target_of(fake)
            job = target.call("stt.transcribe", file=b"abc")
            target.call("stt.wait", transcription_id=job["id"], interval_sec=0)
        assert virtual_time.pauses == [0.01] * 3

    def test_does_not_pause_with_a_fake(
        self, target_of: Callable[[FakeSoniox], Target], virtual_time: VirtualTime
    ) -> None:
        with FakeSoniox(audio="any", clock=lambda: 0.0) as fake:
            target = target_of(fake)
            assert target.call("stt.transcribe_and_wait_with_tokens", file=b"abc", filename="call.wav")["tokens"]
            fake.assert_requested("GET", "/v1/transcriptions/{transcription_id}", times=2)
        assert virtual_time.pauses == []

    @pytest.mark.parametrize(
        ("retry_after", "pauses"), [("0.1", [0.1, 0.1]), ("30", [0.25, 0.375]), ("soon", [0.25, 0.375])]
    )
    def test_pauses_at_most_as_long_as_the_service_says(
        self,
        kind: str,
        httpserver: pytest_httpserver.HTTPServer,
        virtual_time: VirtualTime,
        retry_after: str,
        pauses: list[float],
    ) -> None:
        job = {"id": "a", "created_at": "2026-01-01T00:00:00Z", "model": "m", "filename": "f"}
        for status in ("queued", "processing", "completed"):
            httpserver.expect_ordered_request("/v1/transcriptions/a").respond_with_json(
                {**job, "status": status}, headers={"Retry-After": retry_after}
            )
        target = Target(kind, "key", httpserver.url_for("/v1"))
        assert target.call("stt.wait", transcription_id="a")["status"] == "completed"
        target.close()
        assert virtual_time.pauses == pauses

    def test_pauses_also_if_the_service_never_wants_it_to(
        self, target_of: Callable[[FakeSoniox], Target], virtual_time: VirtualTime
    ) -> None:
        with FakeSoniox(audio="any", progress=after_polls(queued=22)) as fake:
            target = target_of(fake)
            job = target.call("stt.transcribe", file=b"abc")
            target.call("stt.wait", transcription_id=job["id"])
        assert virtual_time.pauses == [0.01, 0.01]

    def test_a_status_that_is_not_known_yet_ends_the_wait(
        self, kind: str, httpserver: pytest_httpserver.HTTPServer
    ) -> None:
        job = {"id": "a", "status": "archived", "created_at": "2026-01-01T00:00:00Z", "model": "m", "filename": "f"}
        httpserver.expect_request("/v1/transcriptions/a").respond_with_json(job)
        target = Target(kind, "key", httpserver.url_for("/v1"))
        assert target.call("stt.wait", transcription_id="a")["status"] == "archived"
        target.close()

    @pytest.mark.parametrize(
        "arguments", [{"interval_sec": -1}, {"timeout_sec": -1}, {"interval_sec": None}, {"timeout_sec": "soon"}]
    )
    def test_bad_times_are_refused(self, target: Target, arguments: dict[str, Any]) -> None:
        with pytest.raises(SonioxValidationError, match=next(iter(arguments))):
            target.call("stt.wait", transcription_id="some-id", **arguments)


class TestFailedJobs:
    def test_with_tokens_raises_the_jobs_own_error(self, target: Target, fake_soniox: FakeSoniox) -> None:
        fake_soniox.fail_next_job("organization_balance_exhausted", "no money left")
        with pytest.raises(SonioxTranscriptionError, match="no money left") as caught:
            target.call("stt.transcribe_and_wait_with_tokens", file=b"abc", wait_interval_sec=0.05)
        assert caught.value.error_type == "organization_balance_exhausted"
        assert caught.value.transcription.error_message == "no money left"
        assert "organization_balance_exhausted" in str(caught.value)

    def test_and_wait_returns_the_failed_job(self, target: Target, fake_soniox: FakeSoniox) -> None:
        fake_soniox.fail_next_job("internal_error", "broken")
        job = target.call("stt.transcribe_and_wait", file=b"abc", wait_interval_sec=0.05)
        assert (job["status"], job["error_type"]) == ("error", "internal_error")

    def test_delete_after_holds_for_failed_jobs_too(self, target: Target, fake_soniox: FakeSoniox) -> None:
        fake_soniox.fail_next_job("internal_error", "broken")
        with pytest.raises(SonioxTranscriptionError):
            target.call("stt.transcribe_and_wait_with_tokens", file=b"abc", wait_interval_sec=0.05, delete_after=True)
        assert (fake_soniox.files, fake_soniox.transcriptions) == ((), ())


class TestCleaningUp:
    def test_a_refused_job_takes_its_upload_back(self, target: Target, fake_soniox: FakeSoniox) -> None:
        for method in ("transcribe", "transcribe_from_file", "transcribe_and_wait", "transcribe_and_wait_with_tokens"):
            with pytest.raises(SonioxInvalidRequestError):
                target.call(f"stt.{method}", file=b"abc", model="no-such-model")
        with pytest.raises(SonioxInvalidRequestError):
            target.call(
                "stt.transcribe_file_with_webhook", file=b"abc", model="no-such-model", webhook_url="https://a.example"
            )
        assert fake_soniox.files == ()

    def test_an_invalid_config_is_refused_before_anything_is_uploaded(
        self, target: Target, fake_soniox: FakeSoniox
    ) -> None:
        with pytest.raises(SonioxValidationError, match="language_hints"):
            target.call("stt.transcribe", file=b"abc", config={"language_hints": ["english"]})
        with pytest.raises(SonioxValidationError, match="webhook_url"):
            target.call("stt.transcribe_file_with_webhook", file=b"abc", webhook_url="not a url")
        assert fake_soniox.files == ()

    def test_delete_after_a_timeout_deletes_what_can_be_and_names_the_rest(
        self,
        target_of: Callable[[FakeSoniox], Target],
        virtual_time: VirtualTime,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        with FakeSoniox(audio="any", progress=lambda _: "processing") as fake:
            target = target_of(fake)
            with pytest.raises(SonioxTimeoutError), caplog.at_level(logging.WARNING):
                target.call("stt.transcribe_and_wait", file=b"abc", wait_timeout_sec=5, delete_after=True)
            (job,) = fake.transcriptions
            assert fake.files == ()
        assert virtual_time.now == pytest.approx(1005)
        assert f"transcription {job.id} is left at the service" in caplog.text

    def test_a_failing_clean_up_does_not_cost_the_transcript(
        self, target: Target, fake_soniox: FakeSoniox, caplog: pytest.LogCaptureFixture
    ) -> None:
        fake_soniox.add_transcript("worth keeping")
        original = target.client.files.delete_if_exists

        def refuse(_: str) -> None:
            raise SonioxRateLimitError("slow down")

        target.client.files.delete_if_exists = refuse
        with caplog.at_level(logging.WARNING):
            transcript = target.call(
                "stt.transcribe_and_wait_with_tokens", file=b"abc", wait_interval_sec=0.05, delete_after=True
            )
        target.client.files.delete_if_exists = original
        assert transcript["text"] == "worth keeping"
        assert f"file {fake_soniox.files[0].id} is left at the service: slow down" in caplog.text

    def test_an_interrupted_wait_deletes_all_the_same(self) -> None:
        def interrupt(response: Response) -> None:
            if is_poll(response):
                raise KeyboardInterrupt

        with FakeSoniox(audio="any", progress=lambda _: "queued") as fake:
            client = SonioxClient(fake.api_key, api_base_url=fake.api_base_url, on_response=interrupt)
            with client, pytest.raises(KeyboardInterrupt):
                client.stt.transcribe_and_wait(file=b"abc", delete_after=True)
            assert (fake.files, fake.transcriptions) == ((), ())

    def test_a_cancelled_wait_deletes_all_the_same(self) -> None:
        async def main(fake: FakeSoniox) -> None:
            polled = asyncio.Event()

            def look(response: Response) -> None:
                if is_poll(response):
                    polled.set()

            async with AsyncSonioxClient(fake.api_key, api_base_url=fake.api_base_url, on_response=look) as client:
                task = asyncio.create_task(client.stt.transcribe_and_wait(file=b"abc", delete_after=True))
                await asyncio.wait_for(polled.wait(), 10)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        with FakeSoniox(audio="any", progress=lambda _: "queued") as fake:
            asyncio.run(main(fake))
            assert (fake.files, fake.transcriptions) == ((), ())


class TestDeletingAll:
    def test_a_busy_job_is_tried_again(
        self, target_of: Callable[[FakeSoniox], Target], virtual_time: VirtualTime
    ) -> None:
        with FakeSoniox(
            audio="any", progress=lambda _: "completed" if virtual_time.now > 1001 else "processing"
        ) as fake:
            target = target_of(fake)
            for _ in range(3):
                target.call("stt.transcribe", file=b"abc")
            target.call("stt.delete_all", limit=1)
            assert fake.transcriptions == ()
        assert sum(virtual_time.pauses) < 3

    @pytest.mark.parametrize("method", ["delete_all", "destroy_all"])
    def test_a_job_that_stays_busy_is_reported_and_the_rest_deleted(
        self, target_of: Callable[[FakeSoniox], Target], virtual_time: VirtualTime, method: str
    ) -> None:
        # Jobs that are old enough are done; only the last one is not when all are to be deleted.
        now = [0.0]
        rule = after_seconds(processing=10)
        with FakeSoniox(audio="any", progress=rule, clock=lambda: now[0]) as fake:
            target = target_of(fake)
            for _ in range(2):
                target.call("stt.transcribe", file=b"done in time")
            now[0] = 9.0
            job = target.call("stt.transcribe", file=b"stuck")
            now[0] = 11.0
            with pytest.raises(SonioxConflictError, match=rf"1 of 3 transcriptions could not .*: {job['id']}"):
                target.call(f"stt.{method}")
            assert [left.id for left in fake.transcriptions] == [job["id"]]
            assert len(fake.files) == (3 if method == "delete_all" else 1)
        assert sum(virtual_time.pauses) == pytest.approx(7.5)

    def test_pages_that_shift_hide_nothing(
        self, kind: str, httpserver: pytest_httpserver.HTTPServer, virtual_time: VirtualTime
    ) -> None:
        server = OffsetCursors(httpserver, [f"file-{number}" for number in range(23)])
        target = Target(kind, "key", httpserver.url_for("/v1"))
        target.call("files.delete_all", limit=5)
        target.close()
        assert server.ids == []
        assert server.deletions == 23
        assert sum(virtual_time.pauses) == 0

    def test_what_appears_meanwhile_is_deleted_too(
        self, kind: str, httpserver: pytest_httpserver.HTTPServer, virtual_time: VirtualTime
    ) -> None:
        server = OffsetCursors(httpserver, ["a", "b"])
        server.arriving = ["late"]
        target = Target(kind, "key", httpserver.url_for("/v1"))
        target.call("files.delete_all", limit=5)
        target.close()
        assert server.ids == []
        assert sum(virtual_time.pauses) == 0

    def test_a_listing_without_end_is_an_error(self, kind: str, httpserver: pytest_httpserver.HTTPServer) -> None:
        httpserver.expect_request("/v1/files").respond_with_json({"files": [], "next_page_cursor": "again"})
        target = Target(kind, "key", httpserver.url_for("/v1"))
        with pytest.raises(Exception, match="never ends"):
            target.call("files.list_all")
        target.close()

    @pytest.mark.parametrize("method", ["files.list_all", "stt.list_all", "voices.list_all", "files.delete_all"])
    def test_a_listing_of_empty_pages_is_an_error(
        self, kind: str, httpserver: pytest_httpserver.HTTPServer, method: str
    ) -> None:
        served = itertools.count(1)

        def empty_page(_request: Any) -> Any:
            page = {"files": [], "transcriptions": [], "voices": [], "next_page_cursor": f"page {next(served)}"}
            return werkzeug.Response(json.dumps(page), content_type="application/json")

        httpserver.expect_request(re.compile("/v1/.*")).respond_with_handler(empty_page)
        target = Target(kind, "key", httpserver.url_for("/v1"))
        with pytest.raises(Exception, match="never ends: the service sent 100 empty pages in a row"):
            target.call(method)
        target.close()
        assert next(served) == 101

    def test_a_listing_may_have_empty_pages_in_between(
        self, kind: str, httpserver: pytest_httpserver.HTTPServer
    ) -> None:
        file = {"id": "a", "filename": "a.wav", "size": 1, "created_at": "2026-01-01T00:00:00Z"}

        def page(request: Any) -> Any:
            number = int(request.args.get("cursor", "0"))
            body = {
                "files": [file] * (number % 60 == 59),
                "next_page_cursor": str(number + 1) if number < 179 else None,
            }
            return werkzeug.Response(json.dumps(body), content_type="application/json")

        httpserver.expect_request("/v1/files").respond_with_handler(page)
        target = Target(kind, "key", httpserver.url_for("/v1"))
        assert len(target.call("files.list_all")) == 3
        target.close()


class OffsetCursors:
    """A server whose cursors are offsets, so that deleting shifts all later pages."""

    def __init__(self, httpserver: pytest_httpserver.HTTPServer, ids: list[str]) -> None:
        self.ids = ids
        self.deletions = 0
        self.arriving: list[str] = []
        self._lock = threading.Lock()
        httpserver.expect_request("/v1/files", method="GET").respond_with_handler(self._list)
        for name in (*ids, "late"):
            httpserver.expect_request(f"/v1/files/{name}", method="DELETE").respond_with_handler(self._delete)

    def _list(self, request: werkzeug.Request) -> werkzeug.Response:
        start, limit = int(request.args.get("cursor", 0)), int(request.args["limit"])
        with self._lock:
            page = self.ids[start : start + limit]
            following = str(start + limit) if start + limit < len(self.ids) else None
        files = [
            {"id": name, "filename": name, "size": 1, "created_at": "2026-01-01T00:00:00Z", "client_reference_id": None}
            for name in page
        ]
        body = json.dumps({"files": files, "next_page_cursor": following})
        return werkzeug.Response(body, content_type="application/json")

    def _delete(self, request: werkzeug.Request) -> werkzeug.Response:
        with self._lock:
            self.ids.remove(request.path.rpartition("/")[2])
            self.deletions += 1
            self.ids += self.arriving
            self.arriving = []
        return werkzeug.Response(status=204)


class TestIds:
    def test_ids_are_quoted_into_paths(self, kind: str, httpserver: pytest_httpserver.HTTPServer) -> None:
        seen: list[str] = []

        def remember(request: werkzeug.Request) -> werkzeug.Response:
            seen.append(request.environ["REQUEST_URI"])
            return werkzeug.Response('{"status_code": 404, "error_type": "file_not_found", "message": "no"}', 404)

        httpserver.expect_request(re.compile(".*")).respond_with_handler(remember)
        target = Target(kind, "key", httpserver.url_for("/v1"))
        odd = "a/../b?c=d#e f%20g\u00e9"
        assert target.call("files.get_or_none", file_id=odd) is None
        assert target.call("stt.get_or_none", transcription_id=odd) is None
        target.close()
        quoted = urllib.parse.quote(odd, safe="")
        assert seen == [f"/v1/files/{quoted}", f"/v1/transcriptions/{quoted}"]

    @pytest.mark.parametrize("bad", ["", "  ", ".", "..", None, 7, "x" * 257])
    def test_ids_that_would_be_another_path_are_refused(self, target: Target, bad: Any) -> None:
        calls = [("files", "file_id", ("get", "delete", "get_or_none", "delete_if_exists"))]
        calls += [("stt", "transcription_id", ("get", "delete", "destroy", "get_transcript", "wait", "get_or_none"))]
        for namespace, name, methods in calls:
            for method in methods:
                with pytest.raises(SonioxValidationError, match=name):
                    target.call(f"{namespace}.{method}", **{name: bad})


def test_stt_and_transcriptions_are_one_object() -> None:
    for client in (SonioxClient("key"), AsyncSonioxClient("key")):
        assert client.stt is client.transcriptions
        assert client.stt is client.stt


def test_progress_of_an_upload_is_told(target: Target, fake_soniox: FakeSoniox) -> None:
    told: list[tuple[int, int | None]] = []
    target.call("files.upload", file=b"x" * 300_000, on_progress=lambda sent, total: told.append((sent, total)))
    assert told[-1] == (300_000, 300_000)
    assert all(earlier < later for (earlier, _), (later, _) in itertools.pairwise(told))
    assert fake_soniox.files[0].size == 300_000
