"""The default TLS context: which certificates it trusts, and how they are loaded quickly in a cold process."""

from __future__ import annotations

import functools
import os
import ssl

from .._lazy import loading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._settings import Settings

_default_context: ssl.SSLContext | None = None
_uses_directory_only = False


def default_tls_context() -> ssl.SSLContext:
    """The TLS context shared by all clients that were not given one.

    It trusts the system's certificates, or those that ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name when the first TLS
    connection is made. Making a context may cost 16 ms and 2.4 MB, so the process has one.
    """
    global _default_context, _uses_directory_only  # noqa: PLW0603 - one for the process, made when first needed
    with loading:
        if _default_context is None:
            paths = ssl.get_default_verify_paths()
            _uses_directory_only = directory_covers_bundle(paths.capath, paths.cafile)
            # Without capath, the context loads the bundle and uses the directory, too.
            _default_context = ssl.create_default_context(capath=paths.capath if _uses_directory_only else None)
        return _default_context


def tls_contexts_of(settings: Settings) -> Callable[[], ssl.SSLContext]:
    """A function that returns the TLS context of a client. The context is made when it is first called."""
    context = settings.ssl_context
    if context is not None:
        return lambda: context
    verify: Any = settings.verify
    return default_tls_context if verify is True and settings.trust_env else functools.partial(_own_context, verify)


@functools.lru_cache(maxsize=16)
def _own_context(verify: os.PathLike[str] | str | bool) -> ssl.SSLContext:
    # Setting up TLS while a fork happens could leave its locks taken in the child.
    with loading:
        if isinstance(verify, bool):
            # The paths that OpenSSL was built with, as the environment may name others.
            paths = ssl.get_default_verify_paths()
            file, directory = paths.openssl_cafile, paths.openssl_capath
            context = ssl.create_default_context(
                cafile=file if os.path.isfile(file) else None, capath=directory if os.path.isdir(directory) else None
            )
        elif os.path.isdir(verify):
            context = ssl.create_default_context(capath=verify)
        else:
            context = ssl.create_default_context(cafile=verify)
        if verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def forget_default_context() -> None:
    global _default_context  # noqa: PLW0603 - as above
    _default_context = None
    _own_context.cache_clear()


if hasattr(os, "register_at_fork"):
    # Another thread may have been using the context during the fork, and hold locks inside of it.
    os.register_at_fork(after_in_child=forget_default_context)


def use_all_certificates_next_time(context: ssl.SSLContext, error: ssl.SSLCertVerificationError) -> None:
    """After a refused certificate: loads the whole bundle for the next connection, if only the directory was used.

    The hashed file names of a directory may come from another OpenSSL version, which cannot be detected beforehand.
    Where the machine has no certificates at all, the error's text is extended by what to install or set.
    """
    global _default_context, _uses_directory_only  # noqa: PLW0603 - as above
    if not context.cert_store_stats()["x509"] and not _certificate_sizes(ssl.get_default_verify_paths().capath):
        error.strerror = (
            f"{error.strerror or error}; there are no CA certificates on this machine: "
            "install them (ca-certificates), or let SSL_CERT_FILE name a file of them"
        )
    with loading:
        if _uses_directory_only and context is _default_context:
            _uses_directory_only = False
            _default_context = ssl.create_default_context()


def directory_covers_bundle(directory: str | None, bundle: str | None) -> bool:
    """Whether a directory holds all certificates of the bundle, so that the bundle need not be loaded.

    OpenSSL reads a bundle as a whole, which takes 16 of the 58 ms of a cold process's first request. From a directory
    whose files are named by the hash of the certificate's subject (``4042bcee.0``) it reads only those that it needs.
    Debian, Ubuntu and Alpine have both, and the bundle is the concatenation of the files. If the lengths differ,
    certificates may have been added to the bundle alone.
    """
    if directory is None or bundle is None:
        return False
    sizes = _certificate_sizes(directory)
    excess = os.stat(bundle).st_size - sum(sizes)
    # The bundle may have one more line end for each file; no certificate is as small as 400 bytes.
    return 0 <= excess <= min(len(sizes), 400) and bool(sizes)


def _certificate_sizes(directory: str | None) -> list[int]:
    """The sizes of the certificates in a directory that have hashed names; empty if one of them cannot be read."""
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
