"""Errors of the REST API, and their JSON."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_DOCUMENTATION = "https://soniox.com/docs/api-reference/errors#"


def documentation_url(error_type: str) -> str:
    """The URL of the documentation of an error type."""
    return _DOCUMENTATION + error_type.replace("_", "-")


def stream_error_body(status_code: int, error_type: str, message: str, request_id: str) -> dict[str, object]:
    """The JSON of an error on the WebSockets, and of text-to-speech over REST."""
    return {
        "error_code": status_code,
        "error_type": error_type,
        "error_message": message,
        "more_info": documentation_url(error_type),
        "request_id": request_id,
    }


@dataclass(frozen=True)
class ValidationProblem:
    """One error in a request."""

    error_type: str
    """Short name of the violated rule, such as ``missing``."""
    location: str
    """The field, such as ``body.payload.model``."""
    message: str
    """The rule in words."""


def in_words(problems: Sequence[ValidationProblem]) -> str:
    """The errors as one text, for error messages without a list: those of ``stream_error_body``."""
    listed = "; ".join(f"{problem.location}: {problem.message}" for problem in problems)
    return f"The request is not valid. {listed}"


class ApiError(Exception):
    """A request is refused. May be raised by every route; the router makes the response.

    Args:
        status_code: Of the response.
        error_type: For programs.
        message: For users.
        problems: The errors of each field.
        request_id: The id of the request; None: a new one.
    """

    def __init__(
        self,
        status_code: int,
        error_type: str,
        message: str,
        problems: tuple[ValidationProblem, ...] = (),
        *,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.error_type = error_type
        self.message = message
        self.problems = problems
        self.request_id = request_id

    def body(self) -> dict[str, object]:
        """The JSON body."""
        return {
            "status_code": self.status_code,
            "error_type": self.error_type,
            "message": self.message,
            "validation_errors": [
                {"error_type": problem.error_type, "location": problem.location, "message": problem.message}
                for problem in self.problems
            ],
            "request_id": str(uuid.uuid4()),
            "more_info": documentation_url(self.error_type),
        }

    def stream_body(self, request_id: str | None) -> dict[str, object]:
        """The JSON body of text-to-speech.

        Args:
            request_id: As the client sent it; None: it sent none.
        """
        message = in_words(self.problems) if self.problems else self.message
        known_as = request_id or self.request_id or str(uuid.uuid4())
        return stream_error_body(self.status_code, self.error_type, message, known_as)


def invalid_request(*problems: ValidationProblem) -> ApiError:
    """The refusal of a request with these errors."""
    # As in the service, the message does not repeat the errors.
    message = "Your request did not pass validation: see validation_errors for the fields that are missing or wrong."
    return ApiError(400, "invalid_request", message, problems)
