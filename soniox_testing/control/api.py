"""The control API: the methods of ``FakeSoniox`` as JSON over HTTP."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from ..assertions import Assertions
from ..front.shared import split_path
from ..rest.routes import OPERATIONS
from ..rest.usage import usd
from ..script.failures import FakeSonioxError
from ..script.faults import Faults
from ..script.values import InputError, called, shown
from ..script.verbs import settings_of
from ..server import FakeSoniox
from ..unfrozen import time
from ..wire.json_text import json_text
from ..wire.loopback import is_loopback
from ..wire.operations import STT, TTS
from .hosted import TooManyFakesError
from .page import page_response
from .scripts import VERBS, add_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from werkzeug.wrappers import Request

    from ..script.recordings import Recording
    from ..script.records import RequestRecord
    from .hosted import HostedFake
    from .standalone import Standalone

ROOT = "/__fake__"
SETTINGS = ("audio", "style", "limits")
"""What ``POST settings`` takes: attributes of the fake."""
CLAIMS = tuple(name for name in vars(Assertions) if name.startswith("assert_"))
"""What ``POST check`` takes as its verb."""
MAX_BODY_BYTES = 64 * 1024 * 1024
_LONGEST_SEC = 1e9
_LONGEST_WAIT_SEC = 60
_SHORT_CHARS = 1000
_NOT_STORED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class _RefusalError(Exception):
    """A request to the control API that is refused."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ControlApi:
    """Handles requests below ``/__fake__/``, at the root and at the URLs of sub-fakes.

    Args:
        standalone: The server to control.
        open_to_all: Whether to answer to other machines, too.
        hosts: Names by which other machines may reach it.
    """

    def __init__(self, standalone: Standalone, *, open_to_all: bool, hosts: Collection[str] = ()) -> None:
        self._standalone = standalone
        self._open_to_all = open_to_all
        self._hosts = frozenset(host.lower() for host in hosts)
        # The parts in braces stand for any text, which the function gets.
        self.routes: dict[tuple[str, str], Callable[..., object]] = {
            ("GET", "state"): self._state,
            ("GET", "records"): self._records,
            ("GET", "requests/{id}"): self._one_request,
            ("GET", "messages/{id}"): self._messages,
            ("GET", "report"): self._report,
            ("POST", "check"): self._check,
            ("POST", "scripts"): self._scripts,
            ("GET", "saved"): self._saved,
            ("POST", "save"): self._save,
            ("DELETE", "scripts"): self._clear_scripts,
            ("POST", "faults"): self._faults,
            ("DELETE", "faults"): self._clear_faults,
            ("DELETE", "faults/{id}"): self._remove_fault,
            ("GET", "verbs"): self._verbs,
            ("POST", "settings"): self._settings,
            ("POST", "clock"): self._advance,
            ("POST", "reset"): self._reset,
            ("GET", "fakes"): self._sub_fakes,
            ("POST", "fakes"): self._make_fake,
            ("DELETE", "fakes/{id}"): self._delete_fake,
            ("GET", "files/{id}/content"): _bytes_of("file_content"),
            ("GET", "voices/{id}/content"): _bytes_of("voice_content"),
            ("GET", "sessions/{id}/audio"): _bytes_of("session_audio"),
            ("GET", "speeches/{id}/audio"): _bytes_of("speech_audio"),
            ("GET", "recordings"): self._recordings,
            ("GET", "recordings/{id}/audio"): self._recording_audio,
            ("GET", "recordings/{id}/wav"): self._recording_wav,
            ("POST", "recordings/{id}/compare"): self._compare,
            ("POST", "webhooks/{id}/again"): self._send_webhook_again,
            ("POST", "webhooks/{id}/wait"): self._wait_for_webhook,
        }

    def respond(self, request: Request) -> Response | None:
        """The response to a request; None: it is not for the control API. Never raises for an ``Exception``."""
        number, path = split_path(request.path)
        if path != ROOT and not path.startswith(f"{ROOT}/"):
            return None
        try:
            self._admit(request)
            hosted = self._standalone.find(number)
            if hosted is None:
                raise _RefusalError(404, f"There is no fake at /~{number}; it may have been deleted.")
            hosted.used_sec = time.monotonic()
            name = path.removeprefix(ROOT).removeprefix("/")
            if not name and request.method in {"GET", "HEAD"}:
                return page_response()
            answer, ids = self._route(request.method.replace("HEAD", "GET"), name)
            body = answer(hosted, request, *ids)
            return body if isinstance(body, Response) else _json(200, body)
        except _RefusalError as refusal:
            return _json(refusal.status, {"error": str(refusal)})
        except InputError as error:
            return _json(400, {"error": str(error)})
        except Exception as error:  # noqa: BLE001 - reported to the client
            return _json(500, {"error": f"The control API failed: {type(error).__name__}: {error}"})

    def _route(self, method: str, name: str) -> tuple[Callable[..., object], list[str]]:
        parts = name.split("/")
        for (known, pattern), answer in self.routes.items():
            expected = pattern.split("/")
            if known == method and len(expected) == len(parts):
                pairs = list(zip(expected, parts, strict=True))
                if all(part in {found, "{id}"} for part, found in pairs):
                    return answer, [found for part, found in pairs if part == "{id}"]
        listed = ", ".join(f"{known} {ROOT}/{pattern}" for known, pattern in self.routes)
        raise _RefusalError(404, f"There is no {method} {ROOT}/{name}, but {listed}.")

    def _admit(self, request: Request) -> None:
        host = re.sub(r":[0-9]*$", "", request.host).strip("[]").lower()
        if not self._open_to_all and host not in self._hosts:
            if not is_loopback(request.remote_addr or ""):
                what = "The control API answers to its own machine only; see --allow-host and --open-control."
                raise _RefusalError(403, what)
            # DNS rebinding: a web page may have given its own name this machine's address.
            if not is_loopback(host):
                what = f"The control API is reached by a loopback address, not by {request.host!r}; see --allow-host."
                raise _RefusalError(403, what)
        # A web page cannot send this type to another site without a preflight request.
        if request.method == "POST" and request.mimetype != "application/json":
            raise _RefusalError(415, "The control API takes JSON: send Content-Type: application/json.")

    def _state(self, hosted: HostedFake, request: Request) -> object:
        fake = hosted.fake
        return {
            **self._state_of(hosted, request),
            "time": fake.clock.timestamp(),
            "now_sec": fake.clock.now_sec(),
            "settings": {name: getattr(fake, name) for name in SETTINGS},
            "unused": fake.unused(),
        }

    def _state_of(self, hosted: HostedFake, request: Request) -> dict[str, object]:
        """With the URLs by which the client of the request reaches the fake, such as the name of a container."""
        fake = hosted.fake
        certificate = self._standalone.certificate
        state: dict[str, object] = {
            "id": str(hosted.number),
            "name": fake.name,
            "url": fake.url,
            "control_url": f"{fake.url}{ROOT}",
            "api_base_url": fake.api_base_url,
            "stt_websocket_url": fake.stt_websocket_url,
            "tts_api_base_url": fake.tts_api_base_url,
            "tts_websocket_url": fake.tts_websocket_url,
            "api_key": fake.api_key,
            "ca_file": certificate and certificate.ca_file,
            "clock": "real" if hosted.clock is None else "virtual",
            "pending_faults": [_fault(fault) for fault in fake.faults.pending],
        }
        own, reached = f"//{urlsplit(fake.url).netloc}", f"//{request.host}"
        environment = {name: value.replace(own, reached) for name, value in fake.environment().items()}
        urls = {name: value.replace(own, reached) for name, value in state.items() if isinstance(value, str)}
        return {**state, **urls, "environment": environment}

    def _records(self, hosted: HostedFake, request: Request) -> object:
        for name in request.args:
            if name not in ("last", "only"):
                raise _RefusalError(400, f"Records are asked for with last and only, not with {shown(name)}.")
        known = record_names(type(hosted.fake))
        names = request.args.get("only", ",".join(known)).split(",")
        for name in names:
            if name not in known:
                raise _RefusalError(400, f"only takes {', '.join(known)}, with commas between, not {shown(name)}.")
        last = request.args.get("last", "")
        if last and not (last.isdecimal() and len(last) < 10 and int(last) > 0):
            raise _RefusalError(400, "last must be a number of records, above 0.")
        records = {name: getattr(hosted.fake, name) for name in names}
        if last:
            records = {name: listed[-int(last) :] for name, listed in records.items()}
            # Many are asked for often, such as by the page; ``GET requests/{id}`` has all of one.
            records["requests"] = [_shortened(record) for record in records.get("requests", ())]
        return {name: records[name] for name in names}

    def _one_request(self, hosted: HostedFake, request: Request, number: str) -> object:  # noqa: ARG002
        found = next((record for record in hosted.fake.requests if str(record.number) == number), None)
        if found is None:
            raise _RefusalError(404, f"There is no request with the number {number}, or it is not kept any more.")
        return found

    def _messages(self, hosted: HostedFake, request: Request, connection_id: str) -> object:  # noqa: ARG002
        return {"messages": [each for each in hosted.fake.messages if each.connection_id == connection_id]}

    def _report(self, hosted: HostedFake, request: Request) -> object:  # noqa: ARG002
        return {"report": hosted.fake.report()}

    def _check(self, hosted: HostedFake, request: Request) -> object:
        body = _body(request)
        verb = body.pop("verb", "check")
        if verb not in {*CLAIMS, "check"}:
            raise _RefusalError(400, f"verb must be one of {', '.join(CLAIMS)}, or absent, not {shown(verb)}")
        claim: Callable[..., object] = getattr(hosted.fake, str(verb))
        try:
            if verb in {"assert_transcribed", "assert_session", "assert_spoken"}:  # they take any field
                return {"found": claim(**body)}
            return {"found": called(claim, str(verb), body, settings_of(claim))}
        except AssertionError as failure:
            raise _RefusalError(409, str(failure)) from failure
        except TypeError as error:
            raise _RefusalError(400, str(error)) from error

    def _scripts(self, hosted: HostedFake, request: Request) -> object:
        try:
            return {"recordings": hosted.add_script(_body(request))}
        except KeyError as error:
            raise _RefusalError(404, "It was deleted at the same time.") from error

    def _saved(self, hosted: HostedFake, request: Request) -> object:  # noqa: ARG002
        return hosted.fake.save_state()

    def _save(self, hosted: HostedFake, request: Request) -> object:  # noqa: ARG002
        path = self._standalone.save() if hosted is self._standalone.root else None
        if path is None:
            raise _RefusalError(409, "There is no file: start the server with --state FILE. GET saved has the state.")
        return {"path": str(path)}

    def _faults(self, hosted: HostedFake, request: Request) -> object:
        fault = add_fault(hosted.fake, "", _body(request))
        return {} if fault is None else _fault(fault)

    def _clear_faults(self, hosted: HostedFake, request: Request) -> object:  # noqa: ARG002
        hosted.fake.faults.clear()
        return {}

    def _remove_fault(self, hosted: HostedFake, request: Request, id_: str) -> object:  # noqa: ARG002
        try:
            hosted.fake.faults.remove(id_)
        except KeyError as error:
            raise _not_found(error) from error
        return {}

    def _verbs(self, hosted: HostedFake, request: Request) -> object:  # noqa: ARG002
        """The verbs of faults with their arguments."""
        owners = (Faults, FakeSoniox)
        found = {verb: next(getattr(owner, verb) for owner in owners if hasattr(owner, verb)) for verb in VERBS}
        return {
            "operations": [*sorted(OPERATIONS), STT, TTS],
            "verbs": {
                verb: {"text": _summary(action), "arguments": settings_of(action)} for verb, action in found.items()
            },
        }

    def _clear_scripts(self, hosted: HostedFake, request: Request) -> object:  # noqa: ARG002
        hosted.fake.clear_scripts()
        return {}

    def _advance(self, hosted: HostedFake, request: Request) -> object:
        match _body(request):
            case {"advance_sec": bool()}:
                pass
            case {"advance_sec": int() | float() as seconds, **rest} if not rest and 0 <= seconds <= _LONGEST_SEC:
                hosted.fake.clock.advance(seconds)
                return {"now_sec": hosted.fake.clock.now_sec()}
            case _:
                pass
        raise _RefusalError(400, f'The body must be {{"advance_sec": n}} with n seconds, from 0 to {_LONGEST_SEC:g}.')

    def _settings(self, hosted: HostedFake, request: Request) -> object:
        fake, settings = hosted.fake, _body(request)
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

    def _reset(self, hosted: HostedFake, request: Request) -> object:
        try:
            hosted.reset(_body(request))
        except KeyError as error:
            raise _RefusalError(404, "It was deleted at the same time.") from error
        except FakeSonioxError as error:
            raise _RefusalError(500, f"It was reset, but {error}") from error
        except AssertionError as error:
            raise _RefusalError(409, f"It was reset, but its check failed: {error}") from error
        except ValueError as error:
            raise _RefusalError(400, str(error)) from error
        return self._state_of(hosted, request)

    def _sub_fakes(self, hosted: HostedFake, request: Request) -> object:  # noqa: ARG002
        return {
            "fakes": [
                {**self._state_of(sub_fake, request), "idle_sec": round(self._standalone.idle_sec(sub_fake), 3)}
                for sub_fake in self._standalone.sub_fakes
            ]
        }

    def _make_fake(self, hosted: HostedFake, request: Request) -> object:  # noqa: ARG002
        try:
            return self._state_of(self._standalone.make(_body(request)), request)
        except TooManyFakesError as error:
            raise _RefusalError(429, str(error)) from error
        except ValueError as error:
            raise _RefusalError(400, str(error)) from error

    def _delete_fake(self, hosted: HostedFake, request: Request, number: str) -> object:  # noqa: ARG002
        try:
            self._standalone.delete(int(number) if number.isdecimal() and len(number) < 20 else 0)
        except KeyError as error:
            raise _RefusalError(404, f"There is no sub-fake {number!r}.") from error
        except FakeSonioxError as error:
            raise _RefusalError(500, f"It was deleted, but {error}") from error
        except AssertionError as error:
            raise _RefusalError(409, f"It was deleted, but its check failed: {error}") from error
        return {}

    def _recordings(self, hosted: HostedFake, request: Request) -> object:  # noqa: ARG002
        return {
            "recordings": [
                {
                    "id": str(number),
                    "config": recording.config,
                    "duration_ms": recording.duration_ms,
                    "text": recording.text,
                    "words": recording.words,
                }
                for number, recording in enumerate(hosted.recordings)
            ]
        }

    def _recording_audio(self, hosted: HostedFake, request: Request, number: str) -> object:
        bounds = [request.args.get(name, default) for name, default in (("start_ms", "0"), ("end_ms", ""))]
        if not all(bound.isdecimal() and len(bound) < 10 for bound in bounds if bound):
            raise _RefusalError(400, "start_ms and end_ms must be milliseconds.")
        start_ms, end_ms = (int(bound) if bound else None for bound in bounds)
        return _audio(_recording(hosted, number).audio(start_ms or 0, end_ms))

    def _recording_wav(self, hosted: HostedFake, request: Request, number: str) -> object:  # noqa: ARG002
        try:
            return _audio(_recording(hosted, number).wav(), "audio/wav")
        except ValueError as error:
            raise _RefusalError(400, str(error)) from error

    def _compare(self, hosted: HostedFake, request: Request, number: str) -> object:
        match _body(request):
            case {"text": str() as text, **rest} if not rest:
                comparison = _recording(hosted, number).compare(text)
                return {"is_clean": comparison.is_clean, **dataclasses.asdict(comparison)}
            case _:
                raise _RefusalError(400, 'The body must be {"text": "..."}.')

    def _send_webhook_again(self, hosted: HostedFake, request: Request, transcription_id: str) -> object:  # noqa: ARG002
        try:
            return hosted.fake.send_webhook_again(transcription_id)
        except KeyError as error:
            raise _not_found(error) from error
        except (RuntimeError, ValueError) as error:
            raise _RefusalError(409, str(error)) from error

    def _wait_for_webhook(self, hosted: HostedFake, request: Request, transcription_id: str) -> object:
        match _body(request):
            case {"timeout_sec": bool()}:
                pass
            case {"timeout_sec": int() | float() as seconds, **rest} if not rest and 0 <= seconds <= _LONGEST_WAIT_SEC:
                try:
                    return hosted.fake.wait_for_webhook(transcription_id, timeout_sec=seconds)
                except TimeoutError as error:
                    raise _RefusalError(409, str(error)) from error
            case _:
                pass
        raise _RefusalError(400, f'The body must be {{"timeout_sec": n}} with n seconds, at most {_LONGEST_WAIT_SEC}.')


