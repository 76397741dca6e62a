"""Which reply becomes which error, and what errors say."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from soniox_lite import Request, Response, errors
from soniox_lite._http.body import MultipartBody
from soniox_lite._http.error_responses import error_of, parse_api_error
from soniox_lite._net.redaction import redact
from soniox_lite.errors import (
    InvalidField,
    InvalidWebhookSignatureError,
    SonioxAPIError,
    SonioxAuthenticationError,
    SonioxConflictError,
    SonioxConnectionError,
    SonioxError,
    SonioxInvalidRequestError,
    SonioxNotFoundError,
    SonioxPermissionDeniedError,
    SonioxRateLimitError,
    SonioxRealtimeError,
    SonioxRealtimeTimeoutError,
    SonioxServerError,
    SonioxTimeoutError,
    SonioxTranscriptionError,
    SonioxValidationError,
    SonioxVoiceError,
)
from soniox_lite.types.api import ApiError, ApiErrorValidationError, Transcription

from ..support.tables import each_row

bounded = settings(derandomize=True, max_examples=80, deadline=None, database=None)

CLASSES: list[type[SonioxError]] = [
    getattr(errors, name) for name in errors.__all__ if not name.startswith("InvalidField")
]
API_CLASSES = [cls for cls in CLASSES if issubclass(cls, SonioxAPIError)]


def reply(status: int, body: object = b"", headers: list[tuple[str, str]] | None = None) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers or [("Content-Type", "application/json")], content)


FULL: dict[str, Any] = {
    "status_code": 400,
    "error_type": "invalid_request",
    "message": "Invalid request.",
    "validation_errors": [
        {"error_type": "missing", "location": "body.payload.model", "message": "Field required"},
        {"error_type": "value_error", "location": "query.limit", "message": "Too much"},
    ],
    "request_id": "3d37a3bd-5078-47ee-a369-b204e3bbedda",
    "more_info": "https://soniox.com/docs/api-reference/errors#invalid-request",
}


# The tree.


@each_row(
    ("cls", "bases"),
    [
        (SonioxError, [Exception]),
        (SonioxValidationError, [SonioxError, ValueError]),
        (SonioxConnectionError, [SonioxError, ConnectionError]),
        (SonioxTimeoutError, [SonioxError, TimeoutError]),
        (SonioxAPIError, [SonioxError]),
        (SonioxAuthenticationError, [SonioxAPIError]),
        (SonioxPermissionDeniedError, [SonioxAPIError]),
        (SonioxInvalidRequestError, [SonioxAPIError]),
        (SonioxNotFoundError, [SonioxAPIError]),
        (SonioxConflictError, [SonioxAPIError]),
        (SonioxRateLimitError, [SonioxAPIError]),
        (SonioxServerError, [SonioxAPIError]),
        (SonioxTranscriptionError, [SonioxAPIError]),
        (InvalidWebhookSignatureError, [SonioxError]),
        (SonioxRealtimeError, [SonioxError]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_tree_is_the_references(cls: type, bases: list[type]) -> None:
    assert list(cls.__bases__) == bases


def test_every_class_is_in_the_table_of_the_tree() -> None:
    assert errors.__doc__ is not None
    for cls in CLASSES:
        assert cls.__name__ in errors.__doc__


# The class by status and type.

BY_STATUS = {
    400: SonioxInvalidRequestError,
    401: SonioxAuthenticationError,
    403: SonioxAuthenticationError,
    404: SonioxNotFoundError,
    409: SonioxConflictError,
    429: SonioxRateLimitError,
}
BODIES = {
    "documented": {**FULL, "validation_errors": []},
    "speech": {"error_code": 400, "error_type": "bad", "error_message": "No."},
    "html": b"<html><body>Bad gateway</body></html>",
    "empty": b"",
    "truncated": b'{"status_code": 4',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_status_decides_on_the_class_whatever_the_body(body: object) -> None:
    for status in range(300, 600):
        error = error_of(reply(status, body))

        assert type(error) is (SonioxServerError if status >= 500 else BY_STATUS.get(status, SonioxAPIError))
        assert error.status_code == status
        assert f"HTTP {status}" in str(error)
        assert error.response is not None


@each_row("status", [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 503])
@each_row("error_type", ["permission_denied", "unauthenticated", "invalid_request", "limit_exceeded", "api_error", ""])
def test_only_a_403_needs_the_type_to_know_the_class(status: int, error_type: str) -> None:
    error = error_of(reply(status, {**FULL, "error_type": error_type}))

    assert (type(error) is SonioxPermissionDeniedError) == (status == 403 and error_type == "permission_denied")
    assert error.error_type == error_type


@pytest.mark.parametrize(
    "body",
    [
        {"status_code": 403, "error_type": "permission_denied", "message": "m"},
        {"error_code": 403, "error_type": "permission_denied", "error_message": "m"},
        {"error_type": "permission_denied", "detail": "m"},
    ],
    ids=["rest", "speech", "half"],
)
def test_a_missing_permission_is_told_from_a_bad_key_in_every_form(body: object) -> None:
    assert type(error_of(reply(403, body))) is SonioxPermissionDeniedError


# What bodies say.


def test_the_documented_body_is_read() -> None:
    error = error_of(reply(400, FULL))

    assert error.message == "Invalid request."
    assert error.api_error == ApiError.from_dict(FULL)
    assert error.error_type == "invalid_request"
    assert error.validation_errors == [ApiErrorValidationError(**problem) for problem in FULL["validation_errors"]]
    assert error.request_id == FULL["request_id"]
    assert error.more_info == FULL["more_info"]


def test_the_text_has_message_status_validation_errors_and_request_id() -> None:
    assert str(error_of(reply(400, FULL))) == (
        "Invalid request. (HTTP 400, invalid_request)"
        "; body.payload.model: Field required [missing]"
        "; query.limit: Too much [value_error]"
        " [request id 3d37a3bd-5078-47ee-a369-b204e3bbedda]"
    )


def test_a_request_id_that_the_message_has_already_is_not_told_twice() -> None:
    body = {"error_code": 503, "error_type": "x", "error_message": "Down (request id: abc-1)", "request_id": "abc-1"}

    assert str(error_of(reply(503, body))) == "Down (request id: abc-1) (HTTP 503, x)"


HOSTILE = "a\r\nb\x1b[2J\x85c\x9bd\u2028e\u202ef\u2066g\ud800h\x00i\x7fj\t k"
HARMLESS = "a b?[2J c?d e?f?g?h?i?j k"


@pytest.mark.parametrize(
    "error",
    [
        SonioxError(HOSTILE),
        SonioxConnectionError(HOSTILE),
        SonioxTimeoutError(HOSTILE),
        InvalidWebhookSignatureError(HOSTILE),
        SonioxRealtimeError(HOSTILE, error_type=HOSTILE, request_id=HOSTILE),
        SonioxRealtimeTimeoutError(HOSTILE, request_id="\x1b"),
        SonioxTranscriptionError(HOSTILE),
        error_of(reply(400, {"message": HOSTILE, "error_type": HOSTILE, "request_id": HOSTILE})),
        error_of(
            reply(
                400,
                {**FULL, "validation_errors": [{"error_type": HOSTILE, "location": HOSTILE, "message": HOSTILE}]},
            )
        ),
        error_of(reply(502, HOSTILE.encode(errors="replace"))),
    ],
    ids=lambda error: type(error).__name__,
)
def test_text_of_the_service_is_harmless_in_an_errors_text(
    error: SonioxError, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("soniox_lite").error("%s", error)
    printed = traceback.format_exception_only(error)

    assert str(error).isprintable()
    assert len(printed) == 1
    assert caplog.records[-1].getMessage() == str(error)


def test_attributes_keep_the_text_of_the_service() -> None:
    error = error_of(reply(400, {**FULL, "message": HOSTILE, "request_id": "r\n"}))

    assert (error.message, error.request_id) == (HOSTILE, "r\n")
    assert str(error).startswith(f"{HARMLESS} (HTTP 400")
    assert "\x1b" not in repr(error)


def test_an_event_of_odd_values_is_an_error_all_the_same() -> None:
    message: Any = {"a": 1}

    assert str(SonioxRealtimeError(message, error_code=message, error_type=message, request_id=message))


def test_other_alphabets_are_kept_in_an_errors_text() -> None:
    assert str(SonioxError("日本 é “x” עברית 👍")) == "日本 é “x” עברית 👍"


@each_row("cls", [SonioxConnectionError, SonioxTimeoutError])
def test_a_request_was_not_sent_unless_the_error_says_so(cls: Any) -> None:
    assert (cls("m").request_sent, cls("m", request_sent=True).request_sent) == (False, True)


def test_the_text_leaves_out_what_is_not_known() -> None:
    assert str(SonioxAPIError("It failed")) == "It failed"
    assert str(SonioxAPIError("It failed", response=reply(418))) == "It failed (HTTP 418)"


def test_the_body_of_text_to_speech_is_read() -> None:
    body = {"error_code": 402, "error_type": "balance_exhausted", "error_message": "Pay.", "request_id": "r"}
    error = error_of(reply(402, body))

    assert (error.status_code, error.error_type, error.message, error.request_id) == (
        402,
        "balance_exhausted",
        "Pay.",
        "r",
    )
    assert error.api_error is not None
    assert error.api_error.status_code == 402
    assert error.more_info is None


def test_an_old_body_without_a_type_is_an_api_error() -> None:
    error = error_of(reply(408, {"error_code": 408, "error_message": "Slow."}))

    assert (error.error_type, error.message) == ("api_error", "Slow.")


def test_the_status_of_the_reply_beats_the_bodys() -> None:
    error = error_of(reply(404, {**FULL, "status_code": 400}))

    assert type(error) is SonioxNotFoundError
    assert error.status_code == 404
    assert error.api_error is not None
    assert error.api_error.status_code == 400


def test_unknown_fields_of_the_body_are_kept() -> None:
    error = error_of(reply(400, {**FULL, "hint": "h"}))

    assert error.api_error.hint == "h"  # type: ignore[union-attr]
    assert error.api_error.to_dict()["hint"] == "h"  # type: ignore[union-attr]


@each_row(
    ("change", "kept"),
    [
        ({"status_code": "400"}, {"message": "Invalid request.", "error_type": "invalid_request"}),
        ({"status_code": None}, {"message": "Invalid request.", "error_type": "invalid_request"}),
        ({"error_type": 5}, {"message": "Invalid request.", "error_type": "api_error"}),
        ({"error_type": None}, {"message": "Invalid request.", "error_type": "api_error"}),
        ({"validation_errors": "none"}, {"message": "Invalid request.", "error_type": "invalid_request"}),
        ({"validation_errors": {}}, {"message": "Invalid request.", "request_id": FULL["request_id"]}),
        ({"validation_errors": [5]}, {"message": "Invalid request.", "more_info": FULL["more_info"]}),
        ({"validation_errors": [{"location": "x"}]}, {"message": "Invalid request.", "validation_errors": []}),
        ({"validation_errors": None}, {"message": "Invalid request.", "validation_errors": []}),
        ({"request_id": 7}, {"message": "Invalid request.", "request_id": None}),
        ({"more_info": []}, {"message": "Invalid request.", "more_info": None}),
        ({"message": None, "detail": "Not Found"}, {"message": "Not Found", "error_type": "invalid_request"}),
    ],
    ids=str,
)
def test_what_is_right_in_a_half_broken_body_is_kept(change: dict[str, Any], kept: dict[str, Any]) -> None:
    error = error_of(reply(400, {**FULL, **change}))

    assert type(error) is SonioxInvalidRequestError
    assert {name: getattr(error, name) for name in kept} == kept
    assert "Invalid request." in str(error) or "Not Found" in str(error)


DEEP = b'{"a":' * 5000 + b"1" + b"}" * 5000
BROKEN = {
    "html": (b"<!DOCTYPE html>\n<html>\n<h1>502 Bad Gateway</h1>", "is not a Soniox error but 47 bytes of text/html: "),
    "empty": (b"", "is not a Soniox error but an empty body"),
    "truncated": (b'{"status_code": 400, "message": "Inv', "is not a Soniox error but 36 bytes of text/html"),
    "array": (b'[{"message": "x"}]', "is not a Soniox error but"),
    "number": (b"42", "is not a Soniox error but 2 bytes of text/html: '42'"),
    "string": (b'"message"', "is not a Soniox error but"),
    "null": (b"null", "is not a Soniox error but"),
    "no message": (b'{"error": "x"}', "is not a Soniox error but"),
    "message of another kind": (b'{"message": {"a": 1}, "detail": [1]}', "is not a Soniox error but"),
    "deep": (DEEP, "is not a Soniox error but"),
    "deep arrays": (b"[" * 100_000, "is not a Soniox error but 100000 bytes"),
    "bytes": (b"\xff\xfe\x00\x01" * 50, "is not a Soniox error but 200 bytes"),
    "another encoding": ('{"message": "x"}'.encode("utf-16"), "is not a Soniox error but"),
    "huge number": (b'{"status_code": ' + b"9" * 5000 + b', "message": "x"}', ""),
    "not a number": (b'{"status_code": NaN, "message": "x"}', ""),
}


@each_row(("body", "words"), BROKEN.values(), ids=BROKEN)
@each_row("status", [400, 401, 403, 404, 409, 413, 429, 500, 502])
def test_a_body_of_any_other_kind_still_gives_the_right_class(status: int, body: bytes, words: str) -> None:
    error = error_of(reply(status, body, [("content-type", "text/html; charset=utf-8")]))

    assert type(error) is (SonioxServerError if status >= 500 else BY_STATUS.get(status, SonioxAPIError))
    assert words in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 400
    assert error.validation_errors == []


def test_a_redirect_is_named_as_one() -> None:
    error = error_of(reply(302, b"", [("Location", "https://elsewhere/")]))

    assert str(error) == "the service redirected to a URL that this request must not follow (HTTP 302)"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=6), children, max_size=3),
    max_leaves=8,
)


@given(
    status=st.integers(300, 599),
    body=st.binary(max_size=40)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from([*FULL, "error_code", "error_message", "detail"]), json_values).map(
        lambda value: json.dumps(value).encode()
    ),
)
@bounded
def test_no_body_breaks_the_making_of_an_error(status: int, body: bytes) -> None:
    error = error_of(reply(status, body))

    assert error.status_code == status
    assert f"HTTP {status}" in str(error)
    assert isinstance(error.message, str)
    assert error.error_type is None or isinstance(error.error_type, str)
    assert all(isinstance(problem, ApiErrorValidationError) for problem in error.validation_errors)


def test_raise_for_status_raises_what_the_response_stands_for() -> None:
    assert reply(204).raise_for_status().status_code == 204
    with pytest.raises(SonioxConflictError, match=r"Invalid request\. \(HTTP 409, invalid_request\)"):
        reply(409, FULL).raise_for_status()


def test_a_parsed_body_is_none_where_there_is_no_error_in_it() -> None:
    assert parse_api_error(reply(500, b"oops")) is None
    assert parse_api_error(reply(500, [])) is None
    assert parse_api_error(reply(500, {})) is None


# Attributes of single classes.


@each_row(
    ("header", "expected"),
    [("3", 3.0), ("0.5", 0.5), ("-1", 0.0), ("soon", None), ("", None), ("nan", None), ("inf", None), (None, None)],
)
def test_a_rate_limit_says_how_long_to_wait(header: str | None, expected: float | None) -> None:
    headers = [] if header is None else [("retry-after", header)]
    error = error_of(reply(429, FULL, headers))

    assert isinstance(error, SonioxRateLimitError)
    assert error.retry_after_sec == expected


def test_a_rate_limit_without_a_reply_does_not_say_how_long() -> None:
    assert SonioxRateLimitError("m").retry_after_sec is None


def test_a_rate_limit_takes_a_date() -> None:
    error = error_of(reply(429, FULL, [("Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT")]))

    assert error.retry_after_sec == 0.0  # type: ignore[attr-defined]


JOB = Transcription.from_dict(
    {
        "id": "t",
        "status": "error",
        "created_at": "2026-01-02T03:04:05Z",
        "model": "m",
        "filename": "f",
        "error_type": "file_not_found",
        "error_message": "It is gone.",
    }
)


def test_a_failed_job_has_its_own_type_and_no_status() -> None:
    error = SonioxTranscriptionError("transcription t failed: It is gone.", transcription=JOB)

    assert error.transcription is JOB
    assert error.error_type == "file_not_found"
    assert error.status_code is None
    assert str(error) == "transcription t failed: It is gone. (file_not_found)"


def test_an_api_error_without_a_reply_takes_the_status_of_its_body() -> None:
    error = SonioxAPIError("m", api_error=ApiError.from_dict(FULL))

    assert error.status_code == 400
    assert str(error).startswith("m (HTTP 400, invalid_request)")


def test_a_timeout_is_pythons_and_a_validation_error_is_a_value_error() -> None:
    with pytest.raises(TimeoutError):
        raise SonioxTimeoutError("m")
    with pytest.raises(ValueError, match="m"):
        raise SonioxValidationError("m")


def test_an_invalid_field_reads_as_a_sentence() -> None:
    problem = InvalidField("limit", "must be an int", "str of length 2")

    assert str(problem) == "limit must be an int, got str of length 2"
    assert repr(problem) == "InvalidField(field='limit', rule='must be an int', got='str of length 2')"


def test_a_validation_errors_list_is_its_own() -> None:
    given_list = [InvalidField("a", "b", "c")]
    error = SonioxValidationError("m", errors=given_list)
    given_list.clear()

    assert len(error.errors) == 1
    assert SonioxValidationError("m").errors == []


# Travelling between processes.


def _attributes(error: SonioxError) -> dict[str, Any]:
    shown = {name: value for name, value in vars(error).items() if name not in {"response", "errors"}}
    shown["errors"] = [str(problem) for problem in getattr(error, "errors", [])]
    shown["response"] = None if error.response is None else (error.response.status_code, error.response.content)
    return shown


SAMPLES: list[SonioxError] = [
    *[cls("plain") for cls in CLASSES],
    *[cls("full", api_error=ApiError.from_dict(FULL), response=reply(400, FULL)) for cls in API_CLASSES],
    SonioxTranscriptionError("full", transcription=JOB),
    SonioxTimeoutError("full", request_sent=True, transcription_id="t", response=reply(200, b"x")),
    SonioxConnectionError("full", request_sent=True, response=reply(200, b"x")),
    SonioxValidationError("full", errors=[InvalidField("a", "b", "c")]),
]


@each_row("error", SAMPLES, ids=lambda error: f"{type(error).__name__}-{error.message}")
@each_row("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_errors_can_be_pickled_and_copied_with_all_they_know(error: SonioxError, protocol: int) -> None:
    for twin in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert twin.args == error.args
        assert _attributes(twin) == _attributes(error)


def test_a_pickled_reply_still_answers_questions() -> None:
    request = Request("GET", "https://a/b", {"Accept": "x"})
    error = error_of(Response(429, [("Retry-After", "7"), ("X-Id", "1")], b"{}", request=request, elapsed_sec=0.5))
    twin = pickle.loads(pickle.dumps(error))

    assert twin.retry_after_sec == 7.0
    assert twin.response.headers["x-id"] == "1"
    assert twin.response.request.url == "https://a/b"


def test_the_error_of_an_upload_can_be_pickled() -> None:
    with open(__file__, "rb") as file:
        body = MultipartBody({}, {"file": ("a.wav", file, "audio/wav")})
        request = Request("POST", "https://a/files", {}, body)
        error = error_of(Response(400, [], json.dumps(FULL).encode(), request=request))

        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_error_of_a_voice_is_of_the_models_type_else_of_the_replys() -> None:
    api_error = error_of(reply(404, FULL)).api_error
    assert api_error is not None

    assert SonioxVoiceError("m", api_error=api_error).error_type == api_error.error_type
    assert SonioxVoiceError("m", api_error=api_error, error_type="voice_audio_too_long").error_type == (
        "voice_audio_too_long"
    )


def test_an_error_is_made_from_a_response() -> None:
    error = SonioxAPIError.from_response(Response(404, content=b'{"message": "gone"}'))
    assert type(error) is SonioxNotFoundError
    assert error.message == "gone"


def test_a_key_is_hidden_from_sixteen_characters_on() -> None:
    assert redact("a 0123456789abcdef b", "Bearer 0123456789abcdef") == "a *** b"
    assert redact("a 0123456789abcde b", "Bearer 0123456789abcde") == "a 0123456789abcde b"
