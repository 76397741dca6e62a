"""The TLS context that everything here shares, REST and realtime."""

from __future__ import annotations

import ssl
import threading

_default_context: ssl.SSLContext | None = None
_default_context_lock = threading.Lock()


def default_tls_context() -> ssl.SSLContext:
    """The TLS context that all clients without one of their own share.

    It verifies against the system's certificates, or those that ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name when the
    first TLS connection is made. Making one costs 16 ms and 2.4 MB, so there is one.
    """
    global _default_context  # noqa: PLW0603 - one for the process, made when first needed
    with _default_context_lock:
        if _default_context is None:
            _default_context = ssl.create_default_context()
        return _default_context
