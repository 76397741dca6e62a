"""Sends a recording as from a microphone, over connections that break, and prints what it got: a process of chaos.py.

    python talker.py CLIENT URL SETTINGS

``users-loop`` is what programs do: they connect again, and send what the microphone gives from then on.
``users-replay`` keeps the audio, and begins again where the last final token ended. Both run with the library that is
installed as ``soniox``, or with ``soniox_lite`` (``plain-loop``, ``plain-replay``). ``resume`` and ``resume-async`` are
sessions of ``soniox_lite`` that resume by themselves.
"""

from __future__ import annotations

import asyncio
import json
import queue
import resource
import sys
import threading
import time
from typing import Any

from soniox_testing import Recording

CHUNK_MS = 120


class Microphone:
    """The audio of a recording, at a multiple of its speed."""

    def __init__(self, recording: Recording, speed: float) -> None:
        self.recording = recording
        self._chunk_sec = CHUNK_MS / 1000 / speed
        self._began_sec = 0.0

    def chunks(self, start_ms: int = 0) -> Any:
        """Chunks from a position on, and how many seconds to wait before each; none for those of the past."""
        if not self._began_sec:
            self._began_sec = time.monotonic()
        for index, begin_ms in enumerate(range(start_ms, self.recording.duration_ms, CHUNK_MS), start_ms // CHUNK_MS):
            chunk = self.recording.audio(begin_ms, begin_ms + CHUNK_MS)
            yield chunk, max(0.0, self._began_sec + index * self._chunk_sec - time.monotonic())


class Memory:
    """The peak of this process in KiB: when a tenth of the recording was sent, and at the end."""

    def __init__(self) -> None:
        self.early: int | None = None

    @staticmethod
    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def note(self, sent_ms: int, recording: Recording) -> None:
        if self.early is None and sent_ms * 10 >= recording.duration_ms:
            self.early = self.peak()


def users_loop(connect: Any, microphone: Microphone, *, replay: bool) -> tuple[str, int]:
    """The loop of a program: the text of all connections, and their number."""
    waiting: queue.Queue[bytes | None] = queue.Queue()
    said_all = threading.Event()

    def listen() -> None:
        for chunk, wait_sec in microphone.chunks():
            time.sleep(wait_sec)
            waiting.put(chunk)
        waiting.put(None)

    def send(session: Any, position_ms: int, over: threading.Event) -> None:
        try:
            if replay:
                for chunk, wait_sec in microphone.chunks(position_ms):
                    if over.wait(wait_sec):
                        return
                    session.send_byte_chunk(chunk)
            else:
                while (chunk := waiting.get()) is not None and not over.is_set():
                    session.send_byte_chunk(chunk)
                if chunk is not None:
                    return
                said_all.set()
            session.finish()
        except Exception:  # noqa: BLE001 - the receiver sees why
            return

    if not replay:
        threading.Thread(target=listen, daemon=True).start()
    texts: list[str] = []
    connections, position_ms, finished = 0, 0, False
    while not finished:
        connections += 1
        begun_ms = position_ms
        over = threading.Event()
        texts.append("")
        try:
            with connect() as session:
                sender = threading.Thread(target=send, args=(session, begun_ms, over))
                sender.start()
                try:
                    for event in session.receive_events():
                        texts[-1] += final_text(event.tokens)
                        position_ms = max(position_ms, begun_ms + (event.final_audio_proc_ms or 0))
                        finished = finished or bool(event.finished)
                finally:
                    over.set()
                    sender.join()
        except Exception:  # noqa: BLE001 - of any kind: the program connects again
            time.sleep(0.01)
        if said_all.is_set() or position_ms >= microphone.recording.duration_ms:
            break
    return " ".join(texts), connections


def final_text(tokens: Any) -> str:
    return "".join(token.text for token in tokens if token.is_final and token.text not in {"<end>", "<fin>"})


def policy() -> Any:
    from soniox_lite.realtime import ResumePolicy  # noqa: PLC0415 - only with this client

    # What is sent again arrives at once, so that a connection may break before it has told anything.
    return ResumePolicy(backoff_sec=0.01, max_backoff_sec=0.05, max_replay_speed=None, max_attempts=None)


def resume(client: Any, config: Any, microphone: Microphone, memory: Memory, options: Any) -> tuple[str, int]:
    """A session that resumes by itself, with threads."""
    from soniox_lite.utils import SessionThread  # noqa: PLC0415 - only with this client

    with client.realtime.stt.connect(config=config, resume=policy(), **options) as session:

        def send() -> None:
            for number, (chunk, wait_sec) in enumerate(microphone.chunks()):
                time.sleep(wait_sec)
                session.send_byte_chunk(chunk)
                memory.note(number * CHUNK_MS, microphone.recording)
            session.finish()

        sender = SessionThread(session, send)
        sender.start()
        text = "".join(final_text(event.tokens) for event in session.receive_events())
        sender.result()
        return text, session.connections


async def resume_async(client: Any, config: Any, microphone: Microphone, memory: Memory, options: Any) -> Any:
    """The same with asyncio."""
    async with client, client.realtime.stt.connect(config=config, resume=policy(), **options) as session:

        async def send() -> None:
            for number, (chunk, wait_sec) in enumerate(microphone.chunks()):
                await asyncio.sleep(wait_sec)
                await session.send_byte_chunk(chunk)
                memory.note(number * CHUNK_MS, microphone.recording)
            await session.finish()

        async def receive() -> str:
            return "".join([final_text(event.tokens) async for event in session.receive_events()])

        _, text = await asyncio.gather(send(), receive())
        return text, session.connections


def run(which: str, url: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Runs one client over the whole recording."""
    seconds, seed = settings["seconds"], settings["seed"]
    recording = Recording.conversation(seconds, seed=seed, sample_rate=settings["sample_rate"])
    microphone, memory = Microphone(recording, settings["speed"]), Memory()
    config = {"model": "stt-rt-v5", **recording.config}
    arguments = {"api_key": "chaos", "websocket_base_url": url}
    began_sec = time.monotonic()
    if which.startswith("users-"):
        from soniox import SonioxClient as Client  # noqa: PLC0415 - only with this client
        from soniox.types import RealtimeSTTConfig  # noqa: PLC0415

        client, made = Client(**arguments), RealtimeSTTConfig(**config)
        outcome = users_loop(
            lambda: client.realtime.stt.connect(config=made), microphone, replay=which == "users-replay"
        )
    else:
        from soniox_lite import AsyncSonioxClient, SonioxClient  # noqa: PLC0415 - only with this client

        # A dead line is noticed as fast as the recording is sent.
        options = {"ping_interval_sec": 0.2, "ping_timeout_sec": settings["ping_timeout_sec"]}
        if which == "resume-async":
            async_client = AsyncSonioxClient(**arguments)
            outcome = asyncio.run(resume_async(async_client, config, microphone, memory, options))
        else:
            with SonioxClient(**arguments) as client:
                if which == "resume":
                    outcome = resume(client, config, microphone, memory, options)
                else:
                    outcome = users_loop(
                        lambda: client.realtime.stt.connect(config=config, **options),
                        microphone,
                        replay=which == "plain-replay",
                    )
    text, connections = outcome
    return {
        "text": text,
        "connections": connections,
        "seconds": time.monotonic() - began_sec,
        "early_kib": memory.early,
        "peak_kib": memory.peak(),
    }


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))))
