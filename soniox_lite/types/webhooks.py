"""Types of the ``webhooks`` namespace."""

from __future__ import annotations

from dataclasses import dataclass

from .._data.records import Payload, ServiceObject
from .._data.rules import FieldErrors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .aliases import WebhookEventStatus
else:
    # For typing.get_type_hints: values that these names do not list are allowed, too.
    WebhookEventStatus = str

__all__ = ["WebhookAuthConfig", "WebhookEvent"]


@dataclass(repr=False, eq=False, kw_only=True)
class WebhookAuthConfig(Payload):
    """The header that proves that a webhook call is from Soniox.

    Attributes:
        name: Header name, at most 256 characters.
        value: The secret, at most 256 characters of printable ASCII, not shown by ``repr()``.
    """

    _secret_fields = frozenset({"value"})

    name: str
    value: str

    def __post_init__(self) -> None:
        with FieldErrors(self) as check:
            for field, given in (("name", self.name), ("value", self.value)):
                if check.required(field, given):
                    check.text(field, given, min_length=1)
            check.header_name("name", self.name or None)
            check.header_value("value", self.value or None)


@dataclass(repr=False, eq=False, kw_only=True)
class WebhookEvent(ServiceObject):
    """The body of a webhook call: a job has ended.

    Attributes:
        id: The transcription's id.
        status: ``completed`` or ``error``.
    """

    id: str
    status: WebhookEventStatus
