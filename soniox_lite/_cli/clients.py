"""Makes a client from the options, for the service or for the built-in fake server."""

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

# For error messages: the option for each argument of the client.
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
        CommandError: There is no key; or, with ``--fake``, the fake server is not installed or cannot start.
        SonioxValidationError: An option is not valid.
    """
    if options.fake:
        with _fake_client(options) as client:
            yield client
        return
    from ..client import SonioxClient  # noqa: PLC0415 - not for --help
    from ..errors import SonioxValidationError  # noqa: PLC0415 - as above

    if not os.environ.get("SONIOX_API_KEY", "").strip():
        raise CommandError(
            "no API key: set the environment variable SONIOX_API_KEY (create a key at https://console.soniox.com)",
            exit_code=2,
        )
    try:
        client = SonioxClient(
            region=options.region,
            api_base_url=options.base_url,
            websocket_base_url=options.ws_url,
            tts_api_base_url=options.tts_url,
            timeout_sec=options.timeout,
            on_request=None if options.timeout is None else _TotalTimeout(options.timeout),
        )
    except SonioxValidationError as error:
        name, _, rest = error.message.partition(" ")
        if error.errors or name not in _SETTINGS:
            raise
        raise CommandError(f"{_SETTINGS[name]} {rest}", exit_code=2) from error
    with client:
        yield client


class _TotalTimeout:
    """Called before each attempt: prevents retries after ``--timeout`` has passed in total."""

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
        raise CommandError("--fake cannot be combined with --region or a URL", exit_code=2)
    try:
        # The only import of the other package, made only for --fake.
        from soniox_testing import FakeSoniox  # noqa: PLC0415
    except ImportError as error:
        raise CommandError(
            f"--fake needs packages that are not installed ({error}): python -m pip install 'soniox-lite[testing]'",
            exit_code=2,
        ) from error
    fake: Any = FakeSoniox()
    try:
        fake.start()
    except OSError as error:
        raise CommandError(f"the fake server cannot listen: {error}", exit_code=1) from error
    say("note: using a fake server; all results are invented")
    try:
        # Ignores proxies from the environment.
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
    """Makes realtime sessions ignore proxies too; they use no opener."""
    before = os.environ.get("no_proxy")
    os.environ["no_proxy"] = "*"
    try:
        yield
    finally:
        if before is None:
            del os.environ["no_proxy"]
        else:
            os.environ["no_proxy"] = before
