"""The error body of the REST API."""

from __future__ import annotations

from dataclasses import field

from .._data.records import ServiceObject


class ApiErrorValidationError(ServiceObject):
    """One field that the service found invalid.

    Attributes:
        error_type: The rule, such as ``missing`` or ``value_error``.
        location: Where, such as ``body.payload.model`` or ``query.limit``.
        message: The problem in words.
    """

    error_type: str
    location: str
    message: str


class ApiError(ServiceObject):
    """The body of a reply with an error status.

    Attributes:
        status_code: The HTTP status.
        error_type: Machine-readable category, such as ``invalid_request``.
        message: The problem in words, which may change at any time.
        validation_errors: The fields at fault; empty where no field is.
        request_id: Id for questions to Soniox support; None when not given.
        more_info: URL of a page about the error; None when there is none.
    """

    status_code: int
    error_type: str
    message: str
    validation_errors: list[ApiErrorValidationError] = field(default_factory=list[ApiErrorValidationError])
    request_id: str | None = None
    more_info: str | None = None
