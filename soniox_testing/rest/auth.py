"""The auth family: temporary keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..store.keys import TemporaryKey, new_temporary_key
from ..wire.fields import Fields
from .router import Route, json_response

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from .router import Call


def _create_temporary_key(call: Call) -> Response:
    fields = Fields.of_body(call.request)
    usage_type = fields.choice("usage_type", {"transcribe_websocket", "tts_rt"})
    lifetime_sec = fields.integer("expires_in_seconds", required=True, least=1, most=3600)
    reference = fields.string("client_reference_id", max_length=256)
    single_use = fields.boolean("single_use")
    longest_sec = fields.integer("max_session_duration_seconds", least=1, most=18_000)
    fields.check()
    if usage_type is None or lifetime_sec is None:  # cannot be after the check
        raise AssertionError
    state = call.state
    with state.lock:
        key = TemporaryKey(
            api_key=new_temporary_key(),
            project=call.api_key,
            usage_type=usage_type,
            expires_sec=state.clock.now_sec() + lifetime_sec,
            single_use=single_use or False,
            max_session_duration_sec=longest_sec,
            client_reference_id=reference,
        )
        state.keys.add_temporary(key, state.keep.stored)
        expires_at = state.clock.timestamp(later_sec=lifetime_sec)
    return json_response(201, {"api_key": key.api_key, "expires_at": expires_at})


ROUTES = (
    Route(
        "create_temporary_api_key",
        "POST",
        "/v1/auth/temporary-api-key",
        _create_temporary_key,
        counted_as="temporary API key creation",
    ),
)
