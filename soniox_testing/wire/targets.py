"""What is requested of the server of a URL."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from urllib.parse import SplitResult


def target_of(parts: SplitResult) -> str:
    """The path and the query of a URL, as they stand in a request: what is not ASCII is percent-encoded."""
    return quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=string.printable)
