"""The Lambda example: its layer, its template, and its functions in the real runtime client."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import json
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from soniox_lite import SonioxClient
from soniox_testing import FakeSoniox

from ..support.lambda_runtime import Function, FunctionError
from ..support.raw_server import PATIENCE_SEC, Connection, RawServer, http_reply, reply
from ..support.socket_server import Connection as AnyConnection, SocketServer

EXAMPLE = Path(__file__).parents[2] / "examples" / "lambda"
SECRET = "a secret of more than 32 characters"
# Zipped, with all that it needs.
OFFICIAL_BYTES = 3_589_819

needs_runtime = pytest.mark.skipif(
    importlib.util.find_spec("awslambdaric") is None or not hasattr(signal, "SIGSTOP"),
    reason="needs awslambdaric, the runtime client of Lambda, which there is for Linux",
)


def build(output: Path, *options: str) -> int:
    """Builds the layer; gives its size."""
    command = [sys.executable, "-W", "error", str(EXAMPLE / "build_layer.py"), *options, "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{output}: {output.stat().st_size:,} bytes\n"
    return output.stat().st_size


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder ``/opt`` of a function, with the zip file of its layer."""
    folder = tmp_path_factory.mktemp("opt")
    build(folder / "layer.zip")
    with zipfile.ZipFile(folder / "layer.zip") as archive:
        archive.extractall(folder)
    return folder


def contents(layer: Path) -> set[str]:
    """The names of the files in a layer."""
    with zipfile.ZipFile(layer) as archive:
        # Functions run as another user than the one who unpacks.
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o644}
        names = {entry.filename for entry in archive.infolist()}
    assert all(name.startswith("python/") for name in names)
    assert not any("/_cli/" in name or "soniox_testing" in name or "/tests/" in name for name in names)
    return names


def test_the_layer_is_small(layer: Path) -> None:
    assert (layer / "layer.zip").stat().st_size <= 0.055 * OFFICIAL_BYTES
    names = contents(layer / "layer.zip")
    assert "python/soniox_lite/api/stt.py" in names
    assert not any("websocket" in name or name.endswith(".pyc") for name in names)


@pytest.mark.slow
def test_the_layer_with_realtime_sessions_is_small_and_may_be_compiled(tmp_path: Path) -> None:
    assert build(tmp_path / "layer.zip", "--realtime") <= 0.10 * OFFICIAL_BYTES
    names = contents(tmp_path / "layer.zip")
    assert {"python/websocket/_core.py", "python/soniox_lite/realtime/stt.py"} <= names
    build(tmp_path / "again.zip", "--realtime", "--bytecode")
    modules = {name for name in contents(tmp_path / "again.zip") if name.endswith(".py")}
    assert modules == {name for name in names if name.endswith(".py")}
    with zipfile.ZipFile(tmp_path / "again.zip") as archive:
        archive.extractall(tmp_path)
    cached = importlib.util.cache_from_source(str(tmp_path / "python" / "soniox_lite" / "__init__.py"))
    # Without a comparison with its source (PEP 552).
    assert Path(cached).read_bytes()[4:8] == b"\x01\0\0\0"


def test_the_template_names_what_there_is() -> None:
    template = (EXAMPLE / "template.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"Handler: (\S+)", template)) == {"app.start", "app.ended"}
    assert re.findall(r"ContentUri: (\S+)", template) == ["layer.zip"]
    needed = set(re.findall(r'environ\["(\w+)"\]', (EXAMPLE / "app.py").read_text(encoding="utf-8")))
    given = set(re.findall(r"^ *([A-Z_]+):", template, re.MULTILINE))
    assert {"SONIOX_API_KEY", "SONIOX_API_WEBHOOK_SECRET", *needed} == given


def test_urls_are_signed_as_amazon_signs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": "a/session+token=",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL_S3": "",
    }.items():
        monkeypatch.setenv(name, value)
    signed_url = runpy.run_path(str(EXAMPLE / "s3.py"))["signed_url"]
    clock = SimpleNamespace(gmtime=lambda: None, strftime=lambda *_: "20130524T000000Z")
    monkeypatch.setitem(signed_url.__globals__, "time", clock)
    url = signed_url("GET", "examplebucket", "uploads/a b+ü~.wav")
    # botocore signs the same request at the same moment so.
    assert url.startswith("https://examplebucket.s3.eu-central-1.amazonaws.com/uploads/a%20b%2B%C3%BC~.wav?X-Amz-")
    assert url.endswith("&X-Amz-Signature=6d505fb3f21b459c6df892588802b7c64468015de5ece0fe97bce5990f9fc8ef")


