"""Keys that a function gives: one is asked for with each connection."""

from __future__ import annotations

from typing import Any

import pytest

from soniox_lite import SonioxRealtimeError
from soniox_lite.errors import SonioxRealtimeResumeError
from tests.support.ws_server import WsServer, answer_the_end, close, hang_up, message, refuse, started, until

from ..driver import CONFIG
from .conftest import Talk, text_of
from .test_breaks import in_turn, words

SECOND = bytes(32_000)
EXPIRED = {
    "tokens": [],
    "error_code": 403,
    "error_type": "temp_api_key_session_expired",
    "error_message": "The session of this key has expired.",
}
UNKNOWN = {"tokens": [], "error_code": 401, "error_type": "unauthenticated", "error_message": "Invalid API key."}


class Keys:
    """A function that gives another key each time, sync or async; it fails where an exception is listed."""

    def __init__(self, talk: Talk, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.given = 0
        self._is_async = talk.kind == "async"

    def __call__(self) -> Any:
        self.given += 1
        outcome = self.outcomes.pop(0) if self.outcomes else f"key-{self.given}"
        if isinstance(outcome, Exception):
            raise outcome
        return self._later(outcome) if self._is_async else outcome

    async def _later(self, outcome: str) -> str:
        return outcome


def authorizations(server: WsServer) -> list[str]:
    """The keys that connections came with."""
    return [peer.headers["authorization"].removeprefix("Bearer ") for peer in server.peers]


@pytest.mark.parametrize("end", [EXPIRED, UNKNOWN], ids=["403", "401"])
def test_a_session_whose_key_expires_goes_on_with_a_fresh_one(talk: Talk, end: dict[str, Any]) -> None:
    with WsServer(
        in_turn(
            [started, until("binary"), message(words("one", " two", final=1)), message(end), close()],
            [started, answer_the_end(words("two", start_ms=50))],
        )
    ) as server:
        keys = Keys(talk)
        session = talk.open(server.url, CONFIG, api_key=keys)
        talk.send(session, [SECOND])
        assert text_of(talk.rest(session)) == "one two"
        talk.call(session.close)
        assert authorizations(server) == ["key-1", "key-2"]


def test_two_keys_in_a_row_that_are_refused_are_the_end(talk: Talk) -> None:
    with WsServer(in_turn([started, until("binary"), hang_up], [started, message(UNKNOWN), close()])) as server:
        keys = Keys(talk)
        session = talk.open(server.url, CONFIG, api_key=keys)
        talk.send(session, [SECOND], finish=False)
        assert talk.rest(session)[-1].error_code == 401
        with pytest.raises(SonioxRealtimeError, match="Invalid API key"):
            talk.send(session, [SECOND])
        talk.call(session.close)
        assert keys.given == 3


def test_a_function_that_fails_is_asked_again(talk: Talk) -> None:
    with WsServer(
        in_turn(
            [started, until("binary"), hang_up], [refuse("401 Unauthorized")], [started, answer_the_end(words("one"))]
        )
    ) as server:
        keys = Keys(talk, "first", ConnectionError("secret place"), "second", "third")
        session = talk.open(server.url, CONFIG, api_key=keys)
        talk.send(session, [SECOND])
        assert text_of(talk.rest(session)) == "one"
        talk.call(session.close)
        assert authorizations(server) == ["first", "second", "third"]
    assert not any("secret place" in str(notice.error) for notice in talk.told("reconnecting"))


def test_a_function_that_goes_on_failing_ends_the_session_with_its_error(talk: Talk) -> None:
    class KeyError_(Exception):  # noqa: N801, N818 - a program's own
        pass

    failures = [KeyError_("no key today") for _ in range(3)]
    with WsServer(started, until("binary"), hang_up) as server:
        session = talk.open(server.url, CONFIG, {"max_attempts": 2}, api_key=Keys(talk, "first", *failures))
        talk.send(session, [SECOND], finish=False)
        with pytest.raises(SonioxRealtimeResumeError, match="2 attempts") as caught:
            talk.rest(session)
        talk.call(session.close)
        assert isinstance(caught.value.__cause__, SonioxRealtimeError)
        assert isinstance(caught.value.__cause__.__cause__, KeyError_)
