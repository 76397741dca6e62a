"""What programs that know nothing of this library catch: built-in exceptions, and what they read of responses."""

from __future__ import annotations

import asyncio
import datetime
import errno
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from soniox_lite import AsyncSonioxClient, Request, Response, SonioxClient, errors
from soniox_lite.errors import (
    SonioxAPIError,
    SonioxConnectionError,
    SonioxError,
    SonioxFileError,
    SonioxInvalidFileError,
    SonioxNotFoundError,
    SonioxRealtimeError,
    SonioxTimeoutError,
    SonioxValidationError,
    file_error,
)
from soniox_lite.utils import stream_audio, stream_audio_async
from soniox_testing import FakeSoniox

from ...support.callers import CALLERS
from ...support.raw_server import RawServer, refused_port, reply

STT = {"model": "stt-rt-v5"}


@pytest.fixture(params=CALLERS)
def caller(request: pytest.FixtureRequest, fake_soniox: FakeSoniox) -> Any:
    with CALLERS[request.param](fake_soniox.url, tts_api_base_url=fake_soniox.tts_api_base_url) as made:
        yield made


async def read_async(path: Path) -> None:
    async for _ in stream_audio_async(path):
        pass


def is_async(client: object) -> bool:
    return isinstance(client, AsyncSonioxClient)