class Relay(SocketServer[AnyConnection]):
    """Passes connections on to the fake, and counts them."""

    def __init__(self, port: int) -> None:
        super().__init__(AnyConnection, "http", None, "127.0.0.1")
        self._target = port

    def serve(self, connection: AnyConnection) -> None:
        with socket.create_connection(("127.0.0.1", self._target), PATIENCE_SEC) as onward:
            back = threading.Thread(target=_pump, args=(onward, connection.sock))
            back.start()
            _pump(connection.sock, onward)
            back.join(PATIENCE_SEC)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(64 * 1024):
            target.sendall(block)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


class Account:
    """What the functions are deployed to: their layer, a storage, a URL for ``ended``, and the way to the fake.

    Attributes:
        relay: Between the functions and the fake.
        storage: In the place of S3.
    """

    def __init__(self, fake: FakeSoniox, layer: Path, relay: Relay, storage: RawServer) -> None:
        self.relay, self.storage = relay, storage
        self._layer = layer
        self._variables = {
            **fake.environment(),
            "SONIOX_API_BASE_URL": fake.api_base_url.replace(str(urlsplit(fake.api_base_url).port), str(relay.port)),
            "SONIOX_API_WEBHOOK_SECRET": SECRET,
            "AWS_ENDPOINT_URL_S3": storage.url,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "not a secret",
            "AWS_SESSION_TOKEN": "a/session+token",
        }

    def function(self, name: str, **variables: str) -> Function:
        """One of the template's functions, to be started."""
        return Function(f"app.{name}", EXAMPLE, [self._layer / "python"], {**self._variables, **variables})

    @property
    def stored(self) -> dict[str, str]:
        """Texts by the paths that they were written to."""
        return {urlsplit(request.target).path: request.body.decode() for request in self.storage.requests}


@pytest.fixture
def account(fake_soniox: FakeSoniox, layer: Path) -> Iterator[Account]:
    port = urlsplit(fake_soniox.api_base_url).port
    assert port is not None
    with Relay(port) as relay, RawServer(then=reply(b"")) as storage:
        yield Account(fake_soniox, layer, relay, storage)


def uploaded(*keys: str) -> dict[str, Any]:
    """What S3 sends. It encodes keys as forms do."""
    s3 = [{"bucket": {"name": "recordings"}, "object": {"key": key, "size": 9}} for key in keys]
    return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": record} for record in s3]}


def called(job_id: str, kind: str = "function URL", secret: str = SECRET) -> dict[str, Any]:
    """What ``ended`` is called with behind each kind of gateway."""
    body = json.dumps({"id": job_id, "status": "completed"})
    one, many = {"x-soniox-webhook-secret": secret}, {"X-Soniox-Webhook-Secret": [secret]}
    events: dict[str, dict[str, Any]] = {
        "API Gateway 1.0": {"httpMethod": "POST", "headers": one, "multiValueHeaders": many},
        "function URL": {"version": "2.0", "headers": one, "requestContext": {"http": {"method": "POST"}}},
        "load balancer": {"httpMethod": "POST", "headers": one, "requestContext": {"elb": {}}},
        "load balancer, many values": {"httpMethod": "POST", "multiValueHeaders": many, "requestContext": {"elb": {}}},
        "VPC Lattice": {"version": "2.0", "method": "POST", "headers": many, "requestContext": {}},
    }
    text = {"body": base64.b64encode(body.encode()).decode(), "isBase64Encoded": True}
    return {**events[kind], **(text if "API" in kind else {"body": body, "isBase64Encoded": False})}


