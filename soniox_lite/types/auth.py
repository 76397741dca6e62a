"""Types of the ``auth`` namespace."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - the decoder looks names up here

from .._data.records import Payload, ServiceObject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._data.rules import FieldErrors
    from .aliases import TemporaryApiKeyUsageType
else:
    # For typing.get_type_hints: values that these names do not list are allowed, too.
    TemporaryApiKeyUsageType = str


class CreateTemporaryApiKeyPayload(Payload):
    """What a temporary key allows.

    Attributes:
        usage_type: ``transcribe_websocket`` or ``tts_rt``.
        expires_in_seconds: 1 to 3600: how many seconds sessions can be opened with it; open ones go on.
        client_reference_id: Identifier of its sessions in the usage logs, at most 256 characters; None for none.
        single_use: Whether only one session can be opened with it; None for no.
        max_session_duration_seconds: After how many seconds a session is ended, 1 to 18000; None for no limit.
    """

    usage_type: TemporaryApiKeyUsageType
    expires_in_seconds: int
    client_reference_id: str | None = None
    single_use: bool | None = None
    max_session_duration_seconds: int | None = None

    def _check(self, check: FieldErrors) -> None:
        if check.required("usage_type", self.usage_type):
            check.choice("usage_type", self.usage_type, ("transcribe_websocket", "tts_rt"))
        if check.required("expires_in_seconds", self.expires_in_seconds):
            check.integer("expires_in_seconds", self.expires_in_seconds, minimum=1, maximum=3600)
        check.text("client_reference_id", self.client_reference_id, max_length=256)
        check.boolean("single_use", self.single_use)
        check.integer("max_session_duration_seconds", self.max_session_duration_seconds, minimum=1, maximum=18_000)


class CreateTemporaryApiKeyResponse(ServiceObject):
    """A temporary key.

    Attributes:
        api_key: The key, a secret, not shown by ``repr()``.
        expires_at: When it stops opening sessions, in UTC.
    """

    _secret_fields = frozenset({"api_key"})

    api_key: str
    expires_at: datetime
