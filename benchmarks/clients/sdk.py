"""The workloads as users of either SDK write them; both SDKs have the same names."""

from __future__ import annotations

import asyncio
import functools
import statistics
import threading
import time
from typing import TYPE_CHECKING, Any

from process import Use, percentile, settled_kib, status_kib

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

CONFIG = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}
ID = "84c32fc6-4fb5-4e7a-b656-b5ec70493753"


@functools.cache
def audio_chunks(number: int, size: int = 3840) -> list[bytes]:
    """Audio that compresses like speech: tones and noise. It repeats, but outside of a compressor's window."""
    import math  # noqa: PLC0415 - only workloads that send need it
    import random  # noqa: PLC0415 - as above

    noise = random.Random(1)
    samples = [
        int(6000 * math.sin(n / 20) + 3000 * math.sin(n / 7.3) + noise.gauss(0, 400)) for n in range(size // 2 * 32)
    ]
    data = b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)
    return [data[n % 32 * size : n % 32 * size + size] for n in range(number)]


class Sdk:
    """Workloads of both SDKs. Each returns figures by name."""

    client_class: Any
    async_client_class: Any

    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports
        self.loop: asyncio.AbstractEventLoop | None = None
        self.client = functools.cache(self.new_client)
        self.async_client = functools.cache(self.new_async_client)

    # Creating clients and sessions, running coroutines.

    def urls(self, path: str, port: str) -> dict[str, str]:
        """Base URLs; all ports but ``plain`` use TLS."""
        secure = "" if port == "plain" else "s"
        host = f"127.0.0.1:{self.ports[port]}"
        return {"api_base_url": f"http{secure}://{host}/{path}", "websocket_base_url": f"ws{secure}://{host}/{path}"}

    def new_client(self, path: str, port: str) -> Any:
        return self.client_class(api_key="key", **self.urls(path, port))

    def new_async_client(self, path: str, port: str) -> Any:
        return self.async_client_class(api_key="key", **self.urls(path, port))

    def session(self, path: str, port: str, **options: Any) -> Any:
        return self.client(path, port).realtime.stt.connect(config=self.config, **options)

    def async_session(self, path: str, port: str, **options: Any) -> Any:
        return self.async_client(path, port).realtime.stt.connect(config=self.config, **options)

    @functools.cached_property
    def config(self) -> Any:
        import importlib  # noqa: PLC0415 - the module depends on the package

        package = self.client_class.__module__.split(".")[0]
        return importlib.import_module(f"{package}.types.realtime").RealtimeSTTConfig(**CONFIG)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        if self.loop is None:
            self.loop = asyncio.new_event_loop()
        return self.loop.run_until_complete(coroutine)

    # REST

    def rest(self, what: str, port: str, seconds: float, size: int = 0) -> dict[str, float]:
        """Requests one after another over one connection."""
        client = self.client("v1", port)

        def transcript() -> None:
            for token in client.stt.get_transcript(f"73d4357d-cad2-4338-a60d-{size:012}").tokens:
                _ = token.text

        calls: dict[str, Callable[[], Any]] = {
            "file": lambda: client.files.get(ID),
            "jobs": lambda: client.stt.list(limit=100),
            "transcript": transcript,
        }
        return repeated(calls[what], seconds, self.ports["plain"])

    def rest_async(self, path: str, port: str, seconds: float, concurrent: int) -> dict[str, float]:
        """Concurrent tasks, each with requests one after another."""

        async def ask() -> dict[str, float]:
            client = self.async_client(path, port)
            await asyncio.gather(*(client.files.get(ID) for _ in range(concurrent)))
            until = time.perf_counter() + seconds

            async def worker() -> int:
                done = 0
                while time.perf_counter() < until:
                    await client.files.get(ID)
                    done += 1
                return done

            with Use(self.ports["plain"]) as use:
                done = sum(await asyncio.gather(*(worker() for _ in range(concurrent))))
            return {"rate": done / use.wall, **use.figures()}

        return self.run(ask())

    def rest_threads(self, path: str, port: str, seconds: float, concurrent: int) -> dict[str, float]:
        """Concurrent threads on one client."""
        client = self.client(path, port)
        client.files.get(ID)
        counts: list[int] = []
        until = time.perf_counter() + seconds

        def worker() -> None:
            done = 0
            while time.perf_counter() < until:
                client.files.get(ID)
                done += 1
            counts.append(done)

        with Use(self.ports["plain"]) as use:
            side_by_side([worker] * concurrent)
        return {"rate": sum(counts) / use.wall, **use.figures()}

    def upload(self, port: str, file: str, warm_up_file: str) -> dict[str, float]:
        client = self.client("v1", port)
        client.files.upload(warm_up_file)
        before = settled_kib()
        with Use(self.ports["plain"]) as use:
            client.files.upload(file)
        return {"upload_time": use.wall, "growth_mib": max(0, status_kib("VmHWM") - before) / 1024, **use.figures()}

    # Realtime

    def receive(self, port: str, tokens: int, events: int) -> dict[str, float]:
        """Receives every event of a stream and reads every token."""
        with self.session(f"receive/{tokens}/{events}", port) as session:
            session.receive_event()
            with Use(self.ports["plain"]) as use:
                got = 1
                for event in session.receive_events():
                    for token in event.tokens:
                        _ = token.text
                    got += 1
        assert got in (events, events + 1), got
        return {"rate": events / use.wall, **use.figures()}

    def receive_async(self, port: str, tokens: int, events: int) -> dict[str, float]:
        async def receive() -> dict[str, float]:
            async with self.async_session(f"receive/{tokens}/{events}", port) as session:
                await session.receive_event()
                with Use(self.ports["plain"]) as use:
                    got = 1
                    async for event in session.receive_events():
                        for token in event.tokens:
                            _ = token.text
                        got += 1
            assert got in (events, events + 1), got
            return {"rate": events / use.wall, **use.figures()}

        return self.run(receive())

    def send(self, port: str, path: str, chunks: int) -> dict[str, float]:
        """Sends chunks of audio until the server has read all of them."""
        audio = audio_chunks(chunks)
        with self.session(path, port) as session, Use(self.ports["plain"]) as use:
            for chunk in audio:
                session.send_byte_chunk(chunk)
            session.finish()
            for _ in session.receive_events():
                pass
        return {"rate": chunks / use.wall, **use.figures()}

    def send_async(self, port: str, path: str, chunks: int) -> dict[str, float]:
        audio = audio_chunks(chunks)

        async def send() -> dict[str, float]:
            async with self.async_session(path, port) as session:
                with Use(self.ports["plain"]) as use:
                    for chunk in audio:
                        await session.send_byte_chunk(chunk)
                    await session.finish()
                    async for _ in session.receive_events():
                        pass
            return {"rate": chunks / use.wall, **use.figures()}

        return self.run(send())

    def open(self, port: str, times: int) -> dict[str, float]:
        """Opens sessions in a process that has opened one before."""
        spent: list[float] = []
        for _ in range(times + 1):
            session = self.session("take", port)
            began = time.perf_counter()
            with session:
                spent.append(time.perf_counter() - began)
        return {"open_time": statistics.median(spent[1:])}

    def open_async(self, port: str, times: int) -> dict[str, float]:
        async def opening() -> dict[str, float]:
            spent: list[float] = []
            for _ in range(times + 1):
                session = self.async_session("take", port)
                began = time.perf_counter()
                async with session:
                    spent.append(time.perf_counter() - began)
            return {"open_time": statistics.median(spent[1:])}

        return self.run(opening())

    def healthy(self, port: str, times: int, seconds: float) -> dict[str, float]:
        """Opens and closes sessions; one that takes over five seconds counts as hung and ends the process."""
        done, until = 0, time.perf_counter() + seconds
        while done < times and time.perf_counter() < until:
            with bounded(5.0, {"connects": done, "hung": 1}):
                session = self.session("take", port)
                with session:
                    pass
            done += 1
        return {"connects": done, "hung": 0}

    def stall(self, port: str, path: str, connect_timeout_sec: float) -> dict[str, float]:
        """Time until a connect fails, as a multiple of its timeout; three times the timeout counts as hung."""
        self.config  # noqa: B018 - loads modules before the measurement
        began = time.perf_counter()
        with bounded(3 * connect_timeout_sec, {"over": 3.0, "hung": 1}):
            try:
                with self.session(path, port, connect_timeout_sec=connect_timeout_sec):
                    pass
            except Exception:  # noqa: BLE001 - each SDK has errors of its own
                return {"over": (time.perf_counter() - began) / connect_timeout_sec, "hung": 0}
        return {"over": 0.0, "hung": 0}

    def stall_async(self, port: str, path: str, connect_timeout_sec: float) -> dict[str, float]:
        async def stall() -> None:
            async with self.async_session(path, port, connect_timeout_sec=connect_timeout_sec):
                pass

        began = time.perf_counter()
        with bounded(3 * connect_timeout_sec, {"over": 3.0, "hung": 1}):
            try:
                self.run(stall())
            except Exception:  # noqa: BLE001 - each SDK has errors of its own
                return {"over": (time.perf_counter() - began) / connect_timeout_sec, "hung": 0}
        return {"over": 0.0, "hung": 0}

    def idle(self, port: str, sessions: int) -> dict[str, float]:
        """Memory and threads per open session."""
        with self.session("take", port):
            pass
        memory, running = settled_kib(), threading.active_count()
        began = time.perf_counter()
        opened = []
        while len(opened) < sessions:
            session = self.session("take", port)
            # In the official SDK some connects never return; these sessions are not counted.
            opening = threading.Thread(target=session.__enter__, daemon=True)
            opening.start()
            opening.join(2.0)
            if not opening.is_alive():
                opened.append(session)
        took = time.perf_counter() - began
        # The process exits with open sessions, because closing them is not measured.
        running = threading.active_count() - running
        return {
            "session_kib": (settled_kib() - memory) / len(opened),
            "session_threads": running / len(opened),
            "open_time": took,
        }

    def idle_async(self, port: str, sessions: int) -> dict[str, float]:
        async def idle() -> dict[str, float]:
            async with self.async_session("take", port):
                pass
            memory, running = settled_kib(), threading.active_count()
            began = time.perf_counter()
            opened = [await self.async_session("take", port).__aenter__() for _ in range(sessions)]
            took = time.perf_counter() - began
            running = threading.active_count() - running
            return {"session_kib": (settled_kib() - memory) / len(opened), "threads": running, "open_time": took}

        return self.run(idle())

    def latency(self, port: str, sessions: int, rate: float, seconds: float) -> dict[str, float]:
        """Time from sending an event in the server to receiving it in the program; one thread per session."""
        waits = Waits()
        opened = [self.session(f"paced/10/{rate}/{seconds}", port) for _ in range(sessions)]
        all_open = threading.Barrier(sessions + 1)

        def listen(session: Any) -> None:
            with session:
                all_open.wait()
                for event in session.receive_events():
                    if event.tokens:
                        waits.add(event.tokens[0].text)

        threads = [threading.Thread(target=listen, args=(session,)) for session in opened]
        for thread in threads:
            thread.start()
        all_open.wait()
        with Use(self.ports["plain"]) as use:
            for thread in threads:
                thread.join()
        return waits.figures(use)

    def latency_async(self, port: str, sessions: int, rate: float, seconds: float) -> dict[str, float]:
        waits = Waits()

        async def listen(session: Any) -> None:
            async for event in session.receive_events():
                if event.tokens:
                    waits.add(event.tokens[0].text)

        async def listen_to_all() -> dict[str, float]:
            opened = [self.async_session(f"paced/10/{rate}/{seconds}", port) for _ in range(sessions)]
            await asyncio.gather(*(session.__aenter__() for session in opened))
            with Use(self.ports["plain"]) as use:
                await asyncio.gather(*(listen(session) for session in opened))
            await asyncio.gather(*(session.close() for session in opened))
            return waits.figures(use)

        return self.run(listen_to_all())


