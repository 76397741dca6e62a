"""What REST and realtime share of the network: looking names up, and the TLS context."""

from __future__ import annotations

import os
import socket
import ssl

from .._lazy import loading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_default_context: ssl.SSLContext | None = None
_reads_directory = False


def default_tls_context() -> ssl.SSLContext:
    """The TLS context that all clients without one of their own share.

    It verifies against the system's certificates, or those that ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name when the
    first TLS connection is made. Making one may cost 16 ms and 2.4 MB, so there is one.
    """
    global _default_context, _reads_directory  # noqa: PLW0603 - one for the process, made when first needed
    with loading:
        if _default_context is None:
            paths = ssl.get_default_verify_paths()
            _reads_directory = _holds_all_of(paths.capath, paths.cafile)
            # None stands for all that the paths name.
            _default_context = ssl.create_default_context(capath=paths.capath if _reads_directory else None)
        return _default_context


def _forget_default_context() -> None:
    global _default_context  # noqa: PLW0603 - as above
    _default_context = None


if hasattr(os, "register_at_fork"):
    # A thread that the child does not have may have been using it, and have taken locks inside of it.
    os.register_at_fork(after_in_child=_forget_default_context)


def certificate_was_refused(context: ssl.SSLContext, error: ssl.SSLCertVerificationError) -> None:
    """Has the next connection look at all of the system's certificates, if this one looked at a directory only.

    Its names may be of another making than OpenSSL's, which cannot be seen from outside. Where there are no
    certificates at all, the error is made to say so.
    """
    global _default_context, _reads_directory  # noqa: PLW0603 - as above
    if not context.cert_store_stats()["x509"] and not _sizes_of_certificates(ssl.get_default_verify_paths().capath):
        error.strerror = (
            f"{error.strerror or error}; there are no CA certificates on this machine: "
            "install them (ca-certificates), or let SSL_CERT_FILE name a file of them"
        )
    with loading:
        if _reads_directory and context is _default_context:
            _reads_directory = False
            _default_context = ssl.create_default_context()


def _holds_all_of(directory: str | None, bundle: str | None) -> bool:
    """Whether a directory of certificates makes loading the bundle needless.

    OpenSSL reads a bundle at once, which takes 16 of the 58 ms of a cold process's first request; of a directory where
    each certificate has a file, named by the hash of its subject (``4042bcee.0``), it reads those that a server needs.
    Debian, Ubuntu and Alpine keep both, the bundle being all the files one after the other. Where it is not as long
    as they are together, somebody may have added to the bundle alone.
    """
    if directory is None or bundle is None:
        return False
    sizes = _sizes_of_certificates(directory)
    try:
        excess = os.stat(bundle).st_size - sum(sizes)
    except OSError:
        return False
    # Each file may have got the end of its last line in the bundle; no certificate is as small as 400 bytes.
    return 0 <= excess <= min(len(sizes), 400) and bool(sizes)


def _sizes_of_certificates(directory: str | None) -> list[int]:
    """The lengths of a directory's certificates that OpenSSL finds by the hash of a name; empty if one is missing."""
    sizes: list[int] = []
    try:
        with os.scandir(directory or os.devnull) as entries:
            for entry in entries:
                name, _, number = entry.name.partition(".")
                if len(name) == 8 and number.isdecimal():
                    sizes.append(entry.stat().st_size)
    except OSError:
        return []
    return sizes


def addresses_of(host: str, port: int, *, flags: int = 0) -> list[Any]:
    """What ``socket.getaddrinfo`` knows of a host for TCP.

    Raises:
        OSError: Nothing, or the resolver failed.
        UnicodeError: It cannot be a host's name.
    """
    # As anyio and trio do: for a str, even an address, Python loads the tables of international names, which takes 2 of
    # the 39 ms of a cold process's first request. A function that takes the place of Python's own gets a str.
    is_pythons_own = getattr(socket.getaddrinfo, "__globals__", None) is vars(socket)
    name = host.encode("ascii") if is_pythons_own and host.isascii() else host
    return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=flags)
