"""Audio in chunks and at a pace, WAV headers, tokens as text, and threads whose failures are not lost."""

from __future__ import annotations

import array
import asyncio
import concurrent.futures
import contextlib
import gc
import io
import os
import struct
import threading
import wave
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import soniox.types.common
import soniox.utils
from hypothesis import given, strategies as st

from soniox_lite import utils
from soniox_lite._audio import background, chunks as _audio, chunks_async as _audio_async, pacing, wav as _wav
from soniox_lite._data import loop_timers
from soniox_lite.errors import SonioxValidationError
from soniox_lite.types.common import Token
from soniox_lite.utils import (
    SessionThread,
    keep_alive_async,
    read_wav_format,
    render_tokens,
    start_audio_thread,
    start_keep_alive_thread,
    stream_audio,
    stream_audio_async,
    stream_wav,
    throttle_audio,
    throttle_audio_async,
    wav_config,
)

from ...support.tables import each_row

ResultT = TypeVar("ResultT")

DEADLINE_SEC = 60.0


def run(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    return asyncio.run(asyncio.wait_for(work, DEADLINE_SEC))


async def collect(chunks: AsyncIterator[bytes]) -> list[bytes]:
    return [chunk async for chunk in chunks]


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


class Dribble(io.RawIOBase):
    """A stream that gives less than it is asked for."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self._content.read(max(1, size // 3))


class AsyncFile:
    """A stream as async libraries have them: ``read`` is a coroutine function, iterating gives lines."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)
        self.closed = False

    async def read(self, size: int) -> bytes:
        await asyncio.sleep(0)
        return self._content.read(size)

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise AssertionError("lines are no audio")


class FutureFile:
    """A stream whose plain ``read`` gives something to await."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def read(self, size: int) -> Any:
        async def later() -> bytes:
            return self._content.read(size)

        return later()


def pieces(content: bytes) -> Iterator[bytes]:
    yield content[:1]
    yield b""
    yield content[1:8]
    yield content[8:]


async def async_pieces(content: bytes) -> AsyncIterator[bytes]:
    for piece in pieces(content):
        yield piece


SOURCES: dict[str, Callable[[bytes, Path], Any]] = {
    "bytes": lambda content, path: content,
    "bytearray": lambda content, path: bytearray(content),
    "memoryview": lambda content, path: memoryview(content),
    "array": lambda content, path: array.array("b", content),
    "str path": lambda content, path: str(path),
    "PathLike": lambda content, path: path,
    "open file": lambda content, path: io.BytesIO(content),
    "dribbling stream": lambda content, path: Dribble(content),
    "list": lambda content, path: list(pieces(content)),
    "generator": lambda content, path: pieces(content),
    "our own chunks": lambda content, path: stream_audio(content, chunk_size_bytes=3),
}
ASYNC_SOURCES: dict[str, Callable[[bytes, Path], Any]] = {
    "async file": lambda content, path: AsyncFile(content),
    "file that gives awaitables": lambda content, path: FutureFile(content),
    "async generator": lambda content, path: async_pieces(content),
    "our own async chunks": lambda content, path: stream_audio_async(content, chunk_size_bytes=3),
}
NO_SOURCES = [None, 7, 1.5, object()]


class TestStreaming:
    @each_row("name", SOURCES)
    @each_row("size", [1, 4, 7, 20, 21, 1000])
    def test_chunks_have_one_length_but_the_last(self, name: str, size: int, tmp_path: Path) -> None:
        content = bytes(range(20))
        (tmp_path / "a").write_bytes(content)
        found = list(stream_audio(SOURCES[name](content, tmp_path / "a"), chunk_size_bytes=size))
        assert found == cut(content, size)
        assert {type(chunk) for chunk in found} == {bytes}

    @each_row("name", [*SOURCES, *ASYNC_SOURCES])
    @each_row("size", [1, 7, 20, 1000])
    def test_the_same_for_tasks(self, name: str, size: int, tmp_path: Path) -> None:
        content = bytes(range(20))
        (tmp_path / "a").write_bytes(content)

        async def main() -> list[bytes]:
            source = {**SOURCES, **ASYNC_SOURCES}[name](content, tmp_path / "a")
            return await collect(stream_audio_async(source, chunk_size_bytes=size))

        assert run(main()) == cut(content, size)

    @given(st.lists(st.binary(max_size=30), max_size=10), st.integers(1, 40))
    def test_cutting_loses_nothing(self, blocks: list[bytes], size: int) -> None:
        assert list(stream_audio(blocks, chunk_size_bytes=size)) == cut(b"".join(blocks), size)

    @each_row("name", SOURCES)
    def test_no_audio_gives_no_chunks(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"")
        assert list(stream_audio(SOURCES[name](b"", tmp_path / "a"))) == []
        assert run(collect(stream_audio_async(SOURCES[name](b"", tmp_path / "a")))) == []

    def test_the_default_length_is_4096(self) -> None:
        assert [len(chunk) for chunk in stream_audio(bytes(5000))] == [4096, 904]

    def test_files_are_read_from_where_they_stand_and_no_further_than_asked(self) -> None:
        file = io.BytesIO(bytes(range(20)))
        file.seek(5)
        chunks = stream_audio(file, chunk_size_bytes=4)
        assert next(chunks) == bytes(range(5, 9))
        chunks.close()
        assert (file.tell(), file.closed) == (9, False)

    def test_a_buffer_may_be_used_again_for_the_next_block(self) -> None:
        def recorder() -> Iterator[bytearray]:
            buffer = bytearray(4)
            for n in range(3):
                buffer[:] = bytes([n]) * 4
                yield buffer

        assert list(stream_audio(recorder(), chunk_size_bytes=3)) == cut(b"\0\0\0\0\1\1\1\1\2\2\2\2", 3)

    def test_samples_of_more_than_a_byte_and_strided_views_count_as_their_bytes(self) -> None:
        samples = array.array("h", [1, 2, 3])
        assert b"".join(stream_audio(samples, chunk_size_bytes=4)) == samples.tobytes()
        assert b"".join(stream_audio(memoryview(b"abcdef")[::2], chunk_size_bytes=2)) == b"ace"

    @each_row("source", NO_SOURCES)
    def test_what_holds_no_audio_is_refused_at_once(self, source: Any) -> None:
        for function in (stream_audio, stream_audio_async, throttle_audio, throttle_audio_async):
            with pytest.raises(SonioxValidationError, match="file must be a path"):
                function(source)

    def test_an_async_source_for_the_sync_helper_gets_a_hint(self) -> None:
        with pytest.raises(SonioxValidationError, match="stream_audio_async"):
            stream_audio(async_pieces(b"x"))  # type: ignore[arg-type]

    @each_row("size", [0, -1, 1.5, True, None, "1", 1 << 31])
    def test_the_length_is_checked_at_once(self, size: Any) -> None:
        for function in (stream_audio, stream_audio_async, throttle_audio, throttle_audio_async, stream_wav):
            with pytest.raises(ValueError, match="chunk_size_bytes"):
                function(b"", chunk_size_bytes=size)

    def test_a_missing_file_is_told_with_the_first_chunk(self, tmp_path: Path) -> None:
        with pytest.raises(SonioxValidationError, match="No such file"):
            next(stream_audio(tmp_path / "missing"))
        with pytest.raises(SonioxValidationError, match="No such file"):
            run(collect(stream_audio_async(tmp_path / "missing")))

    @each_row(
        ("make", "told"),
        [
            (lambda: io.StringIO("text"), "is text"),
            (lambda: ["text"], "is text"),
            (lambda: [b"x", None], "has no data yet"),
            (lambda: [7], "gave int"),
            (lambda: closed_file(), "cannot be read"),  # noqa: PLW0108 - it is defined further down
        ],
    )
    def test_what_is_no_audio_inside_is_told_when_it_comes(self, make: Callable[[], Any], told: str) -> None:
        with pytest.raises(SonioxValidationError, match=told):
            list(stream_audio(make()))
        with pytest.raises(SonioxValidationError, match=told):
            run(collect(stream_audio_async(make())))

    def test_an_error_of_the_callers_iterable_comes_out_as_it_is(self) -> None:
        def broken() -> Iterator[bytes]:
            yield b"ab"
            raise ZeroDivisionError

        chunks = stream_audio(broken(), chunk_size_bytes=1)
        assert [next(chunks), next(chunks)] == [b"a", b"b"]
        with pytest.raises(ZeroDivisionError):
            next(chunks)
        with pytest.raises(ZeroDivisionError):
            run(collect(stream_audio_async(broken(), chunk_size_bytes=1)))


async def until_closed(files: list[Any]) -> None:
    while not (files and files[0].closed):  # noqa: ASYNC110 - a file sends no event when it is closed
        await asyncio.sleep(0)


def closed_file() -> io.BytesIO:
    file = io.BytesIO(b"x")
    file.close()
    return file


class TestClosing:
    @pytest.fixture
    def opened(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        files: list[Any] = []
        real = _audio.open_file

        def remember(path: Any) -> Any:
            files.append(real(path))
            return files[-1]

        for module in (_audio, _audio_async, _wav):
            monkeypatch.setattr(module, "open_file", remember)
        return files

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "a"
        path.write_bytes(bytes(100))
        return path

    @pytest.mark.parametrize("function", [stream_audio, throttle_audio])
    def test_own_files_are_closed_at_the_end_and_early(
        self, function: Callable[..., Any], path: Path, opened: list[Any]
    ) -> None:
        list(function(path, chunk_size_bytes=10))
        early = function(path, chunk_size_bytes=10)
        next(early)
        assert [file.closed for file in opened] == [True, False]
        early.close()
        assert opened[1].closed

    @pytest.mark.parametrize("function", [stream_audio_async, throttle_audio_async])
    def test_the_same_for_tasks(self, function: Callable[..., Any], path: Path, opened: list[Any]) -> None:
        async def main() -> None:
            await collect(function(path, chunk_size_bytes=10))
            early = function(path, chunk_size_bytes=10)
            await early.__anext__()
            assert [file.closed for file in opened] == [True, False]
            await early.aclose()
            assert opened[1].closed

        run(main())

    def test_a_generator_that_was_never_used_opens_nothing(self, path: Path, opened: list[Any]) -> None:
        stream_audio(path).close()
        throttle_audio(path).close()
        run(stream_audio_async(path).aclose())  # type: ignore[arg-type]
        assert opened == []

    def test_the_callers_file_stays_open(self, path: Path) -> None:
        with path.open("rb") as file:
            list(stream_audio(file))
            run(collect(stream_audio_async(file)))
            assert not file.closed

    def test_the_callers_generator_stays_usable_after_an_early_close(self) -> None:
        source = pieces(bytes(range(20)))
        chunks = stream_audio(source, chunk_size_bytes=1)
        next(chunks)
        chunks.close()
        assert next(source) == b""

    def test_cancelling_while_a_pipe_is_opened_leaves_no_open_file(self, tmp_path: Path, opened: list[Any]) -> None:
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)

        async def main() -> None:
            chunks = stream_audio_async(fifo)
            task = asyncio.ensure_future(chunks.__anext__())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # Opening for writing lets the thread's open return; the file is closed in the event loop after that.
            await asyncio.to_thread(lambda: open(fifo, "wb").close())
            await until_closed(opened)

        run(main())

    def test_cancelling_before_a_missing_file_is_noticed_is_no_error_of_the_loop(self, tmp_path: Path) -> None:
        problems: list[Any] = []
        busy = threading.Event()

        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: problems.append(context))
            loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(1))
            waiting = loop.run_in_executor(None, busy.wait, 60)
            task = asyncio.ensure_future(stream_audio_async(tmp_path / "missing").__anext__())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            busy.set()
            await waiting
            # The thread that opens files has come to the next task.
            await asyncio.to_thread(int)

        run(main())
        gc.collect()
        assert problems == []

    def test_cancelling_a_read_that_waits_takes_effect_at_once(self, tmp_path: Path, opened: list[Any]) -> None:
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)

        async def main() -> None:
            chunks = stream_audio_async(fifo, chunk_size_bytes=2)
            task = asyncio.ensure_future(chunks.__anext__())
            writer = await asyncio.to_thread(open, fifo, "wb", 0)
            writer.write(b"ab")
            assert await task == b"ab"
            task = asyncio.ensure_future(chunks.__anext__())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # Only now the thread's read returns, and lets the file be closed.
            writer.close()
            await until_closed(opened)

        run(main())

    def test_blocking_reads_do_not_run_in_the_event_loop(self, path: Path) -> None:
        threads: list[int] = []

        class Watched(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                threads.append(threading.get_ident())
                return super().read(size)

        def watched() -> Iterator[bytes]:
            threads.append(threading.get_ident())
            yield b"x"

        run(collect(stream_audio_async(Watched(b"abc"))))
        run(collect(stream_audio_async(watched())))
        assert threads
        assert threading.get_ident() not in threads


class FakeClock:
    """A clock that only sleeping and the consumer move."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        # Sleeping is never exact.
        self.now += seconds + 0.001

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(pacing, "time", clock)
    monkeypatch.setattr(loop_timers, "sleep", clock.sleep_async)
    return clock


def released(clock: FakeClock, busy: Iterable[float], **options: Any) -> list[float]:
    """When the chunks came, with a consumer that takes so long for each."""
    times: list[float] = []
    start = clock.now
    for _, seconds in zip(throttle_audio(bytes(100), chunk_size_bytes=1, **options), busy, strict=False):
        times.append(round(clock.now - start, 2))
        clock.now += seconds
    return times


async def released_async(clock: FakeClock, busy: Iterable[float], **options: Any) -> list[float]:
    times: list[float] = []
    start = clock.now
    chunks = throttle_audio_async(bytes(100), chunk_size_bytes=1, **options)
    for seconds in busy:
        await chunks.__anext__()
        times.append(round(clock.now - start, 2))
        clock.now += seconds
    await chunks.aclose()
    return times


class TestPace:
    @pytest.mark.parametrize(
        ("delay", "busy", "times"),
        [
            (1.0, [0, 0, 0, 0], [0, 1, 2, 3]),
            (1.0, [0.7, 0.7, 0.7, 0.7], [0, 1, 2, 3]),
            # Late once: what is due comes at once, then the schedule is met again.
            (1.0, [2.5, 0, 0, 0, 0], [0, 2.5, 2.5, 3, 4]),
            # Always late: no pause on top.
            (1.0, [1.5, 1.5, 1.5], [0, 1.5, 3]),
            (0.0, [0, 0, 0], [0, 0, 0]),
            (0, [0, 0], [0, 0]),
        ],
    )
    def test_the_clock_sets_the_pace_and_not_the_consumer(
        self, clock: FakeClock, delay: float, busy: list[float], times: list[float]
    ) -> None:
        assert released(clock, busy, delay_seconds=delay) == times
        assert run(released_async(clock, busy, delay_seconds=delay)) == times

    def test_inexact_sleeping_does_not_add_up(self, clock: FakeClock) -> None:
        times = released(clock, [0.0] * 100, delay_seconds=0.01)
        assert times[-1] == 0.99

    def test_without_a_delay_there_is_no_sleep(self, clock: FakeClock) -> None:
        assert len(list(throttle_audio(bytes(10), chunk_size_bytes=1))) == 10
        assert clock.slept == []

    def test_the_time_that_a_source_takes_counts(self, clock: FakeClock) -> None:
        def slow() -> Iterator[bytes]:
            for _ in range(3):
                clock.now += 0.4
                yield b"x"

        start = clock.now
        times = [round(clock.now - start, 2) for _ in throttle_audio(slow(), chunk_size_bytes=1, delay_seconds=1)]
        assert times == [0.4, 1, 2]

    def test_default_lengths_are_those_of_the_reference(self) -> None:
        assert len(next(throttle_audio(bytes(100_000)))) == 4096
        assert [len(chunk) for chunk in run(collect(throttle_audio_async(bytes(40_000))))] == [32768, 7232]

    @each_row("delay", [-1, float("nan"), float("inf"), "1", True, None])
    def test_the_delay_is_checked_at_once(self, delay: Any) -> None:
        for function in (throttle_audio, throttle_audio_async):
            with pytest.raises(SonioxValidationError, match="delay_seconds"):
                function(b"", delay_seconds=delay)


# WAV

GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
AMBISONIC_TAIL = bytes.fromhex("2107d3118644c8c1ca000000")
SAMPLES = bytes(range(48))


def chunk(name: bytes, content: bytes, size: int | None = None, order: str = "<", *, padded: bool = True) -> bytes:
    pad = b"\0" * (padded and len(content) % 2)
    return name + struct.pack(f"{order}I", len(content) if size is None else size) + content + pad


def fmt(tag: int, channels: int, rate: int, container: int, bits: int, *, tail: bytes = b"", order: str = "<") -> bytes:
    frame = channels * container
    return struct.pack(f"{order}HHIIHH", tag, channels, rate, rate * frame, frame, bits) + tail


def extensible(tag: int, channels: int, rate: int, container: int, bits: int, valid: int) -> bytes:
    tail = struct.pack("<HHIH", 22, valid, 3, tag) + GUID_TAIL
    return fmt(0xFFFE, channels, rate, container, bits, tail=tail)


def wav(*chunks: bytes, form: bytes = b"RIFF", size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    order = ">" if form == b"RIFX" else "<"
    return form + struct.pack(f"{order}I", len(body) if size is None else size) + body


def wave64(*chunks: tuple[str, bytes], size: int | None = None) -> bytes:
    """A Wave64 file; ``size`` stands in place of the sizes of the file and of the samples."""
    names = {
        "riff": "726966662e91cf11a5d628db04c10000",
        "wave": "77617665f3acd3118cd100c04f8edb8a",
        "fmt ": "666d7420f3acd3118cd100c04f8edb8a",
        "fact": "66616374f3acd3118cd100c04f8edb8a",
        "data": "64617461f3acd3118cd100c04f8edb8a",
    }
    body = bytes.fromhex(names["wave"])
    for name, content in chunks:
        length = 24 + len(content) if name != "data" or size is None else size
        body += bytes.fromhex(names[name]) + struct.pack("<Q", length) + content + bytes(-len(content) % 8)
    return bytes.fromhex(names["riff"]) + struct.pack("<Q", size or 24 + len(body)) + body


def plain(format_chunk: bytes, *, order: str = "<", form: bytes = b"RIFF") -> bytes:
    return wav(chunk(b"fmt ", format_chunk, order=order), chunk(b"data", SAMPLES, order=order), form=form)


FORMATS = [
    ("pcm_u8", plain(fmt(1, 1, 8000, 1, 8))),
    ("pcm_s16le", plain(fmt(1, 2, 44100, 2, 16))),
    ("pcm_s24le", plain(fmt(1, 2, 48000, 3, 24))),
    ("pcm_s32le", plain(fmt(1, 1, 48000, 4, 32))),
    ("pcm_s16le", plain(fmt(1, 1, 16000, 2, 12))),
    ("pcm_f32le", plain(fmt(3, 1, 16000, 4, 32, tail=b"\0\0"))),
    ("pcm_f64le", plain(fmt(3, 2, 16000, 8, 64))),
    ("alaw", plain(fmt(6, 1, 8000, 1, 8, tail=b"\0\0"))),
    ("mulaw", plain(fmt(7, 2, 8000, 1, 8, tail=b"\0\0"))),
    ("pcm_s16le", plain(extensible(1, 2, 16000, 2, 16, 16))),
    ("pcm_s24le", plain(extensible(1, 6, 48000, 3, 24, 20))),
    ("pcm_f32le", plain(extensible(3, 1, 48000, 4, 32, 32))),
    ("mulaw", plain(extensible(7, 1, 8000, 1, 8, 8))),
    ("pcm_s16le", plain(extensible(1, 4, 48000, 2, 16, 16)[:-12] + AMBISONIC_TAIL)),
    ("pcm_s24le", plain(fmt(0xFFFE, 1, 8000, 3, 24, tail=b"\0\0"))),
    ("pcm_s16be", plain(fmt(1, 1, 16000, 2, 16, order=">"), order=">", form=b"RIFX")),
    ("pcm_f64be", plain(fmt(3, 1, 16000, 8, 64, order=">"), order=">", form=b"RIFX")),
]
# Formats with a frame that cannot be: what is sent, and the bytes of a second.
FRAMES = [
    (fmt(1, 1, 8000, 0, 16), "pcm_s16le", 16000),
    (fmt(1, 1, 8000, 2, 24), "pcm_s24le", 24000),
    (struct.pack("<HHIIHH", 1, 2, 8000, 16000, 2, 16), "pcm_s16le", 32000),
    (fmt(7, 2, 8000, 2, 16), "mulaw", 16000),
    (fmt(6, 1, 8000, 0, 8), "alaw", 8000),
    (fmt(3, 1, 8000, 0, 32), "pcm_f32le", 32000),
]
PCM16 = fmt(1, 1, 16000, 2, 16)
# Headers whose samples are SAMPLES, and what they announce.
SHAPES: dict[str, tuple[bytes, int | None]] = {
    "chunks after the samples": (
        wav(chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES), chunk(b"LIST", b"INFOxyz")), 48,
    ),
    "an odd chunk before the samples": (
        wav(chunk(b"JUNK", b"odd"), chunk(b"fmt ", PCM16), chunk(b"LIST", b"x" * 7), chunk(b"data", SAMPLES)), 48,
    ),
    "a long chunk before the samples": (
        wav(chunk(b"bext", bytes(200_001)), chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES)), 48,
    ),
    "a long format": (wav(chunk(b"fmt ", PCM16 + bytes(61)), chunk(b"data", SAMPLES)), 48),
    "streamed, size unknown": (
        wav(chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES, 0xFFFFFFFF), size=0xFFFFFFFF), None,
    ),
    "streamed, size zero": (wav(chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES, 0), size=0), None),
    "streamed, only the size of the samples zero": (
        wav(chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES, 0), size=0xFFFFFFFF), None,
    ),
    "stopped, sizes of a file without samples": (
        wav(chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES, 0), size=36), None,
    ),
    "an empty chunk before the samples": (
        wav(chunk(b"fmt ", PCM16), chunk(b"data", b""), chunk(b"LIST", b"INFO"), chunk(b"data", SAMPLES)), 48,
    ),
    "samples in two chunks": (
        wav(chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES[:21]), chunk(b"LIST", b"odd"), chunk(b"data", SAMPLES[21:])),
        21,
    ),
    "an odd chunk without its padding": (
        wav(chunk(b"bext", bytes(603), padded=False), chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES)), 48,
    ),
    "chunks at positions that four divides": (
        wav(chunk(b"fmt ", PCM16 + b"\0\0"), b"\0\0", chunk(b"data", SAMPLES)), 48,
    ),
    "no chunk after the samples": (wav(chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES), b"0123456789"), 48),
    "another file behind it": (
        wav(chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES)) + wav(chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES)), 48,
    ),
    "cut off": (wav(chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES, 1000)), 1000),
    "RF64": (
        wav(
            chunk(b"ds64", struct.pack("<QQQI", 1 << 33, 48, 24, 0)),
            chunk(b"fmt ", PCM16),
            chunk(b"data", SAMPLES, 0xFFFFFFFF),
            chunk(b"LIST", b"INFO"),
            form=b"RF64",
            size=0xFFFFFFFF,
        ),
        48,
    ),
    "BW64": (
        wav(
            chunk(b"ds64", struct.pack("<QQQI", 1 << 33, 5 << 32, 24, 0)),
            chunk(b"fmt ", PCM16),
            chunk(b"data", SAMPLES, 0xFFFFFFFF),
            form=b"BW64",
            size=0xFFFFFFFF,
        ),
        5 << 32,
    ),
    "RF64, streamed": (
        wav(
            chunk(b"ds64", bytes(28)), chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES, 0xFFFFFFFF), form=b"RF64",
        ),
        None,
    ),
    "Wave64": (wave64(("fact", bytes(4)), ("fmt ", PCM16 + b"\0\0"), ("data", SAMPLES), ("fact", bytes(8))), 48),
    "Wave64, streamed": (wave64(("fmt ", PCM16), ("data", SAMPLES), size=(1 << 63) - 1), None),
    "a tag before the file": (
        b"ID3\4\0\x10\0\0\1\x02" + bytes(130) + b"3DI\4\0\x10\0\0\1\x02"
        + wav(chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES[:21]), chunk(b"data", SAMPLES[21:])),
        21,
    ),
    "names in the wrong case": (
        wav(chunk(b"FMT ", PCM16), chunk(b"DATA", SAMPLES), form=b"riff").replace(b"WAVE", b"wave"), 48,
    ),
}  # fmt: skip


