"""The pytest plugin, loaded in every test run: it imports nothing but pytest until a fixture is used."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from .extra import what_to_install

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    # For annotations only; not imported at run time.
    from soniox_lite import AsyncSonioxClient, SonioxClient

    from .front.shared import SharedListener
    from .net.webhook_receiver import WebhookReceiver
    from .server import FakeSoniox


_SETTINGS = ("audio", "style", "limits")
"""The options of FakeSoniox that an ini file may set."""

_FAKES = pytest.StashKey["list[FakeSoniox]"]()
"""The fakes of a test, until its report has been made."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Makes the settings known."""
    group = parser.getgroup("soniox", "fake Soniox server")
    group.addoption(
        "--soniox-record",
        nargs="?",
        choices=("none", "once", "all"),
        const="all",
        default="none",
        help="record the tapes of tests with the marker soniox_tape, with the key in SONIOX_API_KEY. once: those that "
        "are missing. all, or no value: all of the tests that run",
    )
    group.addoption(
        "--soniox-record-to",
        default="https://api.soniox.com",
        metavar="URL",
        help="of the service that is recorded (default: %(default)s)",
    )
    parser.addini("fake_soniox", "options of FakeSoniox for all fixtures, such as audio=any; one a line", "linelist")


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line(
        "markers",
        "fake_soniox(**options): what fake_soniox is made with, such as strict=True, which fails a test that left "
        "transcripts unused or sessions open, or requested an unknown path",
    )
    config.addinivalue_line(
        "markers",
        "soniox_tape(name=None, *, pauses=False, in_order=True, ignore=(), mask_text=False, keep_audio=False): "
        "fake_soniox answers from the tape tapes/name.tape beside the test's file, or records it with --soniox-record",
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """Adds the reports of its fakes to the report of a failed test."""
    report: pytest.TestReport = (yield).get_result()
    if report.failed or call.when == "teardown":
        no_fakes: list[FakeSoniox] = []
        fakes = item.stash.get(_FAKES, no_fakes)
        if report.failed:
            report.sections += [("fake_soniox", fake.report()) for fake in fakes]
        # The item lives as long as the session; the fakes need not.
        fakes.clear()


@pytest.fixture(scope="session")
def fake_soniox_listener() -> Iterator[SharedListener]:
    """The port of all fakes of this test session; with xdist, of this worker's."""
    yield from _listener(tls=False)


@pytest.fixture(scope="session")
def fake_soniox_tls_listener() -> Iterator[SharedListener]:
    """The same with TLS; needs trustme."""
    yield from _listener(tls=True)


def _listener(*, tls: bool) -> Iterator[SharedListener]:
    try:
        from .front.shared import SharedListener  # noqa: PLC0415
        from .script.failures import FakeSonioxError  # noqa: PLC0415

        listener = SharedListener(tls=tls).start()
    except ImportError as missing:
        pytest.fail(what_to_install(missing), pytrace=False)
    except RuntimeError as missing:  # trustme, for TLS
        pytest.fail(str(missing), pytrace=False)
    yield listener
    news = [
        f"something of {call.name} still ran after that test had ended: "
        f"{call.method} {repr(call.path)[1:-1]} came {call.count} time(s)"
        for call in listener.late_calls
    ]
    try:
        listener.stop()
    except FakeSonioxError as failure:  # it belongs to no running test, so it must not fail the last one
        news.append(str(failure))
    for text in news:
        warnings.warn(text, pytest.PytestWarning, stacklevel=1)


@pytest.fixture
def fake_soniox(
    fake_soniox_listener: SharedListener, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeSoniox]:
    """A running FakeSoniox with fresh state, which accepts every API key unless the marker says otherwise."""
    yield from _fake(fake_soniox_listener, request, monkeypatch)


@pytest.fixture
def fake_soniox_tls(
    fake_soniox_tls_listener: SharedListener, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeSoniox]:
    """The same over TLS, with ``ca_file`` and ``ssl_context()`` for clients; needs trustme."""
    yield from _fake(fake_soniox_tls_listener, request, monkeypatch)


def _fake(
    listener: SharedListener, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeSoniox]:
    from .marked_tapes import insert_tape  # noqa: PLC0415
    from .net import proxies  # noqa: PLC0415
    from .server import FakeSoniox  # noqa: PLC0415

    options: dict[str, Any] = {"listener": listener, "name": request.node.nodeid, **_settings(request.config)}
    # From the module's to the test's own: what the nearest one says goes.
    for marker in reversed(list(request.node.iter_markers("fake_soniox"))):
        if marker.args:
            pytest.fail(f"the marker fake_soniox takes names and values, as in limits='service', not {marker.args}")
        options |= marker.kwargs
    with FakeSoniox(**options) as fake:
        request.node.stash.setdefault(_FAKES, []).append(fake)
        if proxies.are_set():
            for name in ("NO_PROXY", "no_proxy"):
                monkeypatch.setenv(name, fake.environment()[name])
        tape = request.node.get_closest_marker("soniox_tape")
        if tape is not None:
            insert_tape(fake, request.node, tape)
        yield fake


def _settings(config: pytest.Config) -> dict[str, Any]:
    """The options in the ini file."""
    settings: dict[str, Any] = {}
    for line in config.getini("fake_soniox"):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or name not in _SETTINGS:
            known = ", ".join(_SETTINGS)
            pytest.fail(f"fake_soniox in the ini file takes {known}, as in audio=any, not {line!r}", pytrace=False)
        settings[name] = value
    return settings


@pytest.fixture
def soniox_client(fake_soniox: FakeSoniox) -> Iterator[SonioxClient]:
    """A client of ``fake_soniox``, closed at the end."""
    # Only in the fixtures of clients: the fake itself never imports the client.
    from soniox_lite import SonioxClient  # noqa: PLC0415

    with SonioxClient(
        fake_soniox.api_key,
        api_base_url=fake_soniox.api_base_url,
        websocket_base_url=fake_soniox.stt_websocket_url,
        tts_api_base_url=fake_soniox.tts_api_base_url,
        tts_websocket_base_url=fake_soniox.tts_websocket_url,
    ) as client:
        yield client


@pytest.fixture
def async_soniox_client(fake_soniox: FakeSoniox) -> Iterator[AsyncSonioxClient]:
    """An async client of ``fake_soniox``, closed at the end; for any way of running coroutines."""
    import asyncio  # noqa: PLC0415

    from soniox_lite import AsyncSonioxClient  # noqa: PLC0415 - as above

    client = AsyncSonioxClient(
        fake_soniox.api_key,
        api_base_url=fake_soniox.api_base_url,
        websocket_base_url=fake_soniox.stt_websocket_url,
        tts_api_base_url=fake_soniox.tts_api_base_url,
        tts_websocket_base_url=fake_soniox.tts_websocket_url,
    )
    yield client
    # asyncio.run would unset the event loop, which another plugin may have set.
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(client.aclose())
    finally:
        loop.close()


@pytest.fixture
def soniox_env(fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Environment variables for ``fake_soniox``, set during the test, for code that builds its own client.

    Among them are those that keep the client from using a proxy.

    The official SDK reads ``SONIOX_API_KEY`` only; give it ``api_base_url``,
    ``websocket_base_url``, ``tts_api_base_url`` and ``tts_websocket_base_url``.
    """
    environment = fake_soniox.environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.fixture
def webhook_receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookReceiver]:
    """A running receiver of webhooks: ``create(..., config=webhook_receiver.config)``, then ``wait_for(1)``.

    For code that verifies webhooks, ``SONIOX_API_WEBHOOK_HEADER`` and ``SONIOX_API_WEBHOOK_SECRET`` are set during the
    test.
    """
    from .net.webhook_receiver import WebhookReceiver  # noqa: PLC0415

    with WebhookReceiver() as receiver:
        for name, value in receiver.environment().items():
            monkeypatch.setenv(name, value)
        yield receiver
