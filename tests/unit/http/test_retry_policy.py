"""When a failed attempt is made again: the pure functions, then the same over sockets."""

from __future__ import annotations

import json
import math
import socket
import time
from typing import Any

import pytest
from hypothesis import given, strategies as st

from soniox_lite import SonioxConnectionError, SonioxRateLimitError, SonioxServerError, SonioxTimeoutError
from soniox_lite._data.retry_after import parse_retry_after
from soniox_lite._data.retry_policy import RetryPolicy
from soniox_lite._http.retry import retry_delay
from tests.support.raw_server import Connection, RawServer, close, refused_port, reply, reset, stall

from ...support.tables import each_row

READING = ["GET", "HEAD", "DELETE"]
WRITING = ["POST", "PUT", "PATCH"]


def delay(method: str = "GET", **changes: Any) -> float | None:
    given_or_default: dict[str, Any] = {
        "attempt": 1,
        "jitter": 0.5,
        "status_code": 503,
        **changes,
    }
    return retry_delay(RetryPolicy(), method=method, **given_or_default)


class TestRetryDelay:
    @each_row("method", READING)
    @each_row("status", [408, 429, 500, 502, 503, 504])
    def test_reading_is_repeated_after_passing_failures(self, method: str, status: int) -> None:
        assert delay(method, status_code=status) is not None

    @each_row("method", READING + WRITING)
    @each_row("status", [200, 301, 400, 401, 403, 404, 405, 409, 410, 413, 422, 501, 505, 599])
    def test_nothing_is_repeated_after_other_statuses(self, method: str, status: int) -> None:
        assert delay(method, status_code=status) is None

    @each_row("method", WRITING)
    @each_row(("status", "repeated"), [(429, True), (503, True), (408, False), (500, False),
                                                      (502, False), (504, False)])  # fmt: skip
    def test_writing_is_repeated_only_where_the_service_refused_it(
        self, method: str, status: int, repeated: bool
    ) -> None:
        assert (delay(method, status_code=status) is not None) is repeated

    @each_row(
        ("method", "request_sent", "repeated"),
        [("GET", True, True), ("DELETE", True, True), ("POST", True, False), ("POST", False, True),
         ("GET", False, True)],
    )  # fmt: skip
    def test_without_an_answer_it_depends_on_what_was_sent(
        self, method: str, request_sent: bool, repeated: bool
    ) -> None:
        assert (delay(method, status_code=None, request_sent=request_sent) is not None) is repeated

    @each_row(
        ("attempt", "low", "high"),
        [(1, 0.25, 0.5), (2, 0.5, 1), (3, 1, 2), (4, 2, 4), (5, 4, 8), (6, 4, 8), (90, 4, 8)],
    )
    def test_delays_double_up_to_eight_seconds(self, attempt: int, low: float, high: float) -> None:
        assert delay(attempt=attempt, jitter=0.0) == low
        assert delay(attempt=attempt, jitter=1.0) == high

    @each_row(("asked", "expected"), [(0.0, 0.0), (7.5, 7.5), (60.0, 60.0), (60.1, None), (1e9, None)])
    def test_the_service_says_how_long_up_to_a_cap(self, asked: float, expected: float | None) -> None:
        assert delay(retry_after_sec=asked) == expected

    @given(
        method=st.sampled_from(READING + WRITING),
        attempt=st.integers(1, 10_000),
        jitter=st.floats(0, 1),
        status=st.none() | st.integers(100, 599),
        request_sent=st.booleans(),
        retry_after=st.none() | st.floats(0, allow_nan=False, allow_infinity=False),
    )
    def test_a_delay_is_short_and_never_negative(
        self, method: str, attempt: int, jitter: float,
        status: int | None, request_sent: bool, retry_after: float | None,
    ) -> None:  # fmt: skip
        result = retry_delay(
            RetryPolicy(), method=method, attempt=attempt, jitter=jitter, status_code=status,
            request_sent=request_sent, retry_after_sec=retry_after,
        )  # fmt: skip
        if result is None:
            return
        assert 0 <= result <= 60
        if method in WRITING:
            assert status in {429, 503} or (status is None and not request_sent)


