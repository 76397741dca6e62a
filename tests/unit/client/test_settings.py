"""Where a client's set-up comes from, and what it refuses."""

from __future__ import annotations

import os
import pickle
import ssl
import urllib.request
from typing import Any

import pytest

from soniox_lite import AsyncSonioxClient, SonioxClient, SonioxError, SonioxValidationError

from ...support.settings import settings_of
from ...support.tables import each_row

URLS = ("api_base_url", "websocket_base_url", "tts_api_base_url", "tts_websocket_base_url")
VARIABLES = dict(
    zip(URLS, ("SONIOX_API_BASE_URL", "SONIOX_WS_URL", "SONIOX_TTS_API_URL", "SONIOX_TTS_WS_URL"), strict=True)
)
# For each URL: of the argument and of the environment.
GIVEN = {
    "api_base_url": ("https://arg.example/v1", "http://env.example:81/v1"),
    "websocket_base_url": ("wss://arg.example/rt", "ws://env.example/rt"),
    "tts_api_base_url": ("http://arg.example", "https://env.example/tts"),
    "tts_websocket_base_url": ("ws://arg.example/tts", "wss://env.example/tts"),
}


def urls_under(domain: str) -> tuple[str, ...]:
    """The four URLs of a deployment."""
    return (
        f"https://api.{domain}/v1",
        f"wss://stt-rt.{domain}/transcribe-websocket",
        f"https://tts-rt.{domain}",
        f"wss://tts-rt.{domain}/tts-websocket",
    )


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SONIOX_"):
            monkeypatch.delenv(name)


@pytest.fixture(params=[SonioxClient, AsyncSonioxClient])
def client_class(request: pytest.FixtureRequest) -> Any:
    return request.param


def urls_of(**options: Any) -> tuple[str, ...]:
    settings = settings_of(**options)
    return tuple(getattr(settings, name) for name in URLS)


