"""Runs tests under every Python that is installed, and with the oldest dependencies that are declared.

    python -m nox                # all of it; what is not installed is skipped
    python -m nox -s tests-3.14  # one
    python -m nox -s lowest

These are the tests that need few other packages, since not every package is there for every Python.
"""

from __future__ import annotations

import nox

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.13t", "3.14", "3.15", "pypy3.11"]
# From pyproject.toml.
LOWEST = ["websocket-client==1.8.*", "pytest-httpserver==1.1.*", "werkzeug==3.0.*", "wsproto==1.2.*", "trustme==1.1.*"]
# Older versions of hypothesis and jsonschema are pure Python.
TOOLS = ["pytest>=8.2", "pytest-xdist", "hypothesis<6.150", "jsonschema[format]<4.18", "freezegun", "exceptiongroup"]
ROOMS = ["tests/unit/data", "tests/unit/net", "tests/unit/websocket", "tests/unit/realtime", "tests/fake/server"]
# Of these there is no cryptography, which the other rooms need for their certificates.
WITHOUT_TLS = {"3.13t", "pypy3.11"}
ROOMS_WITHOUT_TLS = [
    "tests/unit/data",
    "tests/unit/transcript",
    "tests/unit/websocket",
    "tests/guard/test_odd_hosts.py",
]

nox.options.error_on_missing_interpreters = False


def _run(session: nox.Session, *packages: str) -> None:
    bare = session.python in WITHOUT_TLS
    session.install("--quiet", "-e", ".[testing]" if bare else ".[testing-tls]", *TOOLS, *packages)
    rooms = session.posargs or (ROOMS_WITHOUT_TLS if bare else ROOMS)
    session.run("python", "-m", "pytest", "-q", "-n", "2", "-m", "not slow", *rooms)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """With the newest dependencies."""
    _run(session)


@nox.session(python="3.10")
def lowest(session: nox.Session) -> None:
    """With the oldest ones."""
    _run(session, *LOWEST)
