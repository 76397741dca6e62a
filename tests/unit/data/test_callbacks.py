"""Functions of the user's: awaited by what is asynchronous, refused by what is not, and never dropped."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from soniox_lite import AsyncSonioxClient, SonioxClient, SonioxError, SonioxValidationError
from soniox_lite.utils import SessionThread
from soniox_testing import FakeSoniox
from tests.support.callbacks import ASYNC, RECOGNIZED
from tests.support.raw_server import RawServer, reply

STT = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}
SPEECH: dict[str, Any] = {"text": "Hello.", "voice": "Adrian", "language": "en"}
TTS = {
    "stream_id": "a",
    "model": "tts-rt-v2",
    "voice": "Adrian",
    "language": "en",
    "audio_format": "pcm_s16le",
    "sample_rate": 16000,
}

each_async = pytest.mark.parametrize("make", ASYNC.values(), ids=ASYNC)
each_recognized = pytest.mark.parametrize("make", RECOGNIZED.values(), ids=RECOGNIZED)
each_hook = pytest.mark.parametrize("hook", ["on_request", "on_response"])


def clients_of(fake: FakeSoniox, **options: Any) -> dict[str, Any]:
    return {
        "api_key": fake.api_key,
        "api_base_url": fake.api_base_url,
        "tts_api_base_url": fake.tts_api_base_url,
        "websocket_base_url": fake.stt_websocket_url,
        "tts_websocket_base_url": fake.tts_websocket_url,
        **options,
    }


class TestAwaited:
    """By the async client."""

    @each_async
    @each_hook
    def test_hooks(self, fake_soniox: FakeSoniox, make: Any, hook: str) -> None:
        seen: list[Any] = []

        async def main() -> None:
            async with AsyncSonioxClient(**clients_of(fake_soniox, **{hook: make(seen.append)})) as client:
                await client.files.count()
                assert len(seen) == 1
                await client.with_options(**{hook: make(seen.append)}).files.count()  # type: ignore[arg-type]
                assert len(seen) == 2

        asyncio.run(main())

    def test_a_hook_is_awaited_before_the_request_is_sent(self, fake_soniox: FakeSoniox) -> None:
        async def on_request(request: Any) -> None:
            await asyncio.sleep(0)
            request.headers["X-Trace"] = "mine"

        async def main(url: str) -> None:
            async with AsyncSonioxClient("k", api_base_url=url, on_request=on_request) as client:
                await client.request("GET", "/x")

        with RawServer(reply()) as server:
            asyncio.run(main(server.url))
        assert server.requests[0].headers["x-trace"] == "mine"

    @each_hook
    def test_what_a_hook_raises_reaches_the_caller(self, fake_soniox: FakeSoniox, hook: str) -> None:
        async def fail(_: object) -> None:
            await asyncio.sleep(0)
            raise KeyError("mine")

        async def main() -> None:
            async with AsyncSonioxClient(**clients_of(fake_soniox, **{hook: fail})) as client:
                with pytest.raises(KeyError, match="mine"):
                    await client.files.count()

        asyncio.run(main())

    @each_async
    def test_progress_in_order_and_before_the_upload_returns(self, fake_soniox: FakeSoniox, make: Any) -> None:
        seen: list[Any] = []

        async def main() -> None:
            async with AsyncSonioxClient(**clients_of(fake_soniox)) as client:
                await client.files.upload(
                    bytes(300_000), filename="a.wav", on_progress=make(lambda *args: seen.append(args))
                )
                assert seen == [(131_072, 300_000), (262_144, 300_000), (300_000, 300_000)]

        asyncio.run(main())

    def test_calls_for_progress_do_not_overlap(self, fake_soniox: FakeSoniox) -> None:
        running: list[int] = []

        async def on_progress(sent: int, _total: int | None) -> None:
            assert running == []
            running.append(sent)
            for _ in range(20):
                await asyncio.sleep(0)
            running.clear()

        async def main() -> None:
            async with AsyncSonioxClient(**clients_of(fake_soniox)) as client:
                await client.files.upload(bytes(2_000_000), on_progress=on_progress)

        asyncio.run(main())

    def test_what_progress_raises_ends_the_upload(self, fake_soniox: FakeSoniox) -> None:
        async def fail(*_: object) -> None:
            await asyncio.sleep(0)
            raise KeyError("mine")

        async def main() -> None:
            async with AsyncSonioxClient(**clients_of(fake_soniox)) as client:
                with pytest.raises(KeyError, match="mine"):
                    await client.files.upload(bytes(200), on_progress=fail)

        asyncio.run(main())

    @each_async
    @pytest.mark.parametrize("surface", ["stt", "tts"])
    def test_handlers_of_events(self, fake_soniox: FakeSoniox, make: Any, surface: str) -> None:
        for wrap in (make, lambda note: note):
            seen: list[Any] = []

            async def main(handler: Any) -> None:
                async with AsyncSonioxClient(**clients_of(fake_soniox)) as client:
                    if surface == "stt":
                        async with client.realtime.stt.connect(config=STT) as session:
                            await session.finish()
                            await session.handle_events(handler)
                    else:
                        async with client.realtime.tts.connect(config=TTS) as stream:
                            await stream.send_text_chunk("Hello.", text_end=True)
                            await stream.handle_events(handler)

            asyncio.run(main(wrap(seen.append)))
            assert seen

    @each_async
    def test_lifecycle_handlers_before_the_session_is_left(self, fake_soniox: FakeSoniox, make: Any) -> None:
        seen: list[str] = []

        async def main() -> None:
            client = AsyncSonioxClient(**clients_of(fake_soniox))
            session = client.realtime.stt.connect(config=STT)
            for event_type in ("open", "finished", "close"):
                session.on(event_type, make(lambda payload: seen.append(payload.type)))
            async with session:
                await session.send_bytes(bytes(3200))
                await session.finish()
            await client.aclose()

        asyncio.run(main())
        assert seen == ["open", "finished", "close"]

    def test_a_lifecycle_handler_of_a_session_that_could_not_be_opened(self, fake_soniox: FakeSoniox) -> None:
        seen: list[str] = []

        async def note(payload: Any) -> None:
            await asyncio.sleep(0)
            seen.append(payload.type)

        async def main() -> None:
            async with AsyncSonioxClient(**clients_of(fake_soniox, websocket_base_url="ws://127.0.0.1:9")) as client:
                session = client.realtime.stt.connect(config=STT)
                session.on("error", note)
                with pytest.raises(SonioxError):
                    await session.enter()

        asyncio.run(main())
        assert seen == ["error"]

    def test_a_lifecycle_handler_may_close_the_session(self, fake_soniox: FakeSoniox) -> None:
        async def main() -> None:
            async with AsyncSonioxClient(**clients_of(fake_soniox)) as client:
                session = client.realtime.stt.connect(config=STT, close_timeout_sec=60)
                session.on("finished", lambda _: session.close())
                async with session:
                    await session.finish()
                    assert [payload.type async for payload in session.session_events()][-1] == "close"

        asyncio.run(asyncio.wait_for(main(), 20))

    def test_a_lifecycle_handler_that_fails_is_logged(
        self, fake_soniox: FakeSoniox, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def fail(_: object) -> None:
            await asyncio.sleep(0)
            raise KeyError("mine")

        async def main() -> None:
            async with AsyncSonioxClient(**clients_of(fake_soniox)) as client:
                session = client.realtime.stt.connect(config=STT)
                session.on("close", fail)
                async with session:
                    await session.finish()

        asyncio.run(main())
        assert "KeyError: 'mine'" in caplog.text

    @each_recognized
    def test_what_speech_is_written_by(self, fake_soniox: FakeSoniox, make: Any) -> None:
        blocks: list[bytes] = []

        async def main() -> None:
            async with AsyncSonioxClient(**clients_of(fake_soniox)) as client:
                await client.tts.generate_stream(**SPEECH).copy_to(make(blocks.append))

        asyncio.run(main())
        assert b"".join(blocks).startswith(b"RIFF")


class Awaitable:
    """It cannot be closed, unlike a coroutine."""

    def __await__(self) -> Any:
        yield


class TestRefused:
    """By the sync client: when they are given, or else when they show what they are."""

    @each_recognized
    @each_hook
    def test_hooks(self, fake_soniox: FakeSoniox, make: Any, hook: str) -> None:
        with pytest.raises(SonioxValidationError, match=f"{hook} must not be a coroutine function"):
            SonioxClient(**clients_of(fake_soniox, **{hook: make(print)}))
        with SonioxClient(**clients_of(fake_soniox)) as client, pytest.raises(SonioxValidationError, match=hook):
            client.with_options(**{hook: make(print)})

    @each_hook
    @pytest.mark.parametrize("make", [ASYNC["lambda"], lambda _: lambda _: Awaitable()], ids=["coroutine", "other"])
    def test_hooks_that_return_an_awaitable(self, fake_soniox: FakeSoniox, hook: str, make: Any) -> None:
        options = clients_of(fake_soniox, **{hook: make(print)})
        with SonioxClient(**options) as client, pytest.raises(SonioxValidationError, match=f"{hook} must not be"):
            client.files.count()

    @pytest.mark.parametrize("make", [ASYNC["lambda"], *RECOGNIZED.values()], ids=["lambda", *RECOGNIZED])
    def test_progress(self, make: Any) -> None:
        with (
            RawServer(then=reply()) as server,
            SonioxClient("k", api_base_url=server.url) as client,
            pytest.raises(SonioxValidationError, match="on_progress must not be a coroutine function"),
        ):
            client.files.upload(b"x", on_progress=make(print))

    @pytest.mark.parametrize("make", [ASYNC["lambda"], *RECOGNIZED.values()], ids=["lambda", *RECOGNIZED])
    @pytest.mark.parametrize("surface", ["stt", "tts"])
    def test_handlers_of_events(self, fake_soniox: FakeSoniox, make: Any, surface: str) -> None:
        with SonioxClient(**clients_of(fake_soniox)) as client:
            if surface == "stt":
                with client.realtime.stt.connect(config=STT) as session:
                    session.finish()
                    with pytest.raises(SonioxValidationError, match="handler must not be a coroutine function"):
                        session.handle_events(make(print))
            else:
                with client.realtime.tts.connect(config=TTS) as stream:
                    stream.send_text_chunk("Hello.", text_end=True)
                    with pytest.raises(SonioxValidationError, match="handler must not be a coroutine function"):
                        stream.handle_events(make(print))

    @each_recognized
    def test_lifecycle_handlers(self, fake_soniox: FakeSoniox, make: Any) -> None:
        with SonioxClient(**clients_of(fake_soniox)) as client:
            session = client.realtime.stt.connect(config=STT)
            with pytest.raises(SonioxValidationError, match="handler must not be a coroutine function"):
                session.on("open", make(print))

    def test_lifecycle_handlers_that_return_an_awaitable(
        self, fake_soniox: FakeSoniox, caplog: pytest.LogCaptureFixture
    ) -> None:
        with SonioxClient(**clients_of(fake_soniox)) as client:
            session = client.realtime.stt.connect(config=STT)
            session.on("open", ASYNC["lambda"](print))
            with session:
                session.finish()
        assert "handler must not be a coroutine function" in caplog.text

    @each_recognized
    def test_what_speech_is_written_by(self, fake_soniox: FakeSoniox, make: Any) -> None:
        with SonioxClient(**clients_of(fake_soniox)) as client:
            with pytest.raises(SonioxValidationError, match="write must not be a coroutine function"):
                client.tts.generate_stream(**SPEECH).copy_to(make(print))
            with pytest.raises(SonioxValidationError, match="write must not be a coroutine function"):
                client.tts.generate_stream(**SPEECH).copy_to(ASYNC["lambda"](print))

    @pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
    def test_streams_that_are_awaited(self, fake_soniox: FakeSoniox, is_async: bool) -> None:
        class Stream:
            async def read(self, _size: int = -1) -> bytes:
                return b""

            async def write(self, _block: bytes) -> int:
                return 0

        async def main() -> None:
            async with AsyncSonioxClient(**clients_of(fake_soniox)) as client:
                with pytest.raises(SonioxValidationError, match=r"read\(\) has to be awaited"):
                    await client.files.upload(Stream())  # type: ignore[arg-type]
                with pytest.raises(SonioxValidationError, match=r"write\(\) has to be awaited"):
                    await client.tts.generate_to_file(Stream(), **SPEECH)  # type: ignore[arg-type]

        if is_async:
            asyncio.run(main())
            return
        with SonioxClient(**clients_of(fake_soniox)) as client:
            with pytest.raises(SonioxValidationError, match=r"read\(\) has to be awaited"):
                client.files.upload(Stream())  # type: ignore[arg-type]
            with pytest.raises(SonioxValidationError, match=r"write\(\) has to be awaited"):
                client.tts.generate_to_file(Stream(), **SPEECH)  # type: ignore[arg-type]

    @pytest.mark.parametrize("handler", [None, 5, "text"])
    def test_what_cannot_be_called(self, fake_soniox: FakeSoniox, handler: Any) -> None:
        with SonioxClient(**clients_of(fake_soniox)) as client, client.realtime.stt.connect(config=STT) as session:
            with pytest.raises(SonioxValidationError, match="handler must be callable"):
                session.handle_events(handler)
            session.finish()

    @each_recognized
    def test_the_work_of_a_thread(self, make: Any) -> None:
        with pytest.raises(SonioxValidationError, match="work must not be a coroutine function"):
            SessionThread(object(), make(print))

    def test_work_that_returns_an_awaitable(self) -> None:
        class Session:
            failure: Any = None

            def _fail(self, error: BaseException) -> None:
                self.failure = error

        session = Session()
        thread = SessionThread(session, ASYNC["lambda"](print))
        thread.start()
        with pytest.raises(SonioxValidationError, match="work must not be a coroutine function"):
            thread.result(60)
        assert isinstance(session.failure, SonioxValidationError)


class TestTheFake:
    @each_recognized
    def test_refuses_coroutine_functions(self, fake_soniox: FakeSoniox, make: Any) -> None:
        for refused in (
            lambda: fake_soniox.on_session(make(print)),
            lambda: FakeSoniox(transcriber=make(print)),
            lambda: FakeSoniox(progress=make(print)),
        ):
            with pytest.raises(ValueError, match="must be a plain function"):
                refused()

    def test_tells_of_a_function_that_returned_an_awaitable(self) -> None:
        fake = FakeSoniox(audio="any")
        fake.on_session(ASYNC["lambda"](print))
        fake.start()
        with SonioxClient(**clients_of(fake)) as client, client.realtime.stt.connect(config=STT) as session:
            while not session.receive_event().error_message:
                pass
        with pytest.raises(Exception, match="has to be awaited"):
            fake.stop()
