"""A plain HTTP client for the fake, which holds every JSON body against the published schema."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from soniox_testing import FakeSoniox, after_seconds
from tests.support.schema import check_body

if TYPE_CHECKING:
    from collections.abc import Iterator


class Answer:
    """A response: status, headers, and the decoded body, None where there is none."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.raw = response.read()
        self.json: Any = json.loads(self.raw) if self.raw else None

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What is wrong where."""
        return [(problem["error_type"], problem["location"]) for problem in self.json["validation_errors"]]


class Client:
    """One connection to a fake with one key."""

    def __init__(self, fake: FakeSoniox, api_key: str | None = "key-a") -> None:
        address = urlsplit(fake.url)
        self.connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        self.headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        chunked: bool = False,
    ) -> Answer:
        self.connection.request(method, path, body, {**self.headers, **(headers or {})}, encode_chunked=chunked)
        answer = Answer(self.connection.getresponse())
        if answer.raw:
            assert answer.headers["Content-Type"] == "application/json"
            check_body(method, urlsplit(path).path, answer.status, answer.raw)
        return answer

    def post(self, path: str, payload: Any) -> Answer:
        """Sends JSON."""
        return self("POST", path, json.dumps(payload), {"Content-Type": "application/json"})

    def upload(
        self, content: bytes = b"sound", filename: str = "a.mp3", *, client_reference_id: str | None = None
    ) -> Answer:
        """Sends a file."""
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'.encode(),
            content,
            b"\r\n",
        ]
        if client_reference_id is not None:
            field = '--b\r\nContent-Disposition: form-data; name="client_reference_id"\r\n\r\n'
            parts.append(f"{field}{client_reference_id}\r\n".encode())
        return self.send_parts(b"".join([*parts, b"--b--\r\n"]))

    def create_voice(
        self, name: str | None = "Ada", content: bytes = b"sound", filename: str | None = "a.wav"
    ) -> Answer:
        """Clones a voice; what is None is not sent."""
        parts: list[bytes] = []
        if name is not None:
            parts.append(f'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n{name}\r\n'.encode())
        if filename is not None:
            head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'
            parts += [head.encode(), content, b"\r\n"]
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        return self("POST", "/v1/voices", b"".join([*parts, b"--b--\r\n"]), headers)

    def send_parts(self, body: Any, *, content_type: str = "multipart/form-data; boundary=b") -> Answer:
        """Sends a multipart body as it is."""
        return self("POST", "/v1/files", body, {"Content-Type": content_type})

    def create(self, **payload: Any) -> Answer:
        """Creates a job, on a URL unless the payload says otherwise."""
        if "file_id" not in payload and "audio_url" not in payload:
            payload["audio_url"] = "https://example.com/audio/talk.mp3"
        return self.post("/v1/transcriptions", {"model": "stt-async-v5", **payload})


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_sec = 1000.0

    def __call__(self) -> float:
        return self.now_sec


@pytest.fixture
def time() -> Time:
    """The clock of ``fake``; a job there is queued for 10 s, then processing for 10 s."""
    return Time()


@pytest.fixture
def fake(time: Time) -> Iterator[FakeSoniox]:
    """A fake whose time stands still until the test moves it."""
    with FakeSoniox(clock=time, progress=after_seconds(queued=10, processing=10)) as server:
        yield server


@pytest.fixture
def connect(fake: FakeSoniox) -> Iterator[Any]:
    """Makes clients of ``fake``."""
    clients: list[Client] = []

    def make(api_key: str | None = "key-a", server: FakeSoniox = fake) -> Client:
        clients.append(Client(server, api_key))
        return clients[-1]

    yield make
    for client in clients:
        client.connection.close()


@pytest.fixture
def client(connect: Any) -> Client:
    """A client of ``fake``."""
    made: Client = connect()
    return made
