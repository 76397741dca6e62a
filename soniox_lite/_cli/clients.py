"""From the options to a client, of the service or of a fake of it."""

from __future__ import annotations

import contextlib
import os
import time

from .terminal import CommandError, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator
    from typing import Any

    from .._http.messages import Request
    from ..client import SonioxClient

# The names that users know for what the client calls otherwise.
_SETTINGS = {
    "api_base_url": "--base-url",
    "websocket_base_url": "--ws-url",
    "tts_api_base_url": "--tts-url",
    "region": "--region",
    "api_key": "SONIOX_API_KEY",
}


@contextlib.contextmanager
def open_client(options: argparse.Namespace) -> Generator[SonioxClient]:
    """A client for the block.

    Raises:
        CommandError: There is no key, or no fake where one is wanted.
        SonioxValidationError: An option cannot be used.
    """
    if options.fake:
        with _fake_client(options) as client:
            yield client
        return
    from ..client import SonioxClient  # noqa: PLC0415 - not for --help
    from ..errors import SonioxValidationError  # noqa: PLC0415 - as above

    if not os.environ.get("SONIOX_API_KEY", "").strip():
        raise CommandError(
            "no API key: set the environment variable SONIOX_API_KEY (keys are made at https://console.soniox.com)",
            exit_code=2,
        )
    try:
        client = SonioxClient(
            region=options.region,
            api_base_url=options.base_url,
            websocket_base_url=options.ws_url,
            tts_api_base_url=options.tts_url,
            timeout_sec=options.timeout,
            on_request=None if options.timeout is None else _Patience(options.timeout),
        )
    except SonioxValidationError as error:
        name, _, rest = error.message.partition(" ")
        if error.errors or name not in _SETTINGS:
            raise
        raise CommandError(f"{_SETTINGS[name]} {rest}", exit_code=2) from error
    with client:
        yield client


class _Patience:
    """Called before each attempt: what has taken as long as the user was willing to wait is not tried again."""

    def __init__(self, timeout_sec: float) -> None:
        self._timeout_sec = timeout_sec
        self._started = 0.0

    def __call__(self, request: Request) -> None:
        if request.attempt == 1:
            self._started = time.monotonic()
        elif time.monotonic() - self._started >= self._timeout_sec:
            from ..errors import SonioxTimeoutError  # noqa: PLC0415 - not for --help

            raise SonioxTimeoutError(
                f"{request.method} {request.url}: no response within {self._timeout_sec:g} s", request_sent=True
            )


@contextlib.contextmanager
def _fake_client(options: argparse.Namespace) -> Generator[SonioxClient]:
    import urllib.request  # noqa: PLC0415 - loaded by the client anyway

    from ..client import SonioxClient  # noqa: PLC0415 - not for --help

    if any(value is not None for value in (options.region, options.base_url, options.ws_url, options.tts_url)):
        raise CommandError("--fake is a server of its own: leave out --region and all URLs", exit_code=2)
    try:
        # The one place that knows of the other package, and only when asked for it.
        from soniox_testing import FakeSoniox  # noqa: PLC0415
    except ImportError as error:
        raise CommandError(
            f"--fake needs what is not installed ({error}): python -m pip install 'soniox-lite[testing]'", exit_code=2
        ) from error
    fake: Any = FakeSoniox()
    try:
        fake.start()
    except OSError as error:
        raise CommandError(f"the fake server cannot listen: {error}", exit_code=1) from error
    say("note: a fake server answers; every word is invented")
    try:
        # Not through a proxy, wherever the environment says that requests go.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with (
            _no_proxies(),
            SonioxClient(
                fake.api_key,
                api_base_url=fake.api_base_url,
                websocket_base_url=fake.stt_websocket_url,
                tts_api_base_url=fake.tts_api_base_url,
                timeout_sec=options.timeout,
                opener=opener,
            ) as client,
        ):
            yield client
    finally:
        fake.stop()


@contextlib.contextmanager
def _no_proxies() -> Generator[None]:
    """Lets realtime sessions, which have no opener, connect directly as well."""
    before = os.environ.get("no_proxy")
    os.environ["no_proxy"] = "*"
    try:
        yield
    finally:
        if before is None:
            del os.environ["no_proxy"]
        else:
            os.environ["no_proxy"] = before
