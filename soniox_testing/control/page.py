"""The page at ``/__fake__/``: one file without anything from elsewhere, and the policy that browsers enforce on it."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from importlib.resources import files

from werkzeug.wrappers import Response

_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


@functools.cache
def _page() -> tuple[str, dict[str, str]]:
    """The page and its headers. Of scripts and styles, those in the file are allowed, by their hashes."""
    text = files(__name__.rpartition(".")[0]).joinpath("page.html").read_text(encoding="utf-8")
    inline = {
        kind: base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for kind, code in _INLINE.findall(text)
    }
    policy = (
        f"default-src 'none'; script-src 'sha256-{inline['script']}'; style-src 'sha256-{inline['style']}'; "
        "connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    return text, {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def page_response() -> Response:
    """The response with the page."""
    text, headers = _page()
    return Response(text, content_type="text/html; charset=utf-8", headers=headers)
