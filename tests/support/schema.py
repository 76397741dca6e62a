"""The published document of the API, and what it says of a JSON body that the fake sends."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
from jsonschema.protocols import Validator

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "openapi.json").read_text(encoding="utf-8"))
UNDOCUMENTED = {
    (None, 404): "the path belongs to no operation, so that no operation can document its status",
    (None, 405): "the path takes other methods, and no operation is for this one",
    ("generate_tts", 404): "a cloned voice that does not exist; known from clients of the service",
    ("generate_tts", 409): "a cloned voice that is not ready; known from clients of the service",
    ("any", 403): "a restricted key; the page on API keys has it, the document has no 403 below /v1",
}
"""Statuses that the document does not list, by operation, and why the fake sends them."""

STREAMING = "generate_tts"
"""The operation that sends audio, and errors as the WebSockets do."""
_ERROR = {"$ref": "#/components/schemas/ApiError"}
_STREAM_ERROR = {"$ref": "#/components/schemas/TTSApiError"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

checked: Counter[tuple[str | None, int]] = Counter()
"""How many bodies of each operation and status were checked in this process."""
_known: set[bytes] = set()
_validators: dict[str, Validator] = {}
_lock = threading.Lock()


def _schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = copy.deepcopy(DOCUMENT["components"]["schemas"])
    for schema in schemas.values():
        # The service may add fields; a fake that invents some teaches its users what does not exist.
        if schema.get("type") == "object":
            schema["additionalProperties"] = False
    return schemas


_SCHEMAS = _schemas()
_OPERATIONS = {
    operation["operationId"]: operation
    for path in DOCUMENT["paths"].values()
    for operation in path.values()
    if "operationId" in operation
}
# Exact paths first: /v1/files/count is not a file.
_PATHS = [
    (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), methods)
    for path, methods in sorted(DOCUMENT["paths"].items(), key=lambda item: "{" in item[0])
]


def _operation_of(method: str, path: str) -> str | None:
    """The ``operationId`` of a request; None: the document has no such operation."""
    for pattern, methods in _PATHS:
        if method.lower() in methods and pattern.fullmatch(path):
            operation_id: str = methods[method.lower()]["operationId"]
            return operation_id
    return None


def _validate(schema: dict[str, Any], body: Any) -> None:
    name = json.dumps(schema)
    if name not in _validators:
        whole = {**schema, "components": {"schemas": _SCHEMAS}}
        checker = jsonschema.FormatChecker(["uuid"])
        _validators[name] = jsonschema.Draft202012Validator(whole, format_checker=checker)
    error = jsonschema.exceptions.best_match(_validators[name].iter_errors(body))
    assert error is None, f"{error.json_path}: {error.message}" if error else ""


def _schema_of(operation: str | None, status: int) -> dict[str, Any]:
    """What the document says of the body; fails when it says nothing of the status, and no exception does."""
    documented = _OPERATIONS[operation]["responses"].get(str(status)) if operation else None
    if documented is None:
        may = {(operation, status), ("any", status)} & UNDOCUMENTED.keys()
        assert may, f"{operation or 'no operation'} does not document {status}"
        return _STREAM_ERROR if operation == STREAMING else _ERROR
    assert "content" in documented, f"{operation} documents {status} without a body"
    schema: dict[str, Any] = documented["content"]["application/json"]["schema"]
    return schema


def check_body(method: str, path: str, status: int, content: bytes, *, any_status: bool = False) -> None:
    """Fails unless the body is what the document says this operation sends with this status.

    Args:
        method: Of the request.
        path: Of the request.
        status: Of the response.
        content: The body as it was sent.
        any_status: Whether the body is an error whose status the test chose: then only its shape counts.
    """
    operation = _operation_of(method, path)
    key = hashlib.sha256(f"{operation} {status} {any_status} ".encode() + content).digest()
    with _lock:
        checked[operation, status] += 1
        # A body sent again, such as the list of models, was checked the first time.
        if key not in _known:
            body = json.loads(content)
            if any_status:
                schema = _STREAM_ERROR if "error_code" in body else _ERROR
            else:
                schema = _schema_of(operation, status)
            _check(schema, status, body)
            _known.add(key)


def check_audio(status: int, content_type: str) -> None:
    """Fails unless text-to-speech may answer with audio of this type."""
    with _lock:
        checked[STREAMING, status] += 1
    assert content_type in _OPERATIONS[STREAMING]["responses"][str(status)]["content"]


def _check(schema: dict[str, Any], status: int, body: Any) -> None:
    for token in body.get("tokens", ()):
        # Translation tokens have no times, and a field that the document lacks: so the service's own types say.
        if token.get("translation_status") == "translation":
            assert token.keys().isdisjoint({"start_ms", "end_ms"})
            assert isinstance(token.pop("source_language"), str)
            token.update(start_ms=0, end_ms=0)
    _validate(schema, body)
    for time in (body.get("created_at"), body.get("expires_at")):
        assert time is None or _TIME.fullmatch(time)
    if status >= 400:
        assert body["error_code" if "error_code" in body else "status_code"] == status
        fragment = body["error_type"].replace("_", "-")
        assert body["more_info"] == f"https://soniox.com/docs/api-reference/errors#{fragment}"
        assert _UUID.fullmatch(body["request_id"])
