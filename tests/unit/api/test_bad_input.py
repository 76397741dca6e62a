"""Bad input through the public API: refused before anything is sent, with one error that says what is wrong."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import math
import socket
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings, strategies as st

from soniox_lite import AsyncSonioxClient, SonioxClient
from soniox_lite.errors import SonioxAPIError, SonioxError, SonioxValidationError
from soniox_lite.types.api import CreateTranscriptionConfig, CreateTranscriptionPayload
from soniox_lite.types.webhooks import WebhookAuthConfig

from ...support.tables import each_row

bounded = settings(derandomize=True, max_examples=50, deadline=None, database=None)

KEY = "sk-live-0123456789abcdef0123456789"
WEBHOOK_SECRET = "whsec-0123456789abcdef"
PASTED = "pasted-secret-0123456789"
SECRETS = (KEY, WEBHOOK_SECRET, PASTED)
URL = "https://example.org/a.wav"
HALF = "\ud800"
HUGE = 10**400


class Row(NamedTuple):
    """A call, and the words that its error must have."""

    id: str
    path: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    words: tuple[str, ...]


ROWS: list[Row] = []


def _shown(value: object) -> str:
    text = f"<{type(value).__name__}>" if " at 0x" in repr(value) else ascii(value)
    return text if len(text) <= 30 else f"{text[:20]}...{len(text)}"


def bad(path: str, *words: str, args: tuple[Any, ...] = (), label: str = "", **kwargs: Any) -> None:
    """Adds a row."""
    shown = ", ".join([*map(_shown, args), *(f"{name}={_shown(value)}" for name, value in kwargs.items())])
    ROWS.append(Row(label or f"{path}({shown})", path, args, kwargs, words))


def each(path: str, name: str, values: list[Any], /, *words: str, **others: Any) -> None:
    """Adds a row for each value of a keyword argument."""
    for value in values:
        bad(path, name, *words, label=f"{path}({name}={_shown(value)})", **{**others, name: value})


# The constructor.

NEW = "SonioxClient"
each(NEW, "api_key", [5, True, b"key", [KEY], {"key": KEY}, object()], "must be a str, got")
each(
    NEW,
    "api_key",
    [
        f"{KEY}\nX: y",
        f"{KEY}\r\n{KEY}",
        f"{KEY} {KEY}",
        f"{KEY}é",
        f"{KEY}日",
        f"{KEY}\x00",
        f"{KEY}{HALF}",
        f"{KEY}\t{KEY}",
    ],
    "must be printable ASCII without white space",
)
each(
    NEW,
    "api_key",
    ["", "   ", "\n", None],
    "no API key: give api_key=..., or set the environment variable SONIOX_API_KEY",
)
for name, scheme in (
    ("api_base_url", "https://"),
    ("tts_api_base_url", "https://"),
    ("websocket_base_url", "wss://"),
    ("tts_websocket_base_url", "wss://"),
):
    each(NEW, name, [5, True, b"https://a", ["https://a"], {"a": 1}, object()], "must be a str, got")
    other = "wss://a" if scheme == "https://" else "https://a"
    each(
        NEW,
        name,
        [
            "a.b",
            "localhost:8000",
            "/v1",
            "ftp://a",
            "file:///etc/passwd",
            other,
            scheme,
            f"{scheme}/v1",
            f"{scheme}a:99999",
            f"{scheme}a:0",
            f"{scheme}a:port",
            f"{scheme}[::1",
            f"{scheme}a b",
            f"{scheme}a\r\nX: y",
            f"{scheme}é.example",
            f"{scheme}a/{HALF}",
        ],
        f"must be a URL that starts with {scheme}",
    )
    each(
        NEW,
        name,
        [f"{scheme}user:{PASTED}@a", f"{scheme}a#{PASTED}", f"{scheme}{PASTED}@a/v1", f"{scheme}{PASTED}@a/?x=1"],
        "must not have credentials or a fragment",
    )
for name in ("api_base_url", "tts_api_base_url"):
    bad(NEW, f"{name} must not have a query", **{name: f"https://a?key={PASTED}"})
each(NEW, "region", [5, True, b"eu", ["eu"]], "region must be a str")
each(NEW, "base_domain", [5, True, b"a", ["a"]], "base_domain must be a str")
each(NEW, "region", ["e u", "eu/", "eu.", "-eu", "eu\n", "é", "a" * 64, "@evil", HALF], "'eu'")
each(
    NEW,
    "base_domain",
    ["https://a", "a/b", "a b", ".a", "a..b", "a@b", "a:port", "a\n", "é.com", f"{PASTED}@a"],
    "must be a domain such as 'eu.soniox.com'",
)
each(
    NEW, "connect_timeout_sec", ["5", b"5", [5], True, False, math.nan, Decimal(1), object()], "must be a number of sec"
)
each(NEW, "connect_timeout_sec", [0, 0.0, -1, -math.inf, -HUGE], "must be more than 0 seconds")
each(NEW, "connect_timeout_sec", [math.inf, 1e9, HUGE], "must be at most 86400 seconds")
each(NEW, "timeout_sec", [True, False, math.nan], "must be a number of seconds")
each(NEW, "timeout_sec", [0, -0.0, -1, -math.inf], "must be more than 0 seconds")
each(NEW, "timeout_sec", [math.inf, 1e9], "must be at most 86400 seconds")
each(
    NEW,
    "timeout_sec",
    ["5", b"5", [5], {}, object()],
    "must be a number of seconds",
)
each(NEW, "timeout_sec", [HUGE], "must be at most 86400 seconds")
each(NEW, "max_retries", ["2", 2.0, True, [2], b"2", math.nan, object()], "must be an int")
each(NEW, "max_retries", [-1, 101, HUGE], "must be from 0 to 100")
for hook in ("on_request", "on_response"):
    each(NEW, hook, [5, "print", [print], {}, False], "must be callable")
each(NEW, "webhook_secret", [5, True, b"x", ["x"]], "must be a str")
each(NEW, "webhook_secret", [f"{PASTED}\n", f" {PASTED}", f"{PASTED}é", f"{PASTED}\x00"], "must be printable ASCII")
each(NEW, "webhook_secret", [PASTED * 20], "must be at most 256 characters")
each(NEW, "webhook_signature_header", [5, True, b"x", ["x"]], "must be a str")
each(NEW, "webhook_signature_header", ["X Secret", "X:", "é", "a\r\nb", ""], "must be a header name")
each(NEW, "webhook_signature_header", ["x" * 257], "must be at most 256 characters")
for name in (
    "api_base_url",
    "websocket_base_url",
    "tts_api_base_url",
    "tts_websocket_base_url",
    "region",
    "base_domain",
):
    each(NEW, name, [0, False, b"", []], "must be")
each(NEW, "webhook_secret", [0, False, b"", []], "must be")
for name in ("ssl_context", "opener"):
    each(NEW, name, [5, "x", object()], "must be")

# Copies with other options.

WITH = "with_options"
each(WITH, "timeout_sec", ["5", True, math.nan, [5], object()], "must be a number of seconds")
each(WITH, "timeout_sec", [0, -1], "must be more than 0 seconds")
each(WITH, "timeout_sec", [math.inf, HUGE], "must be at most 86400 seconds")
each(WITH, "connect_timeout_sec", ["5", False, math.nan], "must be a number of seconds")
each(WITH, "max_retries", ["2", 1.5, True], "must be an int")
each(WITH, "max_retries", [-1, 101], "must be from 0 to 100")
each(WITH, "on_request", [5, "print"], "must be callable")
each(WITH, "on_response", [5, "print"], "must be callable")
for name in ("timeout_sec", "connect_timeout_sec", "max_retries"):
    each(WITH, name, [None], "must be given")
bad(WITH, "does not take api_key; it takes cancel, connect_timeout_sec", api_key=PASTED)
bad(WITH, "does not take colour, retries; it takes", retries=5, colour="red")

# Requests.

REQUEST = "request"
for value in [5, None, b"GET", "", "G T", "GET\r\nX: y", "GÉT", ["GET"]]:
    bad(REQUEST, "method must be an HTTP method such as 'GET'", args=(value, "/files"))
for value in [5, None, b"/files", "/a b", "/a\r\nX: y", "/é", "/a#b", "/a\\b", f"/{HALF}", ["/a"]]:
    bad(REQUEST, "path must be a str of printable ASCII", args=("GET", value))
for value in ["http://evil/", "https://evil/v1", "//evil/v1", "/http://evil"]:
    bad(REQUEST, "path must be below the API's base URL", args=("GET", value))
for value in ["/..", "/files/../secret", "../a", "/files/..?a=b"]:
    bad(REQUEST, "path must not climb out of the API's base URL", args=("GET", value))
for value in [{1, 2}, object(), b"x", {"a": b"x"}, [object()], {("a",): 1}, {"a": math.nan}, math.inf, {"a": HALF}]:
    bad(REQUEST, "json cannot be written as JSON", args=("POST", "/x"), json=value)
_circle: list[Any] = []
_circle.append(_circle)
bad(REQUEST, "json cannot be written as JSON", args=("POST", "/x"), json=_circle, label="request(json=circle)")
bad(REQUEST, "json excludes data and files", args=("POST", "/x"), json={}, data={})
bad(REQUEST, "json excludes data and files", args=("POST", "/x"), json=[], files={"file": b"x"})
for value in [5, None, {}, object(), [b"x"], True]:
    bad(REQUEST, "file must be a path, bytes or a binary stream", args=("POST", "/x"), files={"file": value})
for value in [(), ("a",), ("a", b"x", "t", "more")]:
    bad(REQUEST, "files['file'] must be (filename, content)", args=("POST", "/x"), files={"file": value})
bad(REQUEST, "filename must be a str, got int", args=("POST", "/x"), files={"file": (5, b"x")})
for value in ["5", True, math.nan]:
    bad(REQUEST, "deadline_sec must be a number of seconds", args=("GET", "/x"), deadline_sec=value)
bad(REQUEST, "deadline_sec must be more than 0 seconds", args=("GET", "/x"), deadline_sec=0)
bad(REQUEST, "deadline_sec must be at most", args=("GET", "/x"), deadline_sec=HUGE)
for name in ("params", "data", "files"):
    for value in [5, "a=b", b"a=b", ["a"], object(), True]:
        bad(REQUEST, f"{name} must be", args=("POST", "/x"), **{name: value})
for name in ("params", "data"):
    for value in [{"a": HALF}, {HALF: "a"}]:
        bad(REQUEST, f"{name} ", args=("POST", "/x"), **{name: value})
bad(REQUEST, "data", args=("POST", "/x"), data={"a": HALF}, files={"f": b"x"})
for value in [5, None]:
    bad(REQUEST, "files", args=("POST", "/x"), files={value: b"x"})
for value in ["a/b\r\nX-Injected: y", "a/b\n", 5, None]:
    bad(REQUEST, "content_type must be", args=("POST", "/x"), files={"f": ("n", b"x", value)})

# Ids.

for path, name in [
    *((f"files.{method}", "file_id") for method in ("get", "get_or_none", "delete", "delete_if_exists")),
    *(
        (f"stt.{method}", "transcription_id")
        for method in ("get", "get_or_none", "delete", "delete_if_exists", "destroy", "get_transcript", "wait")
    ),
    *(
        (f"voices.{method}", "voice_id")
        for method in ("get", "get_or_none", "delete", "delete_if_exists", "recompute", "wait_until_ready")
    ),
]:
    for value in [None, 5, b"id", ["id"], True]:
        bad(path, f"{name} must be a str", args=(value,))
    for value in ["", " ", "\t\n", ".", ".."]:
        bad(path, f"{name} must be an id, not empty or a path", args=(value,))
    bad(path, f"{name} must be at most 256 characters", args=("x" * 257,))
    bad(path, f"{name} must be valid Unicode", args=(HALF,))

# Listings.

for space in ("files", "stt", "transcriptions", "voices"):
    for method in ("list", "list_all", *(("delete_all",) if space != "voices" else ())):
        each(f"{space}.{method}", "limit", ["five", None, 5.5, True, [5]], "must be ")
        each(f"{space}.{method}", "limit", [0, -1, 1001, HUGE], "must be from 1 to 1000")
    each(f"{space}.list", "cursor", [5, b"c", ["c"], True], "must be a str")
    each(f"{space}.list", "cursor", [HALF], "must be valid Unicode")
each("stt.destroy_all", "limit", [0, "five"], "must be ")

# Uploads.

CLOSED = io.BytesIO(b"x")
CLOSED.close()
HERE = str(Path(__file__).parent)
for path, others in (
    ("files.upload", {}),
    ("stt.transcribe", {}),
    ("stt.transcribe_from_file", {}),
    ("stt.transcribe_and_wait", {}),
    ("stt.transcribe_file_with_webhook", {"webhook_url": "https://a/b"}),
):
    nothing = [] if path in {"stt.transcribe", "stt.transcribe_and_wait"} else [None]
    each(path, "file", [5, True, [], {}, object(), ["a.wav"], *nothing], "must be a path, bytes or a binary", **others)
    each(
        path, "file", ["/no/such/file", Path("/no/such/file"), b"".decode()], "cannot be opened: No such file", **others
    )
    each(path, "file", ["a\x00b", HERE], "cannot be opened", **others)
    each(path, "file", [CLOSED], "cannot be read", **others)
    each(path, "filename", [5, b"a.wav", ["a"], True], "must be a str, got", file=b"x", **others)
    each(path, "client_reference_id", [5, b"x", ["x"]], "must be a str, got", file=b"x", **others)
    each(path, "client_reference_id", ["x" * 257], "must be at most 256 characters", file=b"x", **others)
    each(path, "client_reference_id", [HALF], "must be valid Unicode", file=b"x", **others)
each("files.upload", "on_progress", [5, "print"], "must be callable", file=b"x")
each("files.upload", "file", ["x" * 5000], "cannot be opened")

# Jobs: which audio.

for path in ("stt.create", "stt.transcribe", "stt.transcribe_and_wait", "stt.transcribe_and_wait_with_tokens"):
    bad(path, "audio_url or file_id must be given")
    bad(path, "audio_url and file_id exclude each other", audio_url=URL, file_id="f")
for others in ({"audio_url": URL}, {"file_id": "f"}, {"audio_url": URL, "file_id": "f"}):
    bad("stt.transcribe", "file, file_id and audio_url exclude each other", file=b"x", **others)
    bad("transcriptions.transcribe_and_wait_with_tokens", "exclude each other", file=b"x", **others)
for path in ("stt.create", "stt.transcribe", "stt.transcribe_from_url"):
    each(path, "audio_url", [5, b"https://a", ["https://a"]], "must be a str")
    each(
        path,
        "audio_url",
        ["", "a.wav", "file:///etc/passwd", "https://", "https://a b", f"ftp://{PASTED}@a"],
        "must be an http:// or https:// URL without white space",
    )
    each(path, "audio_url", ["https://a/" + "x" * 4087], "must be at most 4096 characters")
bad("stt.transcribe_from_url", "audio_url or file_id must be given", audio_url=None)
for path in ("stt.create", "stt.transcribe_from_file_id"):
    each(path, "file_id", [5, b"f", ["f"], True], "must be a str")
    each(path, "file_id", [""], "must not be empty")
    each(path, "file_id", ["x" * 257], "must be at most 256 characters")

# Jobs: arguments and configs.

for path, others in (
    ("stt.create", {"audio_url": URL}),
    ("stt.transcribe", {"file": b"x"}),
    ("stt.transcribe_and_wait_with_tokens", {"file_id": "f"}),
    ("stt.transcribe_file_with_webhook", {"file": b"x", "webhook_url": "https://a/b"}),
):
    each(path, "model", [5, b"m", ["m"]], "must be a str", **others)
    each(path, "model", [None], "must be given", **others)
    each(path, "model", [""], "must not be empty", **others)
    each(path, "model", ["m" * 33], "must be at most 32 characters", **others)
    each(
        path,
        "config",
        [5, "fast", [], True, b"x", CreateTranscriptionPayload(file_id="f")],
        "must be a CreateTranscriptionConfig or a dict, got",
        **others,
    )
    for config, *words in (
        ({"modell": "m"}, "modell is not a field of CreateTranscriptionConfig (did you mean model?)"),
        ({"audio_url": URL}, "audio_url is not a field of CreateTranscriptionConfig"),
        ({5: 1}, "5 is not a field"),
        ({"language_hints": "en"}, "language_hints must be a list, got str"),
        ({"language_hints": ["en", "english"]}, "language_hints[1] must be a two-letter language code"),
        ({"language_hints": [None]}, "language_hints[0] must be given"),
        ({"language_hints": ["en"] * 101}, "language_hints must have at most 100 items"),
        ({"language_hints_strict": 2}, "language_hints_strict must be a bool, got int"),
        ({"enable_speaker_diarization": "ja"}, "enable_speaker_diarization must be a bool, got str"),
        ({"enable_language_identification": None, "x": 1}, "x is not a field"),
        ({"translation": "en"}, "translation must be a TranslationConfig or a dict, got str"),
        ({"translation": {}}, "translation.type must be given"),
        ({"translation": {"type": "one_way"}}, "translation.target_language must be given for one_way translation"),
        (
            {"translation": {"type": "two_way"}},
            "translation.language_a must be given",
            "translation.language_b must be",
        ),
        ({"translation": {"type": PASTED}}, "translation.type must be one of 'one_way', 'two_way'"),
        ({"context": 5}, "context must be a StructuredContext or a dict, got int"),
        ({"context": {"general": [{"key": "a"}]}}, "context.general[0].value must be given"),
        ({"context": {"general": "a"}}, "context.general must be a list"),
        ({"context": {"terms": ["a", 5]}}, "context.terms[1] must be a str"),
        ({"context": {"translation_terms": {"a": 5}}}, "context.translation_terms[0].target must be a str"),
        ({"context": {"colour": PASTED}}, "context.colour is not a field of StructuredContext"),
        ({"client_reference_id": "x" * 257}, "client_reference_id must be at most 256 characters"),
    ):
        bad(path, *words, label=f"{path}(config={_shown(config)})", config=config, **others)
for config, words in (
    ({"webhook_url": PASTED}, "webhook_url must be an http:// or https:// URL"),
    ({"webhook_auth_header_name": "X"}, "webhook_auth_header_value must be given"),
    ({"webhook_auth_header_value": PASTED}, "webhook_auth_header_name must be given"),
    ({"webhook_auth_header_name": "X:", "webhook_auth_header_value": PASTED}, "webhook_auth_header_name must be a"),
    (
        {"webhook_auth_header_name": "X", "webhook_auth_header_value": f"{PASTED}\n"},
        "webhook_auth_header_value must be",
    ),
):
    bad("stt.create", words, audio_url=URL, config=config)

# Waiting.

each(
    "stt.wait", "interval_sec", ["5", True, math.nan, [5], Decimal(1)], "must be a number of sec", transcription_id="t"
)
each("stt.wait", "interval_sec", [None], "must be given", transcription_id="t")
each("stt.wait", "interval_sec", [-1, -0.1, -math.inf], "must not be negative", transcription_id="t")
each("stt.wait", "interval_sec", [math.inf, HUGE], "must be at most", transcription_id="t")
each("stt.wait", "timeout_sec", ["5", False, math.nan, [5]], "must be a number of seconds", transcription_id="t")
each("stt.wait", "timeout_sec", [-1], "must not be negative", transcription_id="t")
each("stt.wait", "timeout_sec", [math.inf, HUGE], "must be at most", transcription_id="t")
for path in ("stt.transcribe_and_wait", "stt.transcribe_and_wait_with_tokens"):
    for name in ("interval_sec", "timeout_sec"):
        for value in ["5", -1, math.nan]:
            bad(path, f"{name} must ", audio_url=URL, **{f"wait_{name}": value})

# Temporary keys.

TEMPORARY = "auth.create_temporary_api_key"
each(TEMPORARY, "usage_type", ["", "stt", 5, [], None, PASTED], "must be ")
each(TEMPORARY, "expires_in_seconds", [0, -1, 3601, HUGE], "must be from 1 to 3600")
each(TEMPORARY, "expires_in_seconds", ["1 h", 60.5, True, None], "must be ")
each(TEMPORARY, "client_reference_id", [5, b"x", "x" * 257, HALF], "must be ")
each(TEMPORARY, "single_use", [2, -1, "once", []], "must be a bool")
each(TEMPORARY, "max_session_duration_seconds", [0, -1, 18_001], "must be from 1 to 18000")
each(TEMPORARY, "max_session_duration_seconds", ["1 h", 1.5, True], "must be an int")

# Voices.

each("voices.create", "name", [5, b"n", ["n"], True], "must be a str", file=b"x")
each("voices.create", "name", [None], "must be given", file=b"x")
each("voices.create", "name", [""], "must not be empty", file=b"x")
each("voices.create", "name", [PASTED * 10], "must be at most 128 characters", file=b"x")
each("voices.create", "name", [HALF], "must be valid Unicode", file=b"x")
each("voices.create", "file", [5, None, {}, object(), [b"x"]], "must be a path, bytes or a binary stream", name="n")
each("voices.create", "file", ["/no/such/clip.wav"], "cannot be opened", name="n")
each("voices.create", "filename", [5, b"n", True], "must be a str", file=b"x", name="n")
for path in ("voices.recompute", "voices.wait_until_ready"):
    each(path, "model", [5, b"m", ["m"], True], "must be a str", voice_id="v")
    each(path, "model", [""], "must not be empty", voice_id="v")
each("voices.wait_until_ready", "interval_sec", ["5", True, math.nan, None, -1, math.inf], "must ", voice_id="v")
each("voices.wait_until_ready", "timeout_sec", ["5", False, math.nan, -1, HUGE], "must ", voice_id="v")
for path in ("voices.list_shared", "voices.list_all_shared"):
    each(path, "model", [5, b"m", None, "", PASTED * 4, HALF], "must ")
    each(path, "gender", ["", "Male", 5, True, ["male"], PASTED], "must be one of 'male', 'female'", model="m")
    each(path, "age", ["", "MIDDLE_AGED", 5, ["old"], PASTED], "must be one of 'young', 'middle_aged'", model="m")
    each(path, "accent", [5, b"a", ["a"], PASTED * 3, HALF], "must be ", model="m")
    for name in ("use_case", "style"):
        each(path, name, ["narration", 5, {"a": 1}], "must be a list", model="m")
        each(path, name, [["a"] * 11], "must have at most 10 items", model="m")
        each(path, name, [["a", 5], ["a", None], ["a", PASTED * 3], ["a", HALF]], f"{name}[1] must be", model="m")
    each(path, "limit", ["five", None, 5.5, True], "must be ", model="m")
    each(path, "limit", [0, -1, 201, HUGE], "must be from 1 to 200", model="m")
each("voices.list_shared", "cursor", [5, b"c", HALF], "must be ", model="m")

# Usage.

NAIVE = datetime(2026, 4, 1)  # noqa: DTZ001 - what is wrong with it
EDGE = datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))
for path, others in (
    ("usage.summary", {}),
    ("usage_logs.list", {}),
    ("usage_logs.list_all", {}),
    ("concurrency_limits.history", {"period_sec": 60, "kind": "stt"}),
):
    for name, other in (("start_time", "end_time"), ("end_time", "start_time")):
        asked = {other: "2026-04-01T00:00:00Z", **others}
        each(path, name, [5, b"x", ["x"], True, 1.5, object(), timedelta(1)], "must be a datetime, a date or", **asked)
        each(path, name, [None], "must be given", **asked)
        each(path, name, [""], "must not be empty", **asked)
        each(path, name, [PASTED * 3], "must be at most 64 characters", **asked)
        each(path, name, [HALF], "must be valid Unicode", **asked)
        each(path, name, [NAIVE], "must have a time zone", **asked)
        each(path, name, [EDGE], "must be a time that UTC has", **asked)
WINDOW = {"start_time": date(2026, 4, 1), "end_time": date(2026, 5, 1)}
for path in ("usage_logs.list", "usage_logs.list_all"):
    each(path, "limit", ["five", None, 5.5, True], "must be ", **WINDOW)
    each(path, "limit", [0, -1, 1001, HUGE], "must be from 1 to 1000", **WINDOW)
    each(path, "sort", ["", "asc", 5, True, ["end_time_asc"], None, PASTED], "must be ", **WINDOW)
each("usage_logs.list", "cursor", [5, b"c", HALF], "must be ", **WINDOW)
HISTORY = "concurrency_limits.history"
each(HISTORY, "period_sec", [0, 61, "1 h", 60.5, True, [60], HUGE], "must be one of 60, 3600", kind="stt", **WINDOW)
each(HISTORY, "period_sec", [None], "must be given", kind="stt", **WINDOW)
each(HISTORY, "kind", ["", "STT", 5, True, ["stt"], PASTED], "must be one of 'stt', 'tts'", period_sec=60, **WINDOW)
each(HISTORY, "kind", [None], "must be given", period_sec=60, **WINDOW)

# Webhooks.

for value in [None, "", "a", "ftp://a", 5, b"https://a", "https://a b", "https://a/" + "x" * 247, f"//{PASTED}@a"]:
    bad("webhooks.webhook_payload", "webhook_url must ", args=(value,))
    bad("stt.transcribe_file_with_webhook", "webhook_url must ", file=b"x", webhook_url=value)
for value in [5, PASTED, [], {}, {"name": "X"}, {"name": "X:", "value": PASTED}, {"name": "X", "value": f"{PASTED}\n"}]:
    bad("webhooks.webhook_payload", "WebhookAuthConfig", args=("https://a",), auth=value)
    bad("stt.transcribe_file_with_webhook", "WebhookAuthConfig", file=b"x", webhook_url="https://a", webhook_auth=value)
    bad("webhooks.verify_signature", "WebhookAuthConfig", args=({},), auth=value)
GOOD_HEADERS = {"X-Soniox-Webhook-Secret": WEBHOOK_SECRET}
for value in [None, {}, {"X-Other": WEBHOOK_SECRET}, [(5, 5)]]:
    bad("webhooks.verify_signature", "has no X-Soniox-Webhook-Secret header", args=(value,))
for value in [5, "abc", object(), [5]]:
    bad("webhooks.verify_signature", "headers must be a mapping or pairs of names and values", args=(value,))
for value in ["", WEBHOOK_SECRET[:-1], PASTED, "é", HALF]:
    bad("webhooks.verify_signature", "header is wrong", args=({"x-soniox-webhook-secret": value},))
for value in [None, 5, {}, [], object()]:
    bad("webhooks.unwrap", "payload must be the body as str or bytes", args=(value, GOOD_HEADERS))
for value in ["", b"", "x", b"\xff", f'"{PASTED}', "[" * 60_000, f"{{{PASTED}"]:
    bad("webhooks.unwrap", "the webhook's body is not JSON", args=(value, GOOD_HEADERS))
for value in ["[]", "5", "null", "{}", '{"id": 5, "status": "x"}', '{"id": "a"}', '{"id": "", "status": "error"}']:
    bad("webhooks.unwrap", "the webhook's body is not an event", args=(value, GOOD_HEADERS))
bad("webhooks.unwrap", "larger than 65536 bytes", args=(b"x" * 65_537, GOOD_HEADERS))


PATHS = sorted({row.path for row in ROWS})


class Unreachable:
    """A port that counts as a mistake when a client connects to it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self._listener.setblocking(False)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def was_reached(self) -> bool:
        """Whether a client connected since the last call."""
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return False
        connection.close()
        return True

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def server() -> Any:
    found = Unreachable()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("SONIOX_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def _options(server: Unreachable) -> dict[str, Any]:
    return {
        "api_key": KEY,
        "api_base_url": server.url,
        "webhook_secret": WEBHOOK_SECRET,
        "timeout_sec": 0.1,
        "max_retries": 0,
    }


@pytest.fixture(scope="module")
def client(server: Unreachable) -> Any:
    with SonioxClient(**_options(server)) as found:
        yield found


@pytest.fixture(scope="module")
def async_client(server: Unreachable) -> Any:
    found = AsyncSonioxClient(**_options(server))
    yield found
    asyncio.run(found.aclose())


@pytest.fixture(scope="module")
def loop() -> Any:
    found = asyncio.new_event_loop()
    yield found
    found.close()


def _called(client: Any, row: Row, server: Unreachable) -> Any:
    if row.path == NEW:
        return type(client)(**{**_options(server), **row.kwargs})
    method = client
    for name in row.path.split("."):
        method = getattr(method, name)
    return method(*row.args, **row.kwargs)


def _check(error: SonioxError, row: Row, server: Unreachable) -> None:
    text = str(error)
    assert not server.was_reached(), "something was sent"
    assert not isinstance(error, SonioxAPIError)
    for words in row.words:
        assert words in text
    assert text.isprintable(), "one line, and nothing that upsets a terminal"
    assert len(text) < 600
    for secret in SECRETS:
        assert secret not in text
        assert secret not in repr(error)
        assert secret not in repr(getattr(error, "errors", ()))


def test_there_are_at_least_two_hundred_rows() -> None:
    assert len(ROWS) >= 200
    assert len({(row.path, row.id) for row in ROWS}) > 600


@each_row("path", PATHS)
def test_bad_input_is_one_clear_error_and_nothing_is_sent(path: str, client: SonioxClient, server: Unreachable) -> None:
    @each_row("row", [row for row in ROWS if row.path == path])
    def check(row: Row) -> None:
        def call() -> None:
            found = _called(client, row, server)
            if inspect.isgenerator(found):
                list(found)

        server.was_reached()
        with pytest.raises(SonioxError) as caught:
            call()

        _check(caught.value, row, server)

    check()


# The rules are those of the sync client; what can differ is how a call is awaited.
@each_row("path", PATHS)
def test_bad_input_is_the_same_error_in_the_async_client(
    path: str, async_client: AsyncSonioxClient, loop: asyncio.AbstractEventLoop, server: Unreachable
) -> None:
    row = next(row for row in ROWS if row.path == path)

    async def call() -> None:
        found = _called(async_client, row, server)
        if inspect.isasyncgen(found):
            async for _ in found:
                pass
        elif inspect.isawaitable(found):
            await found

    server.was_reached()
    with pytest.raises(SonioxError) as caught:
        loop.run_until_complete(call())

    _check(caught.value, row, server)


@each_row(
    ("variable", "value", "words"),
    [
        ("SONIOX_API_KEY", "a\nb", "api_key must be printable ASCII"),
        ("SONIOX_API_KEY", "   ", "no API key"),
        ("SONIOX_API_BASE_URL", "api.soniox.com", "SONIOX_API_BASE_URL must be a URL that starts with https://"),
        ("SONIOX_API_BASE_URL", f"https://{PASTED}@a", "SONIOX_API_BASE_URL must not have credentials"),
        ("SONIOX_WS_URL", "https://a", "SONIOX_WS_URL must be a URL that starts with wss://"),
        ("SONIOX_TTS_API_URL", "wss://a", "SONIOX_TTS_API_URL must be a URL that starts with https://"),
        ("SONIOX_TTS_WS_URL", "a", "SONIOX_TTS_WS_URL must be a URL that starts with wss://"),
        ("SONIOX_REGION", "e u", "region must be a name such as"),
        ("SONIOX_BASE_DOMAIN", "https://a", "base_domain must be a domain such as"),
        ("SONIOX_API_WEBHOOK_SECRET", f"{PASTED}\n", "webhook_secret must be printable ASCII"),
        ("SONIOX_API_WEBHOOK_HEADER", "a b", "webhook_header must be a header name"),
    ],
)
def test_a_bad_environment_is_named(variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONIOX_API_KEY", KEY)
    monkeypatch.setenv(variable, value)

    with pytest.raises(SonioxValidationError) as caught:
        SonioxClient().webhooks  # noqa: B018 - the namespace reads its part of the environment when first used

    assert words in str(caught.value)
    assert PASTED not in str(caught.value)
    assert KEY not in str(caught.value)


def test_two_halves_of_a_set_up_are_told_together() -> None:
    with pytest.raises(SonioxValidationError) as caught:
        SonioxClient(api_key=KEY, timeout_sec=-1, max_retries=-1, on_request=5)  # type: ignore[arg-type]

    assert {"timeout_sec", "max_retries", "on_request"} <= {problem.field for problem in caught.value.errors}


# Any JSON-like value.

json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=4)
    | st.sampled_from(["en", "one_way", "two_way", URL, HALF, HUGE]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=6), children, max_size=3),
    max_leaves=8,
)
CONFIG_FIELDS = sorted(CreateTranscriptionConfig.model_fields)


