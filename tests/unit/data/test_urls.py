"""The rule for absolute URLs."""

from __future__ import annotations

from soniox_lite._data.urls import split_url

SCHEMES = ("http", "https")


def test_a_usable_url_is_split() -> None:
    for url in ("http://h", "HTTPS://u:p@h:443/x?y#z", "http://[::1]:1", "http://h:"):
        parts = split_url(url, SCHEMES)
        assert parts is not None, url
        assert parts.scheme in SCHEMES, url


def test_other_urls_are_refused() -> None:
    for url in ("", "h", "//h", "ftp://h", "http:", "http://", "http://:80", "http://h:0", "http://h:65536",
                "http://h:x", "http://[::1"):  # fmt: skip
        assert split_url(url, SCHEMES) is None, url