READERS = {
    "files.upload": lambda client, path: client.files.upload(path),
    "stt.transcribe": lambda client, path: client.stt.transcribe(file=str(path)),
    "stt.transcribe_and_wait": lambda client, path: client.stt.transcribe_and_wait(file=path, delete_after=True),
    "voices.create": lambda client, path: client.voices.create(path, name="me"),
    "request": lambda client, path: client.request("POST", "/files", files={"file": path}),
    "stream_audio": lambda _, path: list(stream_audio(path)),
    "stream_audio_async": lambda client, path: read_async(path) if is_async(client) else asyncio.run(read_async(path)),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_cannot_be_opened_is_also_the_built_in_error(caller: Any, reader: str, tmp_path: Path) -> None:
    missing = tmp_path / "missing.wav"
    for path, built_in, number in (
        (missing, FileNotFoundError, errno.ENOENT),
        (tmp_path, IsADirectoryError, errno.EISDIR),
    ):
        with pytest.raises(built_in) as caught:
            caller.run(lambda client, path=path: READERS[reader](client, path))
        error: Any = caught.value
        assert isinstance(error, SonioxInvalidFileError)
        assert isinstance(error, SonioxValidationError)
        assert isinstance(error, ValueError)
        assert (error.errno, str(error.filename)) == (number, str(path))
        assert str(path) in str(error)


def test_an_output_that_cannot_be_opened_is_also_the_built_in_error(caller: Any, tmp_path: Path) -> None:
    for path, built_in in ((tmp_path / "no" / "a.wav", FileNotFoundError), (tmp_path, IsADirectoryError)):
        with pytest.raises(built_in) as caught:
            caller.run(lambda client, path=path: client.tts.generate_to_file(path, text="Hi.", language="en"))
        assert isinstance(caught.value, SonioxInvalidFileError)
        assert caught.value.filename == path


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_is_an_os_error(caller: Any) -> None:
    with pytest.raises(OSError, match="cannot be written") as caught:
        caller.run(lambda client: client.tts.generate_to_file("/dev/full", text="Hi.", language="en"))

    assert type(caught.value) is SonioxFileError
    assert caught.value.errno == errno.ENOSPC


class FailingStream:
    """A stream whose medium fails."""

    def read(self, _size: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")


# The fake may read the beginning of the request only after the test, when it is not there any more.
@pytest.mark.parametrize("surface", CALLERS)
def test_a_stream_that_fails_is_not_taken_for_the_connection(surface: str) -> None:
    with (
        RawServer(reply(b"{}")) as server,
        CALLERS[surface](server.url) as caller,
        pytest.raises(SonioxInvalidFileError, match="file cannot be read") as caught,
    ):
        caller.upload(FailingStream())
    assert caught.value.errno == errno.EIO


def test_a_permission_is_told_apart() -> None:
    error = file_error("file cannot be opened", PermissionError(errno.EACCES, "Permission denied"), "a.wav")

    assert isinstance(error, PermissionError)
    assert type(error) is errors.SonioxFilePermissionError
    assert (error.errno, error.strerror, error.filename) == (errno.EACCES, "Permission denied", "a.wav")
    assert type(file_error("m", OSError(errno.ELOOP, "Too many links"))) is SonioxInvalidFileError
    assert type(file_error("m", ValueError("embedded null byte"))) is SonioxValidationError


@pytest.fixture
def nowhere() -> str:
    """Host and port that refuse connections."""
    return f"127.0.0.1:{refused_port()}"


@pytest.mark.parametrize("surface", CALLERS)
def test_a_refused_connection_is_a_connection_error(surface: str, nowhere: str) -> None:
    with CALLERS[surface](f"http://{nowhere}", max_retries=0) as caller, pytest.raises(ConnectionError) as caught:
        caller.request()

    error: Any = caught.value
    assert isinstance(error, SonioxConnectionError)
    assert error.errno == errno.ECONNREFUSED
    assert error.request.url == f"http://{nowhere}/v1/models"


def realtime_calls(place: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "websocket_base_url": f"ws://{place}/stt",
        "tts_websocket_base_url": f"ws://{place}/tts",
    }

    async def enter(make: Any) -> None:
        async with AsyncSonioxClient("key", **options) as client:
            await make(client.realtime).__aenter__()

    def stt(realtime: Any) -> Any:
        return realtime.stt.connect(config=STT)

    def tts(realtime: Any) -> Any:
        return realtime.tts.connect_multi_stream()

    return {
        "stt": lambda: stt(SonioxClient("key", **options).realtime).__enter__(),
        "tts": lambda: tts(SonioxClient("key", **options).realtime).__enter__(),
        "async stt": lambda: asyncio.run(enter(stt)),
        "async tts": lambda: asyncio.run(enter(tts)),
    }


@pytest.mark.parametrize("name", ["stt", "tts", "async stt", "async tts"])
def test_a_session_that_cannot_connect_is_a_connection_error(name: str, nowhere: str) -> None:
    with pytest.raises(ConnectionError) as caught:
        realtime_calls(nowhere)[name]()

    assert isinstance(caught.value, SonioxRealtimeError)
    assert isinstance(caught.value, SonioxConnectionError)
    assert caught.value.errno == errno.ECONNREFUSED


def test_a_session_that_breaks_is_a_connection_error(fake_soniox: FakeSoniox) -> None:
    fake_soniox.faults.drop()
    client = SonioxClient(fake_soniox.api_key, websocket_base_url=fake_soniox.stt_websocket_url)
    session = client.realtime.stt.connect(config=STT).enter()
    try:
        with pytest.raises(ConnectionError) as caught:
            list(session.receive_events())
    finally:
        session.cancel()

    assert isinstance(caught.value, SonioxRealtimeError)


def test_a_refused_upgrade_is_no_connection_error(fake_soniox: FakeSoniox) -> None:
    client = SonioxClient("key", websocket_base_url=f"{fake_soniox.stt_websocket_url}-wrong")
    with pytest.raises(SonioxRealtimeError) as caught:
        client.realtime.stt.connect(config=STT).__enter__()

    assert not isinstance(caught.value, OSError)


@pytest.mark.parametrize(
    "error",
    [
        file_error("m", FileNotFoundError(2, "No such file or directory"), "a.wav"),
        errors.with_errno(SonioxConnectionError("m", request_sent=True), ConnectionResetError(104, "reset")),
        errors.with_errno(SonioxTimeoutError("m", voice_id="v"), TimeoutError(110, "timed out")),
        errors.with_errno(
            errors.SonioxRealtimeConnectionError("m", close_code=1006), ConnectionResetError(104, "reset")
        ),
        SonioxValidationError("m", errors=[errors.InvalidField("a[0]", "must be a str", "int")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_pickled_errors_keep_everything(error: Any) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert (str(copy), repr(vars(copy))) == (str(error), repr(vars(error)))
    for name in ("errno", "strerror", "filename"):
        assert getattr(copy, name, None) == getattr(error, name, None)


# Invalid fields, as users of pydantic read them.


def test_invalid_fields_are_read_as_pydantics() -> None:
    client = SonioxClient("key")
    config = {"language_hints": ["en", 5], "context": {"terms": 3}}
    with pytest.raises(SonioxValidationError) as caught:
        client.stt.transcribe(file=b"x", config=config)

    found = caught.value.errors
    assert found.errors() == found()
    assert found.error_count() == len(found) == 2
    assert [problem["loc"] for problem in found.errors()] == [("language_hints", 1), ("context", "terms")]
    assert {problem["msg"] for problem in found.errors()} == {invalid.rule for invalid in found}


# Responses, as users of httpx read them.


def test_the_response_of_an_error_is_read_as_httpxs(fake_soniox: FakeSoniox, caller: Any) -> None:
    with pytest.raises(SonioxNotFoundError, match=r"\(HTTP 404, ") as caught:
        caller.run(lambda client: client.files.get("no-such-file"))

    response = caught.value.response
    assert response is not None
    assert response.url == f"{fake_soniox.url}/v1/files/no-such-file"
    assert response.reason_phrase == "Not Found"
    assert (response.is_error, response.is_success) == (True, False)
    assert response.headers["content-type"].startswith("application/json")
    assert response.json() == json.loads(response.text)
    assert isinstance(response.elapsed, datetime.timedelta)
    assert response.elapsed.total_seconds() == pytest.approx(response.elapsed_sec, abs=1e-6)
    assert type(SonioxAPIError.from_response(response)) is SonioxNotFoundError


def test_after_a_redirect_the_url_is_where_it_led() -> None:
    with (
        RawServer(reply(b"", "302 Found", "Location: /v1/other"), reply()) as server,
        CALLERS["sync"](server.url) as caller,
    ):
        response = caller.request()

    assert response.url == f"{server.url}/v1/other"
    assert (response.is_error, response.is_success, response.reason_phrase) == (False, True, "OK")


def test_a_body_that_is_not_json_is_also_a_value_error() -> None:
    response = Response(200, [], b"<html>", request=Request("GET", "http://x/", {}))

    with pytest.raises(ValueError, match="not JSON") as caught:
        response.json()
    assert isinstance(caught.value, SonioxAPIError)
    assert Response(200, [], b"1.5").json(parse_float=str) == "1.5"
    assert (Response(299).reason_phrase, Response(299).url) == ("", None)


def test_the_page_of_a_proxy_is_not_quoted() -> None:
    response = Response(502, [("Content-Type", "text/html")], b"<!DOCTYPE html><html>nope</html>")

    assert str(SonioxError(str(response.as_error()))) == (
        "the body is not a Soniox error but 32 bytes of text/html: Bad Gateway (HTTP 502)"
    )