def front(function: Function) -> Callable[[Connection], None]:
    """The URL of a function: makes an event of each request."""

    def step(connection: Connection) -> None:
        body = connection.read_body()
        request = connection.request
        event = {
            "version": "2.0",
            "headers": request.headers,
            "requestContext": {"http": {"method": request.method}},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
        answer = function.invoke(event)
        connection.send(http_reply(answer["body"].encode(), f"{answer['statusCode']} OK"))

    return step


# A function that is slow to start would be called again.
@pytest.mark.fake_soniox(webhook_timeout_sec=60)
@needs_runtime
def test_an_upload_becomes_a_transcript(account: Account, fake_soniox: FakeSoniox) -> None:
    fake_soniox.add_transcript("said on the phone")
    with account.function("ended") as ended, RawServer(then=front(ended)) as url:
        ended.freeze()
        with account.function("start", WEBHOOK_URL=url.url) as start:
            (job_id,) = start.invoke(uploaded("calls/monday+morning.wav"))
        (job,) = fake_soniox.transcriptions
        ended.thaw()
        assert (job.id, job.client_reference_id) == (job_id, "recordings/calls/monday morning.wav")
        assert job.audio_url is not None
        assert job.audio_url.startswith(f"{account.storage.url}/recordings/calls/monday%20morning.wav?X-Amz-")
        account.storage.wait_until(lambda server: server.requests and server.requests[0].body)
        assert account.stored == {"/recordings/transcripts/calls/monday%20morning.wav.txt": "said on the phone"}
        assert fake_soniox.wait_for_webhook(job_id).outcome == "delivered"
    assert fake_soniox.transcriptions == ()


@needs_runtime
def test_events_of_all_gateways_and_a_frozen_instance(account: Account, fake_soniox: FakeSoniox) -> None:
    urls = {"api_base_url": fake_soniox.api_base_url}
    with SonioxClient(fake_soniox.api_key, **urls) as client, account.function("ended") as ended:
        assert ended.invoke(called("none", secret="guess"))["statusCode"] == 401
        for kind in ("API Gateway 1.0", "function URL", "load balancer", "load balancer, many values", "VPC Lattice"):
            fake_soniox.add_transcript(kind)
            job = client.stt.transcribe_from_url(audio_url="https://a.example/a.wav", client_reference_id=f"b/{kind}")
            client.stt.wait(job.id)
            answer = ended.invoke(called(job.id, kind))
            assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False), kind
            # A call for a job that another instance has handled.
            assert ended.invoke(called("5c0d0e0f-0000-4000-8000-000000000000", kind))["statusCode"] == 200
        # One client for all invocations.
        assert account.relay.connection_count == 1
        ended.freeze()
        account.relay.connections[0].shut_down()
        account.relay.wait_until(lambda relay: not relay.open_connections)
        ended.thaw()
        fake_soniox.fail_next_job("internal_error", "no speech today")
        job = client.stt.transcribe_from_url(audio_url="https://a.example/a.wav", client_reference_id="b/failed")
        client.stt.wait(job.id)
        assert ended.invoke(called(job.id))["statusCode"] == 200
        assert account.relay.connection_count == 2
    stored = {path.rpartition("/")[2]: text for path, text in account.stored.items()}
    assert stored.pop("failed.error.txt") == "no speech today"
    assert {f"{text}.txt": text for text in stored.values()} == {unquote(path): text for path, text in stored.items()}
    assert len(stored) == 5
    assert fake_soniox.transcriptions == ()


@needs_runtime
def test_without_a_key_the_function_does_not_start(account: Account) -> None:
    with pytest.raises(FunctionError, match="SONIOX_API_KEY"), account.function("ended", SONIOX_API_KEY=""):
        pass
