"""What a user should know about a reply that was an error, besides its text."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._http.messages import Response
    from ..errors import SonioxError


def hint_about(error: SonioxError) -> str:
    """What to append to an error's text: how long to wait, and that a page for browsers is no answer of the API."""
    response = error.response
    if response is None:
        return ""
    return _page_hint(response) + _wait_hint(response)


def _page_hint(response: Response) -> str:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "text/html" and not response.content.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        return ""
    found = re.search(r"<title[^>]*>([^<]{1,200})", response.text[:100_000], re.IGNORECASE)
    title = f" ({' '.join(found[1].split())!r})" if found else ""
    return f"; that is an HTML page{title}, as a proxy or a wrong URL answers, and not the API"


def _wait_hint(response: Response) -> str:
    seconds = response.retry_after_sec
    return "" if seconds is None else f"; the service asks to wait {seconds:.0f} s"
