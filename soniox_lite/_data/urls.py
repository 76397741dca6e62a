"""The rule for absolute URLs."""

from __future__ import annotations

from urllib.parse import urlsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container
    from urllib.parse import SplitResult


def split_url(url: str, schemes: Container[str]) -> SplitResult | None:
    """The parts of a URL with one of these schemes, a host and, if it has a port, a valid one; None for any other."""
    try:
        parts = urlsplit(url)
        # The port property raises for what is not a number up to 65535.
        is_valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_valid else None
