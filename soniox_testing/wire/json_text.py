"""JSON as the service writes it."""

from __future__ import annotations

import json


def json_text(body: object) -> str:
    """A JSON document that can be encoded as UTF-8.

    Compact and without escapes, as the service writes it: clients must be able to read both. A lone surrogate,
    which JSON input may contain, has no UTF-8: such documents are written with escapes.
    """
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return json.dumps(body)
    return text
