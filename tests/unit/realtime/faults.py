"""The faults that sessions are put through, and how each must be told; docs/realtime.md has them as a table."""

from __future__ import annotations

import dataclasses
import struct
from typing import Any

from soniox_lite import SonioxRealtimeConnectionError, SonioxRealtimeError, SonioxRealtimeTimeoutError
from tests.support import ws_server
from tests.support.ws_server import frame

ACTIVITIES = ("sending", "receiving", "idle", "paused", "closing")
# How a receiver is told.
RAISES, EVENT, END = "raises", "event", "ends"
OPENS_LATER = "the session is not open yet"
FOUND_WHEN_RECEIVED = "the session continues: messages are parsed when they are received"

# Windows that no fault needs: what it takes is of the server's making, however busy the machine is.
OPTIONS: dict[str, Any] = {
    "connect_timeout_sec": 60.0,
    "close_timeout_sec": 60.0,
    "send_timeout_sec": 60.0,
    "ping_interval_sec": None,
    "ping_timeout_sec": None,
    "max_message_bytes": 4096,
}
# And small ones, for faults that only time can tell.
PINGS = {"ping_interval_sec": 0.2, "ping_timeout_sec": 0.2}
SENDING = {"send_timeout_sec": 0.4}
CLOSING = {"close_timeout_sec": 0.5}


@dataclasses.dataclass(frozen=True)
class Fault:
    """A fault of an open session.

    Attributes:
        name: What happens.
        steps: What the server does when the session is at its activity.
        facts: What the error says of itself.
        words: Of its message, which the table shows too.
        received: How a receiver is told.
        options: Of the session.
        skips: Activities that make no sense with it, with the reason.
    """

    name: str
    steps: tuple[Any, ...]
    words: str
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    error: type[SonioxRealtimeError] = SonioxRealtimeError
    received: str = RAISES
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    skips: dict[str, str] = dataclasses.field(default_factory=dict)


def refusal(code: int, error_type: str) -> dict[str, Any]:
    """An error message of the service."""
    return {
        "tokens": [],
        "error_code": code,
        "error_type": error_type,
        "error_message": "No.",
        "request_id": "3f1c",
    }


def _refused(code: int, error_type: str) -> Fault:
    return Fault(
        f"the service refuses after the upgrade: {code} `{error_type}`",
        (ws_server.message(refusal(code, error_type)), ws_server.close(1000)),
        "No.",
        {"error_code": code, "error_type": error_type, "request_id": "3f1c"},
        received=EVENT,
    )


def _closed(code: int | None) -> Fault:
    orderly = code in (1000, 1001, None)
    return Fault(
        f"the server closes {f'with code {code}' if code else 'without a code'}",
        (ws_server.close(code, "because" if code else ""),),
        f"closed the connection with code {f'{code}: because' if code else 1005}",
        {"close_code": code or 1005},
        SonioxRealtimeConnectionError,
        received=END if orderly else RAISES,
    )


def _broken(name: str, data: bytes, words: str, code: int) -> Fault:
    return Fault(name, (ws_server.raw(data),), words, {"close_code": code})


BROKEN = {"close_code": 1006}
_UNREADABLE = dict.fromkeys(("sending", "idle", "paused"), FOUND_WHEN_RECEIVED)
_NOTHING_TO_SEND = dict.fromkeys(
    ("receiving", "idle", "paused"),
    "the session continues: only sending detects this; with pings on, see the half-open connection",
)