class Waits:
    """Times from sending events in the server to receiving them in the program."""

    def __init__(self) -> None:
        # Pairs: time sent, time received, in nanoseconds.
        self.times: list[tuple[int, int]] = []

    def add(self, stamp: str) -> None:
        self.times.append((int(stamp), time.monotonic_ns()))

    def figures(self, use: Use) -> dict[str, float]:
        """Figures of events that were sent after all sessions were receiving."""
        counted = [(there - sent) / 1e9 for sent, there in self.times if sent / 1e9 > use.began]
        spent = {"event_cpu": use.cpu / len(counted), "events": len(counted), **use.figures()}
        return {"p50": percentile(counted, 0.5), "p99": percentile(counted, 0.99), **spent}


def repeated(call: Callable[[], object], seconds: float, port: int) -> dict[str, float]:
    call()
    done = 0
    with Use(port) as use:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            call()
            done += 1
    return {"rate": done / use.wall, **use.figures()}


def side_by_side(targets: list[Callable[[], object]]) -> None:
    workers = [threading.Thread(target=target) for target in targets]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


class bounded:  # noqa: N801 - read as a word
    """Prints these figures and ends the process if the block takes too long: a hung call cannot be ended otherwise."""

    def __init__(self, seconds: float, figures: dict[str, float]) -> None:
        self.timer = threading.Timer(seconds, self.give_up)
        self.timer.daemon = True
        self.figures = figures

    def give_up(self) -> None:
        import json  # noqa: PLC0415 - only this rare case needs them
        import os  # noqa: PLC0415 - as above

        print(json.dumps(self.figures), flush=True)
        os._exit(0)

    def __enter__(self) -> None:
        self.timer.start()

    def __exit__(self, *_: object) -> None:
        self.timer.cancel()
