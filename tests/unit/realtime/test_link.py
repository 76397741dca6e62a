"""What the owner of a link sees of its stream."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import pytest

from soniox_lite import SonioxRealtimeError
from soniox_lite._websocket.frames import BINARY, Message
from soniox_lite.realtime._async_link import AsyncLink
from soniox_lite.realtime._link import Link
from tests.support.ws_server import FINISHED, WsServer, close, message, raw, started, until

from .driver import CONFIG, KEY, PATIENCE_SEC, Driver

HELLO = {"tokens": [{"text": "hello", "is_final": True}], "final_audio_proc_ms": 1, "total_audio_proc_ms": 1}


class Owner:
    """Owns one link, and keeps every second message for its receiver."""

    def __init__(self, driver: Driver, url: str) -> None:
        self.seen: list[Any] = []
        self.closed = threading.Event()
        link_class: Any = Link if driver.kind == "sync" else AsyncLink
        self.link = link_class(url, CONFIG, KEY, self.on_arrival, self.on_closed)

    def on_arrival(self, raw: bytes, event: Any) -> bytes | None:
        self.seen.append((event, self.link.finished))
        return raw if len(self.seen) % 2 else None

    def on_closed(self, closure: Any) -> None:
        self.seen.append(closure.code)
        self.closed.set()


def test_the_owner_sees_events_as_they_arrive_and_decides_what_can_be_received(driver: Driver) -> None:
    steps = (started, until("text", ""), message(HELLO), message(HELLO), message(FINISHED), close(1000))
    with WsServer(*steps) as server:
        owner = Owner(driver, server.url)
        driver.call(owner.link.enter)
        driver.call(owner.link.finish)
        assert owner.closed.wait(PATIENCE_SEC)
        assert [(event.tokens[0].text if event.tokens else "", done) for event, done in owner.seen[:-1]] == [
            ("hello", False), ("hello", False), ("", True),
        ]  # fmt: skip
        assert owner.seen[-1] == 1000
        # Nothing was received until now; what was not kept never is.
        assert [len(event.tokens) for event in driver.rest(owner.link)] == [1, 0]
        assert [payload.type for payload in driver.log(owner.link)] == ["open", "finished", "close"]


def test_what_is_sent_is_recorded_in_its_order(driver: Driver) -> None:
    sent: list[bytes] = []

    def record(piece: bytes) -> Message:
        sent.append(piece)
        return Message(BINARY, piece)

    with WsServer(started, until("text", "")) as server:
        owner = Owner(driver, server.url)
        driver.call(owner.link.enter)
        sending = [driver.start(owner.link.send, record, bytes([number]) * 4) for number in range(8)]
        for one in sending:
            one.result(PATIENCE_SEC)
        driver.call(owner.link.send, owner.link.protocol.finish)
        server.wait_until(lambda s: s.peer.texts()[-1:] == [""])
        driver.call(owner.link.cancel)
        assert server.peer.audio() == b"".join(sent)


def test_a_message_that_is_no_event_ends_the_connection(driver: Driver) -> None:
    with WsServer(started, raw(b"\x81\x05hello"), until("close")) as server:
        owner = Owner(driver, server.url)
        driver.call(owner.link.enter)
        assert owner.closed.wait(PATIENCE_SEC)
        assert owner.seen == [1006]
        with pytest.raises(SonioxRealtimeError, match="not JSON"):
            driver.call(owner.link.receive_event)


def test_a_dropped_owner_is_collected_and_its_connection_ends(driver: Driver) -> None:
    with WsServer(started, until("close")) as server:
        owner = Owner(driver, server.url)
        driver.call(owner.link.enter)
        gone = weakref.ref(owner)
        with pytest.warns(ResourceWarning, match="unclosed realtime session"):
            del owner
        assert gone() is None
        server.wait_until(lambda s: s.peer.hung_up.is_set())
