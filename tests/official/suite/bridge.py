"""A plugin of pytest that runs the official SDK's own tests on this library, unchanged, over real sockets.

``import soniox`` gives this library. What its clients request goes to a local HTTP server, which sends it on with
httpx, so that the tests' routes (respx) answer and record it. What its sessions say goes to a local WebSocket server,
which plays the part that a test gave to its stand-in for a WebSocket (``tests/realtime/mock_ws.py``).
"""

from __future__ import annotations

import asyncio
import importlib
import json
import queue
import threading
import time
import types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from websockets.sync.server import ServerConnection, serve

import soniox_lite.compat
from soniox_lite.realtime import _stt_protocol as protocol

soniox_lite.compat.install()
INTERVAL_SEC = protocol.KEEP_ALIVE_INTERVAL_SEC

PUBLIC = {"/v1": "https://api.soniox.com", "/tts": "https://tts-rt.soniox.com"}
# Where the official SDK opens its connections, and its tests patch it.
CONNECTS = {
    "/stt": [("stt", "sync_ws_connect"), ("async_stt", "async_ws_connect")],
    "/tts": [("tts", "sync_ws_connect"), ("async_tts", "async_ws_connect")],
}
_NOT_PASSED_ON = {"host", "transfer-encoding", "connection", "content-length", "content-encoding"}
# How long nothing must be said until all that was sent has surely arrived.
QUIET_SEC = 0.2
# A stand-in that has nothing to say for so long ends the conversation.
PATIENCE_SEC = 0.5


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        host = next(public for start, public in PUBLIC.items() if self.path.startswith(start))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
        try:
            with httpx.Client(trust_env=False) as client:
                response = client.request(self.command, host + self.path, headers=headers, content=self._body())
        except httpx.TransportError:
            self.close_connection = True
            return
        except AssertionError as error:  # respx has no route for it
            response = httpx.Response(599, text=str(error))
        self.send_response(response.status_code)
        for name, value in response.headers.items():
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.content)))
        self.end_headers()
        self.wfile.write(response.content)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = answer  # noqa: N815 - names of the protocol

    def log_message(self, *args: object) -> None: ...


class Conversation:
    """A session and the stand-in that it talks to."""

    def __init__(self, connection: ServerConnection, stand_in: Any) -> None:
        self._connection = connection
        self._stand_in = stand_in
        self._spoken_at = time.monotonic()
        self._over = threading.Event()

    def wait_for_quiet(self, seconds: float) -> None:
        """Returns when nothing was said for so long, or the conversation is over."""
        while time.monotonic() - self._spoken_at < seconds and not self._over.wait(0.005):
            continue

    def listen(self) -> None:
        """Records what the session says, until it is over."""
        threading.Thread(target=self._talk, daemon=True).start()
        for message in self._connection:
            self._spoken_at = time.monotonic()
            self._record(message)
        vars(self._stand_in)["closed"] = True
        self._over.set()

    def _record(self, message: str | bytes) -> None:
        try:
            item = json.loads(message) if isinstance(message, str) and message else message
        except ValueError:
            item = message
        vars(self._stand_in)["sent_messages"].append(item)

    def _talk(self) -> None:
        """Says what a test has put down for the stand-in, then ends the conversation."""
        # A stand-in is asked for its first words after the session has said its own.
        self.wait_for_quiet(QUIET_SEC)
        while not self._over.is_set():
            try:
                item = self._stand_in._queue.get_nowait()
            except (queue.Empty, asyncio.QueueEmpty):
                if time.monotonic() - self._spoken_at > PATIENCE_SEC:
                    break
                time.sleep(0.005)
                continue
            self._spoken_at = time.monotonic()
            if not isinstance(item, (dict, list, str, bytes)):
                break  # The mark of the end, or an error of the connection.
            self._connection.send(json.dumps(item) if isinstance(item, (dict, list)) else item)
        # A stand-in ends when it is asked for more. What the session says before that is still heard.
        self.wait_for_quiet(2 * QUIET_SEC)
        self._connection.close()

    def hang_up(self) -> None:
        """Ends it, and returns when the session must have noticed."""
        self._connection.close()
        time.sleep(QUIET_SEC)