FAULTS = (
    _refused(401, "unauthenticated"),
    _refused(402, "organization_balance_exhausted"),
    _refused(403, "permission_denied"),
    _refused(408, "request_timeout"),
    _refused(429, "max_concurrent_connections_reached"),
    _refused(503, "service_unavailable"),
    Fault(
        "the server goes silent: it reads, but answers no pings",
        (ws_server.mute,),
        "nothing was heard from the server",
        BROKEN,
        SonioxRealtimeTimeoutError,
        options=PINGS,
    ),
    Fault(
        "the connection is half-open: the server neither reads nor sends",
        (ws_server.hold,),
        "nothing was heard from the server",
        BROKEN,
        SonioxRealtimeTimeoutError,
        options=PINGS,
    ),
    Fault(
        "the server does not read, and pings are off",
        (ws_server.hold,),
        "did not take what was sent",
        error=SonioxRealtimeTimeoutError,
        options=SENDING,
        skips=_NOTHING_TO_SEND | {"closing": "in time too; this needs full buffers and is tested in test_sessions.py"},
    ),
    Fault(
        "the server closes TCP without a close frame",
        (ws_server.hang_up,),
        "the connection broke",
        BROKEN,
        SonioxRealtimeConnectionError,
    ),
    Fault(
        "the connection is reset in the middle of a frame",
        (ws_server.raw(frame(0x1, b"x" * 300)[:100]), ws_server.reset),
        "the connection broke",
        BROKEN,
        SonioxRealtimeConnectionError,
    ),
    _broken("a frame with an unknown opcode", frame(0x3, b"?"), "a frame of kind 3 out of place", 1002),
    _broken("a frame with an extension that was not agreed on", frame(0x1, b"?", reserved=4), "an extension", 1002),
    _broken("a masked frame", frame(0x1, b"?", masked=True), "masked a frame", 1002),
    _broken("a message larger than `max_message_bytes`", frame(0x1, b"x" * 5000), "a message of more than", 1009),
    Fault(
        "a message that is not JSON",
        (ws_server.message("nonsense"),),
        "the message is not JSON",
        {},
        options=CLOSING,
        skips=_UNREADABLE,
    ),
    Fault(
        "a message that is not UTF-8",
        (ws_server.raw(frame(0x1, b'{"tokens":[],"x":"\xff"}')),),
        "the message is not JSON",
        {},
        options=CLOSING,
        skips=_UNREADABLE,
    ),
    *(_closed(code) for code in (None, 1000, 1001, 1002, 1003, *range(1007, 1015), 4000, 4999)),
    *(
        _broken(f"the server closes with code {code}, which must not be sent", frame(0x8, struct.pack("!H", code)),
                "a malformed close frame", 1002)
        for code in (1004, 1005, 1006, 1015)
    ),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class OpeningFault:
    """A fault before a session is open.

    Attributes:
        name: What happens.
        words: Of the error's message.
        steps: What the server does; None when there is none.
        timeout: Whether it is a matter of time.
        tls: Whether the client is set up for TLS, and the server too.
    """

    name: str
    words: str
    steps: tuple[Any, ...] | None = None
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    timeout: bool = False
    client_tls: bool = False
    server_tls: bool = False

    @property
    def error(self) -> type[SonioxRealtimeError]:
        """The class of the error: an answer with another status is no failure of the connection."""
        if self.timeout:
            return SonioxRealtimeTimeoutError
        return SonioxRealtimeError if self.facts else SonioxRealtimeConnectionError


_LINES = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def _answer(data: bytes) -> tuple[Any, ...]:
    return (lambda peer: peer.read_head(), ws_server.raw(data), ws_server.hang_up)


OPENING_FAULTS = (
    OpeningFault("the port refuses", "could not be opened (TCP connection to", None),
    OpeningFault("the name is unknown", "the host's name cannot be resolved", None),
    OpeningFault("name resolution hangs", "name resolution of", None, timeout=True),
    OpeningFault("the certificate is not trusted", "(TLS with 127.0.0.1)", (), client_tls=True, server_tls=True),
    OpeningFault("the server does not speak TLS", "(TLS with 127.0.0.1)",
                 (ws_server.raw(b"220 mail.example.com\r\n"), ws_server.hang_up), client_tls=True),
    OpeningFault("the server stalls before TLS", "(TLS with", (ws_server.hold,), timeout=True, client_tls=True),
    OpeningFault(
        "the server trickles instead of TLS", "(TLS with",
        (ws_server.trickle(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xf0" + b"\0"),), timeout=True, client_tls=True,
    ),
    OpeningFault("the server stalls before the upgrade", "(WebSocket upgrade)", (ws_server.hold,), timeout=True),
    OpeningFault(
        "the server trickles in the upgrade", "(WebSocket upgrade)",
        (lambda peer: peer.read_head(), ws_server.trickle(_LINES + b"X: yyyy")), timeout=True,
    ),
    OpeningFault("the server closes TCP instead of answering the upgrade", "upgrade", _answer(b"")),
    OpeningFault("the server refuses the upgrade with 401", "status 401: No.",
                 (ws_server.refuse("401 Unauthorized", b'{"error_message":"No.","error_type":"unauthenticated"}'),),
                 {"error_code": 401, "error_type": "unauthenticated"}),
    OpeningFault("the server answers with an HTML page, 200", "status 200", (ws_server.refuse("200 OK", b"<html>"),),
                 {"error_code": 200}),
    OpeningFault("the server redirects", "status 302", (ws_server.refuse("302 Found", b"", "Location: ws://127.0.0.1:1/"),),
                 {"error_code": 302}),
    OpeningFault("the upgrade has a wrong Sec-WebSocket-Accept", "Sec-WebSocket-Accept",
                 _answer(_LINES + b"Sec-WebSocket-Accept: bm8=\r\n\r\n")),
    OpeningFault("the server's answer is not HTTP", "not HTTP", _answer(b"\x00\xff garbage\r\n\r\n")),
    OpeningFault("the upgrade's answer does not end", "does not end", _answer(_LINES + b"X: " + b"y" * 100_000)),
)  # fmt: skip


def table() -> str:
    """Both lists as the docs show them."""
    opening = (f"| {early.name} | `{early.error.__name__}`{_facts(early.facts)} |" for early in OPENING_FAULTS)
    lines = [
        "| while opening | error |",
        "|---|---|",
        *opening,
        "",
        "| once open | error | sending | receiving | idle | paused | closing |",
        "|---|---|---|---|---|---|---|",
    ]
    notes: list[str] = []
    for fault in FAULTS:
        cells = []
        for activity in ACTIVITIES:
            if activity in fault.skips:
                if fault.skips[activity] not in notes:
                    notes.append(fault.skips[activity])
                cells.append(f"({notes.index(fault.skips[activity]) + 1})")
            elif activity == "receiving":
                cells.append({RAISES: "raises", EVENT: "event", END: "ends"}[fault.received])
            elif activity == "closing":
                cells.append("in time")
            else:
                cells.append("raises" if activity == "sending" else "raises next")
        told = f"`{fault.error.__name__}`{_facts(fault.facts)}"
        lines.append(f"| {fault.name} | {told} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"({number}) {note}." for number, note in enumerate(notes, 1))])


def _facts(facts: dict[str, Any]) -> str:
    shown = [f"{name} {value}" for name, value in facts.items() if name in ("error_code", "close_code")]
    return f", {', '.join(shown)}" if shown else ""