@each_row("field", CONFIG_FIELDS)
def test_any_value_of_a_config_field_is_taken_or_refused(field: str) -> None:
    @given(value=json_like)
    @bounded
    def check(value: Any) -> None:
        for make in (
            lambda: CreateTranscriptionConfig(**{field: value}),
            lambda: CreateTranscriptionConfig.from_dict({field: value}),
        ):
            try:
                made = make()
            except SonioxValidationError:
                continue
            json.dumps(made.to_dict(), allow_nan=False).encode()

    check()


@pytest.mark.parametrize(
    ("outer", "fields"),
    [
        ("translation", ["type", "target_language", "language_a", "language_b", "other"]),
        ("context", ["general", "text", "terms", "translation_terms", "other"]),
    ],
)
def test_any_value_inside_of_a_config_is_taken_or_refused(outer: str, fields: list[str]) -> None:
    @given(value=st.dictionaries(st.sampled_from(fields), json_like, max_size=5))
    @settings(bounded, max_examples=150)
    def check(value: Any) -> None:
        try:
            made = CreateTranscriptionConfig(**{outer: value})
        except SonioxValidationError as error:
            paths = [problem.field for problem in error.errors]
        else:
            paths = []
            json.dumps(made.to_dict(), allow_nan=False).encode()
        assert all(path.startswith(outer) for path in paths)

    check()