def patched_connect(path: str) -> Any:
    for module, name in CONNECTS[path]:
        connect = getattr(importlib.import_module(f"soniox_lite.realtime.{module}"), name)
        if connect is not NOT_PATCHED:
            return connect
    raise LookupError(path)


def NOT_PATCHED() -> None:  # noqa: N802 - a constant
    """Stands for the function of the websockets library that the official SDK connects with."""


def open_stand_in(connection: ServerConnection, request: Any) -> Any:
    """Calls what a test put in the place of connecting; an error there refuses the connection."""
    try:
        url = f"ws://127.0.0.1:{ws_port}{request.path}"
        headers = {"Authorization": request.headers.get("Authorization")}
        connection.stand_in = patched_connect(request.path)(url, additional_headers=headers)  # type: ignore[attr-defined]
    except Exception as error:
        return connection.respond(503, str(error))
    return None


def play(connection: ServerConnection) -> None:
    stand_in = connection.stand_in  # type: ignore[attr-defined]
    vars(stand_in)["conversation"] = conversation = Conversation(connection, stand_in)
    conversation.listen()


def _heard(stand_in: Any) -> Any:
    conversation = vars(stand_in).get("conversation")
    if conversation is not None:
        conversation.wait_for_quiet(QUIET_SEC)
    return vars(stand_in)["sent_messages"]


def _set_closed(stand_in: Any, value: bool) -> None:
    vars(stand_in)["closed"] = value
    conversation = vars(stand_in).get("conversation")
    if value and conversation is not None:
        conversation.hang_up()


class Interval(types.ModuleType):
    """A module of sessions in which the interval of keepalives can be replaced, as in the official SDK."""

    @property
    def KEEP_ALIVE_INTERVAL_SEC(self) -> float:  # noqa: N802 - a constant there
        return protocol.KEEP_ALIVE_INTERVAL_SEC

    @KEEP_ALIVE_INTERVAL_SEC.setter
    def KEEP_ALIVE_INTERVAL_SEC(self, value: float) -> None:  # noqa: N802
        protocol.KEEP_ALIVE_INTERVAL_SEC = value  # type: ignore[misc]

    @KEEP_ALIVE_INTERVAL_SEC.deleter
    def KEEP_ALIVE_INTERVAL_SEC(self) -> None:  # noqa: N802
        protocol.KEEP_ALIVE_INTERVAL_SEC = INTERVAL_SEC  # type: ignore[misc]


@pytest.fixture(autouse=True)
def addresses(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    api = f"http://127.0.0.1:{http_server.server_port}"
    monkeypatch.setenv("SONIOX_API_BASE_URL", f"{api}/v1")
    monkeypatch.setenv("SONIOX_TTS_API_URL", api)
    if "live_ws" not in request.keywords:
        monkeypatch.setenv("SONIOX_WS_URL", f"ws://127.0.0.1:{ws_port}/stt")
        monkeypatch.setenv("SONIOX_TTS_WS_URL", f"ws://127.0.0.1:{ws_port}/tts")


def pytest_configure() -> None:
    mock_ws = importlib.import_module("tests.realtime.mock_ws")
    base = mock_ws._BaseMockWebSocket
    base.sent_messages = property(_heard, lambda stand_in, value: vars(stand_in).update(sent_messages=value))
    base.closed = property(lambda stand_in: vars(stand_in)["closed"], _set_closed)
    for places in CONNECTS.values():
        for module, name in places:
            setattr(importlib.import_module(f"soniox_lite.realtime.{module}"), name, NOT_PATCHED)
    for module in ("stt", "async_stt"):
        importlib.import_module(f"soniox_lite.realtime.{module}").__class__ = Interval
    helpers = importlib.import_module("tests.helpers")
    factories = importlib.import_module("polyfactory.factories")

    def build(model: type) -> Any:
        return type(f"{model.__name__}Factory", (factories.DataclassFactory,), {"__model__": model}).build()

    helpers.build = build  # type: ignore[attr-defined]


http_server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
http_server.daemon_threads = True
threading.Thread(target=http_server.serve_forever, daemon=True).start()
ws_server = serve(play, "127.0.0.1", 0, process_request=open_stand_in)
ws_port = ws_server.socket.getsockname()[1]
threading.Thread(target=ws_server.serve_forever, daemon=True).start()
