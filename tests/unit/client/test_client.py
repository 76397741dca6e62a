"""The client objects: their namespaces, copies and texts. What they send is tested in ``http/``."""

from __future__ import annotations

import asyncio
import copy
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from soniox_lite import AsyncSonioxClient, SonioxClient, SonioxConnectionError, SonioxError, SonioxValidationError
from soniox_lite.api.webhooks import SonioxWebhooksAPI
from soniox_lite.realtime import (
    AsyncRealtimeSTTSession,
    RealtimeSTTSession,
    RealtimeTTSConnection,
    RealtimeTTSMultiplexedConnection,
)
from soniox_lite.transcript import TranscriptBuffer
from soniox_lite.types.api import CreateTranscriptionPayload, File, Token
from soniox_lite.utils import SessionThread

from ...support.tables import each_row

ROOT = Path(__file__).parents[3]
KEY = "sk-0123456789-SECRET-abcdefghij"


def on_request(_: object) -> None:
    """A hook that can be pickled."""


UNCHANGED = ("api_key", "api_base_url", "websocket_base_url", "tts_api_base_url", "webhook_secret")


@pytest.fixture(params=[SonioxClient, AsyncSonioxClient])
def client(request: pytest.FixtureRequest) -> Any:
    made = request.param(
        KEY, api_base_url="http://127.0.0.1:1/v1", webhook_secret="hook-SECRET", max_retries=5, on_request=on_request
    )
    yield made
    close(made)


def close(client: Any) -> None:
    if isinstance(client, AsyncSonioxClient):
        asyncio.run(client.aclose())
    else:
        client.close()


def is_closed(client: Any) -> bool:
    """Whether it refuses requests. Nothing listens where it sends them."""
    once = client.with_options(max_retries=0)
    try:
        if isinstance(client, AsyncSonioxClient):
            asyncio.run(once.request("GET", "/x"))
        else:
            once.request("GET", "/x")
    except SonioxConnectionError:
        return False
    except SonioxError as error:
        return "this client is closed" in str(error)
    return False


def test_namespaces_are_made_once(client: Any) -> None:
    for name in ("files", "stt", "models", "auth", "webhooks"):
        assert getattr(client, name) is getattr(client, name)
    assert client.transcriptions is client.stt


@pytest.fixture
def threads() -> set[threading.Thread]:
    """Those that run before a test, of other tests too."""
    return {*threading.enumerate()}


def test_making_one_opens_nothing(threads: set[threading.Thread], client: Any) -> None:
    assert {*threading.enumerate()} <= threads


def test_its_text_has_no_secret(client: Any) -> None:
    shown = f"{client} {client!r} {vars(client)!r} {[client]} {client.with_options(max_retries=1)!r}"
    assert "SECRET" not in shown
    assert repr(client) == f"<{type(client).__name__} http://127.0.0.1:1/v1>"


