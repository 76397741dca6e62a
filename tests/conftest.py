"""Holds every JSON body of the API that a fake in this process sends, in whatever test, against the document.

Not seen here: fakes in other processes (``python -m soniox_testing``, the documentation's snippets), whose code is the
same; what the document does not describe, which is the control API, webhooks and WebSocket messages; and bodies that a
fault spoils on their way out, which are checked before that.
"""

from __future__ import annotations

import contextlib
import gc
import sqlite3
import traceback
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings
from werkzeug.wrappers import Response

from soniox_testing import assertions, server
from soniox_testing.front import delivery as fault_delivery, shared
from soniox_testing.rest.router import RoutedRequest, Router, json_response
from soniox_testing.script import failures as ends
from soniox_testing.tapes import deck
from soniox_testing.wire.rest_errors import ApiError

from .support.schema import check_audio, check_body

# How fast examples are made and run says how busy the machine is, and nothing of the code; and two runs of one state of
# the code have the same result.
settings.register_profile(
    "busy machine", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy machine")


def pytest_collection_finish() -> None:
    """Takes modules and tests out of sight of the garbage collector, which many tests call."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Drops coverage that was half written when a test killed the program: it could not be combined with the rest."""
    result = yield
    if not hasattr(session.config, "workerinput"):
        for path in session.config.rootpath.glob(".coverage.*"):
            with contextlib.closing(sqlite3.connect(path)) as data:
                try:
                    is_whole = data.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                except sqlite3.DatabaseError:
                    is_whole = False
            if not is_whole:
                path.unlink()
    return result


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Lets fakes of this process wait longer for threads and clients that have just been told to end."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in (
            (server, "PATIENCE_SEC"), (ends, "PATIENCE_SEC"), (assertions, "GRACE_SEC"), (deck, "GRACE_SEC"),
        ):  # fmt: skip
            patch.setattr(module, name, 60.0)
        yield


@pytest.fixture
def deep_json() -> Iterator[None]:
    """Collects no garbage while JSON is parsed that is nested too deeply.

    Objects that other tests left behind would be finalized at the limit of recursion, where a finalizer fails.
    """
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class BodyChecks:
    """What was found wrong since the last test, as text."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def look_at(self, method: str, path: str, response: Response, *, any_status: bool = False) -> None:
        """Notes what is wrong with a response; raising here would only become a 500 of the fake."""
        try:
            if response.is_streamed:
                # To be read by the client only: it is still being made.
                assert (method, path) == ("POST", "/tts")
                check_audio(response.status_code, response.mimetype)
                return
            content = response.get_data()
            if response.status_code == 204:
                assert not content
            else:
                assert response.mimetype == "application/json"
                check_body(method, path, response.status_code, content, any_status=any_status)
        except Exception:
            self.failures.append(f"{method} {path} -> {response.status_code}\n{traceback.format_exc(limit=-1)}")

    def take(self) -> list[str]:
        """The failures so far, which are forgotten."""
        taken, self.failures = self.failures, []
        return taken


@pytest.fixture(scope="session")
def body_checks() -> Iterator[BodyChecks]:
    """The checks of this process: made once, for all fakes."""
    checks = BodyChecks()
    respond, refuse = Router.respond, Router.refuse

    def checked_respond(router: Router, routed: RoutedRequest) -> Response:
        response = respond(router, routed)
        checks.look_at(routed.request.method, routed.request.path, response)
        return response

    def checked_refuse(router: Router, routed: RoutedRequest, refusal: ApiError) -> Response:
        response = refuse(router, routed, refusal)
        checks.look_at("any", "request", response, any_status=True)
        return response

    def checked_response(status_code: int, body: object) -> Response:
        response = json_response(status_code, body)
        checks.look_at("any", "request", response, any_status=True)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Router, "respond", checked_respond)
        # What a fault answers in the API's place, and the shared port when a test has ended.
        patch.setattr(Router, "refuse", checked_refuse)
        patch.setattr(fault_delivery, "json_response", checked_response)
        patch.setattr(shared, "json_response", checked_response)
        yield checks
    assert checks.take() == []


@pytest.fixture(autouse=True)
def bodies_are_as_documented(body_checks: BodyChecks) -> Iterator[None]:
    """Fails the test whose fake sent something else."""
    yield
    failures = body_checks.take()
    assert not failures, "\n".join(failures)
