"""Types of the ``webhooks`` namespace."""

from __future__ import annotations

from .._data.records import Payload, ServiceObject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._data.rules import FieldErrors
    from .aliases import WebhookEventStatus
else:
    # For typing.get_type_hints: values that these names do not list are allowed, too.
    WebhookEventStatus = str

__all__ = ["WebhookAuthConfig", "WebhookEvent"]


class WebhookAuthConfig(Payload):
    """The header that proves that a webhook call is from Soniox.

    Attributes:
        name: Header name, at most 256 characters.
        value: The secret, at most 256 characters of printable ASCII, not shown by ``repr()``.
    """

    _secret_fields = frozenset({"value"})

    name: str
    value: str

    def _check(self, check: FieldErrors) -> None:
        for field, given in (("name", self.name), ("value", self.value)):
            if check.required(field, given):
                check.text(field, given, min_length=1)
        check.header_name("name", self.name or None)
        check.header_value("value", self.value or None)


class WebhookEvent(ServiceObject):
    """The body of a webhook call: a job has ended.

    Attributes:
        id: The transcription's id.
        status: ``completed`` or ``error``.
    """

    id: str
    status: WebhookEventStatus
