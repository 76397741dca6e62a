"""The benchmark's servers: one process, one event loop, prepared bytes.

    python server.py CERTIFICATE.pem

It prints its ports as JSON and serves until standard input ends. It must be faster than any client: requests are
recognised by their first line, replies are prepared once, WebSocket events are sent in large prepared blocks, and only
the heads of incoming frames are parsed.

WebSocket paths select what is sent after the start message:
    /receive/TOKENS/EVENTS            so many events as fast as the client reads, then the end
    /paced/TOKENS/RATE/SECONDS        RATE events a second, each with the time at which it is sent
    /take, /take-deflated             nothing; the second accepts permessage-deflate, if the client offers it
    /stall/before, /stall/within      no reply to the upgrade, or half of it

An empty message ends every stream as in the service, with an event ``finished``; a close frame closes it.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import heapq
import itertools
import json
import resource
import selectors
import socket
import ssl
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LATE_SEC = 0.05
CREATED = "2026-01-02T03:04:05.678Z"
FILE = {"id": "84c32fc6-4fb5-4e7a-b656-b5ec70493753", "filename": "a.wav", "size": 9, "created_at": CREATED}
READ_SIZE = 256 * 1024
EVENTS_PER_BLOCK = 100


def job(number: int) -> dict[str, Any]:
    return {
        "id": f"73d4357d-cad2-4338-a60d-{number:012}",
        "status": "completed",
        "created_at": CREATED,
        "model": "stt-async-v5",
        "audio_url": None,
        "file_id": FILE["id"],
        "filename": "a.wav",
        "language_hints": ["en", "fr"],
        "enable_speaker_diarization": True,
        "enable_language_identification": True,
        "audio_duration_ms": 60000 + number,
        "error_type": None,
        "error_message": None,
        "webhook_url": None,
        "webhook_auth_header_name": None,
        "webhook_auth_header_value": None,
        "webhook_status_code": None,
        "client_reference_id": None,
    }


def tokens(number: int) -> list[dict[str, Any]]:
    return [
        {
            "text": f" word{n}",
            "start_ms": n * 100,
            "end_ms": n * 100 + 90,
            "confidence": 0.973,
            "is_final": True,
            "speaker": "1",
            "language": "en",
        }
        for n in range(number)
    ]


@functools.cache
def reply(path: bytes) -> bytes:
    """The whole reply to a request; a number at the end of a job's id is the number of tokens in its transcript."""
    parts = path.decode().split("?")[0].split("/")
    body: Any
    if parts[-1] == "transcript":
        words = tokens(int(parts[-2].rsplit("-", 1)[-1]))
        body = {"id": parts[-2], "text": "".join(word["text"] for word in words), "tokens": words}
    elif parts[-1] == "transcriptions":
        body = {"transcriptions": [job(number) for number in range(100)], "next_page_cursor": None}
    else:
        body = FILE
    content = json.dumps(body).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content)
    return head + content


def frame(opcode: int, content: bytes) -> bytes:
    size = len(content)
    head = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
    if size >= 1 << 16:
        head = b"\x7f" + size.to_bytes(8, "big")
    return bytes([0x80 | opcode]) + head + content


def event(words: list[dict[str, Any]]) -> bytes:
    return frame(1, json.dumps({"tokens": words, "final_audio_proc_ms": 960, "total_audio_proc_ms": 1200}).encode())


FINISHED = frame(
    1, json.dumps({"tokens": [], "final_audio_proc_ms": 1200, "total_audio_proc_ms": 1200, "finished": True}).encode()
)
CLOSE = frame(8, (1000).to_bytes(2, "big"))


@functools.cache
def block(token_count: int, events: int) -> bytes:
    return event(tokens(token_count)) * events


