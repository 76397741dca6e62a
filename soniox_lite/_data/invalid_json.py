"""The error for a text that is not JSON. Loads ``json``, as :mod:`~soniox_lite.errors` does not."""

from __future__ import annotations

from json import JSONDecodeError

from ..errors import InvalidFields, SonioxValidationError


class InvalidJSONError(JSONDecodeError, SonioxValidationError):
    """A text that was given is not JSON. Programs that parse it themselves catch a ``JSONDecodeError``.

    ``doc``, the text, is empty: it may hold secrets.
    """

    def __init__(self, message: str, doc: str = "", pos: int = 0) -> None:
        super().__init__(message, doc, pos)
        self.message = message
        self.response = None
        self.errors = InvalidFields()
