"""The example of tracing makes spans, with the SDK of OpenTelemetry."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import AsyncSonioxClient, SonioxClient, SonioxError
from soniox_testing import FakeSoniox, Hearing, Recording

if TYPE_CHECKING:
    from types import ModuleType

pytest.importorskip("opentelemetry.sdk", reason="needs opentelemetry-sdk, which the example uses")

EXAMPLE = Path(__file__).parents[2] / "examples" / "opentelemetry_tracing.py"
TALK = Recording.conversation(5, seed=3, sample_rate=2000)


class Spans:
    """The spans of one test."""

    def __init__(self) -> None:
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("test")

    def named(self, name: str) -> list[Any]:
        """Those of a name, in the order in which they ended."""
        return [span for span in self._exporter.get_finished_spans() if span.name == name]


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("opentelemetry_tracing", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_requests_are_children_of_the_span_that_they_are_made_in(example: ModuleType, fake_soniox: FakeSoniox) -> None:
    spans = Spans()
    fake_soniox.faults.answer(503, times=1)
    with SonioxClient("key", api_base_url=fake_soniox.api_base_url, **example.Tracing(spans.tracer).hooks()) as client:
        with spans.tracer.start_as_current_span("work") as parent:
            client.files.list(limit=5)
        with pytest.raises(SonioxError) as caught:
            client.files.get("11111111-1111-4111-8111-111111111111")
    failed, repeated, missing = spans.named("GET")
    assert failed.parent.span_id == repeated.parent.span_id == parent.get_span_context().span_id
    assert [span.attributes["http.response.status_code"] for span in (failed, repeated, missing)] == [503, 200, 404]
    assert repeated.attributes["http.request.resend_count"] == 1
    assert repeated.attributes["url.full"] == f"{fake_soniox.api_base_url}/files"
    assert repeated.end_time > repeated.start_time
    assert (missing.attributes["error.type"], missing.status.is_ok) == ("file_not_found", False)
    assert isinstance(caught.value, SonioxError)
    assert missing.attributes["soniox.request_id"] == caught.value.request_id  # type: ignore[attr-defined]


def test_the_async_client_takes_the_same_hooks(example: ModuleType, fake_soniox: FakeSoniox) -> None:
    spans = Spans()

    async def work() -> None:
        hooks = example.Tracing(spans.tracer).hooks()
        async with AsyncSonioxClient("key", api_base_url=fake_soniox.api_base_url, **hooks) as client:
            with spans.tracer.start_as_current_span("work"):
                await client.models.list()

    asyncio.run(work())
    (request,), (parent,) = spans.named("GET"), spans.named("work")
    assert request.parent.span_id == parent.context.span_id


def test_a_session_has_its_breaks_and_metrics_on_its_span(example: ModuleType) -> None:
    spans = Spans()
    with FakeSoniox() as fake:
        fake.add_recording(TALK, Hearing.exact(seed=1))
        fake.faults.drop(how="eof", operation="stt", after_audio_ms=2000, times=1)
        tracing = example.Tracing(spans.tracer)
        with SonioxClient("key", websocket_base_url=fake.stt_websocket_url, **tracing.hooks()) as client:
            config = {"model": "stt-rt-v5", **TALK.config}
            with tracing.session(client.realtime.stt.connect(config=config, resume=True)) as session:
                session.send_bytes(list(TALK.chunks(500)))
                assert [event.finished for event in session.receive_events()][-1]
    (span,) = spans.named("speech-to-text session")
    assert "reconnecting" in [event.attributes["soniox.state"] for event in span.events]
    assert span.attributes["soniox.reconnects"] == 1
    assert span.attributes["soniox.audio_sent_ms"] == 5000
    assert span.attributes["soniox.first_token_sec"] > 0
    broken, closed = spans.named("WebSocket")
    assert [connection.attributes["websocket.close_code"] for connection in (broken, closed)] == [1006, 1000]
    assert (broken.status.is_ok, closed.status.is_ok) == (False, True)


def test_the_program_prints_its_spans(fake_soniox: FakeSoniox) -> None:
    fake_soniox.add_transcript("hello over there")
    result = subprocess.run(
        [sys.executable, str(EXAMPLE), str(EXAMPLE.with_name("spoken.wav"))],
        capture_output=True, text=True, check=True, env={**os.environ, **fake_soniox.environment()},
    )  # fmt: skip
    decoder, text, names = json.JSONDecoder(), result.stdout, []
    while text := text.lstrip():
        span, end = decoder.raw_decode(text)
        names.append(span["name"])
        text = text[end:]
    assert sorted(names) == ["GET", "WebSocket", "speech-to-text session"]
    assert "hello" not in result.stdout
    assert fake_soniox.api_key not in result.stdout
