"""The fixture ``webhook_receiver``."""

from __future__ import annotations

import http.client
import json
import os
import socket
import struct
import threading
from urllib.parse import urlsplit

import pytest

from soniox_testing import FakeSoniox, WebhookReceiver

_EVENT = {"id": "a", "status": "completed"}


def _call(receiver, body, headers=None, method="POST"):
    address = urlsplit(receiver.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    try:
        connection.request(method, address.path, body, headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_job_ends_with_a_webhook_that_the_client_verifies(fake_soniox, soniox_client, webhook_receiver):
    job = soniox_client.stt.create(audio_url="https://example.com/a.mp3", config=webhook_receiver.config)
    (webhook,) = webhook_receiver.wait_for(1)
    assert (webhook.id, webhook.status, webhook.answered, webhook.path) == (job.id, "completed", 200, "/webhook")
    assert soniox_client.webhooks.unwrap(webhook.body, webhook.headers).id == job.id
    assert fake_soniox.wait_for_webhook(job.id).outcome == "delivered"


def test_a_client_asks_for_it_with_the_secret_of_the_environment(fake_soniox, webhook_receiver, soniox_client):
    job = soniox_client.stt.transcribe_file_with_webhook(file=b"ID3", webhook_url=f"{webhook_receiver.url}?a=1")
    (webhook,) = webhook_receiver.wait_for()
    assert (webhook.id, webhook.path) == (job.id, "/webhook?a=1")


def test_an_attempt_that_it_refuses_is_repeated_on_the_clock(fake_soniox, soniox_client, webhook_receiver):
    webhook_receiver.answer_with(503, 404)
    soniox_client.stt.create(audio_url="https://example.com/a.mp3", config=webhook_receiver.config)
    webhook_receiver.wait_for(1)
    fake_soniox.clock.advance(1)
    fake_soniox.clock.advance(4)
    assert [webhook.answered for webhook in webhook_receiver.received] == [503, 404, 200]


@pytest.mark.parametrize(
    ("secret", "body", "status"),
    [
        (None, json.dumps(_EVENT), 401),
        ("wrong", json.dumps(_EVENT), 401),
        ("wröng", json.dumps(_EVENT), 401),
        ("right", "{", 400),
        ("right", json.dumps({"id": 1, "status": "completed"}), 400),
    ],
)
def test_what_is_not_verified_is_rejected(webhook_receiver, secret, body, status):
    value = webhook_receiver.secret if secret == "right" else secret
    headers = {} if value is None else {webhook_receiver.header: value.encode("latin-1")}
    assert _call(webhook_receiver, body, headers) == status
    assert webhook_receiver.received == ()
    (rejected,) = webhook_receiver.rejected
    assert (rejected.body, rejected.answered) == (body.encode(), status)
    with pytest.raises(TimeoutError, match=rf"0 of 1 webhooks came .*none; rejected: .*answered={status}") as failure:
        webhook_receiver.wait_for(1, timeout_sec=0)
    assert webhook_receiver.secret not in str(failure.value)


def test_other_requests_are_refused(webhook_receiver):
    assert _call(webhook_receiver, None, method="GET") == 501
    assert _call(webhook_receiver, b"x" * 70_000) == 413
    with pytest.raises(ValueError, match="200 to 599"):
        webhook_receiver.answer_with(99)
    with pytest.raises(RuntimeError, match="not started"):
        WebhookReceiver().config["webhook_url"]
    with pytest.raises(ValueError, match="not '500'"):
        webhook_receiver.answer_with("500")


def test_it_leaves_no_thread_and_no_port(fake_soniox):
    with WebhookReceiver() as receiver:
        address = urlsplit(receiver.url)
        assert _call(receiver, json.dumps(_EVENT), {receiver.header: receiver.secret}) == 200
    receiver.stop()
    assert [webhook.id for webhook in receiver.wait_for(1)] == ["a"]
    assert [thread for thread in threading.enumerate() if thread.name == "webhook-receiver"] == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=60)


def test_a_job_waits_for_it_from_another_fake_too(webhook_receiver):
    with FakeSoniox(speed=50) as fake:
        connection = http.client.HTTPConnection(urlsplit(fake.url).netloc, timeout=60)
        job = {"model": "stt-async-v5", "audio_url": "https://example.com/a.mp3", **webhook_receiver.config}
        headers = {"Authorization": "Bearer k", "Content-Type": "application/json"}
        connection.request("POST", "/v1/transcriptions", json.dumps(job), headers)
        job_id = json.loads(connection.getresponse().read())["id"]
        connection.close()
        assert webhook_receiver.wait_for(1)[0].id == job_id


@pytest.mark.skipif(os.name == "nt", reason="Windows may not tell a waiting thread that its socket takes no more")
def test_half_a_call_ends_with_the_receiver():
    with WebhookReceiver() as receiver:
        address = urlsplit(receiver.url)
        half = socket.create_connection((address.hostname, address.port), timeout=60)
        half.sendall(b"POST /webhook HTTP/1.1\r\nContent-Length: 50\r\n\r\n{")
        _call(receiver, "{}")  # It was accepted after the other one.
    with half, half.makefile("rb") as answer:
        assert answer.read().startswith(b"HTTP/1.0 401")
    assert [call.body for call in receiver.rejected] == [b"{}", b"{"]
    assert not [thread for thread in threading.enumerate() if "process_request" in thread.name]


def test_a_sender_that_leaves_prints_nothing(capfd):
    with WebhookReceiver() as receiver:
        address = urlsplit(receiver.url)
        with socket.create_connection((address.hostname, address.port), timeout=60) as sender:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sender.sendall(b"POST /webhook HTTP/1.1\r\nContent-Length: 50\r\n\r\n{")
            _call(receiver, "{}")
    assert capfd.readouterr() == ("", "")
