"""Sessions that are resumed do what other sessions do, as long as nothing breaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from soniox_lite.realtime import AsyncResumingSTTSession, ResumingSTTSession

from .. import test_sessions
from ..driver import AsyncDriver, Driver
from .conftest import QUICK


class Resuming:
    """Has sessions resumed once, without pauses."""

    def session(self, url: str, **options: Any) -> Any:
        return super().session(url, resume={**QUICK, "max_attempts": 1}, **options)  # type: ignore[misc]


class ResumingDriver(Resuming, Driver):
    stt = ResumingSTTSession


class AsyncResumingDriver(Resuming, AsyncDriver):
    stt = AsyncResumingSTTSession


@pytest.fixture(params=[ResumingDriver, AsyncResumingDriver], ids=["sync", "async"])
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    with request.param("stt") as made:
        yield made
        assert made.left_over() == []


# Tests that are None do not apply: their servers send words beyond the audio that they got, which are not final until
# the stream has ended; or the connection breaks.


class TestOneStream(test_sessions.TestOneStream):
    test_from_start_to_finished = None  # type: ignore[assignment]
    test_leaving_the_block_waits_for_the_last_words = None  # type: ignore[assignment]
    test_keep_alive_and_finalize_tell_of_a_line_that_broke = None  # type: ignore[assignment]
    test_events_can_be_handled_by_a_function = None  # type: ignore[assignment]
    test_messages_that_arrived_are_handed_out_after_the_line_broke = None  # type: ignore[assignment]
    test_messages_that_come_with_the_upgrade_are_not_lost = None  # type: ignore[assignment]
    test_large_and_many_messages_through_tls = None  # type: ignore[assignment]


class TestClose(test_sessions.TestClose):
    test_a_server_that_finishes_and_does_not_close_is_not_waited_for = None  # type: ignore[assignment]
    test_a_session_that_broke_unnoticed_is_logged = None  # type: ignore[assignment]


class TestErrorsOfTheService(test_sessions.TestErrorsOfTheService):
    test_is_an_event_and_the_reason_of_what_fails_later = None  # type: ignore[assignment]
    test_that_breaks_off_after_its_error_says_it_once = None  # type: ignore[assignment]


class TestSessionEvents(test_sessions.TestSessionEvents):
    test_a_handler_that_fails_is_logged_and_harms_nothing = None  # type: ignore[assignment]


class TestTheLine(test_sessions.TestTheLine):
    test_a_queue_that_is_full_makes_the_server_wait_and_loses_nothing = None  # type: ignore[assignment]


class TestPause(test_sessions.TestPause):
    test_a_keepalive_never_turns_into_an_end_of_audio = None  # type: ignore[assignment]


class TestPreconnect(test_sessions.TestPreconnect): ...


class TestSilence(test_sessions.TestSilence): ...


def test_a_message_that_is_no_event_ends_the_session(driver: Driver) -> None:
    with test_sessions.WsServer(
        test_sessions.started, lambda peer: peer.send(test_sessions.frame(0x1, b"{"))
    ) as server:
        session = driver.open(server.url)
        with pytest.raises(test_sessions.SonioxRealtimeError, match="not JSON"):
            driver.call(session.receive_event)
        driver.call(session.cancel)
