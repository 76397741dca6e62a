"""TLS: who is trusted, how often it is set up, and that connections live."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from soniox_lite import SonioxClient, SonioxConnectionError, SonioxTimeoutError
from soniox_lite._net import certificates
from tests.support.callers import KEY
from tests.support.machine import resolve_as_loopback
from tests.support.proxies import tunnel
from tests.support.raw_server import RawServer, close, hold, http_reply, reply, send_and_close, stall
from tests.support.tables import each_row

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _no_default_context_yet() -> Iterator[None]:
    certificates.forget_default_context()
    yield
    certificates.forget_default_context()


def test_a_context_of_the_users_own_is_used_and_connections_live(
    connect: Any, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
) -> None:
    with RawServer(then=reply(b'{"a": 1}'), tls=tls_server) as server:
        caller = connect(server, ssl_context=tls_client)
        for _ in range(5):
            assert caller.request("GET").json() == {"a": 1}
        assert caller.upload(b"sound" * 100_000).status_code == 200
    assert server.connection_count == 1
    assert b"sound" * 100_000 in server.requests[5].body


@each_row("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@each_row("method", ["GET", "POST"])
def test_a_close_while_idle_is_not_noticed(
    connect: Any, authority: trustme.CA, tls_client: ssl.SSLContext, version: ssl.TLSVersion, method: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.maximum_version = version
    with RawServer(send_and_close(http_reply()), reply(b"again"), tls=context) as server:
        caller = connect(server, ssl_context=tls_client, max_retries=0)
        caller.request("GET")
        server.wait_until(lambda server: server.open_connections == 0)
        assert caller.request(method).content == b"again"
    assert [request.method for request in server.requests] == ["GET", method]


def test_a_get_that_meets_a_close_has_one_free_attempt(
    connect: Any, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
) -> None:
    with RawServer(reply(), close, reply(b"again"), tls=tls_server) as server:
        caller = connect(server, ssl_context=tls_client, max_retries=0)
        caller.request("GET")
        assert caller.request("GET").content == b"again"


def test_who_is_not_trusted_is_refused(connect: Any, tls_server: ssl.SSLContext) -> None:
    with RawServer(tls=tls_server) as server:
        with pytest.raises(
            SonioxConnectionError, match=r"(?i)certificate.*self.signed|unable to get local issuer"
        ) as caught:
            connect(server, max_retries=0).request("GET")
        assert not caught.value.request_sent
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert server.requests == []


def test_a_certificate_that_signs_itself_is_refused(connect: Any, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA()
    certificate = authority.cert_pem.bytes() + authority.private_key_pem.bytes()
    (tmp_path / "self.pem").write_bytes(certificate)
    context.load_cert_chain(tmp_path / "self.pem")
    with RawServer(tls=context) as server, pytest.raises(SonioxConnectionError, match=r"(?i)certificate"):
        connect(server, max_retries=0).request("GET")
    assert server.requests == []


def test_another_hosts_certificate_is_refused(connect: Any, authority: trustme.CA, tls_client: ssl.SSLContext) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.soniox.com").configure_cert(context)
    with RawServer(tls=context) as server, pytest.raises(SonioxConnectionError, match=r"(?i)certificate.*127.0.0.1"):
        connect(server, ssl_context=tls_client, max_retries=0).request("GET")
    assert server.requests == []


@each_row("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x15\x03\x01\x00\x02\x02\x28"])
def test_a_server_that_does_not_speak_tls_is_a_connection_error(
    connect: Any, tls_client: ssl.SSLContext, greeting: bytes
) -> None:
    def greet(connection: Any) -> None:
        connection.send(greeting)
        connection.close()

    with RawServer(on_accept=[greet]) as server:
        with pytest.raises(SonioxConnectionError, match=f"GET https://{server.address}/v1/models: ") as caught:
            connect(f"https://{server.address}", ssl_context=tls_client, max_retries=0).request("GET")
        assert not caught.value.request_sent


def test_a_handshake_that_stalls_ends_with_the_connect_timeout(connect: Any, tls_client: ssl.SSLContext) -> None:
    with RawServer(on_accept=[hold]) as server:
        caller = connect(f"https://{server.address}", ssl_context=tls_client, connect_timeout_sec=0.2, max_retries=0)
        started = time.monotonic()
        with pytest.raises(SonioxTimeoutError, match=r"could not connect within 0.2 s") as caught:
            caller.request("GET")
        assert not caught.value.request_sent
        assert time.monotonic() - started < 30


def test_a_reply_over_tls_that_stops_ends_with_the_timeout(
    connect: Any, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
) -> None:
    with RawServer(stall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), tls=tls_server) as server:
        caller = connect(server, ssl_context=tls_client, timeout_sec=0.2, connect_timeout_sec=5, max_retries=0)
        with pytest.raises(SonioxTimeoutError):
            caller.request("GET")


def test_all_clients_share_one_context(
    tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ssl.SSLContext] = []

    def create(**_: object) -> ssl.SSLContext:
        made.append(tls_client)
        return tls_client

    monkeypatch.setattr(ssl, "create_default_context", create)
    monkeypatch.setattr(ssl, "_create_default_https_context", lambda *_: pytest.fail("http.client made a context"))
    with RawServer(then=reply(b"", "200 OK", "Connection: close"), tls=tls_server) as server:
        for _ in range(3):
            with SonioxClient(KEY, api_base_url=server.url) as client:
                assert made == [] or len(made) == 1
                for _ in range(2):
                    client.request("GET", "/x")
        assert server.connection_count == 6
    assert len(made) == 1


def test_no_context_is_made_for_http(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: pytest.fail("a context was made"))
    with RawServer(reply()) as server:
        assert connect(server).request("GET").status_code == 200


def test_another_scheme_is_another_host_for_redirects(
    connect: Any, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
) -> None:
    with RawServer(then=reply(b"plain")) as plain:
        moved = reply(b"", "302 Found", f"Location: http://{plain.address}/x")
        with RawServer(moved, tls=tls_server) as server:
            assert connect(server, ssl_context=tls_client).request("GET").content == b"plain"
    assert KEY in server.requests[0].head.decode()
    assert KEY not in plain.requests[0].head.decode()


PROGRAM = """
import sys
from soniox_lite import SonioxClient, SonioxConnectionError
with SonioxClient("key", api_base_url=sys.argv[1], max_retries=0) as client:
    try:
        print(client.request("GET", "/x").status_code)
    except SonioxConnectionError as error:
        print(error)
