"""What sessions count of themselves."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import SonioxRealtimeError
from soniox_lite.realtime import (
    AsyncResumingSTTSession,
    RealtimeSTTMetrics,
    RealtimeTTSMetrics,
    ResumingSTTSession,
)
from soniox_testing import FakeSoniox, Hearing, Recording
from tests.support import ws_server
from tests.support.tables import each_row
from tests.support.ws_server import WsServer, answer_the_end, message, started, until

from .driver import KEY, Driver
from .resume.conftest import QUICK
from .speech import audio, config, say, terminated

if TYPE_CHECKING:
    from collections.abc import Callable

TALK = Recording.conversation(6, seed=3, sample_rate=2000)
TEXT = "Hello over there, this is a text of some length."


def token(text: str, *, final_ms: int, total_ms: int) -> dict[str, Any]:
    """A message with one token."""
    tokens = [{"text": text, "is_final": True, "start_ms": 0, "end_ms": final_ms, "confidence": 0.9}] if text else []
    return {"tokens": tokens, "final_audio_proc_ms": final_ms, "total_audio_proc_ms": total_ms}


class TestSpeechToText:
    def test_of_a_session_from_its_beginning_to_its_end(self, driver: Driver) -> None:
        told = threading.Event()
        steps = (
            started, until("binary"), message(token("", final_ms=0, total_ms=0)), ws_server.wait(told),
            message(token("hello", final_ms=40, total_ms=80)),
            answer_the_end(token(" over", final_ms=260, total_ms=300)),
        )  # fmt: skip
        with WsServer(*steps) as server:
            session = driver.session(server.url)
            assert session.metrics == RealtimeSTTMetrics(
                connections=0, reconnects=0, audio_sent_bytes=0, audio_sent_ms=0, audio_recognized_ms=None,
                final_lag_ms=None, messages_received=0, first_token_sec=None,
            )  # fmt: skip
            driver.call(session.enter)
            driver.call(session.send_bytes, [bytes(3200), bytes(3200)], finish=False)
            driver.call(session.receive_event)
            before = session.metrics
            assert (before.connections, before.audio_sent_bytes, before.audio_sent_ms) == (1, 6400, 200)
            assert (before.messages_received, before.first_token_sec, before.final_lag_ms) == (1, None, 200)
            told.set()
            driver.call(session.receive_event)
            during = session.metrics
            assert (during.audio_recognized_ms, during.final_lag_ms, during.messages_received) == (80, 160, 2)
            assert (during.first_token_sec or 0) > 0
            # Audio that a pause drops is not sent.
            driver.call(session.pause, finalize=False)
            driver.call(session.send_byte_chunk, bytes(3200))
            driver.call(session.resume)
            driver.call(session.send_byte_chunk, bytes(3200))
            driver.call(session.finish)
            driver.call(session.receive_event)
            after = session.metrics
            assert (after.audio_sent_bytes, after.audio_sent_ms, after.final_lag_ms) == (9600, 300, 40)
            assert after.first_token_sec == during.first_token_sec
            driver.call(session.close)
            assert before != during
            with pytest.raises(dataclasses.FrozenInstanceError):
                before.connections = 5

    @each_row(
        ("fields", "head", "sent_ms"),
        [
            ({"audio_format": "wav"}, TALK.wav()[:44], 2),
            ({"audio_format": "auto"}, TALK.wav()[:44], 2),
            ({"audio_format": "auto"}, b"fLaC" + bytes(40), None),
            ({"audio_format": "wav"}, bytes(44), None),
            ({"audio_format": "mp3"}, bytes(44), None),
        ],
    )
    def test_milliseconds_are_those_of_the_samples(
        self, driver: Driver, fields: Any, head: bytes, sent_ms: Any
    ) -> None:
        with WsServer(started) as server:
            session = driver.open(server.url, config={"model": "stt-rt-v5", **fields})
            driver.call(session.send_byte_chunk, head + bytes(8))
            assert (session.metrics.audio_sent_bytes, session.metrics.audio_sent_ms) == (52, sent_ms)
            driver.call(session.cancel)

    def test_of_a_resumed_session_are_those_of_its_user(self, driver: Driver) -> None:
        make: Callable[..., Any] = ResumingSTTSession if driver.kind == "sync" else AsyncResumingSTTSession
        with FakeSoniox(api_keys=[KEY]) as fake:
            fake.add_recording(TALK, Hearing.exact(seed=1))
            fake.faults.drop(how="eof", operation="stt", after_audio_ms=3000, times=1)
            session = make(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config}, KEY, resume=QUICK)
            driver.call(session.enter)
            chunks = list(TALK.chunks(120))
            driver.call(session.send_bytes, chunks)
            driver.rest(session)
            metrics = session.metrics
            assert (metrics.connections, metrics.reconnects) == (2, 1)
            size = sum(map(len, chunks))
            assert (metrics.audio_sent_bytes, metrics.audio_sent_ms) == (size, size // 4)
            assert metrics.audio_recognized_ms == session.last_message.total_audio_proc_ms
            assert metrics.messages_received > 10
            assert metrics.first_token_sec is not None
            driver.call(session.close)


class TestTextToSpeech:
    def test_of_a_stream_from_its_beginning_to_its_end(self, tts: Driver) -> None:
        answer = say(audio("a", bytes(4798)), audio("a", bytes(3), audio_end=True), terminated("a"))
        with WsServer(started, until("text"), answer) as server:
            stream = tts.session(server.url)
            assert stream.metrics == RealtimeTTSMetrics(
                connections=0, reconnects=0, text_sent_bytes=0, audio_received_bytes=0, audio_received_ms=0,
                messages_received=0, first_audio_sec=None,
            )  # fmt: skip
            tts.call(stream.enter)
            began = time.monotonic()
            tts.call(stream.send_text_chunks, "wörld")
            assert stream.metrics.text_sent_bytes == 6
            tts.rest(stream)
            metrics = stream.metrics
            assert (metrics.audio_received_bytes, metrics.audio_received_ms, metrics.messages_received) == (
                4801,
                100,
                3,
            )
            assert 0 < (metrics.first_audio_sec or 0) <= time.monotonic() - began
            assert (metrics.connections, metrics.reconnects) == (1, 0)
            tts.call(stream.close)

    def test_of_resumed_streams(self, tts: Driver) -> None:
        with FakeSoniox(api_keys=[KEY]) as fake:
            fake.faults.drop(how="eof", operation="tts", after_texts=1, times=1)
            connection = tts.multi(fake.tts_websocket_url, resume=QUICK)
            for stream_id in ("one", "two"):
                stream = tts.call(connection.open_stream, config=config(stream_id, audio_format="wav"))
                tts.call(stream.send_text_chunks, TEXT)
                size = len(b"".join(tts.audio_of(stream)))
                metrics = stream.metrics
                assert (metrics.connections, metrics.reconnects) == (2, 1)
                assert metrics.text_sent_bytes == len(TEXT)
                assert metrics.audio_received_bytes == size
                assert metrics.audio_received_ms == round((size - 44) / 48)
            tts.call(connection.close)

    def test_audio_that_cannot_be_decoded_has_no_known_length(self, tts: Driver) -> None:
        with WsServer(started, until("text"), say({"stream_id": "a", "audio": "abcde"})) as server:
            stream = tts.open(server.url, config=config(audio_format="wav"))
            tts.call(stream.finish)
            with pytest.raises(SonioxRealtimeError, match="audio"):
                tts.rest(stream)
            assert (stream.metrics.audio_received_ms, stream.metrics.messages_received) == (None, 1)
