"""Every fault in every situation: it ends in time, with one error, and leaves nothing behind."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import SonioxRealtimeError
from tests.support import ws_server
from tests.support.insides import wait_until
from tests.support.tables import each_row
from tests.support.ws_server import WsServer

from .driver import PATIENCE_SEC, Driver, new_connections, open_descriptors
from .faults import (
    ACTIVITIES,
    CLOSING,
    END,
    EVENT,
    FAULTS,
    OPENING_FAULTS,
    OPTIONS,
    PINGS,
    RAISES,
    Fault,
    OpeningFault,
    table,
)

if TYPE_CHECKING:
    from .conftest import Tls

DOCS = Path(__file__).parents[3] / "docs" / "realtime.md"
# The windows that end a session are at most half a second; the rest is for a busy machine.
DEADLINE_SEC = 40.0
# The line's failures look the same through TLS; they are tried there too.
TLS_FAULTS = [fault for fault in FAULTS if fault.facts.get("close_code") in (1000, 1006)]


def name_of(value: Any) -> str:
    return getattr(value, "name", str(value)).replace(" ", "-")


def check(error: BaseException | None, fault: Fault) -> None:
    """Fails unless this is how the fault must be told."""
    assert type(error) is fault.error, error
    assert fault.words in str(error)
    assert {name: getattr(error, name) for name in fault.facts} == fault.facts


def check_receiving(driver: Driver, session: Any, fault: Fault) -> None:
    """Receives to the end, as it must be."""
    if fault.received == RAISES:
        with pytest.raises(SonioxRealtimeError) as caught:
            driver.rest(session)
        check(caught.value, fault)
    elif fault.received == EVENT:
        (event,) = driver.rest(session)
        assert {name: getattr(event, name) for name in fault.facts} == fault.facts
    else:
        assert driver.rest(session) == []


def run(driver: Driver, fault: Fault, activity: str, caplog: pytest.LogCaptureFixture, tls: Tls | None) -> None:
    """Puts a session through a fault, unless the fault makes no sense in this activity."""
    if activity in fault.skips:
        return
    caplog.clear()
    before = open_descriptors()
    go = threading.Event()
    options = {**OPTIONS, **fault.options}
    if tls is not None:
        options["ssl_context"] = tls.client
    steps = (ws_server.started, ws_server.wait(go), *fault.steps)
    with WsServer(*steps, tls=tls.server if tls else None, receive_buffer=4096) as server:
        connections = new_connections()
        session = driver.open(server.url, **options)
        log = driver.start(driver_log, session, driver)
        began = time.monotonic()
        if activity == "sending":
            sending = driver.send_until_it_fails(session)
            go.set()
            check(sending.exception(PATIENCE_SEC), fault)
        elif activity == "receiving":
            receiving = driver.start(session.receive_event)
            go.set()
            if fault.received == RAISES:
                check(receiving.exception(PATIENCE_SEC), fault)
            else:
                event = receiving.result(PATIENCE_SEC)
                assert (event is None) == (fault.received == END)
                assert driver.call(session.receive_event) is None or fault.received == EVENT
        elif activity in ("idle", "paused"):
            if activity == "paused":
                driver.call(session.pause, finalize=False)
            go.set()
            log.result(PATIENCE_SEC)
            for action in (session.keep_alive, session.resume, lambda: session.send_byte_chunk(b"1234")):
                with pytest.raises(SonioxRealtimeError) as caught:
                    driver.call(action)
                check(caught.value, fault)
            check_receiving(driver, session, fault)
        else:
            go.set()
            if fault.options is CLOSING:
                wait_until(lambda: any(connection.messages for connection in connections.all()))
            driver.call(session.close)
            assert session.state == "closed"
            if fault.words != "the message is not JSON":
                assert "the last words may be missing" in caplog.text
            if fault.options is not PINGS:
                check_receiving(driver, session, fault)
        assert time.monotonic() - began < DEADLINE_SEC
        driver.call(session.cancel)
        payloads = log.result(PATIENCE_SEC)
        assert payloads[0].type == "open"
        assert payloads[-1].type == "close"
        assert payloads[-1].code == session.close_code
        errors = [payload.error for payload in payloads if payload.type == "error"]
        if activity != "closing":
            assert len(errors) == (fault.received != END)
            for error in errors:
                check(error, fault)
        assert driver.left_over() == []
    assert open_descriptors() <= before


def driver_log(session: Any, driver: Driver) -> Any:
    """All that happens to a session; to be started."""
    if driver.kind == "sync":
        return list(session.session_events())

    async def collect() -> list[Any]:
        return [payload async for payload in session.session_events()]

    return collect()


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
@each_row("activity", ACTIVITIES)
def test_a_fault_ends_a_session_in_time_and_is_told(
    driver: Driver, fault: Fault, activity: str, caplog: pytest.LogCaptureFixture
) -> None:
    run(driver, fault, activity, caplog, None)


@pytest.mark.parametrize("fault", TLS_FAULTS, ids=name_of)
@each_row("activity", ACTIVITIES)
def test_a_fault_behind_tls_too(
    driver: Driver, fault: Fault, activity: str, caplog: pytest.LogCaptureFixture, tls: Tls
) -> None:
    run(driver, fault, activity, caplog, tls)


@pytest.mark.parametrize("fault", OPENING_FAULTS, ids=name_of)
def test_a_session_that_cannot_be_opened_says_why_in_time(
    driver: Driver, fault: OpeningFault, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_descriptors()
    steps = fault.steps or ()
    released = threading.Event()
    with WsServer(*steps, tls=tls.server if fault.server_tls else None) as server:
        url = server.url.replace("ws:", "wss:") if fault.client_tls else server.url
        if fault.steps is None:
            url, resolve = _address_of(fault, released)
            monkeypatch.setattr(socket, "getaddrinfo", resolve)
        timeout = 0.4 if fault.timeout else 60.0
        session = driver.session(url, connect_timeout_sec=timeout)
        began = time.monotonic()
        with pytest.raises(SonioxRealtimeError) as caught:
            driver.call(session.enter)
        took = time.monotonic() - began
        released.set()
        error = caught.value
        assert type(error) is fault.error
        assert fault.words in str(error)
        assert {name: getattr(error, name) for name in fault.facts} == fault.facts
        assert took < timeout + DEADLINE_SEC
        assert session.state == "closed"
        (payload,) = driver.log(session)
        assert payload.error is error
        with pytest.raises(SonioxRealtimeError, match="not connected"):
            driver.call(session.send_byte_chunk, b"1234")
        driver.call(session.close)
        assert driver.left_over() == []
    assert open_descriptors() <= before


def _address_of(fault: OpeningFault, released: threading.Event) -> tuple[str, Any]:
    real = socket.getaddrinfo
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]

    def resolve(host: str, *args: Any, **options: Any) -> Any:
        if host != "soniox.invalid" or options.get("flags") == socket.AI_NUMERICHOST:
            return real(host, *args, **options)
        if fault.timeout:
            assert released.wait(PATIENCE_SEC)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    return f"ws://{'127.0.0.1' if 'refuses' in fault.name else 'soniox.invalid'}:{port}/x", resolve


def test_the_table_in_the_docs_is_what_is_tested() -> None:
    assert table() in DOCS.read_text(encoding="utf-8")