"""


@pytest.mark.parametrize("trusted", [True, False])
def test_the_environment_says_whom_to_trust(
    authority: trustme.CA, tls_server: ssl.SSLContext, tmp_path: Path, trusted: bool
) -> None:
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if trusted:
        environment["SSL_CERT_FILE"] = str(tmp_path / "ca.pem")
    with RawServer(then=reply(), tls=tls_server) as server:
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM, server.url],
            env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    assert result.stderr == ""
    assert (result.stdout == "200\n") is trusted
    assert trusted or "certificate" in result.stdout.lower()


class Trust:
    """Certificates as Debian keeps them: a file for each, named by its subject's hash, and all of them in a bundle."""

    # As ``openssl x509 -subject_hash`` tells it of O = soniox-lite, OU = tests.
    SUBJECT_HASH = "7c3e12bf"

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.authority = trustme.CA(organization_name="soniox-lite", organization_unit_name="tests")
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1").configure_cert(self.server)
        self.bundle, self.directory = path / "bundle.crt", path / "certs"
        self.directory.mkdir()
        self.put("0a1b2c3d.0", trustme.CA())
        self.put(f"{self.SUBJECT_HASH}.0", self.authority)
        monkeypatch.setenv("SSL_CERT_FILE", str(self.bundle))
        monkeypatch.setenv("SSL_CERT_DIR", str(self.directory))

    def put(self, name: str, authority: trustme.CA) -> None:
        (self.directory / name).write_bytes(authority.cert_pem.bytes())
        self.bundle.write_bytes(b"".join(path.read_bytes() for path in sorted(self.directory.iterdir())))

    def load(self) -> int:
        """How many certificates the default context begins with."""
        return certificates.default_tls_context().cert_store_stats()["x509"]


