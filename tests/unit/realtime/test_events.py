"""Handlers of what arrives, and of changes of the state."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest

from soniox_lite import SonioxRealtimeError, SonioxValidationError
from tests.support import ws_server
from tests.support.ws_server import FINISHED, WsServer, message, raw, started, until

from .driver import CONFIG, KEY, PATIENCE_SEC, Driver
from .faults import refusal
from .test_ownership import in_a_child


def result(*texts: str, final: bool = True) -> dict[str, Any]:
    """An event with these tokens."""
    tokens = [{"text": text, "is_final": final} for text in texts]
    return {"tokens": tokens, "final_audio_proc_ms": 1, "total_audio_proc_ms": 1}


SAID = (result("Hel", final=False), result("Hello", "<end>"), result("<fin>"), FINISHED)


def texts(event: Any) -> list[str]:
    """What its tokens say."""
    return [token.text for token in event.tokens]


class TestWhatArrives:
    def test_handlers_hear_it_in_order_and_the_receiver_gets_all_of_it_too(self, driver: Driver) -> None:
        heard: list[Any] = []
        with WsServer(started, until("text", ""), *map(message, SAID), ws_server.close(1000)) as server:
            session = driver.session(server.url)
            session.on("token", lambda token: heard.append(("token", token.text)))
            for event_type in ("result", "endpoint", "finalized"):
                session.on(event_type, lambda event, name=event_type: heard.append((name, texts(event))))
            session.on("finished", lambda payload: heard.append(("finished", texts(payload.event))))
            driver.call(session.enter)
            driver.call(session.finish)
            assert driver.log(session)[-1].type == "close"
            assert heard == [
                ("token", "Hel"), ("result", ["Hel"]),
                ("token", "Hello"), ("result", ["Hello", "<end>"]), ("endpoint", ["Hello", "<end>"]),
                ("result", ["<fin>"]), ("finalized", ["<fin>"]),
                ("result", []), ("finished", []),
            ]  # fmt: skip
            assert [texts(event) for event in driver.rest(session)] == [["Hel"], ["Hello", "<end>"], ["<fin>"], []]

    def test_once_and_off(self, driver: Driver) -> None:
        heard: list[Any] = []

        def stop(event: Any) -> None:
            heard.append("stop")
            session.off("result", stop)
            session.off("result", print)

        with WsServer(started, until("text", ""), *map(message, SAID), ws_server.close(1000)) as server:
            session = driver.session(server.url)

            @session.once("result")
            def first(event: Any) -> None:
                heard.append(texts(event))

            session.on("result", lambda event: session.off("result", removed))
            removed = session.once("result", lambda event: heard.append("removed by the one before"))
            session.once("endpoint", lambda event: heard.append("endpoint"))
            assert session.on("result", stop) is stop
            session.on("token", heard.append)
            session.off("token", heard.append)
            session.once("finalized", first)
            session.off("finalized", first)
            driver.call(session.enter)
            driver.call(session.finish)
            driver.log(session)
            driver.call(session.close)
            assert heard == [["Hel"], "stop", "endpoint"]

    def test_a_program_that_only_listens_hears_on_when_the_queue_is_full(self, driver: Driver) -> None:
        numbers = [result(f"{number:5000}") for number in range(200)]
        heard: list[str] = []
        with WsServer(started, until("text", ""), *map(message, [*numbers, FINISHED]), ws_server.close(1000)) as server:
            session = driver.session(server.url, max_queued_messages=10)
            session.on("result", lambda event: heard.extend(texts(event)))
            driver.call(session.enter)
            driver.call(session.finish)
            # Not close(), which makes room for all that is still to come.
            assert driver.log(session)[-1].type == "close"
            assert [int(text) for text in heard] == list(range(200))
            left = [int(text) for event in driver.rest(session) for text in texts(event)]
            # More than ten may come in one read.
            assert left == list(range(200))[-len(left) :]
            assert 0 < len(left) < 100

    def test_one_event_is_kept_however_large_it_is(self, driver: Driver) -> None:
        numbers = [result(f"{number:5000}") for number in range(20)]
        heard: list[str] = []
        with WsServer(started, until("text", ""), *map(message, numbers), until("close")) as server:
            session = driver.session(server.url, max_queued_bytes=1024)
            session.on("result", lambda event: heard.extend(texts(event)))
            driver.call(session.enter)
            driver.call(session.finish)
            deadline = time.monotonic() + PATIENCE_SEC
            while len(heard) < 20:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            assert int(texts(driver.call(session.receive_event))[0]) > 0
            driver.call(session.cancel)

    def test_a_program_that_receives_makes_the_server_wait_whatever_its_handlers_hear(self, driver: Driver) -> None:
        numbers = [result(str(number)) for number in range(200)]
        heard: list[str] = []
        listens = threading.Event()
        first, *rest = map(message, [*numbers, FINISHED])
        with WsServer(started, first, ws_server.wait(listens), *rest, ws_server.close(1000)) as server:
            session = driver.session(server.url, max_queued_messages=2)
            driver.call(session.enter)
            got = texts(driver.call(session.receive_event))
            session.on("result", lambda event: heard.extend(texts(event)))
            listens.set()
            got += [text for event in driver.rest(session) for text in texts(event)]
            assert got == [str(number) for number in range(200)]
            assert heard[-1] == "199"

    def test_what_is_no_event_ends_the_session_also_if_nothing_is_received(self, driver: Driver) -> None:
        told: list[Any] = []
        ended = threading.Event()
        with WsServer(started, message(result("a")), raw(b"\x81\x05hello"), until("close")) as server:
            session = driver.session(server.url)
            session.on("token", print)
            session.on("error", told.append)
            session.on("close", lambda _: ended.set())
            driver.call(session.enter)
            assert ended.wait(PATIENCE_SEC)
            assert "not JSON" in str(told[0].error)
            assert texts(driver.call(session.receive_event)) == ["a"]
            with pytest.raises(SonioxRealtimeError, match="not JSON"):
                driver.call(session.receive_event)

    def test_an_error_of_the_service_is_no_result(self, driver: Driver) -> None:
        heard: list[Any] = []
        with WsServer(started, message(refusal(402, "x")), ws_server.close(1000)) as server:
            session = driver.session(server.url)
            session.on("result", heard.append)
            session.on("error", lambda payload: heard.append(payload.error.error_code))
            driver.call(session.enter)
            driver.log(session)
            driver.call(session.cancel)
            assert heard == [402]

    @pytest.mark.parametrize("name", ["on", "once", "off"])
    def test_an_unknown_event_is_refused(self, driver: Driver, name: str) -> None:
        session = driver.session("ws://127.0.0.1:9/x")
        with pytest.raises(SonioxValidationError, match="'endpoint', 'finalized', 'result', 'token'"):
            getattr(session, name)("tokens", print)


class TestChangesOfState:
    def changes(self, session: Any) -> list[tuple[str, str]]:
        """Gets all that follow."""
        changes: list[tuple[str, str]] = []
        session.on("state_change", lambda payload: changes.append((payload.old_state, payload.new_state)))
        return changes

    def test_each_is_told_once(self, driver: Driver) -> None:
        with WsServer(started, ws_server.answer_the_end()) as server:
            session = driver.session(server.url)
            changes = self.changes(session)
            driver.call(session.enter)
            driver.call(session.finish)
            driver.call(session.finish)
            driver.call(session.close)
            driver.call(session.close)
            assert changes[:3] == [("new", "connecting"), ("connecting", "open"), ("open", "ending")]
            # The service may close before this side does.
            assert changes[3:] in ([("ending", "closed")], [("ending", "closing"), ("closing", "closed")])

    def test_of_a_session_that_the_service_refuses(self, driver: Driver) -> None:
        with WsServer(started, message(refusal(401, "unauthenticated")), ws_server.close(1000)) as server:
            session = driver.session(server.url)
            changes = self.changes(session)
            driver.call(session.enter)
            driver.log(session)
            assert changes[2:] == [("open", "ending"), ("ending", "closed")]

    def test_of_a_session_that_never_opens(self, driver: Driver) -> None:
        with WsServer(ws_server.refuse("401 Unauthorized")) as server:
            session = driver.session(server.url)
            changes = self.changes(session)
            with pytest.raises(SonioxRealtimeError):
                driver.call(session.enter)
            assert changes == [("new", "connecting"), ("connecting", "closed")]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
    def test_a_forked_child_that_closes_its_copy_tells_none(self) -> None:
        driver = Driver("stt")
        with WsServer(started) as server:
            session = driver.session(server.url, config=CONFIG, api_key=KEY)
            changes = self.changes(session)
            driver.call(session.enter)

            def use() -> str:
                session.close()
                return str(changes[2:])

            assert in_a_child(use) == "[]"
            driver.call(session.cancel)
