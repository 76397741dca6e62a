"""The bare standard library: a lower bound for the cost of any client built on it.

No validation, no retries, no types: http.client and json for REST; a blocking socket and hand-written frames for
realtime.
"""

from __future__ import annotations

import asyncio
import functools
import http.client
import json
import os
import socket
import ssl
import statistics
import time
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from process import Use, settled_kib, status_kib
from sdk import CONFIG, ID, Waits, audio_chunks, repeated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

START = json.dumps(CONFIG).encode()


def masked(opcode: int, content: bytes) -> bytearray:
    key, size = os.urandom(4), len(content)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    frame = bytearray(bytes([0x80 | opcode]) + length + key + content)
    for position, byte in enumerate(key, len(frame) - size):
        frame[position::4] = frame[position::4].translate(xor_table(byte))
    return frame


@functools.cache
def xor_table(byte: int) -> bytes:
    return bytes(byte ^ other for other in range(256))


def messages(data: bytes) -> Iterator[bytes | int]:
    """Yields the texts in the data, then the number of bytes left over; a close frame is yielded as an empty text."""
    position, size = 0, len(data)
    while size - position >= 4:
        length, start = data[position + 1], position + 2
        if length == 126:
            length, start = int.from_bytes(data[start : start + 2], "big"), start + 2
        if start + length > size:
            break
        yield data[start : start + length] if data[position] != 0x88 else b""
        position = start + length
    yield size - position


def upgrade(path: str) -> bytes:
    return (
        f"GET /{path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer key\r\n\r\n"
    ).encode()


def read_tokens(content: bytes) -> list[dict[str, Any]]:
    tokens = json.loads(content)["tokens"]
    for token in tokens:
        _ = token["text"]
    return tokens