class TestWav:
    @each_row(("name", "content"), FORMATS, ids=lambda value: value if isinstance(value, str) else "")
    def test_formats(self, name: str, content: bytes) -> None:
        found = read_wav_format(content)
        order = ">" if content.startswith(b"RIFX") else "<"
        channels, rate = struct.unpack_from(f"{order}HI", content, 22)
        assert (found.audio_format, found.num_channels, found.sample_rate) == (name, channels, rate)
        assert content[found.data_offset_bytes :] == SAMPLES
        (frame,) = struct.unpack_from(f"{order}H", content, 32)
        assert found.bytes_per_second == rate * frame
        assert b"".join(stream_wav(content, chunk_size_bytes=5)) == SAMPLES

    @each_row("name", SHAPES)
    def test_headers_of_all_shapes(self, name: str, tmp_path: Path) -> None:
        content, size = SHAPES[name]
        (tmp_path / "a.wav").write_bytes(content)
        for source in (content, tmp_path / "a.wav", io.BytesIO(content), Dribble(content)):
            found = read_wav_format(source)
            assert (found.audio_format, found.data_size_bytes) == ("pcm_s16le", size)
            assert content[found.data_offset_bytes :].startswith(SAMPLES[:21])
        for source in (content, str(tmp_path / "a.wav"), io.BytesIO(content), Dribble(content)):
            assert list(stream_wav(source, chunk_size_bytes=7)) == cut(SAMPLES, 7)

    @each_row("form", [b"RIFF", b"RIFX", b"RF64"])
    @each_row("after", [[], [(b"LIST", b"INFOabc"), (b"id3 ", b"ID3\4")]], ids=["nothing", "chunks"])
    def test_a_complete_file_without_audio_has_none(
        self, form: bytes, after: list[tuple[bytes, bytes]], tmp_path: Path
    ) -> None:
        order = ">" if form == b"RIFX" else "<"
        chunks = [
            chunk(b"fmt ", fmt(1, 1, 16000, 2, 16, order=order), order=order),
            chunk(b"data", b"", 0xFFFFFFFF if form == b"RF64" else 0, order=order),
            *(chunk(name, content, order=order) for name, content in after),
        ]
        content = wav(*chunks, form=form)
        if form == b"RF64":
            content = wav(
                chunk(b"ds64", struct.pack("<QQQI", len(content) + 36 - 8, 0, 0, 0)),
                *chunks,
                form=form,
                size=0xFFFFFFFF,
            )
        (tmp_path / "a.wav").write_bytes(content)
        for source in (content, tmp_path / "a.wav", io.BytesIO(content), Dribble(content)):
            assert list(stream_wav(source)) == []
        for stream in (io.BytesIO(content), Dribble(content)):
            # Without chunks there is no telling whether more would have come.
            assert read_wav_format(stream).data_size_bytes == (0 if after else None)
            assert list(stream_audio(stream)) == []

    def test_only_the_size_of_the_samples_was_never_filled_in(self) -> None:
        content = wav(chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES, 0))
        stream = io.BytesIO(content)
        assert read_wav_format(stream).data_size_bytes is None
        assert stream.read() == b"".join(stream_wav(Dribble(content))) == SAMPLES
        with pytest.raises(SonioxValidationError, match=r"cannot seek: .* audio_format='auto'"):
            read_wav_format(Dribble(content))

    @each_row(
        ("format_chunk", "name", "bytes_per_second"), FRAMES, ids=lambda value: value if isinstance(value, str) else ""
    )
    def test_a_frame_that_cannot_be_gives_way_to_the_bits(
        self, format_chunk: bytes, name: str, bytes_per_second: int
    ) -> None:
        found = read_wav_format(plain(format_chunk))
        assert (found.audio_format, found.bytes_per_second) == (name, bytes_per_second)

    def test_nothing_behind_the_file_is_read(self) -> None:
        file = wav(chunk(b"fmt ", PCM16), chunk(b"data", SAMPLES), chunk(b"LIST", b"INFO"))
        stream = io.BytesIO(file + file)
        assert b"".join(stream_wav(stream)) == b"".join(stream_wav(stream)) == SAMPLES

    def test_any_number_of_empty_chunks_is_read_over(self) -> None:
        empty = [chunk(b"data", b"")] * 20_000
        assert b"".join(stream_wav(wav(chunk(b"fmt ", PCM16), *empty, chunk(b"data", SAMPLES)))) == SAMPLES

    def test_what_the_standard_library_writes(self, tmp_path: Path) -> None:
        with wave.open(str(tmp_path / "a.wav"), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(22050)
            file.writeframes(SAMPLES)
        found = read_wav_format(tmp_path / "a.wav")
        assert (found.audio_format, found.sample_rate, found.num_channels) == ("pcm_s16le", 22050, 2)
        assert (found.data_offset_bytes, found.data_size_bytes, found.bytes_per_second) == (44, 48, 88200)

    def test_a_file_object_stands_at_the_first_sample_afterwards(self) -> None:
        content, _ = SHAPES["an odd chunk before the samples"]
        for stream in (io.BytesIO(content), Dribble(content)):
            read_wav_format(stream)
            assert not stream.closed
            assert b"".join(stream_audio(stream)) == SAMPLES

    def test_a_format_behind_the_samples_is_found_where_the_source_can_seek(self, tmp_path: Path) -> None:
        content = wav(chunk(b"data", SAMPLES), chunk(b"LIST", b"odd"), chunk(b"fmt ", PCM16))
        (tmp_path / "a.wav").write_bytes(content)
        for source in (content, tmp_path / "a.wav", io.BytesIO(content)):
            found = read_wav_format(source)
            assert (found.sample_rate, found.data_offset_bytes, found.data_size_bytes) == (16000, 20, 48)
        for source in (content, tmp_path / "a.wav", io.BytesIO(content)):
            assert b"".join(stream_wav(source)) == SAMPLES
        with pytest.raises(SonioxValidationError, match=r"no format before its data: .* audio_format='auto'"):
            read_wav_format(Dribble(content))

    def test_a_file_object_need_not_begin_with_the_header(self) -> None:
        stream = io.BytesIO(b"before" + FORMATS[1][1])
        stream.seek(6)
        assert read_wav_format(stream).data_offset_bytes == 44

    def test_a_configuration_from_the_header(self) -> None:
        config = wav_config(FORMATS[1][1], model="stt-rt-v5", language_hints=["en"])
        assert config.to_dict() == {
            "model": "stt-rt-v5",
            "audio_format": "pcm_s16le",
            "sample_rate": 44100,
            "num_channels": 2,
            "language_hints": ["en"],
        }

    @each_row(
        ("options", "told"),
        [
            ({"audio_format": "wav"}, "audio_format: taken from the header"),
            ({"sample_rate": 1, "num_channels": 1}, "num_channels, sample_rate: taken from the header"),
            ({"no_such": 1}, "no_such"),
            ({"language_hints": ["eng"]}, "language_hints"),
        ],
    )
    def test_options_are_checked(self, options: dict[str, Any], told: str) -> None:
        with pytest.raises(SonioxValidationError, match=told):
            wav_config(FORMATS[0][1], model="stt-rt-v5", **options)

    @each_row(
        ("content", "told"),
        [
            (b"", "no WAV file: it begins with b''"),
            (b"OggS" + bytes(100), "no WAV file"),
            (b"RIFF\0\0\0\0AVI LIST", "no WAV file"),
            (b"RIFF\0\0\0\0WAVE", "cut off in its header"),
            (FORMATS[0][1][:30], "cut off in its header"),
            (wav(chunk(b"fmt ", PCM16)), "cut off in its header"),
            (wav(chunk(b"JUNK", b"x", 1 << 31)), "cut off in its header"),
            (wav(chunk(b"data", SAMPLES), chunk(b"LIST", b"INFO")), "no format before its data"),
            (b"ID3\4\0\0\0\0\0\2xx" + b"\xff\xfb" * 50, "no WAV file: it begins with b'.xff.xfb"),
            (b"ID3\4\0\0\0\0\1\2", "cut off in its header"),
            (wave64(("fmt ", PCM16)), "cut off in its header"),
            (plain(PCM16[:14]), "14 of 16 bytes"),
            (plain(fmt(2, 1, 8000, 1, 4)), "compressed audio .format 0x0002"),
            (plain(fmt(0x55, 1, 8000, 1, 0)), "compressed audio .format 0x0055"),
            (plain(extensible(2, 1, 8000, 1, 4, 4)), "compressed audio"),
            (plain(fmt(0xFFFE, 1, 8000, 2, 16, tail=b"\x16" + bytes(23))), "unknown format"),
            (plain(fmt(0xFFFE, 1, 8000, 4, 32)), "unknown format"),
            (wav(chunk(b"fmt ", PCM16), bytes(5), chunk(b"data", SAMPLES)), "no chunk where one should be"),
            (wav(chunk(b"fmt ", PCM16), b"\xff" * 1000), "no chunk where one should be"),
            (plain(fmt(1, 0, 8000, 2, 16)), "0 channels at 8000 Hz"),
            (plain(fmt(1, 1, 0, 2, 16)), "1 channels at 0 Hz"),
            (plain(fmt(1, 1, 8000, 5, 40)), "contradicts itself"),
            (plain(fmt(1, 1, 8000, 0, 0)), "contradicts itself"),
            (plain(fmt(3, 1, 8000, 2, 16)), "contradicts itself"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_cannot_be_used_is_told(self, content: bytes, told: str) -> None:
        with pytest.raises(SonioxValidationError, match=told) as caught:
            read_wav_format(content)
        # The service reads files that this cannot read.
        assert "audio_format='auto'" in str(caught.value)
        with pytest.raises(SonioxValidationError, match=told):
            list(stream_wav(io.BytesIO(content)))

    @each_row("source", [None, 7, [b"RIFF"], iter([b"RIFF"])])
    def test_other_sources_are_refused(self, source: Any) -> None:
        with pytest.raises(SonioxValidationError, match="file must be"):
            read_wav_format(source)

    @given(st.binary(max_size=120))
    def test_any_bytes_give_a_format_or_one_clear_error(self, tail: bytes) -> None:
        riff = b"RIFF\0\0\0\0WAVE"
        for content in (tail, riff + tail, riff + b"fmt \x10\0\0\0" + tail + chunk(b"data", b"x")):
            with contextlib.suppress(SonioxValidationError):
                read_wav_format(content)


# Tokens as text

_token_fields = st.fixed_dictionaries(
    {
        "text": st.sampled_from(["Hi", " there", "  two ", "", "\n", "<end>", " <fin>", "é"]),
        "speaker": st.sampled_from([None, None, "", "1", "2"]),
        "language": st.sampled_from([None, None, "", "en", "de"]),
        "translation_status": st.sampled_from([None, "none", "original", "translation"]),
        "is_final": st.sampled_from([None, True, False]),
    }
)


class TestRenderTokens:
    @given(st.lists(_token_fields, max_size=12), st.lists(_token_fields, max_size=6))
    def test_the_official_sdk_renders_the_same(
        self, finals: list[dict[str, Any]], others: list[dict[str, Any]]
    ) -> None:
        official = soniox.types.common.Token
        expected = soniox.utils.render_tokens(
            [official(**fields) for fields in finals], [official(**fields) for fields in others]
        )
        assert render_tokens([Token(**fields) for fields in finals], [Token(**fields) for fields in others]) == expected

    def test_values_of_another_kind_cost_no_words(self) -> None:
        tokens: Any = [Token.from_dict({"text": "How", "speaker": {}, "language": []}), Token(text=" are you?")]
        assert render_tokens(tokens, []).split()[-3:] == ["How", "are", "you?"]

    def test_an_example(self) -> None:
        tokens = [
            Token(text="How", speaker="1", language="en", translation_status="original"),
            Token(text=" are you?", speaker="1", language="en", translation_status="original"),
            Token(text=" Wie geht's?", speaker="1", language="de", translation_status="translation"),
        ]
        tail = [Token(text=" Fine", speaker="2", language="en", translation_status="original")]
        assert render_tokens(tokens, tail) == (
            "Speaker 1:\n[en] How are you?\n[Translation] [de] Wie geht's?\n\nSpeaker 2:\n[en] Fine"
        )


# Threads


class Session:
    """A session that notes what it is told."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.sent: list[bytes] = []
        self.keep_alives = 0
        self.on_keep_alive: Callable[[], object] = lambda: None

    def send_bytes(self, chunks: bytes | Iterator[bytes]) -> None:
        self.sent += [chunks] if isinstance(chunks, bytes) else chunks
        if self.error is not None:
            raise self.error

    def keep_alive(self) -> None:
        self.keep_alives += 1
        self.on_keep_alive()
        if self.error is not None:
            raise self.error


class TellableSession(Session):
    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__(error)
        self.failures: list[BaseException] = []

    def _fail(self, error: BaseException) -> None:
        self.failures.append(error)


class AsyncSession:
    def __init__(self) -> None:
        self.keep_alives = 0
        self.on_keep_alive: Callable[[], object] = lambda: None

    async def send_bytes(self, chunks: object) -> None:
        raise AssertionError("this must not be awaited")

    async def keep_alive(self) -> None:
        self.keep_alives += 1
        self.on_keep_alive()


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> list[BaseException | None]:
    """What threading.excepthook was called with."""
    errors: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: errors.append(args.exc_value))
    return errors


class TestAudioThread:
    def test_sends_all_and_ends_without_a_failure(self) -> None:
        session = Session()
        thread = start_audio_thread(session, stream_audio(b"abcd", chunk_size_bytes=2), name="mine")
        thread.result(DEADLINE_SEC)
        assert (session.sent, thread.exception, thread.name, thread.daemon) == ([b"ab", b"cd"], None, "mine", True)

    def test_bytes_are_handed_over_as_they_are(self) -> None:
        session = Session()
        thread = start_audio_thread(session, b"abcd", daemon=False)
        thread.result(DEADLINE_SEC)
        assert (session.sent, thread.daemon) == ([b"abcd"], False)

    def test_a_failure_is_told_to_the_session_and_kept(self, hooked: list[BaseException | None]) -> None:
        error = ValueError("broke")
        session = TellableSession(error)
        thread = start_audio_thread(session, b"x")
        thread.join(DEADLINE_SEC)
        assert (session.failures, thread.exception, hooked) == ([error], error, [])
        with pytest.raises(ValueError, match="broke"):
            thread.raise_if_failed()
        with pytest.raises(ValueError, match="broke"):
            thread.result()

    def test_an_error_of_the_source_is_one_too(self, tmp_path: Path) -> None:
        session = TellableSession()
        thread = start_audio_thread(session, stream_audio(tmp_path / "missing"))
        with pytest.raises(SonioxValidationError, match="No such file"):
            thread.result(DEADLINE_SEC)
        assert session.failures == [thread.exception]

    def test_a_session_that_cannot_be_told_gets_it_printed(self, hooked: list[BaseException | None]) -> None:
        error = ValueError("broke")
        thread = start_audio_thread(Session(error), b"x")
        thread.join(DEADLINE_SEC)
        assert (hooked, thread.exception) == ([error], error)

    def test_even_an_exit_is_not_lost(self) -> None:
        session = TellableSession(SystemExit(3))
        thread = start_audio_thread(session, b"x")
        thread.join(DEADLINE_SEC)
        assert session.failures == [session.error]

    def test_result_tells_when_the_time_is_up(self) -> None:
        gate = threading.Event()
        thread = SessionThread(Session(), lambda: gate.wait(DEADLINE_SEC))
        thread.start()
        with pytest.raises(TimeoutError, match="has not ended after"):
            thread.result(0.0)
        thread.raise_if_failed()
        gate.set()
        thread.result(DEADLINE_SEC)

    @each_row("session", [AsyncSession(), object(), None])
    def test_other_sessions_are_refused(self, session: Any) -> None:
        with pytest.raises(SonioxValidationError, match="must be a sync one"):
            start_audio_thread(session, b"x")
        with pytest.raises(SonioxValidationError, match="must be a sync one"):
            start_keep_alive_thread(session)


OUT_OF_BOUNDS = [0, 0.99, 20.01, -1, float("nan"), float("inf"), "10", None, True]


class TestKeepAliveThread:
    @pytest.fixture
    def waits(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """What was waited for; three times it takes no time at all, then the stop comes."""
        found: list[float] = []

        class FakeEvent(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                found.append(timeout or 0.0)
                if len(found) == 3:
                    self.set()
                return self.is_set()

        monkeypatch.setattr(background, "Event", FakeEvent)
        return found

    def test_sends_at_once_and_then_at_intervals(self, waits: list[float]) -> None:
        session = Session()
        thread, stop = start_keep_alive_thread(session, interval_seconds=7, name="mine")
        thread.result(DEADLINE_SEC)
        assert (session.keep_alives, waits, stop.is_set()) == (3, [7, 7, 7], True)
        assert (thread.name, thread.daemon) == ("mine", True)

    def test_the_event_stops_it(self) -> None:
        session = Session()
        sent = threading.Event()
        session.on_keep_alive = sent.set
        thread, stop = start_keep_alive_thread(session, interval_seconds=20)
        assert sent.wait(DEADLINE_SEC)
        stop.set()
        thread.result(DEADLINE_SEC)
        assert session.keep_alives == 1

    def test_a_failure_is_told_and_ends_it(self) -> None:
        session = TellableSession(ValueError("broke"))
        thread, _ = start_keep_alive_thread(session)
        thread.join(DEADLINE_SEC)
        assert (session.failures, session.keep_alives) == ([session.error], 1)

    @each_row("interval", OUT_OF_BOUNDS)
    def test_bounds(self, interval: Any) -> None:
        with pytest.raises(ValueError, match="interval_seconds"):
            start_keep_alive_thread(Session(), interval_seconds=interval)


class VirtualTime(asyncio.SelectorEventLoop):
    """An event loop that does not wait for timers: its clock jumps to the next one."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._really_select = self._selector.select  # type: ignore[attr-defined]
        self._selector.select = self._select  # type: ignore[attr-defined]

    def time(self) -> float:
        return self._now

    def _select(self, timeout: float | None) -> Any:
        self._now += timeout or 0.0
        return self._really_select(0)


class TestKeepAliveTask:
    def drive(self, work: Callable[[VirtualTime], Coroutine[Any, Any, ResultT]]) -> ResultT:
        loop = VirtualTime()
        try:
            return loop.run_until_complete(work(loop))
        finally:
            loop.close()

    def test_sends_at_once_and_then_at_intervals_until_stopped(self) -> None:
        session = AsyncSession()

        async def main(loop: VirtualTime) -> list[float]:
            stop = asyncio.Event()
            times: list[float] = []

            def note() -> None:
                times.append(loop.time())
                if len(times) == 3:
                    stop.set()

            session.on_keep_alive = note
            await keep_alive_async(session, interval_seconds=20, stop_event=stop)
            return times

        assert self.drive(main) == pytest.approx([0, 20, 40], abs=0.01)

    def test_stopping_takes_effect_at_once(self) -> None:
        async def main(loop: VirtualTime) -> float:
            stop = asyncio.Event()
            loop.call_later(3, stop.set)
            await keep_alive_async(AsyncSession(), stop_event=stop)
            return loop.time()

        assert self.drive(main) == pytest.approx(3, abs=0.01)

    def test_without_an_event_it_goes_on_until_cancelled(self) -> None:
        session = AsyncSession()

        async def main(loop: VirtualTime) -> None:
            task = asyncio.ensure_future(keep_alive_async(session, interval_seconds=1))
            await asyncio.sleep(10.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        self.drive(main)
        assert session.keep_alives == 11

    def test_a_failure_comes_out(self) -> None:
        session = AsyncSession()

        def fail() -> None:
            raise ZeroDivisionError

        session.on_keep_alive = fail
        with pytest.raises(ZeroDivisionError):
            run(keep_alive_async(session))

    @each_row("interval", OUT_OF_BOUNDS)
    def test_bounds(self, interval: Any) -> None:
        with pytest.raises(ValueError, match="interval_seconds"):
            run(keep_alive_async(AsyncSession(), interval_seconds=interval))


@each_row("name", utils.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(utils, name) is not None


# Names of audio files.


@each_row(
    "audio_format",
    ["pcm_s16le", "pcm_f32le", "pcm_mulaw", "pcm_alaw", "wav", "mp3", "aac", "flac", "opus", "WAV", "pcm_s24le", ""],
)
@each_row("prefix", ["out", "some/folder/out", "out.1", ""])
def test_an_audio_format_has_the_official_extension(audio_format: str, prefix: str) -> None:
    found = utils.output_file_for_audio_format(audio_format, prefix)

    assert found == soniox.utils.output_file_for_audio_format(audio_format, prefix)
    assert isinstance(found, Path)