@given(secret=st.text(alphabet="abcdef0123456789", min_size=12, max_size=20), where=st.sampled_from(CONFIG_FIELDS))
@bounded
def test_a_refused_value_is_never_told(secret: str, where: str) -> None:
    for value in (secret, [secret], {"x": secret}, secret * 300):
        try:
            CreateTranscriptionConfig(**{where: value})
        except SonioxValidationError as error:
            told = str(error) + repr(error.errors)
        else:
            told = ""
        assert secret not in told


@given(value=json_like)
@settings(bounded, max_examples=100)
def test_any_value_as_a_webhooks_auth_is_taken_or_refused(value: Any) -> None:
    for fields in ({"name": value, "value": "v"}, {"name": "n", "value": value}, value):
        try:
            auth = WebhookAuthConfig.from_dict(fields)
        except SonioxValidationError:
            continue
        assert f"{auth.name}: {auth.value}".isascii()


@given(value=json_like)
@settings(bounded, max_examples=100)
def test_any_value_as_a_setting_is_taken_or_refused(value: Any) -> None:
    for name in ("api_base_url", "region", "base_domain", "connect_timeout_sec", "max_retries", "webhook_secret"):
        try:
            SonioxClient(**{"api_key": KEY, name: value}).close()
        except SonioxValidationError:
            continue
