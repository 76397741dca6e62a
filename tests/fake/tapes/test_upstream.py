from __future__ import annotations

from soniox_testing.tapes.upstream import Upstream
from tests.support.tables import each_row


@each_row(
    ("to", "path", "host"),
    [
        ("https://api.soniox.com", "/v1/files", "api.soniox.com"),
        ("https://api.soniox.com", "/transcribe-websocket", "stt-rt.soniox.com"),
        ("https://api.eu.soniox.com", "/transcribe-websocket", "stt-rt.eu.soniox.com"),
        ("https://api.jp.soniox.com/", "/tts-websocket", "tts-rt.jp.soniox.com"),
        ("https://api.soniox.com", "/tts", "tts-rt.soniox.com"),
        ("https://soniox.example.com:8443", "/tts", "soniox.example.com:8443"),
        ("http://[::1]:80", "/tts-websocket", "[::1]:80"),
    ],
)
def test_realtime_and_speech_have_hosts_of_their_own_at_the_service(to: str, path: str, host: str) -> None:
    assert Upstream(to).header_of(path) == host