class TestParseRetryAfter:
    @each_row(
        ("header", "expected"),
        [
            (None, None),
            ("", None),
            ("soon", None),
            ("0", 0),
            ("3", 3),
            ("  3 ", 3),
            ("1.5", 1.5),
            ("-5", 0),
            ("nan", None),
            ("inf", None),
            ("-inf", None),
            ("1e400", None),
            ("9" * 400, None),
            ("9" * 200, 1e200),
            ("3, 4", None),
            ("Fri, 21 Nov 2025 00:00:30 GMT", 30),
            ("Thu, 20 Nov 2025 23:59:00 GMT", 0),
            ("Fri, 21 Nov 2025 01:00:30 +0100", 30),
            ("Fri, 99 Nov 2025 00:00:30 GMT", None),
            ("Fri, 21 Nov 99999999999 00:00:30 GMT", None),
            ("\x00\udcff", None),
        ],
    )
    def test_numbers_dates_and_nonsense(self, header: str | None, expected: float | None) -> None:
        assert parse_retry_after(header, now=1763683200.0) == (None if expected is None else pytest.approx(expected))

    @each_row("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
    @each_row(
        "date",
        [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37",
            "Sunday, 06-Nov-94 08:49:37",
            "Sun Nov  6 08:49:37 1994 GMT",
            "Sun, 06 Nov 1994 08:49:37 -0000",
            "Sun, 06 Nov 1994 09:49:37 +0100",
        ],
    )
    def test_dates_are_utc_wherever_the_machine_is(self, date: str, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
        if not hasattr(time, "tzset"):
            pytest.skip("the zone of a process cannot be changed here")
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        try:
            assert parse_retry_after(date, now=784111777.0 - 30) == 30
        finally:
            monkeypatch.undo()
            time.tzset()

    def test_dates_count_from_now(self) -> None:
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 100))
        assert parse_retry_after(date) == pytest.approx(100, abs=50)

    @given(st.text())
    def test_any_text_gives_a_usable_number_or_none(self, header: str) -> None:
        seconds = parse_retry_after(header, now=0.0)
        assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


