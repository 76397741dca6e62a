from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from soniox_lite.realtime import AsyncResumingSTTSession, ResumingSTTSession
from soniox_testing import FakeSoniox
from tests.support.ws_server import refuse

from ..driver import DRIVERS, KEY, PATIENCE_SEC, Driver

# Pauses between attempts take no time, and audio is sent again as fast as the line takes it.
QUICK = {"backoff_sec": 0.01, "max_backoff_sec": 0.02, "max_replay_speed": None}
# A step. Pauses are a matter of chance, but never shorter than the server asks for.
BUSY = refuse("503 Service Unavailable", b"", "Retry-After: 60")


class Talk:
    """Drives sessions that are resumed, and notes what they tell.

    Attributes:
        notices: What happened to the last session: its payloads of all kinds.
    """

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.call, self.start, self.kind = driver.call, driver.start, driver.kind
        self._make: Any = ResumingSTTSession if driver.kind == "sync" else AsyncResumingSTTSession
        self.notices: list[Any] = []

    def session(self, url: str, config: Any, resume: Any = None, **options: Any) -> Any:
        """A session that is not entered."""
        session = self._make(url, config, options.pop("api_key", KEY), resume={**QUICK, **(resume or {})}, **options)
        self.notices = []
        for name in ("open", "reconnecting", "resumed", "lost", "finished", "error", "close"):
            session.on(name, self.notices.append)
        return session

    def open(self, url: str, config: Any, resume: Any = None, **options: Any) -> Any:
        """A session that is entered."""
        session = self.session(url, config, resume, **options)
        return self.call(session.enter)

    def send(self, session: Any, chunks: Any, *, finish: bool = True) -> None:
        """Sends chunks, one after the other."""
        if self.kind == "sync":
            for chunk in chunks:
                session.send_byte_chunk(chunk)
            if finish:
                session.finish()
            return

        async def send() -> None:
            for chunk in chunks:
                await session.send_byte_chunk(chunk)
            if finish:
                await session.finish()

        self.call(send)

    def rest(self, session: Any) -> list[Any]:
        """All events to the end."""
        return self.driver.rest(session)

    def told(self, kind: str) -> list[Any]:
        """The payloads of one kind."""
        return [notice for notice in self.notices if notice.type == kind]


def text_of(events: list[Any]) -> str:
    """The final text, without marks."""
    return "".join(
        token.text
        for event in events
        for token in event.tokens
        if token.is_final and token.text not in ("<fin>", "<end>")
    )


@pytest.fixture(params=list(DRIVERS))
def talk(request: pytest.FixtureRequest) -> Iterator[Talk]:
    """Drives sync, then async sessions; what they leave behind is a failure."""
    with DRIVERS[request.param]("stt") as driver:
        yield Talk(driver)
        assert driver.left_over() == []


@pytest.fixture
def fake() -> Iterator[FakeSoniox]:
    """The service."""
    with FakeSoniox() as server:
        yield server


__all__ = ["PATIENCE_SEC"]
