"""Webhooks of the fake, received by a server of the test's own."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from soniox_testing import FakeSoniox, FakeSonioxError, VirtualClock, after_polls, after_seconds
from tests.fake.conftest import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEADLINE_SEC = 60


@dataclass(frozen=True)
class Received:
    """A request that reached the receiver."""

    method: str
    target: str
    headers: Any
    body: bytes


class Receiver:
    """A server for webhooks, which answers with ``answers`` in turn and then with 204."""

    def __init__(self) -> None:
        self.requests: queue.Queue[Received] = queue.Queue()
        self.answers: list[int] = []
        self.release = threading.Event()
        """While not set, nothing is answered."""
        self.release.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.put(Received(self.command, self.path, self.headers, body))
                receiver.release.wait(_DEADLINE_SEC)
                with contextlib.suppress(OSError):
                    self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                    self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def next(self) -> Received:
        return self.requests.get(timeout=_DEADLINE_SEC)

    def ids(self) -> list[str]:
        """The ids of all webhooks that have come by now."""
        bodies = [self.requests.get_nowait().body for _ in range(self.requests.qsize())]
        return [json.loads(body)["id"] for body in bodies]

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def fake(clock: VirtualClock) -> Iterator[FakeSoniox]:
    """A job here is queued for 10 s, then processing for 10 s."""
    with FakeSoniox(clock=clock, progress=after_seconds(queued=10, processing=10)) as server:
        yield server


def test_a_webhook_arrives_by_itself_in_real_time(receiver, connect):
    with FakeSoniox() as server:
        job = connect(server=server).create(webhook_url=f"{receiver.url}/hook?a=1&b=%20&c=ü").json
        received = receiver.next()
        assert received.method == "POST"
        assert received.target == "/hook?a=1&b=%20&c=%C3%BC"
        assert received.headers["Content-Type"] == "application/json"
        assert received.body == json.dumps({"id": job["id"], "status": "completed"}, separators=(",", ":")).encode()
        delivery = server.wait_for_webhook(job["id"])
        assert delivery.outcome == "delivered"
        assert server.transcriptions[0].webhook_status_code == 204


def test_advancing_the_clock_returns_after_the_webhook_was_delivered(fake, client, clock, receiver):
    job = client.create(webhook_url=receiver.url).json
    clock.advance(19.9)
    assert fake.webhooks == ()
    clock.advance(0.1)
    (delivery,) = fake.webhooks
    assert (delivery.transcription_id, delivery.status, delivery.outcome) == (job["id"], "completed", "delivered")
    assert [(attempt.status_code, attempt.error, attempt.made) for attempt in delivery.attempts] == [(204, None, True)]
    assert receiver.next().target == "/"
    assert client("GET", f"/v1/transcriptions/{job['id']}").json["webhook_status_code"] == 204


def test_the_receivers_header_is_sent_and_nowhere_shown(fake, client, clock, receiver):
    job = client.create(
        webhook_url=receiver.url, webhook_auth_header_name="X-Secret", webhook_auth_header_value="grüße"
    ).json
    clock.advance(20)
    assert receiver.next().headers["X-Secret"].encode("latin-1").decode() == "grüße"
    assert fake.webhooks[0].headers == {"Content-Type": "application/json", "X-Secret": "*" * 18}
    assert "grüße" not in repr(fake.webhooks)
    assert client("GET", f"/v1/transcriptions/{job['id']}").json["webhook_auth_header_value"] == "*" * 18


@pytest.mark.parametrize("half", [{"webhook_auth_header_name": "X-Secret"}, {"webhook_auth_header_value": "x"}])
def test_half_a_header_is_not_sent(fake, client, clock, receiver, half):
    client.create(webhook_url=receiver.url, **half)
    clock.advance(20)
    assert receiver.next().headers["X-Secret"] is None
    assert fake.webhooks[0].headers == {"Content-Type": "application/json"}


def test_a_job_that_fails_says_so(fake, client, clock, receiver):
    fake.fail_next_job("model_not_available", "gone")
    client.create(webhook_url=receiver.url)
    clock.advance(20)
    assert json.loads(receiver.next().body)["status"] == "error"


def test_a_job_whose_file_was_deleted_says_so(fake, client, clock, receiver):
    file_id = client.upload().json["id"]
    client.create(file_id=file_id, webhook_url=receiver.url)
    client("DELETE", f"/v1/files/{file_id}")
    clock.advance(10)
    assert json.loads(receiver.next().body)["status"] == "error"


def test_attempts_are_repeated_on_the_clock_until_one_succeeds(fake, client, clock, receiver):
    receiver.answers = [500, 302, 404]
    job = client.create(webhook_url=receiver.url).json

    def attempts():
        (delivery,) = fake.webhooks
        return delivery.outcome, [attempt.status_code for attempt in delivery.attempts]

    clock.advance(20)
    assert attempts() == ("pending", [500])
    assert client("GET", f"/v1/transcriptions/{job['id']}").json["webhook_status_code"] == 500
    clock.advance(0.9)
    assert attempts() == ("pending", [500])
    clock.advance(0.1)
    assert attempts() == ("pending", [500, 302])
    clock.advance(4)
    assert attempts() == ("pending", [500, 302, 404])
    clock.advance(24.9)
    assert attempts() == ("pending", [500, 302, 404])
    clock.advance(0.1)
    assert attempts() == ("delivered", [500, 302, 404, 204])
    clock.advance(1000)
    assert attempts() == ("delivered", [500, 302, 404, 204])
    assert receiver.ids() == [job["id"]] * 4
    assert client("GET", f"/v1/transcriptions/{job['id']}").json["webhook_status_code"] == 204
    times = [attempt.at for attempt in fake.webhooks[0].attempts]
    assert times == sorted(set(times))


def test_after_the_last_attempt_a_webhook_has_failed(client, clock, receiver, connect):
    receiver.answers = [503] * 9
    with FakeSoniox(clock=clock, webhook_attempts_sec=(2, 3)) as server:
        job = connect(server=server).create(webhook_url=receiver.url).json
        clock.advance(1)
        assert [attempt.status_code for attempt in server.webhooks[0].attempts] == []
        clock.advance(100)
        delivery = server.wait_for_webhook(job["id"])
        assert delivery.outcome == "failed"
        assert [attempt.status_code for attempt in delivery.attempts] == [503, 503]


def test_a_receiver_that_is_not_there_is_an_error_and_leaves_no_status(fake, client, clock):
    with socket.create_server(("127.0.0.1", 0)) as bound:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    job = client.create(webhook_url=url).json
    clock.advance(100)
    (delivery,) = fake.webhooks
    assert delivery.outcome == "failed"
    assert len(delivery.attempts) == 4
    assert {attempt.status_code for attempt in delivery.attempts} == {None}
    assert "ConnectionRefusedError" in (delivery.attempts[0].error or "")
    assert client("GET", f"/v1/transcriptions/{job['id']}").json["webhook_status_code"] is None


def test_a_receiver_that_does_not_answer_in_time_is_an_error(clock, receiver, connect):
    receiver.release.clear()
    with FakeSoniox(clock=clock, webhook_timeout_sec=0.05, webhook_attempts_sec=[0]) as server:
        connect(server=server).create(webhook_url=receiver.url)
        clock.advance(1)
        assert "TimeoutError" in (server.webhooks[0].attempts[0].error or "")


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http://127.0.0.1:x/"])
def test_an_address_that_cannot_be_used_is_an_error(fake, client, clock, url):
    client.create(webhook_url=url)
    clock.advance(20)
    assert fake.webhooks[0].attempts[0].error


def test_a_header_that_cannot_be_sent_is_an_error(fake, client, clock, receiver):
    client.create(webhook_url=receiver.url, webhook_auth_header_name="X\r\nY", webhook_auth_header_value="v")
    clock.advance(20)
    assert "ValueError" in (fake.webhooks[0].attempts[0].error or "")
    assert receiver.ids() == []


def test_webhooks_leave_in_the_order_in_which_their_jobs_ended(clock, receiver, connect):
    with FakeSoniox(clock=clock, progress=after_seconds(processing=10)) as server:
        client = connect(server=server)
        ids = [client.create(webhook_url=receiver.url).json["id"] for _ in range(5)]
        clock.advance(1)
        late = client.create(webhook_url=receiver.url).json["id"]
        clock.advance(9)
        assert receiver.ids() == ids
        clock.advance(1)
        assert receiver.ids() == [late]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "http://192.0.2.1/",
        "http://0.0.0.0:1/",
        "http://localhost.example.com/",
        "http://[x/",
    ],
)
def test_nothing_is_sent_to_other_machines(fake, client, clock, url):
    job = client.create(webhook_url=url).json
    clock.advance(20)
    (delivery,) = fake.webhooks
    assert delivery.outcome == "refused"
    (attempt,) = delivery.attempts
    assert (attempt.made, attempt.status_code) == (False, None)
    assert attempt.error
    clock.advance(100)
    assert len(fake.webhooks[0].attempts) == 1
    assert client("GET", f"/v1/transcriptions/{job['id']}").json["webhook_status_code"] is None


@pytest.mark.parametrize("allowed", ["Receiver.invalid", ["receiver.invalid"], {"*"}])
def test_hosts_may_be_allowed(clock, connect, allowed):
    with FakeSoniox(clock=clock, allow_webhooks_to=allowed, webhook_attempts_sec=[0]) as server:
        # The domain .invalid is reserved, so the look-up finds no address.
        connect(server=server).create(webhook_url="http://receiver.invalid/")
        clock.advance(1)
        (attempt,) = server.webhooks[0].attempts
        assert attempt.made
        assert "gaierror" in (attempt.error or "")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9"])
def test_this_machine_has_several_names(fake, client, clock, receiver, host):
    client.create(webhook_url=receiver.url.replace("127.0.0.1", host))
    clock.advance(20)
    assert fake.webhooks[0].outcome != "refused"


def test_jobs_that_move_by_polls_end_without_polls(clock, receiver, connect):
    with FakeSoniox(clock=clock, progress=after_polls(queued=2, processing=2)) as server:
        job = connect(server=server).create(webhook_url=receiver.url).json
        clock.advance(0.9)
        assert server.webhooks == ()
        clock.advance(0.35)
        assert receiver.ids() == [job["id"]]


def test_a_poll_that_ends_a_job_sends_its_webhook(clock, receiver, connect):
    with FakeSoniox(clock=clock, progress=after_polls(queued=1)) as server:
        client = connect(server=server)
        job = client.create(webhook_url=receiver.url).json
        assert client("GET", f"/v1/transcriptions/{job['id']}").json["status"] == "queued"
        assert client("GET", f"/v1/transcriptions/{job['id']}").json["status"] == "completed"
        assert json.loads(receiver.next().body)["id"] == job["id"]


def test_a_deleted_job_that_had_not_ended_sends_nothing(fake, client, clock, receiver):
    job = client.create(webhook_url=receiver.url).json
    assert client("DELETE", f"/v1/transcriptions/{job['id']}").status == 204
    clock.advance(100)
    assert fake.webhooks == ()


def test_a_receiver_may_use_the_api_while_it_is_being_told(fake, client, clock, connect):
    statuses: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            job_id = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["id"]
            statuses.append(connect()("GET", f"/v1/transcriptions/{job_id}").json["status"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        client.create(webhook_url=f"http://127.0.0.1:{server.server_port}")
        clock.advance(20)
        assert statuses == ["completed"]
        server.shutdown()
        thread.join()


def test_a_webhook_can_be_sent_again(fake, client, clock, receiver):
    job = client.create(webhook_url=receiver.url).json
    with pytest.raises(ValueError, match="still queued"):
        fake.send_webhook_again(job["id"])
    clock.advance(20)
    receiver.answers = [200]
    again = fake.send_webhook_again(job["id"])
    assert [attempt.status_code for attempt in again.attempts] == [200]
    assert receiver.ids() == [job["id"]] * 2
    assert fake.webhooks[1] == again
    client("DELETE", f"/v1/transcriptions/{job['id']}")
    assert fake.send_webhook_again(job["id"]).outcome == "delivered"


def test_only_a_known_webhook_can_be_sent_again(fake, client, clock, receiver):
    with pytest.raises(KeyError, match="there is no transcription 'nothing'"):
        fake.send_webhook_again("nothing")
    job = client.create().json
    with pytest.raises(ValueError, match="no webhook_url"):
        fake.send_webhook_again(job["id"])
    fake.stop()
    with pytest.raises(RuntimeError):
        fake.send_webhook_again(job["id"])


def test_waiting_for_a_webhook_has_an_end(fake, client, receiver):
    job = client.create(webhook_url=receiver.url).json
    with pytest.raises(TimeoutError, match="so far: none"):
        fake.wait_for_webhook(job["id"], timeout_sec=0.01)


def test_nothing_arrives_after_the_server_was_stopped(fake, client, clock, receiver):
    receiver.answers = [500]
    job = client.create(webhook_url=receiver.url).json
    clock.advance(20)
    assert receiver.ids() == [job["id"]]
    fake.stop()
    clock.advance(100)
    assert receiver.ids() == []
    assert [thread for thread in threading.enumerate() if thread.name == "fake-soniox-webhooks"] == []
    fake.start()
    assert fake.wait_for_webhook(job["id"]).outcome == "delivered"
    assert receiver.ids() == [job["id"]]


def test_stopping_breaks_off_an_attempt(receiver, connect):
    receiver.release.clear()
    server = FakeSoniox(webhook_timeout_sec=60).start()
    job = connect(server=server).create(webhook_url=receiver.url).json
    receiver.next()
    server.stop()
    (delivery,) = server.webhooks
    assert delivery.transcription_id == job["id"]
    assert delivery.attempts[0].error == "broken off: the server was stopped"
    assert server.transcriptions[0].webhook_status_code is None


def test_a_progress_rule_that_fails_is_told_when_the_fake_stops(receiver, connect):
    called = threading.Event()

    def rule(_job):
        called.set()
        raise LookupError("the rule of the test")

    server = FakeSoniox(progress=rule).start()
    connect(server=server).create(webhook_url=receiver.url)
    assert called.wait(_DEADLINE_SEC)
    with pytest.raises(FakeSonioxError, match="the rule of the test"):
        server.stop()


@pytest.mark.parametrize("times", [(), (1, 0), (-1,)])
def test_attempts_need_times_in_order(times):
    with pytest.raises(ValueError, match="ascending"):
        FakeSoniox(webhook_attempts_sec=times)


def test_a_timeout_must_be_above_0():
    with pytest.raises(ValueError, match="above 0"):
        FakeSoniox(webhook_timeout_sec=0)


def test_a_job_without_a_webhook_starts_no_thread(fake, client):
    client.create()
    assert [thread for thread in threading.enumerate() if thread.name == "fake-soniox-webhooks"] == []


def test_many_webhooks_in_real_time(receiver, connect):
    with FakeSoniox(speed=60) as server:
        client: Client = connect(server=server)
        ids = [client.create(webhook_url=receiver.url).json["id"] for _ in range(50)]
        for job_id in ids:
            assert server.wait_for_webhook(job_id).outcome == "delivered"
        assert sorted(receiver.ids()) == sorted(ids)


def test_a_receiver_is_told_once_however_many_ask_for_the_job(clock, receiver, connect):
    with FakeSoniox(clock=clock, progress=after_seconds(processing=1)) as server:
        job = connect(server=server).create(webhook_url=receiver.url).json
        path = f"/v1/transcriptions/{job['id']}"
        clients = [connect(server=server) for _ in range(8)]
        threads = [threading.Thread(target=lambda c=c: [c("GET", path) for _ in range(10)]) for c in clients]
        for thread in threads:
            thread.start()
        clock.advance(1)
        for thread in threads:
            thread.join()
        clock.advance(100)
        assert receiver.ids() == [job["id"]]


def test_each_fake_sends_only_its_own(receiver, connect):
    with FakeSoniox() as one, FakeSoniox() as other:
        job = connect(server=one).create(webhook_url=receiver.url).json
        assert one.wait_for_webhook(job["id"]).outcome == "delivered"
        assert other.webhooks == ()
        assert receiver.ids() == [job["id"]]