class Floor:
    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports
        self.connection = cache(self.connect)

    @cached_property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.new_event_loop()

    def connect(self, port: str) -> http.client.HTTPConnection:
        if port == "plain":
            return http.client.HTTPConnection("127.0.0.1", self.ports[port])
        return http.client.HTTPSConnection("127.0.0.1", self.ports[port], context=self.context)

    def rest(self, what: str, port: str, seconds: float, size: int = 0) -> dict[str, float]:
        connection = self.connection(port)
        paths = {"file": f"files/{ID}", "jobs": "transcriptions", "transcript": f"transcriptions/{size}/transcript"}

        def call() -> None:
            connection.request("GET", f"/v1/{paths[what]}", headers={"Authorization": "Bearer key"})
            content = connection.getresponse().read()
            if what == "transcript":
                read_tokens(content)
            else:
                json.loads(content)

        return repeated(call, seconds, self.ports["plain"])

    def rest_async(self, path: str, port: str, seconds: float, concurrent: int) -> dict[str, float]:
        """Uses asyncio streams; replies have a known length."""
        request = f"GET /{path}/files/{ID} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer key\r\n\r\n".encode()
        until = time.perf_counter() + seconds

        async def worker() -> int:
            reader, writer = await self.streams(port)
            done = 0
            while time.perf_counter() < until:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                json.loads(await reader.readexactly(int(head.split(b"Content-Length:")[1])))
                done += 1
            writer.close()
            return done

        async def ask() -> dict[str, float]:
            with Use(self.ports["plain"]) as use:
                done = sum(await asyncio.gather(*(worker() for _ in range(concurrent))))
            return {"rate": done / use.wall, **use.figures()}

        return self.loop.run_until_complete(ask())

    def upload(self, port: str, file: str, warm_up_file: str) -> dict[str, float]:
        connection = self.connection(port)
        connection.blocksize = 256 * 1024
        before = 0
        for name in (warm_up_file, file):
            before = settled_kib()
            with Use(self.ports["plain"]) as use, open(name, "rb") as stream:
                size = str(os.path.getsize(name))
                connection.request("POST", "/v1/files", stream, {"Content-Length": size})
                json.loads(connection.getresponse().read())
        return {"upload_time": use.wall, "growth_mib": max(0, status_kib("VmHWM") - before) / 1024, **use.figures()}

    def session(self, path: str, port: str) -> socket.socket:
        sock: socket.socket = socket.create_connection(("127.0.0.1", self.ports[port]))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if port != "plain":
            sock = self.context.wrap_socket(sock, server_hostname="127.0.0.1")
        sock.sendall(upgrade(path))
        reply = b""
        while not reply.endswith(b"\r\n\r\n"):
            reply += sock.recv(4096)
        sock.sendall(masked(1, START))
        return sock

    async def streams(self, port: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        options = {} if port == "plain" else {"ssl": self.context, "server_hostname": "127.0.0.1"}
        return await asyncio.open_connection("127.0.0.1", self.ports[port], limit=256 * 1024, **options)

    async def async_session(self, path: str, port: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self.streams(port)
        writer.write(upgrade(path))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(masked(1, START))
        return reader, writer

    def texts(self, sock: socket.socket) -> Iterator[bytes]:
        rest = b""
        while data := sock.recv(64 * 1024):
            data = rest + data
            for item in messages(data):
                if isinstance(item, int):
                    rest = data[len(data) - item :]
                elif not item:
                    return
                else:
                    yield item

    async def async_texts(self, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        rest = b""
        while data := await reader.read(64 * 1024):
            data = rest + data
            for item in messages(data):
                if isinstance(item, int):
                    rest = data[len(data) - item :]
                elif not item:
                    return
                else:
                    yield item

    def receive(self, port: str, tokens: int, events: int) -> dict[str, float]:
        with self.session(f"receive/{tokens}/{events}", port) as sock, Use(self.ports["plain"]) as use:
            for text in self.texts(sock):
                read_tokens(text)
        return {"rate": events / use.wall, **use.figures()}

    def receive_async(self, port: str, tokens: int, events: int) -> dict[str, float]:
        async def receive() -> dict[str, float]:
            reader, writer = await self.async_session(f"receive/{tokens}/{events}", port)
            with Use(self.ports["plain"]) as use:
                async for text in self.async_texts(reader):
                    read_tokens(text)
            writer.close()
            return {"rate": events / use.wall, **use.figures()}

        return self.loop.run_until_complete(receive())

    def send(self, port: str, path: str, chunks: int) -> dict[str, float]:
        audio = audio_chunks(chunks)
        with self.session(path, port) as sock, Use(self.ports["plain"]) as use:
            for chunk in audio:
                sock.sendall(masked(2, chunk))
            sock.sendall(masked(1, b""))
            for _ in self.texts(sock):
                pass
        return {"rate": chunks / use.wall, **use.figures()}

    def send_async(self, port: str, path: str, chunks: int) -> dict[str, float]:
        audio = audio_chunks(chunks)

        async def send() -> dict[str, float]:
            reader, writer = await self.async_session(path, port)
            with Use(self.ports["plain"]) as use:
                for chunk in audio:
                    writer.write(masked(2, chunk))
                    await writer.drain()
                writer.write(masked(1, b""))
                async for _ in self.async_texts(reader):
                    pass
            writer.close()
            return {"rate": chunks / use.wall, **use.figures()}

        return self.loop.run_until_complete(send())

    def open(self, port: str, times: int) -> dict[str, float]:
        spent: list[float] = []
        for _ in range(times + 1):
            began = time.perf_counter()
            with self.session("take", port):
                spent.append(time.perf_counter() - began)
        return {"open_time": statistics.median(spent[1:])}

    def idle(self, port: str, sessions: int) -> dict[str, float]:
        self.session("take", port).close()
        before = settled_kib()
        opened = [self.session("take", port) for _ in range(sessions)]
        return {"session_kib": (settled_kib() - before) / len(opened), "session_threads": 0}

    def latency(self, port: str, sessions: int, rate: float, seconds: float) -> dict[str, float]:
        """One session, read by the calling thread."""
        assert sessions == 1
        waits = Waits()
        with self.session(f"paced/10/{rate}/{seconds}", port) as sock, Use(self.ports["plain"]) as use:
            for text in self.texts(sock):
                if tokens := read_tokens(text):
                    waits.add(tokens[0]["text"])
        return waits.figures(use)

    def latency_async(self, port: str, sessions: int, rate: float, seconds: float) -> dict[str, float]:
        waits = Waits()

        async def listen(reader: asyncio.StreamReader) -> None:
            async for text in self.async_texts(reader):
                if tokens := read_tokens(text):
                    waits.add(tokens[0]["text"])

        async def listen_to_all() -> dict[str, float]:
            path = f"paced/10/{rate}/{seconds}"
            opened = await asyncio.gather(*(self.async_session(path, port) for _ in range(sessions)))
            with Use(self.ports["plain"]) as use:
                await asyncio.gather(*(listen(reader) for reader, _ in opened))
            for _, writer in opened:
                writer.close()
            return waits.figures(use)

        return self.loop.run_until_complete(listen_to_all())
