"""Additions to the message of an error response."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._http.messages import Response
    from ..errors import SonioxError


def hint_about(error: SonioxError) -> str:
    """Text to append: that the response is an HTML page instead of the API's JSON, and how long to wait."""
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
    return f"; the response is an HTML page{title}, which may come from a proxy or a wrong URL"


def _wait_hint(response: Response) -> str:
    seconds = response.retry_after_sec
    return "" if seconds is None else f"; retry after {seconds:.0f} s"
