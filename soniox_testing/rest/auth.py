"""The auth family: temporary keys."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from .router import Route, json_response
from .validation import Fields

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from .router import Call


def _create_temporary_key(call: Call) -> Response:
    fields = Fields.of_body(call.request)
    fields.choice("usage_type", {"transcribe_websocket", "tts_rt"})
    lifetime_sec = fields.integer("expires_in_seconds", required=True, least=1, most=3600)
    fields.string("client_reference_id", max_length=256)
    fields.boolean("single_use")
    fields.integer("max_session_duration_seconds", least=1, most=18_000)
    fields.check()
    # The documented shape: three parts of 43, 86 and 6 characters of base64url.
    api_key = "snx_temp_" + ".".join(secrets.token_urlsafe(size) for size in (32, 64, 4))
    expires_at = call.state.clock.timestamp(later_sec=lifetime_sec or 0)
    return json_response(201, {"api_key": api_key, "expires_at": expires_at})


ROUTES = (Route("POST", "/v1/auth/temporary-api-key", _create_temporary_key),)