class TestRepeatedCalls:
    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_reading_survives_two_failures(self, connect: Any, pauses: list[float], method: str, status: int) -> None:
        failure = reply(b"<html>", f"{status} Failed")
        with RawServer(failure, failure, reply(b'{"a": 1}')) as server:
            assert connect(server).request(method).json() == {"a": 1}
        assert len(server.requests) == 3
        assert 0.25 <= pauses[0] <= 0.5 <= pauses[1] <= 1

    @pytest.mark.parametrize("failure", [close, reset], ids=["closed", "reset"])
    def test_reading_survives_connections_that_break(self, connect: Any, failure: Any) -> None:
        with RawServer(failure, failure, reply()) as server:
            assert connect(server).request("GET").status_code == 200
        assert len(server.requests) == 3

    @pytest.mark.parametrize("failure", [close, reset], ids=["closed", "reset"])
    def test_writing_is_sent_once_when_the_connection_breaks(self, connect: Any, failure: Any) -> None:
        with RawServer(failure) as server:
            with pytest.raises(SonioxConnectionError, match=r"POST http.*/v1/models") as caught:
                connect(server).request("POST", json={})
            assert caught.value.request_sent
        assert len(server.requests) == 1

    @each_row("status", [408, 500, 502, 504])
    def test_writing_is_sent_once_when_the_service_failed(self, connect: Any, status: int) -> None:
        with RawServer(reply(b"", f"{status} Failed")) as server:
            assert connect(server).request("POST", json={}).status_code == status
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [429, 503])
    def test_writing_is_repeated_when_the_service_refused_it(self, connect: Any, status: int) -> None:
        with RawServer(reply(b"", f"{status} Busy"), reply(b'{"a": 1}', "201 Created")) as server:
            assert connect(server).request("POST", json={"x": [1]}).status_code == 201
        assert [request.body for request in server.requests] == [b'{"x":[1]}'] * 2

    def test_the_last_failure_is_what_the_caller_sees(self, connect: Any) -> None:
        steps = [reply(b"first", "500 Failed", "Connection: close"), close, reply(b"last", "503 Busy")]
        with RawServer(*steps) as server:
            response = connect(server).request("GET")
            assert (response.status_code, response.content, response.request.attempt) == (503, b"last", 3)
            with pytest.raises(SonioxServerError, match="'last'"):
                response.raise_for_status()

    def test_retry_after_is_waited_for(self, connect: Any, pauses: list[float]) -> None:
        with RawServer(reply(b"", "429 Busy", "Retry-After: 7"), reply()) as server:
            connect(server).request("POST", json={})
        assert pauses == [7.0]

    def test_a_retry_after_beyond_the_cap_is_left_to_the_caller(self, connect: Any, pauses: list[float]) -> None:
        with RawServer(reply(b"", "429 Busy", "Retry-After: 61")) as server:
            with pytest.raises(SonioxRateLimitError) as caught:
                connect(server).request("GET").raise_for_status()
            assert caught.value.retry_after_sec == 61
        assert pauses == []

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_nothing_sent_means_anything_may_be_repeated(self, connect: Any, pauses: list[float], method: str) -> None:
        url = f"http://127.0.0.1:{refused_port()}"
        with pytest.raises(SonioxConnectionError, match="ConnectionRefusedError") as caught:
            connect(url).request(method, json=None if method != "POST" else {})
        assert not caught.value.request_sent
        assert len(pauses) == 2

    def test_a_service_that_comes_back_answers_a_refused_post(
        self, connect: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real_create = socket.getaddrinfo
        failures = [socket.gaierror(-3, "Temporary failure in name resolution")] * 2

        def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
            if failures:
                raise failures.pop()
            return real_create(*args, **kwargs)

        with RawServer(reply()) as server:
            caller = connect(server)
            monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
            assert caller.upload(b"sound").status_code == 200
        assert len(server.requests) == 1

    @each_row("max_retries", [0, 1, 4])
    def test_max_retries_counts_attempts_beyond_the_first(self, connect: Any, max_retries: int) -> None:
        with RawServer(then=reply(b"", "500 Failed")) as server:
            connect(server, max_retries=max_retries).request("GET")
        assert len(server.requests) == max_retries + 1

    @each_row(
        "doubtful", [close, reset, reply(b"", "500 F"), reply(b"", "502 F"), reply(b"", "504 F"), reply(b"", "408 F")]
    )
    def test_a_repeated_delete_that_finds_nothing_has_succeeded(self, connect: Any, doubtful: Any) -> None:
        with RawServer(doubtful, reply(b"{}", "404 Not Found")) as server:
            assert connect(server).request("DELETE", "/files/1").status_code == 204

    @pytest.mark.parametrize("lost", [close, reset], ids=["closed", "reset"])
    def test_a_delete_that_a_kept_connection_lost_has_succeeded_too(self, connect: Any, lost: Any) -> None:
        """It is repeated at once, and without counting as an attempt."""
        with RawServer(reply(), lost, reply(b"{}", "404 Not Found")) as server:
            caller = connect(server, max_retries=0)
            caller.request("GET")
            assert caller.request("DELETE", "/files/1").status_code == 204
        assert server.targets[1:] == ["DELETE /v1/files/1"] * 2

    def test_a_delete_that_a_kept_connection_lost_is_in_doubt_to_the_end(self, connect: Any) -> None:
        """Also when the service refuses the repetition for now."""
        steps = [reply(), close, reply(b"", "503 Busy"), reply(b"{}", "404 Not Found")]
        with RawServer(*steps) as server:
            caller = connect(server, max_retries=1)
            caller.request("GET")
            assert caller.request("DELETE", "/files/1").status_code == 204

    def test_what_was_sent_before_a_refused_repetition_was_sent(self, connect: Any) -> None:
        def lose_and_stop(connection: Connection) -> None:
            connection.read_body()
            connection.server.refuse_connections()
            connection.close()

        with RawServer(reply(), lose_and_stop) as server:
            caller = connect(server, max_retries=0)
            caller.request("GET")
            with pytest.raises(SonioxConnectionError, match="ConnectionRefusedError") as caught:
                caller.request("DELETE", "/files/1")
        assert caught.value.request_sent

    @each_row("path", ["files", "stt", "voices"])
    def test_every_namespace_deletes_so(self, connect: Any, path: str) -> None:
        missing = json.dumps({"status_code": 404, "error_type": "not_found", "message": "no"}).encode()
        with RawServer(reply(), close, reply(missing, "404 Not Found")) as server:
            caller = connect(server)
            caller.request("GET")
            caller.run(lambda client: getattr(client, path).delete("84c32fc6-4fb5-4e7a-b656-b5ec70493753"))
        assert [request.method for request in server.requests] == ["GET", "DELETE", "DELETE"]

    def test_a_delete_lost_to_a_timeout_has_succeeded_too(self, connect: Any) -> None:
        with RawServer(stall(), reply(b"{}", "404 Not Found")) as server:
            assert connect(server, timeout_sec=1.5).request("DELETE", "/files/1").status_code == 204

    @each_row("steps", [[], [reply(b"", "429 Busy")], [reply(b"", "503 Busy")]])
    def test_a_delete_that_cannot_have_happened_keeps_its_404(self, connect: Any, steps: list[Any]) -> None:
        with RawServer(*steps, reply(b"{}", "404 Not Found")) as server:
            assert connect(server).request("DELETE", "/files/1").status_code == 404

    def test_a_repeated_get_keeps_its_404(self, connect: Any) -> None:
        with RawServer(close, reply(b"{}", "404 Not Found")) as server:
            assert connect(server).request("GET", "/files/1").status_code == 404


class TestDeadlines:
    def test_no_attempt_starts_that_cannot_end_in_time(self, connect: Any, pauses: list[float]) -> None:
        with RawServer(reply(b"", "503 Busy", "Retry-After: 30")) as server:
            assert connect(server).request("GET", deadline_sec=20).status_code == 503
        assert pauses == []

    def test_a_silent_server_is_given_up_at_the_deadline(self, connect: Any) -> None:
        with RawServer(then=stall()) as server:
            caller = connect(server)
            started = time.monotonic()
            with pytest.raises(SonioxTimeoutError):
                caller.request("GET", deadline_sec=0.3)
            assert 0.25 < time.monotonic() - started < 30

    def test_a_reply_that_keeps_coming_is_given_up_at_the_deadline(self, connect: Any) -> None:
        def pour(connection: Connection) -> None:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
            while not connection.server.stopping.wait(0.02):
                connection.send(b"a" * 400)

        with RawServer(then=pour) as server:
            started = time.monotonic()
            with pytest.raises(SonioxTimeoutError):
                connect(server).request("GET", deadline_sec=0.3)
            assert time.monotonic() - started < 30

    def test_an_upload_that_goes_slowly_is_given_up_at_the_deadline(self, connect: Any) -> None:
        def sip(connection: Connection) -> None:
            while not connection.server.stopping.wait(0.1) and connection.sock.recv(64 * 1024):
                pass

        with RawServer(sip) as server:
            started = time.monotonic()
            with pytest.raises(SonioxTimeoutError):
                connect(server).upload(bytes(40_000_000), deadline_sec=0.3)
            assert time.monotonic() - started < 30

    def test_a_passed_deadline_is_a_timeout(self, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        with RawServer() as server:
            caller = connect(server)
            with pytest.raises(SonioxTimeoutError, match="out of time") as caught:
                caller.request("GET", deadline_sec=1e-9)
            assert not caught.value.request_sent
        assert server.connection_count == 0
