"""Reading URLs of proxies and ``no_proxy``."""

from __future__ import annotations

import sys
import urllib.request

import pytest

from soniox_lite._net.proxies import Proxies, Proxy, ProxyError, is_exempt
from tests.support.tables import each_row


@pytest.mark.parametrize("url", ["http://h:1", "http://@h:1"])
def test_without_credentials_none_are_sent(url: str) -> None:
    assert Proxy(url).authorization is None


@each_row(
    "url",
    ["ftp://h:1", "http://", "http://u:topsecret@", "http://u:topsecret@h:x", "h:0", "h:65536", "[::1", "::1:80"],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ProxyError, match="not an http:// or https:// URL") as caught:
        Proxy(url)
    assert "topsecret" not in str(caught.value)


@each_row(
    ("url", "place"),
    [("h", "h:80"), ("https://h/", "h:443"), ("HTTP://[::1]:8", "[::1]:8"), (" h:3128 ", "h:3128"), ("h:", "h:80")],
)
def test_host_and_port(url: str, place: str) -> None:
    assert str(Proxy(url)) == place


def test_proxies_are_equal_by_their_place_and_credentials() -> None:
    assert len({Proxy("h:1"), Proxy(" http://h:1/"), Proxy("https://h:1"), Proxy("http://u@h:1")}) == 3


def test_credentials_are_not_shown() -> None:
    proxy = Proxy("http://user:topsecret@h:1")
    assert repr(proxy) == "h:1"
    assert proxy.without_secrets("a user, a superuser: user:topsecret, xtopsecretx") == (
        "a ***, a superuser: ***, x***x"
    )
    assert proxy.without_secrets("x" * 300) == "x" * 200


@each_row(
    ("no_proxy", "host", "exempt"),
    [
        ("10.0.0.0/8, 192.168.0.0/16", "192.168.7.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/33,10.0.0.1/8", "10.2.3.4", True),
        ("10.0.0.0/8", "10.example.com", False),
        ("10.0.0.0/8:443", "10.2.3.4", True),
        ("10.0.0.0/8:80", "10.2.3.4", False),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("[::1]:443", "::1", True),
        ("[::1]:80", "::1", False),
        ("fd00::/8", "fd12::5", True),
        ("[fd00::]/8", "fd12::5", True),
        ("127.0.0.0/8", "::ffff:127.0.0.1", True),
        ("example.com", "example.com", True),
        ("example.com", "api.example.com", True),
        (".example.com", "example.com", True),
        ("*.example.com", "api.example.com", True),
        ("EXAMPLE.com.", "api.Example.COM.", True),
        ("example.com", "notexample.com", False),
        ("example.com:443", "api.example.com", True),
        ("example.com:80", "api.example.com", False),
        ("a  b\texample.com", "example.com", True),
        ("a,*", "anything", True),
        (".0.0.1", "127.0.0.1", False),
        ("", "example.com", False),
        (".", "example.com", False),
    ],
)
def test_no_proxy(no_proxy: str, host: str, exempt: bool) -> None:
    assert is_exempt(no_proxy, host, 443) is exempt


def test_the_system_names_proxies_and_exemptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"https": "http://proxy.example:1"})
    monkeypatch.setattr(urllib.request, "getproxies_environment", dict)
    monkeypatch.setattr(urllib.request, "proxy_bypass", lambda host: host == "exempt.example:443")
    proxies = Proxies()
    found = [proxies.find("https", host, 443) for host in ("api.example", "exempt.example")]
    assert found == [Proxy("http://proxy.example:1"), None]


def test_the_environment_has_no_say_unless_it_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:1")
    assert Proxies().are_named
    assert not Proxies(trust_env=False).are_named
    assert Proxies(trust_env=False).find("http", "api.example", 80) is None
    assert Proxies("http://own.example:2", trust_env=False).find("http", "api.example", 80) is not None