class Server:
    """The event loop: sockets and timers."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.selector = selectors.DefaultSelector()
        self.due: list[tuple[float, int, Callable[[], object]]] = []
        self.numbers = itertools.count()

    def listen(self, accepted: Callable[[socket.socket], object]) -> int:
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        listener.settimeout(0)
        self.selector.register(listener, selectors.EVENT_READ, lambda _: self.accept(listener, accepted))
        return listener.getsockname()[1]

    def accept(self, listener: socket.socket, accepted: Callable[[socket.socket], object]) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                sock, _ = listener.accept()
                sock.settimeout(0)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                accepted(sock)

    def later(self, when: float, call: Callable[[], object]) -> None:
        heapq.heappush(self.due, (when, next(self.numbers), call))

    def run(self) -> None:
        while True:
            timeout = max(0.0, self.due[0][0] - time.monotonic()) if self.due else None
            for key, ready in self.selector.select(timeout):
                key.data(ready)
            while self.due and self.due[0][0] <= time.monotonic():
                heapq.heappop(self.due)[2]()


class Peer:
    """One connection."""

    def __init__(self, server: Server, sock: socket.socket, *, secure: bool) -> None:
        self.server = server
        self.secure = secure
        self.sock = sock
        if secure:
            self.sock = server.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self.shaking_hands = secure
        self.understand: Callable[[bytes], bytes] = self.understand_http
        self.rest = b""
        self.body_left = 0
        self.out: list[memoryview] = []
        self.more: Iterator[bytes] = iter(())
        self.ending = False
        self.events = selectors.EVENT_READ
        server.selector.register(self.sock, self.events, self.on_ready)

    def on_ready(self, ready: int) -> None:
        try:
            if self.shaking_hands:
                self.sock.do_handshake()
                self.shaking_hands = False
            if ready & selectors.EVENT_WRITE:
                self.flush()
            while True:
                data = self.sock.recv(READ_SIZE)
                if not data:
                    self.close()
                    return
                self.rest = self.understand(self.rest + data if self.rest else data)
                if not self.secure or not self.sock.pending():
                    return
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return
        except OSError:
            self.close()

    def close(self) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self.server.selector.unregister(self.sock)
        self.sock.close()
        self.more = iter(())

    def send(self, data: bytes) -> None:
        if self.sock.fileno() >= 0:
            self.out.append(memoryview(data))
            try:
                self.flush()
            except OSError:
                self.close()

    def flush(self) -> None:
        """Sends pending data, then that of ``more``, until the kernel's buffer is full."""
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            while self.out or self.fetch():
                sent = self.sock.send(self.out[0])
                if sent == len(self.out[0]):
                    del self.out[0]
                else:
                    self.out[0] = self.out[0][sent:]
            if self.ending:
                self.sock.shutdown(socket.SHUT_WR)
                self.ending = False
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.out else 0)
        if events != self.events:
            self.events = events
            self.server.selector.modify(self.sock, events, self.on_ready)

    def fetch(self) -> bool:
        self.out += [memoryview(data) for data in itertools.islice(self.more, 1)]
        return bool(self.out)

    def understand_http(self, data: bytes) -> bytes:
        if self.body_left:
            used = min(self.body_left, len(data))
            self.body_left -= used
            if not self.body_left:
                self.send(reply(b"/v1/files/uploaded"))
            return data[used:]
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return data
        method, path, _ = data[: data.index(b"\r\n")].split(b" ")
        rest = data[end + 4 :]
        if path == b"/cpu":
            self.send(b"HTTP/1.1 200 OK\r\n\r\n%f" % time.process_time())
            self.close()
            return b""
        if method == b"POST":
            head = data[:end].lower()
            found = head.index(b"content-length:") + 15
            self.body_left = int(head[found:].split(b"\r\n", 1)[0])
            return self.understand_http(rest) if rest else b""
        if path.startswith(b"/v1/"):
            self.send(reply(path))
        elif path.startswith(b"/late/"):
            self.server.later(time.monotonic() + LATE_SEC, lambda: self.send(reply(path)))
        else:
            self.upgrade(path.decode(), data[:end].decode("latin-1"))
        return rest

    def upgrade(self, path: str, head: str) -> None:
        lines = (line.partition(":") for line in head.split("\r\n"))
        fields = {name.lower(): value.strip() for name, _, value in lines}
        digest = hashlib.sha1(f"{fields['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        answer = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n"
        )
        if path == "/take-deflated" and "permessage-deflate" in fields.get("sec-websocket-extensions", ""):
            answer += "Sec-WebSocket-Extensions: permessage-deflate\r\n"
        if path == "/stall/within":
            self.send(answer.encode())
        elif path != "/stall/before":
            self.understand = functools.partial(self.understand_frames, self.stream(path.split("/")[1:]))
            self.send(f"{answer}\r\n".encode())

    def understand_frames(self, start: Iterator[None], data: bytes) -> bytes:
        """Parses the heads of frames: the first starts the stream; an empty text or a close frame ends it."""
        position, size = 0, len(data)
        while size - position >= 6:
            opcode, length = data[position] & 0x0F, data[position + 1] & 0x7F
            payload = position + 6
            if length == 126:
                length, payload = int.from_bytes(data[position + 2 : position + 4], "big"), position + 8
            elif length == 127:
                length, payload = int.from_bytes(data[position + 2 : position + 10], "big"), position + 14
            if payload + length > size:
                break
            position = payload + length
            next(start, None)
            # A compressed empty message is one byte.
            if opcode == 8 or (opcode == 1 and length <= 1):
                self.ending = True
                self.more = iter(())
                self.send(CLOSE if opcode == 8 else FINISHED + CLOSE)
        return data[position:]

    def stream(self, path: list[str]) -> Iterator[None]:
        """Starts what the path selects."""
        if path[0] == "receive":
            token_count, events = int(path[1]), int(path[2])
            blocks, odd = divmod(events, EVENTS_PER_BLOCK)
            self.more = itertools.chain(
                itertools.repeat(block(token_count, EVENTS_PER_BLOCK), blocks),
                [block(token_count, odd), FINISHED + CLOSE] if odd else [FINISHED + CLOSE],
            )
            self.ending = True
            with contextlib.suppress(OSError):
                self.flush()
        elif path[0] == "paced":
            rate, seconds = float(path[2]), float(path[3])
            words = tokens(int(path[1]))
            words[0]["text"] = "TIME_OF_SENDING"
            # The time stamp is as long as its placeholder, so that the frame's length stays right.
            template = event(words)
            # Spreads sessions that start at the same time.
            began = time.monotonic() + next(self.server.numbers) * 0.618 % 1 / rate

            def send(number: int) -> None:
                stamp = b"%015d" % time.monotonic_ns()
                self.send(template.replace(b"TIME_OF_SENDING", stamp[-15:]))
                if number < rate * seconds:
                    self.server.later(began + number / rate, lambda: send(number + 1))
                else:
                    self.ending = True
                    self.send(FINISHED + CLOSE)

            self.server.later(began, lambda: send(1))
        yield


class HalfHandshake:
    """Reads the client's first TLS message and answers with half of the server's."""

    def __init__(self, server: Server, sock: socket.socket) -> None:
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = server.context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        server.selector.register(sock, selectors.EVENT_READ, self.on_ready)
        self.server = server

    def on_ready(self, _ready: int) -> None:
        try:
            data = self.sock.recv(READ_SIZE)
        except OSError:
            data = b""
        if not data:
            self.server.selector.unregister(self.sock)
            self.sock.close()
            return
        self.incoming.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        answer = self.outgoing.read()
        self.sock.send(answer[: len(answer) // 2])


def main() -> None:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    server = Server(context)
    silent: list[socket.socket] = []
    ports = {
        "plain": server.listen(lambda sock: Peer(server, sock, secure=False)),
        "tls": server.listen(lambda sock: Peer(server, sock, secure=True)),
        "mute": server.listen(silent.append),
        "half": server.listen(lambda sock: HalfHandshake(server, sock)),
    }
    server.selector.register(sys.stdin, selectors.EVENT_READ, lambda _: sys.exit())
    print(json.dumps(ports), flush=True)
    server.run()


if __name__ == "__main__":
    main()