def _recording(hosted: HostedFake, number: str) -> Recording:
    recordings = hosted.recordings
    if not number.isdecimal() or len(number) > 9 or int(number) >= len(recordings):
        raise _RefusalError(404, f"There is no recording {number!r}; there are {len(recordings)}, from 0 on.")
    return recordings[int(number)]


def _bytes_of(method: str) -> Callable[[HostedFake, Request, str], Response]:
    """What answers with the bytes that a method of the fake has for an id."""

    def answer(hosted: HostedFake, request: Request, id_: str) -> Response:  # noqa: ARG001
        try:
            return _audio(getattr(hosted.fake, method)(id_))
        except KeyError as error:
            raise _not_found(error) from error

    return answer


def _not_found(error: KeyError) -> _RefusalError:
    """The answer where a method of the fake knows no such ID; the error's text says of what."""
    text: str = error.args[0]
    return _RefusalError(404, f"{text[0].upper()}{text[1:]}.")


def _audio(content: bytes, content_type: str = "application/octet-stream") -> Response:
    return Response(content, content_type=content_type, headers=_NOT_STORED)


def _body(request: Request) -> dict[str, object]:
    try:
        content = request.stream.read(MAX_BODY_BYTES + 1)
        if len(content) > MAX_BODY_BYTES:
            raise _RefusalError(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
        body: object = json.loads(content, parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise _RefusalError(400, f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise _RefusalError(400, "The body must be a JSON object.")
    return cast("dict[str, object]", body)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def record_names(fake: type[FakeSoniox]) -> tuple[str, ...]:
    """The properties of a fake that are records."""
    return tuple(
        name
        for name, member in vars(fake).items()
        if isinstance(member, property) and str(member.fget.__annotations__["return"]).startswith("tuple[")
    )


def _shortened(record: RequestRecord) -> RequestRecord:
    return dataclasses.replace(record, body=record.body[:_SHORT_CHARS], response=record.response[:_SHORT_CHARS])


def _summary(action: object) -> str:
    return (getattr(action, "__doc__", None) or "").partition("\n")[0]


def _fault(fault: Any) -> object:
    return {
        "id": fault.id,
        "text": fault.description(),
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
        headers=_NOT_STORED,
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