@pytest.fixture
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trust:
    return Trust(tmp_path, monkeypatch)


class TestCertificatesInDirectoryAndBundle:
    def test_none_is_loaded_before_it_is_needed(self, connect: Any, trust: Trust) -> None:
        assert trust.load() == 0
        with RawServer(then=reply(b"trusted"), tls=trust.server) as server:
            assert connect(server).request("GET").content == b"trusted"
        assert trust.load() == 1

    def test_a_server_that_none_signed_is_refused(self, connect: Any, trust: Trust, tls_server: ssl.SSLContext) -> None:
        with RawServer(tls=tls_server) as server, pytest.raises(SonioxConnectionError, match="certificate verify"):
            connect(server, max_retries=1).request("GET")
        # The second attempt looked at all there is.
        assert trust.load() == 2

    def test_line_ends_that_the_bundle_added_are_nothing_more(self, trust: Trust) -> None:
        trust.bundle.write_bytes(trust.bundle.read_bytes() + b"\n\n")
        assert trust.load() == 0

    def test_what_was_added_to_the_bundle_alone_counts(
        self, connect: Any, trust: Trust, authority: trustme.CA, tls_server: ssl.SSLContext
    ) -> None:
        trust.bundle.write_bytes(trust.bundle.read_bytes() + authority.cert_pem.bytes())
        assert trust.load() == 3
        with RawServer(then=reply(b"trusted"), tls=tls_server) as server:
            assert connect(server).request("GET").content == b"trusted"

    @pytest.mark.parametrize("name", ["authority.pem", "7c3e12bf.pem", "7c3e12bf", "7c3e12b.0", "7c3e12bf.0.bak"])
    def test_a_directory_without_hashes_is_not_enough(self, trust: Trust, name: str) -> None:
        (trust.directory / f"{trust.SUBJECT_HASH}.0").rename(trust.directory / name)
        assert trust.load() == 2

    def test_names_of_another_making_cost_one_attempt(self, connect: Any, trust: Trust, pauses: list[float]) -> None:
        (trust.directory / f"{trust.SUBJECT_HASH}.0").rename(trust.directory / "11111111.0")
        with RawServer(then=reply(b"trusted"), tls=trust.server) as server:
            assert connect(server, max_retries=1).request("POST").content == b"trusted"
            assert len(pauses) == 1
        assert trust.load() == 2

    def test_what_a_context_of_the_users_own_refuses_says_nothing_about_it(
        self, connect: Any, trust: Trust, tls_client: ssl.SSLContext
    ) -> None:
        assert trust.load() == 0
        with RawServer(tls=trust.server) as server, pytest.raises(SonioxConnectionError, match="certificate verify"):
            connect(server, ssl_context=tls_client, max_retries=0).request("GET")
        assert trust.load() == 0

    def test_an_empty_directory_is_not_enough(self, trust: Trust) -> None:
        for path in trust.directory.iterdir():
            path.unlink()
        assert trust.load() == 2
        trust.bundle.write_bytes(b"")
        assert not certificates.directory_covers_bundle(str(trust.directory), str(trust.bundle))

    def test_a_link_to_nothing_is_not_enough(self, trust: Trust) -> None:
        (trust.directory / "11111111.0").symlink_to("gone.pem")
        assert trust.load() == 2

    @pytest.mark.parametrize("missing", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
    def test_one_of_the_two_is_used_as_it_is(
        self, connect: Any, trust: Trust, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str
    ) -> None:
        monkeypatch.setenv(missing, str(tmp_path / "missing"))
        with RawServer(then=reply(b"trusted"), tls=trust.server) as server:
            assert connect(server).request("GET").content == b"trusted"


def test_verify_names_a_directory(connect: Any, trust: Trust, tls_server: ssl.SSLContext) -> None:
    with RawServer(then=reply(b"trusted"), tls=trust.server) as server, RawServer(tls=tls_server) as another:
        assert connect(server, verify=trust.directory).request("GET").content == b"trusted"
        with pytest.raises(SonioxConnectionError, match="certificate"):
            connect(another, verify=trust.directory, max_retries=0).request("GET")


def test_a_certificate_file_that_is_not_there_is_a_soniox_error(
    connect: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls_server: ssl.SSLContext
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    with RawServer(tls=tls_server) as server, pytest.raises(SonioxConnectionError):
        connect(server, max_retries=0).request("GET")


def test_without_any_certificate_the_error_says_what_to_set(
    connect: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls_server: ssl.SSLContext
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with RawServer(tls=tls_server) as server, pytest.raises(SonioxConnectionError, match="SSL_CERT_FILE"):
        connect(server, max_retries=0).request("GET")


def test_with_certificates_the_error_does_not_say_so(
    connect: Any, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trustme.CA().configure_trust(context)
    with RawServer(tls=tls_server) as server, pytest.raises(SonioxConnectionError, match="certificate") as caught:
        connect(server, ssl_context=context, max_retries=0).request("GET")
    assert "SSL_CERT_FILE" not in str(caught.value)


def test_a_context_of_another_library_gets_the_name_as_text(
    connect: Any, tls_server: ssl.SSLContext, authority: trustme.CA
) -> None:
    names: list[Any] = []

    class Context(ssl.SSLContext):
        def wrap_socket(self, *args: Any, server_hostname: Any = None, **options: Any) -> ssl.SSLSocket:
            names.append(server_hostname)
            return super().wrap_socket(*args, server_hostname=server_hostname, **options)

    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    with RawServer(then=reply(), tls=tls_server) as server:
        assert connect(server, ssl_context=context).request("GET").status_code == 200
    assert names == ["127.0.0.1"]


@pytest.mark.parametrize("proxied", [False, True])
def test_a_name_with_a_dot_at_its_end_is_the_name_without(
    connect: Any, monkeypatch: pytest.MonkeyPatch, authority: trustme.CA, tls_client: ssl.SSLContext, proxied: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("soniox.example").configure_cert(context)
    names: list[Any] = []
    context.sni_callback = lambda _sock, name, _context: names.append(name)
    looked_up = resolve_as_loopback(monkeypatch)
    with RawServer(then=tunnel()) as proxy, RawServer(then=reply(), tls=context) as server:
        if proxied:
            monkeypatch.setenv("https_proxy", proxy.address)
        url = f"https://soniox.example.:{server.port}"
        caller = connect(url, ssl_context=tls_client)
        assert caller.request("GET").status_code == 200
        caller.close()
    assert names == ["soniox.example"]
    assert server.requests[0].headers["host"] == f"soniox.example:{server.port}"
    # Who looks the name up gets it with its dot.
    assert proxy.targets == ([f"CONNECT soniox.example.:{server.port}"] if proxied else [])
    assert "soniox.example." in looked_up


@pytest.mark.parametrize("surface", ["REST", "realtime"])
def test_a_cold_process_loads_no_tables_of_international_names(surface: str, tls_server: ssl.SSLContext) -> None:
    call = {
        "REST": "client.request('GET', '/x')",
        "realtime": "client.realtime.stt.connect(config={'model': 'stt-rt-v5'}).enter()",
    }[surface]
    program = (
        "import contextlib, sys; from soniox_lite import SonioxClient, SonioxError\n"
        "client = SonioxClient('key', api_base_url=sys.argv[1], websocket_base_url=sys.argv[1].replace('http', 'ws'), "
        "max_retries=0)\n"
        f"with contextlib.suppress(SonioxError): {call}\n"
        "print('encodings.idna' in sys.modules)"
    )
    with RawServer(tls=tls_server) as server:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", program, server.url.replace("127.0.0.1", "localhost")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "False\n"
    assert len(server.tls_failures) == 1
