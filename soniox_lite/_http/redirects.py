"""Which redirects are followed, and which headers are sent along."""

from __future__ import annotations

import urllib.parse
import urllib.request

from .._data.urls import split_url
from .._net.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# They belong to the body, which is not sent again, and to the proxy, which may be another one.
_OF_ONE_REQUEST = frozenset({"Content-length", "Content-type", "Transfer-encoding", "Proxy-authorization"})


class SafeRedirectHandler(urllib.request.HTTPRedirectHandler):
    """Follows redirects of GET and HEAD only, and sends the key and the hooks' headers to the same origin only."""

    max_redirections = 5

    def http_error_302(self, req: Any, fp: Any, code: int, msg: Any, headers: Any) -> Any:
        # Browsers turn a POST into a GET, which would drop its body silently.
        if req.get_method() not in {"GET", "HEAD"} or not _may_lead_to(headers["Location"], req):
            return None
        # urllib would read the whole body first, whatever its length.
        fp.close()
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(self, req: Any, fp: Any, code: int, msg: Any, headers: Any, newurl: str) -> Any:
        # Python 3.10 does not know 308, which differs from 307 only for caches.
        following: Any = super().redirect_request(req, fp, 307 if code == 308 else code, msg, headers, newurl)
        following.method = req.get_method()  # HEAD would become GET before Python 3.13.
        for name in ("connect_timeout_sec", "deadline", "cancel", "origin"):
            setattr(following, name, getattr(req, name, None))
        # urllib does not send unredirected headers along: the key, and those that hooks have added.
        if _origin(newurl) == _origin(req.full_url):
            for name in req.unredirected_hdrs.keys() - _OF_ONE_REQUEST:
                following.add_unredirected_header(name, req.unredirected_hdrs[name])
        return following


class ResponseProcessor(urllib.request.BaseHandler):
    """Passes redirects to the redirect handler, and returns all other responses whatever their status."""

    handler_order = 1000

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        if 300 <= response.status < 400 and "Location" in response.headers:
            followed = self.parent.error("http", request, response, response.status, response.reason, response.headers)
            if followed is not None:
                return followed
        return response

    https_response = http_response


def _may_lead_to(location: str, request: urllib.request.Request) -> bool:
    """Whether a redirect leads to a usable http or https URL without credentials and without the key in it."""
    try:
        url = urllib.parse.urljoin(request.full_url, location)
    except ValueError:
        return False
    parts = split_url(url, ("http", "https"))
    if parts is None or parts.username is not None:
        return False
    plain = urllib.parse.unquote(url)
    return redact(plain, request.unredirected_hdrs.get("Authorization", "")) == plain


def _origin(url: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    host = parts.netloc.rpartition("@")[2].lower()
    return parts.scheme, host.removesuffix(default)
