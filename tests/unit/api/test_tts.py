"""Text-to-speech over REST, against the fake: what is sent, what comes back, and where it is written."""

from __future__ import annotations

import asyncio
import io
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import (
    AsyncSonioxClient,
    SonioxAPIError,
    SonioxClient,
    SonioxConnectionError,
    SonioxError,
    SonioxInvalidRequestError,
    SonioxValidationError,
)
from soniox_lite.types.tts import CreateTtsConfig, CreateTtsPayload
from tests.support.callers import CALLERS, KEY
from tests.support.raw_server import PATIENCE_SEC, Connection, RawServer, send_and_close, send_raw, stall
from tests.support.tables import each_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from soniox_testing import FakeSoniox

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = HEAD + b"5\r\nhello\r\n0\r\n\r\n"
CUT = HEAD + b"5\r\nhello\r\n"
SPOKEN: dict[str, Any] = {"text": "Guten Tag.", "voice": "Adrian", "language": "de"}


class NumberPath(os.PathLike[Any]):
    """A path that is none."""

    def __fspath__(self) -> Any:
        return 3


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Makes clients, of either kind in turn, for a text-to-speech host."""
    made: list[Any] = []

    def make(url: str, **options: Any) -> Any:
        made.append(CALLERS[request.param]("http://127.0.0.1:9", tts_api_base_url=url, **options))
        return made[-1]

    yield make
    for caller in made:
        caller.close()


@pytest.fixture
def speak(connect: Any, fake_soniox: FakeSoniox) -> Callable[..., bytes]:
    """Generates with the fake."""
    caller = connect(fake_soniox.tts_api_base_url)

    def generate(**arguments: Any) -> bytes:
        audio: bytes = caller.run(lambda client: client.tts.generate(**{**SPOKEN, **arguments}))
        return audio

    return generate


@pytest.fixture
def write(connect: Any) -> Callable[..., int]:
    """Generates into a file or stream; the first argument is the server."""

    def generate(server: Any, output: Any, **arguments: Any) -> int:
        caller = connect(server.url)
        count: int = caller.run(lambda client: client.tts.generate_to_file(output, **SPOKEN, **arguments))
        return count

    return generate


class TestGenerate:
    def test_the_audio_comes_whole(self, speak: Any, fake_soniox: FakeSoniox) -> None:
        audio = speak()

        (record,) = fake_soniox.speeches
        assert audio.startswith(b"RIFF")
        assert audio == fake_soniox.speech_audio(record.id)
        assert record.texts == ("Guten Tag.",)
        assert record.api_key == KEY
        assert record.config == {"model": "tts-rt-v2", "language": "de", "voice": "Adrian", "audio_format": "wav"}

    def test_all_options_arrive(self, speak: Any, fake_soniox: FakeSoniox) -> None:
        speak(
            language="fr",
            config={
                "audio_format": "mp3",
                "sample_rate": 32000,
                "bitrate": 64000,
                "speed": 0.7,
                "reduce_silence": False,
            },
            client_reference_id="mine",
        )

        (record,) = fake_soniox.speeches
        assert record.client_reference_id == "mine"
        assert {
            "language": "fr",
            "audio_format": "mp3",
            "sample_rate": 32000,
            "bitrate": 64000,
            "speed": 0.7,
            "reduce_silence": False,
        }.items() <= record.config.items()

    def test_the_service_says_which_values_go_together(self, speak: Any) -> None:
        with pytest.raises(SonioxInvalidRequestError) as caught:
            speak(config={"audio_format": "pcm_mulaw", "sample_rate": 48000})
        assert caught.value.error_type == "invalid_request"
        assert caught.value.request_id

    def test_the_longest_text_counts_in_bytes(self, speak: Any) -> None:
        assert speak(text="ü" * 2500)
        with pytest.raises(SonioxValidationError, match=r"text must be at most 5000 bytes in UTF-8 \(it has 5002\)"):
            speak(text="ü" * 2501)

    @each_row(
        ("wrong", "field"),
        [
            ({"text": ""}, "text"),
            ({"text": None}, "text"),
            ({"text": "\ud800"}, "text"),
            ({"voice": ""}, "voice"),
            ({"voice": None}, "voice"),
            ({"voice": "v" * 51}, "voice"),
            ({"model": None}, "model"),
            ({"language": 7}, "language"),
            ({"audio_format": ""}, "audio_format"),
            ({"audio_format": b"wav"}, "audio_format"),
            ({"sample_rate": 0}, "sample_rate"),
            ({"sample_rate": True}, "sample_rate"),
            ({"sample_rate": 16000.5}, "sample_rate"),
            ({"bitrate": -1}, "bitrate"),
            ({"config": {"speed": 0.69}}, "speed"),
            ({"config": {"speed": 1.31}}, "speed"),
            ({"config": {"speed": float("nan")}}, "speed"),
            ({"config": {"speed": True}}, "speed"),
            ({"config": {"speed": "fast"}}, "speed"),
            ({"config": {"reduce_silence": 2}}, "reduce_silence"),
            ({"config": {"pitch": 1}}, "pitch"),
            ({"client_reference_id": "m" * 257}, "client_reference_id"),
            ({"deadline_sec": 0}, "deadline_sec"),
        ],
    )
    def test_what_cannot_be_meant_is_not_sent(
        self, speak: Any, fake_soniox: FakeSoniox, wrong: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(SonioxValidationError) as caught:
            speak(**wrong)
        assert [problem.field for problem in caught.value.errors] == [field]
        assert fake_soniox.requests == ()

    def test_a_config_is_one(self, speak: Any) -> None:
        with pytest.raises(SonioxValidationError, match="config must be a CreateTtsConfig or a dict, got int"):
            speak(config=3)

    def test_a_payload_needs_its_five_fields(self) -> None:
        with pytest.raises(SonioxValidationError) as caught:
            CreateTtsPayload()
        assert [problem.field for problem in caught.value.errors] == [
            "model",
            "language",
            "voice",
            "audio_format",
            "text",
        ]
        assert CreateTtsConfig().to_dict() == {}


class TestFiles:
    def test_a_file_holds_the_audio(self, connect: Any, fake_soniox: FakeSoniox, tmp_path: Path) -> None:
        caller = connect(fake_soniox.tts_api_base_url)
        for output in (tmp_path / "a.wav", str(tmp_path / "b.wav"), os.fsencode(tmp_path / "c.wav").decode()):
            count = caller.run(
                lambda client, output=output: client.tts.generate_to_file(output, text="Hello", language="en")
            )
            assert Path(output).read_bytes() == fake_soniox.speech_audio(fake_soniox.speeches[-1].id)
            assert Path(output).stat().st_size == count > 1000
        assert len(list(tmp_path.iterdir())) == 3
        assert fake_soniox.speeches[-1].config["voice"] == "Adrian"

    def test_a_stream_gets_the_audio_and_stays_open(self, write: Any) -> None:
        stream = io.BytesIO(b"before ")
        stream.seek(0, io.SEEK_END)
        with RawServer(send_raw(WHOLE)) as server:
            assert write(server, stream) == 5
        assert stream.getvalue() == b"before hello"

    def test_a_stream_gets_the_audio_as_it_comes(self, connect: Any) -> None:
        heard = threading.Event()
        taken: list[bytes] = []

        class Player:
            def write(self, block: bytes) -> None:
                taken.append(block)
                heard.set()

        def say(connection: Connection) -> None:
            connection.read_body()
            connection.send(CUT)
            assert heard.wait(PATIENCE_SEC)
            connection.send(b"5\r\nagain\r\n0\r\n\r\n")

        with RawServer(say) as server:
            caller = connect(server.url)
            assert caller.run(lambda client: client.tts.generate_to_file(Player(), **SPOKEN)) == 10
        assert taken == [b"hello", b"again"]

    def test_a_stream_may_take_less_than_it_is_given(self, write: Any) -> None:
        taken: list[bytes] = []

        class Sip(io.RawIOBase):
            def writable(self) -> bool:
                return True

            def write(self, block: Any) -> int:
                taken.append(bytes(block[:2]))
                return len(taken[-1])

        with RawServer(send_raw(WHOLE)) as server:
            assert write(server, Sip()) == 5
        assert taken == [b"he", b"ll", b"o"]

    @pytest.mark.parametrize("answer", [None, 0])
    def test_a_stream_that_does_not_wait_loses_nothing_silently(self, write: Any, answer: int | None) -> None:
        class Busy(io.RawIOBase):
            def writable(self) -> bool:
                return True

            def write(self, block: Any) -> int | None:
                return answer

        with RawServer(stall(CUT)) as server:
            with pytest.raises(SonioxError, match="a blocking stream is needed"):
                write(server, Busy())
            server.wait_until(lambda server: server.open_connections == 0)

    def test_what_a_stream_raises_comes_as_it_is_and_ends_the_transfer(self, write: Any) -> None:
        class Full:
            def write(self, block: bytes) -> int:
                raise OSError(28, "No space left on device")

        with RawServer(stall(CUT)) as server:
            with pytest.raises(OSError, match="No space left") as caught:
                write(server, Full())
            assert not isinstance(caught.value, SonioxError)
            server.wait_until(lambda server: server.open_connections == 0)

    @pytest.mark.parametrize("existing", [None, b"old"], ids=["new", "existing"])
    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (CUT, SonioxConnectionError),
            (HEAD + b"0\r\n\r\n", SonioxAPIError),
            (b"HTTP/1.1 402 No\r\nContent-Length: 0\r\n\r\n", SonioxAPIError),
            (b"", SonioxConnectionError),
        ],
        ids=["cut", "empty", "refused", "nothing"],
    )
    def test_a_failure_changes_nothing(
        self, write: Any, tmp_path: Path, existing: bytes | None, answer: bytes, error: type[SonioxError]
    ) -> None:
        path = tmp_path / "a.wav"
        if existing is not None:
            path.write_bytes(existing)
        before = list(tmp_path.iterdir())
        with RawServer(send_and_close(answer)) as server, pytest.raises(error):
            write(server, path)
        assert list(tmp_path.iterdir()) == before
        assert existing is None or path.read_bytes() == existing

    def test_what_came_before_a_failure_can_be_kept(self, write: Any, tmp_path: Path) -> None:
        path = tmp_path / "a.wav"
        path.write_bytes(b"old")
        with RawServer(send_and_close(CUT)) as server, pytest.raises(SonioxConnectionError):
            write(server, path, keep_partial=True)
        assert path.read_bytes() == b"hello"
        assert list(tmp_path.iterdir()) == [path]

    def test_nothing_is_kept_where_nothing_came(self, write: Any, tmp_path: Path) -> None:
        path = tmp_path / "a.wav"
        path.write_bytes(b"old")
        with RawServer(send_and_close(HEAD)) as server, pytest.raises(SonioxConnectionError):
            write(server, path, keep_partial=True)
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_the_file_appears_when_it_is_whole(self, connect: Any, tmp_path: Path) -> None:
        path = tmp_path / "a.wav"
        seen: list[tuple[bool, list[int]]] = []

        def say(connection: Connection) -> None:
            connection.read_body()
            connection.send(CUT)
            seen.append((path.exists(), [len(name.name) for name in tmp_path.iterdir()]))
            connection.send(b"0\r\n\r\n")

        with RawServer(say) as server:
            connect(server.url).run(lambda client: client.tts.generate_to_file(path, **SPOKEN))
        assert [exists for exists, _ in seen] == [False]
        assert len(seen[0][1]) == 1
        assert path.read_bytes() == b"hello"

    def test_a_place_that_is_taken_by_a_folder_meanwhile(self, write: Any, tmp_path: Path) -> None:
        path = tmp_path / "a.wav"

        def say(connection: Connection) -> None:
            connection.read_body()
            path.mkdir()
            connection.send(WHOLE)

        with RawServer(say) as server, pytest.raises(SonioxError, match="output cannot be written: Is a directory"):
            write(server, path)
        assert os.listdir(tmp_path) == ["a.wav"]

    @pytest.mark.parametrize(
        ("output", "reason"),
        [
            ("missing/a.wav", "No such file or directory"),
            (".", "Is a directory"),
            ("", "no file name"),
            ("missing/", "no file name"),
            ("a\0.wav", "null"),
            ("file/a.wav", "Not a directory"),
            ("loop", "symbolic links"),
            ("protected.wav", "write-protected"),
            (io.StringIO(), "open as text"),
            (3, "path or a binary stream, got int"),
            (NumberPath(), "expected .*__fspath__.* to return str or bytes"),
        ],
        ids=[
            "no directory",
            "directory",
            "empty",
            "no name",
            "null",
            "file",
            "loop",
            "protected",
            "text",
            "number",
            "odd",
        ],
    )
    def test_where_nothing_can_be_written_nothing_is_asked_for(
        self, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: Any, reason: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("file").write_bytes(b"")
        Path("loop").symlink_to("loop")
        Path("protected.wav").write_bytes(b"old")
        monkeypatch.setattr(os, "access", lambda path, mode: "protected" not in str(path))
        with RawServer() as server:
            with pytest.raises(SonioxValidationError, match=reason):
                write(server, output)
            assert server.requests == []
        assert sorted(os.listdir()) == ["file", "loop", "protected.wav"]

    def test_streams_that_take_nothing(self, write: Any, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_bytes(b"")
        with RawServer() as server:
            with path.open("rb") as stream, pytest.raises(SonioxValidationError, match="not open for writing"):
                write(server, stream)
            with pytest.raises(SonioxValidationError, match="output is closed"):
                write(server, stream)
            assert server.requests == []

    @pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
    @pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
    def test_permissions_are_those_of_any_new_file(self, write: Any, tmp_path: Path, mask: int, mode: int) -> None:
        before = os.umask(mask)
        try:
            with RawServer(send_raw(WHOLE)) as server:
                write(server, tmp_path / "a.wav")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "a.wav").stat().st_mode) == mode

    @pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
    def test_a_file_that_is_replaced_keeps_its_permissions(self, write: Any, tmp_path: Path) -> None:
        path = tmp_path / "a.wav"
        path.write_bytes(b"old")
        path.chmod(0o640)
        with RawServer(send_raw(WHOLE)) as server:
            write(server, path)
        assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"hello", 0o640)

    @pytest.mark.parametrize("existing", [True, False])
    def test_a_link_stays_one(self, write: Any, tmp_path: Path, existing: bool) -> None:
        (tmp_path / "there").mkdir()
        target = tmp_path / "there" / "a.wav"
        if existing:
            target.write_bytes(b"old")
        link = tmp_path / "link.wav"
        link.symlink_to(target)
        with RawServer(send_raw(WHOLE)) as server:
            write(server, link)
        assert link.is_symlink()
        assert target.read_bytes() == b"hello"
        assert list((tmp_path / "there").iterdir()) == [target]

    @pytest.mark.parametrize(
        ("name", "audio_format"),
        [
            ("a.mp3", "mp3"),
            ("a.b.FLAC", "flac"),
            ("a.ogg", "opus"),
            ("a.pcm", "pcm_s16le"),
            ("a.wav", "wav"),
            ("a.bin", "wav"),
            ("mp3", "wav"),
            (".mp3", "wav"),
        ],
    )
    @pytest.mark.parametrize("kind", [str, Path])
    def test_the_name_tells_the_format_where_nothing_else_does(
        self, connect: Any, fake_soniox: FakeSoniox, tmp_path: Path, name: str, audio_format: str, kind: Any
    ) -> None:
        caller = connect(fake_soniox.tts_api_base_url)
        caller.run(lambda client: client.tts.generate_to_file(kind(tmp_path / name), **SPOKEN))

        (record,) = fake_soniox.speeches
        assert record.config["audio_format"] == audio_format
        assert (tmp_path / name).stat().st_size > 0

    @pytest.mark.parametrize(
        ("name", "audio_format"),
        [("a.mp3", "wav"), ("a.WAV", "mp3"), ("a.wav", "pcm_s16le"), ("a.pcm", "wav"), ("a.ogg", "mp3")],
    )
    def test_a_name_that_contradicts_the_format_is_refused(
        self, write: Any, tmp_path: Path, name: str, audio_format: str
    ) -> None:
        problem = rf"ends in {Path(name).suffix.lower()}, which does not fit"
        with RawServer() as server, pytest.raises(SonioxValidationError, match=problem):
            write(server, tmp_path / name, config={"audio_format": audio_format})
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("name", "audio_format"), [("a.raw", "pcm_f32le"), ("a.opus", "opus"), ("a.bin", "mp3"), ("a", "flac")]
    )
    def test_other_names_are_taken(
        self, connect: Any, fake_soniox: FakeSoniox, tmp_path: Path, name: str, audio_format: str
    ) -> None:
        caller, config = connect(fake_soniox.tts_api_base_url), {"audio_format": audio_format}
        caller.run(lambda client: client.tts.generate_to_file(tmp_path / name, **SPOKEN, config=config))
        assert fake_soniox.speeches[0].config["audio_format"] == audio_format

    @pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no such device")
    def test_what_is_no_file_is_written_to_and_not_replaced(self, write: Any, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
        reader.start()
        with RawServer(send_raw(WHOLE)) as server:
            assert write(server, pipe) == 5
        reader.join(PATIENCE_SEC)
        assert got == [b"hello"]
        assert stat.S_ISFIFO(pipe.stat().st_mode)

    def test_a_full_disk(self, write: Any) -> None:
        if not Path("/dev/full").exists():
            pytest.skip("no /dev/full")
        with RawServer(stall(CUT)) as server:
            with pytest.raises(SonioxError, match="the output cannot be written: No space left on device") as caught:
                write(server, "/dev/full")
            assert not isinstance(caught.value, (SonioxValidationError, SonioxConnectionError))
            server.wait_until(lambda server: server.open_connections == 0)

    def test_an_interruption_leaves_nothing(self, tmp_path: Path) -> None:
        def interrupt(response: Any) -> None:
            raise KeyboardInterrupt

        with RawServer(stall(CUT)) as server:
            client = SonioxClient(KEY, tts_api_base_url=server.url, on_response=interrupt)
            with client, pytest.raises(KeyboardInterrupt):
                client.tts.generate_to_file(tmp_path / "a.wav", **SPOKEN)
            server.wait_until(lambda server: server.open_connections == 0)
        assert list(tmp_path.iterdir()) == []

    def test_cancelling_leaves_nothing(self, tmp_path: Path) -> None:
        reached = threading.Event()

        async def run(server: RawServer) -> None:
            async with AsyncSonioxClient(KEY, tts_api_base_url=server.url) as client:
                task = asyncio.ensure_future(client.tts.generate_to_file(tmp_path / "a.wav", **SPOKEN))
                assert await asyncio.to_thread(reached.wait, PATIENCE_SEC)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert os.listdir(tmp_path) == []

        with RawServer(stall(CUT, reached)) as server:
            asyncio.run(run(server))
