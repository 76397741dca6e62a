"""The control API: the methods of ``FakeSoniox`` as JSON over HTTP."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from werkzeug.wrappers import Response

from ..rest.usage import usd
from ..script.failures import FakeSonioxError
from ..script.faults import Faults
from ..wire.json_text import json_text
from ..wire.loopback import is_loopback
from .page import PAGE
from .scripts import ScriptError, add_script

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Request

    from ..script.clock import VirtualClock
    from ..server import FakeSoniox
    from .standalone import Standalone

ROOT = "/__fake__/"
_FAKE_VERBS = ("fail_next_session", "drop_next_session", "fail_next_voice")
VERBS = (*(name for name in vars(Faults) if not name.startswith("_")), *_FAKE_VERBS)
"""What ``POST faults`` takes."""
SETTINGS = ("audio", "style", "limits")
"""What ``POST settings`` takes: attributes of the fake."""
_MAX_BODY_BYTES = 16 * 1024 * 1024
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
}


class _RefusalError(Exception):
    """A request to the control API that is refused."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ControlApi:
    """Handles requests below ``/__fake__/``.

    Args:
        standalone: The server to control.
        clock: The clock that ``POST clock`` moves; None: the time is real.
        open_to_all: Whether to answer to other machines, too.
    """

    def __init__(self, standalone: Standalone, clock: VirtualClock | None, *, open_to_all: bool) -> None:
        self._standalone = standalone
        self._clock = clock
        self._open_to_all = open_to_all
        self._routes: dict[tuple[str, str], Callable[[Request], object]] = {
            ("GET", "state"): self._state,
            ("GET", "records"): self._records,
            ("POST", "scripts"): self._scripts,
            ("POST", "faults"): self._faults,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "settings"): self._settings,
            ("POST", "clock"): self._advance,
            ("POST", "reset"): self._reset,
        }

    def respond(self, request: Request) -> Response:
        """The response to a request; never raises for an ``Exception``."""
        try:
            self._admit(request)
            name = request.path.removeprefix(ROOT.rstrip("/")).removeprefix("/")
            if not name and request.method in {"GET", "HEAD"}:
                return Response(PAGE, content_type="text/html; charset=utf-8", headers=_PAGE_HEADERS)
            answer = self._routes.get((request.method.replace("HEAD", "GET"), name))
            if answer is None:
                listed = ", ".join(f"{method} {ROOT}{known}" for method, known in self._routes)
                raise _RefusalError(404, f"There is no {request.method} {request.path}, but {listed}.")
            return _json(200, answer(request))
        except _RefusalError as refusal:
            return _json(refusal.status, {"error": str(refusal)})
        except ScriptError as error:
            return _json(400, {"error": str(error)})
        except Exception as error:  # noqa: BLE001 - reported to the client
            return _json(500, {"error": f"The control API failed: {type(error).__name__}: {error}"})

    def _admit(self, request: Request) -> None:
        if not self._open_to_all:
            if not is_loopback(request.remote_addr or ""):
                raise _RefusalError(403, "The control API answers to its own machine only; see --open-control.")
            # DNS rebinding: a web page may have given its own name this machine's address.
            if not is_loopback(request.host.rsplit(":", 1)[0].strip("[]")):
                raise _RefusalError(403, f"The control API is reached by a loopback address, not by {request.host!r}.")
        # A web page cannot send this type to another site without a preflight request.
        if request.method == "POST" and request.mimetype != "application/json":
            raise _RefusalError(415, "The control API takes JSON: send Content-Type: application/json.")

    def _state(self, request: Request) -> object:  # noqa: ARG002
        fake = self._standalone.fake
        certificate = self._standalone.certificate
        return {
            "url": fake.url,
            "api_base_url": fake.api_base_url,
            "stt_websocket_url": fake.stt_websocket_url,
            "tts_api_base_url": fake.tts_api_base_url,
            "tts_websocket_url": fake.tts_websocket_url,
            "api_key": fake.api_key,
            "environment": fake.environment(),
            "ca_file": certificate and certificate.ca_file,
            "clock": "real" if self._clock is None else "virtual",
            "pending_faults": [_fault(fault) for fault in fake.faults.pending],
        }

    def _records(self, request: Request) -> object:  # noqa: ARG002
        fake = self._standalone.fake
        return {name: getattr(fake, name) for name in record_names(type(fake))}

    def _scripts(self, request: Request) -> object:
        add_script(self._standalone.fake, _body(request))
        return {}

    def _faults(self, request: Request) -> object:
        body = _body(request)
        verb = body.pop("verb", None)
        if not isinstance(verb, str) or verb not in VERBS:
            raise _RefusalError(400, f"verb must be one of {', '.join(VERBS)}, not {verb!r}")
        fake = self._standalone.fake
        action: Any = getattr(fake if verb in _FAKE_VERBS else fake.faults, verb)
        try:
            fault = action(**body)
        except TypeError as error:
            raise _RefusalError(400, str(error)) from error
        except ValueError as error:
            raise _RefusalError(400, f"{verb}(): {error}") from error
        return {} if fault is None else _fault(fault)

    def _clear_faults(self, request: Request) -> object:  # noqa: ARG002
        self._standalone.fake.faults.clear()
        return {}

    def _advance(self, request: Request) -> object:
        if self._clock is None:
            raise _RefusalError(409, "The clock is real; start the server with --clock virtual to move the time.")
        match _body(request):
            case {"advance_sec": bool()}:
                pass
            case {"advance_sec": int() | float() as seconds, **rest} if not rest and 0 <= seconds < float("inf"):
                self._clock.advance(seconds)
                return {"now_sec": self._clock()}
            case _:
                pass
        raise _RefusalError(400, 'The body must be {"advance_sec": n} with n seconds, not negative.')

    def _settings(self, request: Request) -> object:
        settings = _body(request)
        fake = self._standalone.fake
        unknown = sorted(set(settings) - set(SETTINGS))
        if unknown:
            raise _RefusalError(400, f"There is no setting {unknown[0]}; settings are {', '.join(SETTINGS)}.")
        before = {name: getattr(fake, name) for name in SETTINGS}
        try:
            for name, value in settings.items():
                setattr(fake, name, value)
        except ValueError as error:
            for name, value in before.items():
                setattr(fake, name, value)
            raise _RefusalError(400, str(error)) from error
        return {name: getattr(fake, name) for name in SETTINGS}

    def _reset(self, request: Request) -> object:  # noqa: ARG002
        try:
            self._standalone.reset()
        except FakeSonioxError as error:
            raise _RefusalError(500, f"It was reset, but {error}") from error
        return {}


def _body(request: Request) -> dict[str, object]:
    if (request.content_length or 0) > _MAX_BODY_BYTES:
        raise _RefusalError(413, f"The body is larger than {_MAX_BODY_BYTES} bytes.")
    try:
        body: object = json.loads(request.stream.read(_MAX_BODY_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise _RefusalError(400, f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise _RefusalError(400, "The body must be a JSON object.")
    return cast("dict[str, object]", body)


def record_names(fake: type[FakeSoniox]) -> tuple[str, ...]:
    """The properties of a fake that are records."""
    return tuple(
        name
        for name, member in vars(fake).items()
        if isinstance(member, property) and str(member.fget.__annotations__["return"]).startswith("tuple[")
    )


def _fault(fault: Any) -> object:
    return {
        "id": fault.id,
        "effect": repr(fault.effect),
        "operation": fault.operation,
        "times": fault.times,
        "probability": fault.probability,
        "hits": fault.hits,
    }


def _json(status: int, body: object) -> Response:
    return Response(
        json_text(_plain(body)).encode(),
        status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def _plain(value: Any) -> Any:
    """A record as JSON values."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in cast("list[object]", value)]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no NaN and no infinity, though clients may send them.
    return usd(value) if isinstance(value, Decimal) else value
