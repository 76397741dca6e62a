"""Voices and text-to-speech models: what the namespaces do beyond single calls."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from soniox_lite import (
    SonioxAPIError,
    SonioxConflictError,
    SonioxNotFoundError,
    SonioxTimeoutError,
    SonioxValidationError,
    SonioxVoiceError,
)
from soniox_lite.types.api import Voice
from soniox_testing import FakeSoniox
from tests.support.raw_server import RawServer, reply
from tests.support.surfaces import SURFACES, Surface

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


class VirtualTime:
    """Time of the client that passes only when it sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, _cancel: object = None) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float, _cancel: object = None) -> None:
        self.sleep(seconds)


@pytest.fixture(params=SURFACES)
def kind(request: pytest.FixtureRequest) -> str:
    """Which of our clients."""
    return str(request.param)


@pytest.fixture
def virtual_time(kind: str, monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """The time that the client's pauses pass in."""
    virtual = VirtualTime()
    prefix, sleep = ("async_", virtual.sleep_async) if kind == "async" else ("", virtual.sleep)
    clock = SimpleNamespace(monotonic=virtual.monotonic)
    monkeypatch.setattr(f"soniox_lite.api._{prefix}polling.pause", sleep)
    monkeypatch.setattr(f"soniox_lite.api._{prefix}polling.time", clock)
    monkeypatch.setattr(f"soniox_lite.api.{prefix}voices.time", clock)
    return virtual


@pytest.fixture
def surface_of(kind: str) -> Iterator[Callable[[FakeSoniox], Surface]]:
    """Makes a client for a fake server."""
    made: list[Surface] = []

    def make(fake: FakeSoniox) -> Surface:
        made.append(Surface(kind, api_key=fake.api_key, api_base_url=fake.api_base_url))
        return made[-1]

    yield make
    for surface in made:
        surface.__exit__()


@pytest.fixture
def surface(surface_of: Callable[[FakeSoniox], Surface], fake_soniox: FakeSoniox) -> Surface:
    """A client for the test's own fake server."""
    return surface_of(fake_soniox)


class TestVoices:
    @pytest.mark.parametrize("source", ["bytes", "path", "stream", "pipe"])
    def test_a_clip_arrives_whole_whatever_it_is_given_as(
        self, surface: Surface, fake_soniox: FakeSoniox, tmp_path: Path, source: str
    ) -> None:
        content = bytes(range(256)) * 100
        path = tmp_path / "me.wav"
        path.write_bytes(content)
        files: dict[str, Any] = {"bytes": content, "path": path, "stream": io.BytesIO(content), "pipe": Pipe(content)}
        voice = surface.call("voices.create", files[source], name='Ich, 世界 "x"\r\n')
        assert isinstance(voice, Voice)
        assert voice.name == fake_soniox.voices[0].name == 'Ich, 世界 "x"\r\n'
        assert voice.filename == ("me.wav" if source == "path" else "upload.bin")
        assert fake_soniox.voice_content(voice.id) == content
        assert {progress.status for progress in voice.models} == {"processing"}

    def test_a_filename_of_ones_own_is_sent(self, surface: Surface) -> None:
        assert surface.call("voices.create", b"abc", name="n", filename="clip.mp3").filename == "clip.mp3"

    def test_memory_does_not_grow_with_the_clip(self, surface: Surface, fake_soniox: FakeSoniox) -> None:
        size = 8 * 1024 * 1024
        clip = Zeros(size)
        seen: list[int] = []
        clip.on_read = lambda: seen.append(tracemalloc.get_traced_memory()[0])
        surface.call("voices.create", b"warm", name="warm")
        tracemalloc.start()
        try:
            surface.call("voices.create", clip, name="large")
        finally:
            tracemalloc.stop()
        # The fake in this process takes its part only when it has all of it.
        assert max(seen[:-1]) - seen[0] < 2 * 1024 * 1024
        assert fake_soniox.voices[1].size == size

    def test_a_name_is_needed(self, surface: Surface, fake_soniox: FakeSoniox) -> None:
        with pytest.raises(SonioxValidationError, match="name must be given"):
            surface.call("voices.create", b"abc", name=None)
        assert fake_soniox.requests == ()

    def test_a_name_is_taken_once(self, surface: Surface) -> None:
        surface.call("voices.create", b"abc", name="n")
        with pytest.raises(SonioxConflictError) as caught:
            surface.call("voices.create", b"abc", name="n")
        assert caught.value.error_type == "voice_name_conflict"

    def test_voices_are_listed_page_by_page_counted_and_deleted(
        self, surface: Surface, fake_soniox: FakeSoniox
    ) -> None:
        ids = [surface.call("voices.create", b"abc", name=str(number)).id for number in range(5)]
        page = surface.call("voices.list", 2)
        assert [voice.id for voice in page.voices] == ids[:2]
        following = surface.call("voices.list", limit=2, cursor=page.next_page_cursor)
        assert [voice.id for voice in following.voices] == ids[2:4]
        assert [voice.id for voice in surface.call("voices.list_all", limit=2)] == ids
        assert surface.call("voices.count").total == 5
        assert surface.call("voices.delete", ids[0]) is None
        assert surface.call("voices.delete_if_exists", ids[0]) is None
        assert surface.call("voices.get_or_none", ids[0]) is None
        assert [voice.id for voice in fake_soniox.voices] == ids[1:]
        assert surface.call("voices.get", ids[1]).id == surface.call("voices.get_or_none", ids[1]).id == ids[1]

    @pytest.mark.parametrize("method", ["get", "delete", "recompute", "wait_until_ready"])
    def test_an_unknown_voice_is_not_found(self, surface: Surface, method: str) -> None:
        with pytest.raises(SonioxNotFoundError) as caught:
            surface.call(f"voices.{method}", UNKNOWN_ID)
        assert caught.value.error_type == "voice_not_found"

    def test_shared_voices_are_filtered_and_paged(self, surface: Surface, fake_soniox: FakeSoniox) -> None:
        shared = surface.call("voices.list_all_shared", "tts-rt-v2", limit=10)
        assert len(shared) == len({voice.id for voice in shared}) > 20
        filters: dict[str, Any] = {"gender": "female", "accent": "british", "use_case": ["narration", "educational"]}
        found = surface.call("voices.list_all_shared", "tts-rt-v2", **filters, limit=1)
        assert "Victoria" in [voice.id for voice in found]
        assert found == [
            voice
            for voice in shared
            if voice.gender == "female"
            and voice.accent == "british"
            and {"narration", "educational"} <= set(voice.use_case)
        ]
        page = surface.call("voices.list_shared", "tts-rt-v2", age="old", style=["calm"], limit=5)
        assert all(voice.age == "old" and "calm" in voice.style for voice in page.voices)
        assert "style=calm" in fake_soniox.requests[-1].query

    def test_an_unknown_model_has_no_shared_voices(self, surface: Surface) -> None:
        with pytest.raises(SonioxNotFoundError):
            surface.call("voices.list_all_shared", "tts-rt-v0")

    def test_models_tell_what_they_can_do(self, surface: Surface) -> None:
        models = {model.id: model for model in surface.call("tts_models.list").models}
        model = models["tts-rt-v2"]
        assert (model.speed_min, model.speed_max, model.voice_cloning_max_audio_duration_ms) == (0.7, 1.3, 20_000)
        assert "Adrian" in [voice.id for voice in model.voices]
        assert {"en", "is"} <= {language.code for language in model.languages}


class TestWaitUntilReady:
    def test_looks_quickly_at_first_and_backs_off_to_the_interval(
        self, surface_of: Callable[[FakeSoniox], Surface], virtual_time: VirtualTime
    ) -> None:
        with FakeSoniox(progress=lambda job: "processing" if job.looks < 9 else "completed") as fake:
            surface = surface_of(fake)
            voice = surface.call("voices.create", b"abc", name="n")
            ready = surface.call("voices.wait_until_ready", voice.id)
        assert {progress.status for progress in ready.models} == {"ready"}
        assert virtual_time.pauses[0] == 0.25
        assert virtual_time.pauses == sorted(virtual_time.pauses)
        assert virtual_time.pauses[-1] == 2.0
        assert len(virtual_time.pauses) == 9

    def test_does_not_pause_where_the_service_says_so(
        self, surface_of: Callable[[FakeSoniox], Surface], virtual_time: VirtualTime
    ) -> None:
        with FakeSoniox(clock=lambda: 0.0) as fake:
            surface = surface_of(fake)
            voice = surface.call("voices.create", b"abc", name="n")
            surface.call("voices.wait_until_ready", voice.id)
            fake.assert_requested("GET", "/v1/voices/{voice_id}", times=2)
        assert virtual_time.pauses == []

    def test_gives_up_at_its_deadline(
        self, surface_of: Callable[[FakeSoniox], Surface], virtual_time: VirtualTime
    ) -> None:
        with FakeSoniox(progress=lambda _: "processing") as fake:
            surface = surface_of(fake)
            voice = surface.call("voices.create", b"abc", name="n")
            with pytest.raises(SonioxTimeoutError, match="is not ready after 7 s") as caught:
                surface.call("voices.wait_until_ready", voice.id, timeout_sec=7)
        assert sum(virtual_time.pauses) == pytest.approx(7.0)
        assert (caught.value.voice_id, caught.value.transcription_id) == (voice.id, None)

    def test_a_failed_voice_is_an_error_with_the_models_reason(
        self, surface: Surface, fake_soniox: FakeSoniox, virtual_time: VirtualTime
    ) -> None:
        fake_soniox.fail_next_voice("voice_audio_too_long", "The clip is too long.")
        voice = surface.call("voices.create", b"abc", name="n")
        with pytest.raises(SonioxVoiceError, match="The clip is too long") as caught:
            surface.call("voices.wait_until_ready", voice.id, model="tts-rt-v2")
        assert isinstance(caught.value, SonioxAPIError)
        assert (caught.value.error_type, caught.value.status_code) == ("voice_audio_too_long", None)
        assert "voice_audio_too_long" in str(caught.value)
        assert caught.value.voice is not None
        assert caught.value.voice.id == voice.id

    def test_models_without_preparation_are_not_waited_for(
        self, surface: Surface, fake_soniox: FakeSoniox, virtual_time: VirtualTime
    ) -> None:
        voice = surface.call("voices.create", b"abc", name="n")
        surface.call("voices.wait_until_ready", voice.id)
        fake_soniox.add_tts_model("tts-rt-v9")
        ready = surface.call("voices.wait_until_ready", voice.id)
        assert {progress.model: progress.status for progress in ready.models}["tts-rt-v9"] == "not_computed"

    @pytest.mark.parametrize("model", ["tts-rt-v9", "no-such-model"])
    def test_a_model_without_preparation_is_an_error_after_a_while(
        self, surface: Surface, fake_soniox: FakeSoniox, virtual_time: VirtualTime, model: str
    ) -> None:
        voice = surface.call("voices.create", b"abc", name="n")
        fake_soniox.add_tts_model("tts-rt-v9")
        with pytest.raises(SonioxVoiceError, match="is not being prepared for that model: recompute it") as caught:
            surface.call("voices.wait_until_ready", voice.id, model=model)
        assert sum(virtual_time.pauses) == pytest.approx(30, abs=2)
        assert caught.value.error_type is None

    @pytest.mark.parametrize("model", ["tts-rt-v9", None])
    def test_a_voice_is_ready_for_a_new_model_after_recompute(
        self, surface: Surface, fake_soniox: FakeSoniox, virtual_time: VirtualTime, model: str | None
    ) -> None:
        voice = surface.call("voices.create", b"abc", name="n")
        fake_soniox.add_tts_model("tts-rt-v9")
        begun = surface.call("voices.recompute", voice.id, model=model)
        assert {progress.model: progress.status for progress in begun.models}["tts-rt-v9"] == "processing"
        ready = surface.call("voices.wait_until_ready", voice.id, model="tts-rt-v9")
        assert {progress.model: progress.status for progress in ready.models}["tts-rt-v9"] == "ready"

    def test_a_look_that_is_under_way_at_the_deadline_gets_little_more_time(
        self, kind: str, surface: Surface, fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(f"soniox_lite.api._{'async_' if kind == 'async' else ''}polling._LAST_POLL_SEC", 0.1)
        voice = surface.call("voices.create", b"abc", name="n")
        fake_soniox.faults.stall(operation="get_voice")
        with pytest.raises(SonioxTimeoutError, match=r"is not ready after 0\.05 s") as caught:
            surface.call("voices.wait_until_ready", voice.id, timeout_sec=0.05)
        assert caught.value.voice_id == voice.id
        assert isinstance(caught.value.__cause__, SonioxTimeoutError)

    def test_a_look_that_gets_no_answer_is_an_error_of_its_own(self, kind: str, fake_soniox: FakeSoniox) -> None:
        options = {"api_key": fake_soniox.api_key, "api_base_url": fake_soniox.api_base_url, "timeout_sec": 0.1}
        fake_soniox.faults.stall(operation="get_voice")
        with Surface(kind, **options) as surface, pytest.raises(SonioxTimeoutError, match="no response") as caught:
            surface.call("voices.wait_until_ready", UNKNOWN_ID, timeout_sec=60)
        assert caught.value.voice_id is None

    def test_an_unknown_status_ends_the_wait(self, kind: str, virtual_time: VirtualTime) -> None:
        voice = {"id": "v", "name": "n", "filename": "f", "created_at": "2026-04-01T00:00:00Z"}
        body = json.dumps({**voice, "models": [{"model": "m", "status": "computed"}]}).encode()
        with RawServer(reply(body)) as server, Surface(kind, api_key="k", api_base_url=server.url) as surface:
            assert surface.call("voices.wait_until_ready", "v").models[0].status == "computed"


class Pipe(io.RawIOBase):
    """Can be read, and nothing else."""

    def __init__(self, content: bytes) -> None:
        self._rest = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._rest.readinto(buffer)


class Zeros(io.RawIOBase):
    """So many zero bytes, made when they are read."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._place = 0
        self.on_read: Callable[[], object] = lambda: None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = offset + (0, self._place, self._size)[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        self.on_read()
        count = min(len(buffer), self._size - self._place)
        buffer[:count] = bytes(count)
        self._place += count
        return count
