"""The page of the standalone server: what it may do, and how it behaves in a real browser."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
from urllib.parse import urlsplit

import pytest

from tests.fake.control.harness import Control
from tests.support.browser import CHROMIUM, Browser

_CONFIG = {"model": "stt-rt-v5", "audio_format": "auto"}


@pytest.fixture
def control():
    made = Control({"clock": "real", "audio": "any"})
    with made.server:
        yield made


def test_the_page_takes_nothing_from_elsewhere_and_runs_only_its_own_script(control):
    address = urlsplit(control.server.fake.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("GET", "/__fake__/")
    response = connection.getresponse()
    page = response.read().decode()
    connection.close()
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        (code,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        assert f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'" in policy
    assert "://" not in page
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["data:,"]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|\son\w+=|\sstyle=", page)


def test_records_can_be_limited_to_the_last(control):
    with control.client() as client:
        for number in range(3):
            client.files.upload(b"sound", filename=f"{number}.mp3")
    status, records = control("GET", "records?last=2")
    assert (status, [file["filename"] for file in records["files"]]) == (200, ["1.mp3", "2.mp3"])
    assert [request["number"] for request in records["requests"]] == [2, 3]
    for last in ("0", "-1", "two", "9" * 5000):
        assert control("GET", f"records?last={last}")[0] == 400
    assert set(control("GET", "records?only=files,usage")[1]) == {"files", "usage"}
    status, answer = control("GET", "records?only=files,filez")
    assert (status, "not 'filez'" in answer["error"]) == (400, True)


def test_long_bodies_are_asked_for_one_by_one(control):
    with control.client() as client:
        client.stt.create(audio_url="https://example.com/a.mp3", config={"context": {"text": "x" * 5_000}})
    assert len(control("GET", "records?last=9")[1]["requests"][0]["body"]) == 1_000
    (whole,) = control("GET", "records")[1]["requests"]
    assert len(whole["body"]) > 5_000
    assert control("GET", "requests/1") == (200, whole)
    assert control("GET", "requests/2")[0] == 404


def test_the_messages_of_one_session_are_asked_for(control):
    with control.client() as client:
        for _ in range(2):
            with client.realtime.stt.connect(config=_CONFIG) as session:
                session.send_byte_chunk(bytes(8_000))
                session.finish()
                list(session.receive_events())
    first, second = control("GET", "records")[1]["sessions"]
    of_first, of_second = (control("GET", f"messages/{one['id']}")[1]["messages"] for one in (first, second))
    assert {message["connection_id"] for message in of_first} == {first["id"]}
    assert [message["number"] for message in (*of_first, *of_second)] == [
        message["number"] for message in control("GET", "records")[1]["messages"]
    ]


def test_a_single_fault_and_all_scripts_can_be_removed(control):
    first, second = (control("POST", "faults", {"verb": "answer", "status_code": code})[1] for code in (500, 503))
    assert control("DELETE", f"faults/{first['id']}") == (200, {})
    assert [fault["id"] for fault in control("GET", "state")[1]["pending_faults"]] == [second["id"]]
    status, answer = control("DELETE", "faults/fault-9")
    assert (status, answer["error"]) == (404, "There is no fault 'fault-9'; there are fault-2.")
    control("POST", "scripts", {"transcripts": [{"transcript": "one two"}], "audio_urls": []})
    assert control("GET", "state")[1]["unused"] == ["the transcript 'one two' for any audio"]
    assert control("DELETE", "scripts") == (200, {})
    assert control("GET", "state")[1]["unused"] == []


def test_the_verbs_say_what_they_take(control):
    status, answer = control("GET", "verbs")
    assert (status, answer["verbs"]["fail_next_voice"]["arguments"]["name"]) == (200, "str | None")
    assert answer["verbs"]["answer"]["arguments"]["status_code"] == "int"
    assert answer["verbs"]["answer"]["text"].startswith("Requests are answered with this status")
    assert {"get_files", "stt", "tts"} < set(answer["operations"])


needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs the browser chromium")


@pytest.fixture(scope="module")
def browser():
    with Browser() as made:
        yield made


def _open(browser, control, view, **window):
    """Opens the page with a view, once it has shown the state of the fake."""
    browser.complaints.clear()
    browser.open(f"{control.server.fake.url}/__fake__/#view={view}", **window)
    browser.wait_until("document.getElementById('status').textContent === 'live'")


def _row(text):
    """The expression for the row with this text."""
    return f"[...document.querySelectorAll('details.row')].find((row) => row.textContent.includes({json.dumps(text)}))"


@needs_browser
def test_a_browser_shows_what_clients_send_without_keys_and_without_markup(browser, control):
    evil = "<img src=x onerror=document.title='owned'>.mp3"
    with control.client(api_key="my-own-key") as client:
        client.files.upload(b"sound", filename=evil)
        secret = {"webhook_auth_header_name": "X-Mine", "webhook_auth_header_value": "my-own-secret"}
        config = {"webhook_url": "http://127.0.0.1:9/", **secret}
        client.stt.create(audio_url="https://example.com/b.mp3", client_reference_id="</script>", config=config)
        client.auth.create_temporary_api_key(usage_type="transcribe_websocket", expires_in_seconds=60)
        control.server.fake.fail_next_session("service_unavailable", after_audio_ms=500)
        with client.realtime.stt.connect(config=_CONFIG) as session:
            session.send_byte_chunk(bytes(16_000))
            assert [event.error_code for event in session.receive_events()][-1] == 503
    _open(browser, control, "activity")
    assert browser.evaluate(f"{_row('/v1/files')}.open = true")
    browser.evaluate("document.querySelectorAll('details').forEach((row) => { row.open = true; })")
    browser.wait_until(f"{_row('session')}.querySelector('li.sent.bad')")
    browser.evaluate("document.querySelectorAll('details').forEach((row) => { row.open = true; })")
    text = browser.evaluate("document.body.innerText")
    assert evil in text
    assert "16.0 kB of audio in 1 message" in text
    assert "503 service_unavailable" in text
    assert "</script>" in text
    assert browser.evaluate("document.title") == "Fake Soniox"
    assert browser.evaluate(f"{_row('service_unavailable')}.className") == "row bad"
    everything = browser.evaluate("document.documentElement.outerHTML")
    temporary = json.loads(control("GET", "records")[1]["requests"][-1]["response"])["api_key"]
    assert set(temporary) == {"*"}
    for kept in ("my-own-key", "my-own-secret", "temp:", control.server.fake.api_key):
        assert kept not in everything
    assert browser.complaints == []


@needs_browser
def test_a_browser_adds_and_removes_a_fault_and_moves_the_clock(browser, control):
    _open(browser, control, "control")
    browser.evaluate("document.querySelector('#arguments [name=status_code]').value = '429'")
    browser.click("#fault button.main")
    browser.wait_until("document.querySelector('#faults li')")
    (fault,) = control.server.fake.faults.pending
    assert (fault.effect.status_code, fault.times) == (429, 1)
    with control.client() as client, pytest.raises(Exception, match="429"):
        client.files.list()
    browser.wait_until("!document.querySelector('#faults li')")
    browser.evaluate("document.querySelector('#arguments [name=times]').value = ''")
    browser.click("#fault button.main")
    browser.wait_until("document.querySelector('#faults li')")
    browser.click("#faults button")
    browser.wait_until("!document.querySelector('#faults li')")
    assert control.server.fake.faults.pending == ()
    browser.evaluate("document.querySelector('#arguments [name=status_code]').value = '42'")
    browser.click("#fault button.main")
    assert "from 300 to 599, not 42" in browser.wait_until("document.querySelector('#message.bad')?.textContent")
    before_sec = control.server.fake.clock.now_sec()
    browser.click("#advance button:nth-child(4)")
    browser.wait_until("document.getElementById('message').textContent.startsWith('The clock')")
    assert control.server.fake.clock.now_sec() - before_sec > 3600


@needs_browser
def test_a_selection_and_an_opened_row_survive_an_update(browser, control):
    with control.client() as client:
        client.files.upload(b"sound", filename="first.mp3")
        _open(browser, control, "requests")
        browser.click("details.row summary")
        browser.wait_until("document.querySelector('details.row[open] pre')")
        browser.evaluate(
            "getSelection().selectAllChildren([...document.querySelectorAll('details.row[open] pre')]"
            ".find((block) => block.textContent.includes('first.mp3')))"
        )
        selected = browser.evaluate("getSelection().toString()")
        assert "first.mp3" in selected
        client.stt.create(audio_url="https://example.com/a.mp3", config={"context": {"text": f"{'x' * 5_000}end"}})
        browser.wait_until("document.querySelectorAll('details.row').length === 2")
        assert browser.evaluate("getSelection().toString()") == selected
        assert browser.evaluate("[...document.querySelectorAll('details.row')].map((row) => row.open)") == [False, True]
        browser.click("details.row summary")
        browser.wait_until("document.querySelector('details.row pre').textContent.includes('xxxend')")


@needs_browser
def test_a_reset_forgets_long_bodies_whose_numbers_come_again(browser, control):
    def ask(word):
        with control.client() as client:
            client.stt.create(audio_url="https://example.com/a.mp3", config={"context": {"text": word * 500}})

    opened = "const row = document.querySelector('details.row'); if (row) row.open = true;"
    shown = "row?.querySelector('pre')?.textContent"
    _open(browser, control, "requests")
    for word in ("before", "after"):
        ask(word)
        browser.wait_until(f"(() => {{ {opened} return {shown}?.includes('{word * 500}'); }})()")
        control("POST", "reset", {})


@needs_browser
def test_a_fault_of_a_session_has_the_status_of_its_type(browser, control):
    _open(browser, control, "control")
    for verb in ("error", "fail_next_session"):
        browser.evaluate(f"document.getElementById('verb').value = '{verb}'; showVerb()")
        browser.evaluate("document.querySelector('#arguments [name=error_type]').value = 'limit_exceeded'")
        browser.click("#fault button.main")
        browser.wait_until("document.querySelector('#faults li')")
        with control.client() as client, client.realtime.stt.connect(config=_CONFIG) as session:
            assert [event.error_code for event in session.receive_events()] == [429]
        browser.wait_until("!document.querySelector('#faults li')")


@needs_browser
def test_messages_and_times_are_never_blank_or_odd(browser, control):
    _open(browser, control, "activity")
    summaries = [{}, {"stream_id": "s", "text": "", "text_end": True}, {"type": "keepalive"}, {"audio": ""}]
    shown = browser.evaluate(f"{json.dumps(summaries)}.map((message) => summaryOf(message).textContent)")
    assert shown == ["{}", "stream_id, text, text_end", "keepalive", "audio"]
    times = browser.evaluate("[999, 59949, 59999, 119600, 119400].map(duration)")
    assert times == ["999 ms", "59.9 s", "1 min 0 s", "2 min 0 s", "1 min 59 s"]
    assert browser.evaluate("[999, 999949, 999999].map(bytes)") == ["999 bytes", "999.9 kB", "1.0 MB"]


@needs_browser
@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_every_view_without_scrolling_sideways(browser, control, dark):
    with control.client() as client:
        client.files.upload(b"sound", filename="a-very-long-name-" * 12 + ".mp3")
    _open(browser, control, "activity", width=360, height=740, phone=True, dark=dark)
    width = "document.documentElement.scrollWidth"
    for view in ("activity", "requests", "files", "control"):
        browser.evaluate(f"select('{view}')")
        browser.evaluate("document.querySelectorAll('details').forEach((row) => { row.open = true; })")
        assert (view, browser.evaluate(width)) == (view, 360)
