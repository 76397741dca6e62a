"""The bodies of requests and responses as text for people, without secrets."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

MASK = "*" * 18
"""What is shown instead of a secret."""
_BODY = "soniox_testing.body"
_MAX_READ_BYTES = 1024 * 1024
_MAX_BODY_CHARS = 64 * 1024
_MAX_RESPONSE_CHARS = 16 * 1024
_SECRETS = ("api_key", "webhook_auth_header_value")
_SECRET = re.compile(rf'("(?:{"|".join(_SECRETS)})"\s*:\s*)"(?:[^"\\]|\\.)*"?')


def without_secrets(text: str) -> str:
    """JSON text in which the values of keys and secrets are masked; the text may be cut."""
    if "\\u" in text:
        # A name may be written with escapes; and people read characters more easily.
        with contextlib.suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), ensure_ascii=False)
    if not any(name in text for name in _SECRETS):
        return text
    return _SECRET.sub(rf'\1"{MASK}"', text)


def read_json_body(request: Request) -> bytes:
    """Reads the body of a request with JSON, which ``body_of`` returns from then on."""
    data = request.stream.read()
    request.environ[_BODY] = without_secrets(data[:_MAX_READ_BYTES].decode(errors="replace"))[:_MAX_BODY_CHARS]
    return data


def read_small_body(request: Request) -> None:
    """Reads the body of a request that will not be carried out, if it is short JSON."""
    is_json = request.mimetype == "application/json" and _BODY not in request.environ
    if is_json and (request.content_length or 0) <= _MAX_BODY_CHARS:
        read_json_body(request)


def note_form(request: Request, fields: dict[str, str], filename: str | None, size: int) -> None:
    """Keeps the fields of a form for ``body_of``; of the file, its name and size."""
    form: dict[str, object] = {name: value[:_MAX_RESPONSE_CHARS] for name, value in fields.items()}
    if filename is not None:
        form["file"] = {"filename": filename, "size": size}
    request.environ[_BODY] = without_secrets(json.dumps(form, ensure_ascii=False))


def body_of(request: Request) -> str:
    """The body of a request that was read; empty if none was."""
    text: str = request.environ.get(_BODY, "")
    return text


def text_of_response(response: Response) -> str:
    """The beginning of a response with JSON or text; empty for others."""
    if response.is_streamed or not (response.mimetype or "").startswith(("application/json", "text/")):
        return ""
    data = response.get_data()[: 4 * _MAX_RESPONSE_CHARS]
    return without_secrets(data.decode(errors="replace")[:_MAX_RESPONSE_CHARS])