class TestKey:
    def test_an_argument_beats_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SONIOX_API_KEY", "of-environment")
        assert settings_of(api_key="of-argument").authorization == "Bearer of-argument"
        assert settings_of(api_key=None).authorization == "Bearer of-environment"
        assert settings_of(api_key="").authorization == "Bearer of-environment"

    @each_row("key", ["  key\n", "key\r\n", "\tkey"])
    def test_white_space_around_it_is_dropped(self, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert settings_of(api_key=key).api_key == "key"
        monkeypatch.setenv("SONIOX_API_KEY", key)
        assert settings_of(api_key=None).api_key == "key"

    @each_row("key", [None, "", "  ", "\n"])
    def test_without_one_the_error_says_which_variable_to_set(self, client_class: Any, key: str | None) -> None:
        with pytest.raises(SonioxValidationError, match="environment variable SONIOX_API_KEY"):
            client_class(key)

    def test_it_is_the_first_argument(self, client_class: Any) -> None:
        assert client_class("key").api_key == "key"


class TestUrls:
    def test_the_default_is_the_united_states(self) -> None:
        assert urls_of() == urls_under("soniox.com")

    @each_row(
        ("region", "domain"),
        [("us", "soniox.com"), ("US", "soniox.com"), ("eu", "eu.soniox.com"), ("EU", "eu.soniox.com"),
         ("jp", "jp.soniox.com"), ("new-region-7", "new-region-7.soniox.com"), ("", "soniox.com"),
         (None, "soniox.com")],
    )  # fmt: skip
    def test_a_region_gives_all_four(self, region: str | None, domain: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert urls_of(region=region) == urls_under(domain)
        if region is not None:
            monkeypatch.setenv("SONIOX_REGION", region)
            assert urls_of() == urls_under(domain)

    @each_row("domain", ["example.com", "a.b.c.example", "localhost:8080", "EXAMPLE.com", "127.0.0.1"])
    def test_a_base_domain_gives_all_four(self, domain: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert urls_of(base_domain=domain) == urls_under(domain)
        monkeypatch.setenv("SONIOX_BASE_DOMAIN", domain)
        assert urls_of() == urls_under(domain)

    @each_row(
        ("arguments", "environment", "domain"),
        [
            ({"region": "eu"}, {"SONIOX_REGION": "jp"}, "eu.soniox.com"),
            ({"region": "us"}, {"SONIOX_REGION": "jp"}, "soniox.com"),
            ({"base_domain": "a.example"}, {"SONIOX_BASE_DOMAIN": "b.example"}, "a.example"),
            ({"base_domain": "a.example", "region": "eu"}, {}, "a.example"),
            ({"base_domain": "a.example"}, {"SONIOX_REGION": "eu"}, "a.example"),
            ({}, {"SONIOX_BASE_DOMAIN": "b.example", "SONIOX_REGION": "eu"}, "b.example"),
        ],
    )
    def test_which_domain_wins(
        self, arguments: dict[str, str], environment: dict[str, str], domain: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert urls_of(**arguments) == urls_under(domain)

    @each_row("name", URLS)
    def test_each_url_is_its_argument_else_its_variable_else_the_regions(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        of_argument, of_environment = GIVEN[name]
        others = dict(zip(URLS, urls_under("eu.soniox.com"), strict=True))
        del others[name]

        def check(expected: str, **options: Any) -> None:
            settings = settings_of(region="eu", **options)
            assert getattr(settings, name) == expected
            assert {other: getattr(settings, other) for other in others} == others

        check(of_argument, **{name: of_argument})
        monkeypatch.setenv(VARIABLES[name], of_environment)
        check(of_argument, **{name: of_argument})
        check(of_environment)
        check(of_environment, **{name: None})
        check(of_environment, **{name: ""})
        monkeypatch.setenv(VARIABLES[name], "")
        check(dict(zip(URLS, urls_under("eu.soniox.com"), strict=True))[name])

    @pytest.mark.parametrize("end", ["/", "///"])
    def test_slashes_at_the_end_are_dropped(self, end: str) -> None:
        assert settings_of(api_base_url=f"https://a.example/v1{end}").api_base_url == "https://a.example/v1"

    @each_row("name", URLS)
    @each_row(
        "url",
        [
            "example.com",
            "/v1",
            "://example.com",
            "SCHEME:example.com",
            "SCHEME:///v1",
            "SCHEME://",
            "SCHEME://:80/v1",
            "SCHEME://example.com:port/v1",
            "SCHEME://example.com:99999/v1",
            "SCHEME://example.com:0/v1",
            "SCHEME://[::1/v1",
            "SCHEME://exa mple.com",
            "SCHEME://example.com/\r\nX: y",
            "SCHEME://example.com/ü",
            "SCHEME://example.com/v1\t",
            "ftp://example.com",
            "file:///etc/passwd",
            "OTHER://example.com",
            "SCHEME://user:SECRET@example.com/v1",
            "SCHEME://SECRET@example.com",
            "SCHEME://@example.com",
            "SCHEME://:SECRET@example.com",
            "SCHEME://example.com/v1#SECRET",
            "SCHEME://example.com/v1?SECRET=1#x",
            "SCHEME://example.com/v1#",
        ],
    )
    def test_what_is_no_plain_url_is_refused_by_the_name_of_its_source(
        self, name: str, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scheme, other = ("https", "wss") if "websocket" not in name else ("wss", "https")
        url = url.replace("SCHEME", scheme).replace("OTHER", other)
        with pytest.raises(SonioxValidationError, match=f"^{name} must") as caught:
            SonioxClient("key", **{name: url})
        assert "SECRET" not in str(caught.value)
        monkeypatch.setenv(VARIABLES[name], url)
        with pytest.raises(SonioxValidationError, match=f"^{VARIABLES[name]} must") as caught:
            SonioxClient("key")
        assert "SECRET" not in str(caught.value)

    @each_row("name", [*URLS, "region", "base_domain", "api_key"])
    @each_row("value", [5, b"https://a.example", ["eu"], object()])
    def test_another_kind_of_value_is_refused(self, client_class: Any, name: str, value: Any) -> None:
        with pytest.raises(SonioxValidationError, match=f"{name} must be a str"):
            client_class(**{"api_key": "key", name: value})

    @each_row(
        "region",
        ["eu.evil.com/", "eu.evil", "eu/", "evil.com#", "eu?", "user@evil", "eu:80", "e u", "eu\n", "-eu", "eu-", ".",
         "a" * 64, "ü", "\u017f", "eu\0", "%65u", "\\"],
    )  # fmt: skip
    def test_a_region_cannot_lead_elsewhere(
        self, client_class: Any, region: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(SonioxValidationError, match="region must be a name"):
            client_class("key", region=region)
        if "\0" not in region:
            monkeypatch.setenv("SONIOX_REGION", region)
            with pytest.raises(SonioxValidationError, match="region must be a name"):
                client_class("key")

    @each_row(
        "domain",
        ["evil.com/", "evil.com/x.soniox.com", "user@evil.com", "evil.com?", "evil.com#", "evil..com", ".com", "com.",
         "https://evil.com", "evil.com:port", "evil.com:", "evil.com:99999", "evil.com:0", "a b", "ü.com", "\u212a.com",
         "evil.com:\u0661", "[::1]", "a\n"],
    )  # fmt: skip
    def test_a_base_domain_is_nothing_else(
        self, client_class: Any, domain: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(SonioxValidationError, match="base_domain must be a domain"):
            client_class("key", base_domain=domain)
        monkeypatch.setenv("SONIOX_BASE_DOMAIN", domain)
        with pytest.raises(SonioxValidationError, match="base_domain must be a domain"):
            client_class("key")


BAD = [
    *[(name, value) for name in ("timeout_sec", "connect_timeout_sec")
      for value in (0, -1, float("nan"), float("inf"), "5", b"5", True, 86_401, [5], object(), 10**400)],
    *[("max_retries", value) for value in (-1, 101, 1.0, "1", True, float("nan"), 10**400)],
    *[(name, value) for name in ("on_request", "on_response") for value in (5, "print", [print])],
]  # fmt: skip


class TestNumbersAndHooks:
    def test_the_defaults(self) -> None:
        settings = settings_of()
        assert (settings.timeout_sec, settings.connect_timeout_sec, settings.max_retries) == (30, 10, 2)
        assert (settings.on_request, settings.on_response) == (None, None)

    @each_row(
        "options",
        [{"timeout_sec": 0.001, "connect_timeout_sec": 86_400, "max_retries": 0}, {"max_retries": 100},
         {"timeout_sec": 86_400, "on_request": print, "on_response": print}],
    )  # fmt: skip
    def test_what_is_given_is_taken(self, options: dict[str, Any]) -> None:
        for settings in (settings_of(**options), settings_of().changed(options)):
            assert {name: getattr(settings, name) for name in options} == options
            travelled = pickle.loads(pickle.dumps(settings))
            assert vars(travelled) == vars(settings)

    @each_row(("name", "value"), BAD)
    def test_what_makes_no_sense_is_refused(self, client_class: Any, name: str, value: Any) -> None:
        with pytest.raises(SonioxValidationError, match=f"set-up is not valid: {name} must") as caught:
            client_class("key", **{name: value})
        assert [problem.field for problem in caught.value.errors] == [name]
        with pytest.raises(SonioxValidationError, match=f"set-up is not valid: {name} must"):
            client_class("key").with_options(**{name: value})

    def test_all_problems_are_told_at_once(self, client_class: Any) -> None:
        with pytest.raises(SonioxValidationError) as caught:
            client_class("key", timeout_sec=-1, max_retries=-1, on_request=5)
        assert [problem.field for problem in caught.value.errors] == ["timeout_sec", "max_retries", "on_request"]

    @each_row(("name", "value"), [
        ("webhook_secret", "a\r\nb"), ("webhook_secret", " a"), ("webhook_secret", 5),
        ("webhook_signature_header", "X Y"), ("webhook_signature_header", "X:"), ("webhook_signature_header", 5),
    ])  # fmt: skip
    def test_webhook_settings_fit_into_a_header(self, client_class: Any, name: str, value: Any) -> None:
        with pytest.raises(SonioxError, match=name):
            client_class("key", **{name: value})


def test_a_refused_client_leaves_nothing_behind(client_class: Any) -> None:
    """No thread and no socket: the set-up is checked before the transport is made."""
    import threading

    before = {*threading.enumerate()}
    with pytest.raises(SonioxValidationError):
        client_class("key", timeout_sec=-1)
    assert {*threading.enumerate()} <= before


def test_a_region_that_is_given_wins_over_a_domain_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONIOX_BASE_DOMAIN", "example.com")
    monkeypatch.setenv("SONIOX_REGION", "jp")
    assert repr(SonioxClient("key")) == "<SonioxClient https://api.example.com/v1>"
    assert repr(SonioxClient("key", region="eu")) == "<SonioxClient https://api.eu.soniox.com/v1>"
    assert repr(SonioxClient("key", region="eu", base_domain="a.b")) == "<SonioxClient https://api.a.b/v1>"


@each_row(
    ("options", "problem"),
    [
        ({"verify": ssl.create_default_context(), "ssl_context": ssl.create_default_context()}, "verify and ssl_con"),
        ({"verify": False, "ssl_context": ssl.create_default_context()}, "verify and ssl_context exclude each other"),
        ({"opener": urllib.request.build_opener(), "trust_env": False}, "opener has its own proxies"),
        ({"opener": urllib.request.build_opener(), "proxy": "http://a:1"}, "opener has its own proxies"),
        ({"opener": urllib.request.build_opener(), "verify": False}, "opener has its own proxies"),
    ],
    ids=lambda value: "",
)
def test_what_says_the_same_twice_is_refused(options: dict[str, Any], problem: str) -> None:
    for client_class in (SonioxClient, AsyncSonioxClient):
        with pytest.raises(SonioxValidationError, match=problem):
            client_class("key", **options)
