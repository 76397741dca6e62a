"""Rules for arguments that several namespaces take."""

from __future__ import annotations

from .._data.json_values import is_uuid
from .._data.rules import FieldErrors


def check_polling(prefix: str, interval_sec: float, timeout_sec: float | None) -> None:
    """Checks the interval and the time limit of polling, before the request whose result is polled for is sent.

    Args:
        prefix: What the names of the two arguments begin with, such as ``wait_``.
        interval_sec: Seconds between two polls, 0 to a day.
        timeout_sec: Seconds to wait in all, 0 to a year; None for no limit.

    Raises:
        SonioxValidationError: The interval is None, or one of the two is not such a number.
    """
    with FieldErrors("the waiting") as check:
        if check.required(f"{prefix}interval_sec", interval_sec):
            check.seconds(f"{prefix}interval_sec", interval_sec, positive=False)
        check.seconds(f"{prefix}timeout_sec", timeout_sec, positive=False, maximum=31_536_000)


def path_segment(name: str, value: object) -> str:
    """An id as a percent-encoded segment of a path.

    An empty id would turn ``/files/{id}`` into the list of all files, and ``..`` into another endpoint.

    Args:
        name: The argument's name, for the error.
        value: The id, as text or a UUID.

    Raises:
        SonioxValidationError: ``value`` is neither, is blank, is longer than 256 characters, or is a path.
    """
    if isinstance(value, str) and len(value) <= 256 and value.isascii() and value.replace("-", "").isalnum():
        return value  # Ids of the service are UUIDs.
    if is_uuid(value):
        return str(value)
    from urllib.parse import quote  # noqa: PLC0415 - loaded with the transport anyway

    with FieldErrors(name) as check:
        if not isinstance(value, str):
            check.add(name, "must be a str", value)
        elif not value.strip() or value in {".", ".."}:
            check.add(name, "must be an id, not empty or a path", value)
        else:
            check.text(name, value, max_length=256)
    return quote(str(value), safe="")
