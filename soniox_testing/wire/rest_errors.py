"""Refusals in the shape that every REST operation of the API uses."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_DOCUMENTATION = "https://soniox.com/docs/api-reference/errors#"


def documentation_url(error_type: str) -> str:
    """Where the API's documentation explains an error type."""
    return _DOCUMENTATION + error_type.replace("_", "-")


def stream_error_body(status_code: int, error_type: str, message: str, request_id: str) -> dict[str, object]:
    """The JSON of a refusal where audio streams: on both WebSockets, and by text-to-speech over REST."""
    return {
        "error_code": status_code,
        "error_type": error_type,
        "error_message": message,
        "more_info": documentation_url(error_type),
        "request_id": request_id,
    }


@dataclass(frozen=True)
class ValidationProblem:
    """One thing that is wrong with a request."""

    error_type: str
    """Short name of the broken rule, such as ``missing``."""
    location: str
    """Where it is broken, such as ``body.payload.model``."""
    message: str
    """For people."""


def in_words(problems: Sequence[ValidationProblem]) -> str:
    """What is wrong, for an error that has no list of it: those where audio streams."""
    listed = "; ".join(f"{problem.location}: {problem.message}" for problem in problems)
    return f"The request is not valid. {listed}"


class ApiError(Exception):
    """A request is refused: raised anywhere below the router, which makes the response of it.

    Args:
        status_code: Of the response.
        error_type: By which programs know it.
        message: For people.
        problems: What is wrong where.
        request_id: By which the request is known already; None: it gets an id of its own.
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
        """The JSON body, with a request id of its own."""
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
        """The JSON body where audio streams.

        Args:
            request_id: What the client calls its request; None: nothing.
        """
        message = in_words(self.problems) if self.problems else self.message
        known_as = request_id or self.request_id or str(uuid.uuid4())
        return stream_error_body(self.status_code, self.error_type, message, known_as)


def invalid_request(*problems: ValidationProblem) -> ApiError:
    """The refusal of a request that breaks the given rules."""
    # As the service has it, the message does not repeat what is wrong where.
    message = "The request is not valid: see validation_errors for the fields that are missing or wrong."
    return ApiError(400, "invalid_request", message, problems)