@pytest.mark.parametrize(
    "options", [{"api_key": "x"}, {"timeout": 5}, {"region": "eu"}, {"api_base_url": "http://x"}, {"ssl_context": None}]
)
def test_with_options_takes_only_what_it_can_change(client: Any, options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(
        SonioxValidationError, match=f"does not take {name}; it takes cancel, connect_timeout_sec, default_headers"
    ):
        client.with_options(**options)


def test_with_options_copies_and_changes_only_what_is_given(client: Any) -> None:
    changed = client.with_options(timeout_sec=5, on_request=None)
    assert type(changed) is type(client)
    assert changed.files is not client.files
    again = changed.with_options(max_retries=0)
    assert (client.timeout_sec, changed.timeout_sec, again.timeout_sec) == (30, 5, 5)
    for copied in (changed, again, client.with_options()):
        assert [getattr(copied, name) for name in UNCHANGED] == [getattr(client, name) for name in UNCHANGED]


@pytest.mark.parametrize("name", ["timeout_sec", "connect_timeout_sec", "max_retries"])
def test_with_options_has_no_none_for_numbers(client: Any, name: str) -> None:
    with pytest.raises(SonioxValidationError, match=f"{name} must be given"):
        client.with_options(**{name: None})


def test_closing_a_copy_closes_nothing(client: Any) -> None:
    close(client.with_options(max_retries=0))
    assert not is_closed(client)
    close(client)
    assert is_closed(client)
    close(client)


@pytest.mark.parametrize("travel", [lambda it: pickle.loads(pickle.dumps(it)), copy.copy, copy.deepcopy])
def test_a_copy_has_the_set_up_and_a_transport_of_its_own(client: Any, travel: Any) -> None:
    client.files  # noqa: B018 - a namespace that was used must not travel along
    copied = travel(client)
    assert type(copied) is type(client)
    assert [getattr(copied, name) for name in UNCHANGED] == [getattr(client, name) for name in UNCHANGED]
    assert copied.files is not client.files
    close(copied)
    assert (is_closed(copied), is_closed(client)) == (True, False)


def test_pickles_hold_the_key_and_say_so(client: Any) -> None:
    """It is documented that the key travels."""
    assert KEY.encode() in pickle.dumps(client)
    assert "with the key" in (SonioxClient.__doc__ or "")


@each_row("name", ["ssl_context", "opener"])
@each_row("value", [5, "x", object(), True])
def test_what_is_no_context_or_opener_is_refused(name: str, value: Any) -> None:
    for client_class in (SonioxClient, AsyncSonioxClient):
        with pytest.raises(SonioxValidationError, match=f"{name} must be"):
            client_class(KEY, **{name: value})


@pytest.mark.parametrize("used", [False, True])
def test_with_blocks_close(client: Any, used: bool) -> None:
    async def use_async() -> Any:
        async with client as entered:
            return entered

    def request(caller: Any) -> None:
        result = caller.request("GET", "/x")
        if asyncio.iscoroutine(result):
            asyncio.run(result)

    if used:
        client.files  # noqa: B018 - what opens connections is made now
    copied = client.with_options(max_retries=0)
    if isinstance(client, AsyncSonioxClient):
        entered = asyncio.run(use_async())
    else:
        with client as entered:
            pass
    assert entered is client
    for closed in (client, copied):
        with pytest.raises(SonioxError, match="this client is closed"):
            request(closed)


def test_a_block_that_fails_closes_too() -> None:
    client = SonioxClient(KEY)
    with pytest.raises(LookupError), client:
        raise LookupError
    with pytest.raises(SonioxError, match="closed"):
        client.request("GET", "/x")


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import soniox_lite", ["http.client", "urllib.request", "ssl", "dataclasses", "asyncio", "json"]),
        ("from soniox_lite import SonioxClient; SonioxClient('k')", ["asyncio", "websocket", "typing_extensions"]),
    ],
)
def test_what_is_not_needed_is_not_loaded(statement: str, absent: list[str]) -> None:
    program = f"{statement}; import sys; print([name for name in {absent!r} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    )
    assert result.stdout == "[]\n"


# Half-made objects, as debuggers and test runners show them.


@each_row(
    "make",
    [
        lambda: SonioxClient(KEY, timeout_sec=-1),
        lambda: AsyncSonioxClient(KEY, opener=5),  # type: ignore[arg-type]
        lambda: SonioxWebhooksAPI(webhook_header="a b"),
        lambda: RealtimeSTTSession("http://a", {"model": "m", "audio_format": "auto"}, KEY),
        lambda: AsyncRealtimeSTTSession("ws://a", {}, KEY),
        lambda: RealtimeTTSConnection("ws://a", {}, KEY),
        lambda: RealtimeTTSMultiplexedConnection("http://a", KEY),
        lambda: SessionThread(object(), 5),  # type: ignore[arg-type]
        lambda: TranscriptBuffer(keep_marks=5),  # type: ignore[call-arg]
        lambda: CreateTranscriptionPayload(model=""),
    ],
)
def test_what_could_not_be_made_can_be_shown(make: Any) -> None:
    with pytest.raises((SonioxValidationError, TypeError)) as caught:
        make()
    for frame in caught.traceback:
        for value in frame.frame.f_locals.values():
            assert repr(value)
            assert KEY not in repr(value) or isinstance(value, str)


@each_row("cls", [SonioxClient, AsyncSonioxClient, SonioxWebhooksAPI, TranscriptBuffer, File, Token])
def test_what_was_never_set_up_can_be_shown(cls: Any) -> None:
    assert repr(cls.__new__(cls)) == f"<{cls.__name__}, not initialized>"
