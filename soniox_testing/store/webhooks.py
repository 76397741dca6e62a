"""Webhooks: completes jobs that have one without polling, and delivers the notification.

One thread sends all webhooks, one after the other, in the order in which their jobs ended. The first job with a webhook
starts it; it waits on the fake's clock, and is joined when the fake stops.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import selectors
import socket
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from ..script.names import texts_of
from ..script.records import WebhookAttempt, WebhookDelivery
from ..unfrozen import time
from ..wire.bodies import MASK
from ..wire.loopback import is_loopback
from ..wire.targets import target_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..script.records import Outcome
    from .jobs import Job
    from .state import State

_LOOK_SEC = 0.25
_MAX_LOOKS = 1000
_MIN_WAIT_SEC = 0.01


@dataclass(frozen=True)
class WebhookRules:
    """The allowed receivers of webhooks, and the schedule of attempts."""

    hosts: frozenset[str] = frozenset()
    """The hosts they may go to besides those of this machine; ``*``: anywhere."""
    attempts_sec: tuple[float, ...] = (0.0, 1.0, 5.0, 30.0)
    """Seconds on the fake's clock from the end of a job to each attempt, as long as none succeeds."""
    timeout_sec: float = 5.0
    """Real seconds that connecting, and each wait for the answer, may take."""

    @classmethod
    def of(cls, hosts: Collection[str] | None, attempts_sec: Sequence[float], timeout_sec: float) -> WebhookRules:
        """The rules with these settings.

        Raises:
            ValueError: There is no attempt, the times are not in ascending order, or the timeout is not above 0.
        """
        times_sec = tuple(attempts_sec)
        in_order = all(one <= other for one, other in zip((0.0, *times_sec), times_sec, strict=False))
        if not times_sec or not in_order:
            raise ValueError(f"webhook attempts need times in ascending order, not {times_sec}")
        if not timeout_sec > 0:
            raise ValueError(f"the timeout of webhooks must be above 0, not {timeout_sec}")
        names = texts_of("allow_webhooks_to", hosts or ())
        return cls(frozenset(name.lower() for name in names), times_sec, timeout_sec)

    def refusal(self, url: str) -> str | None:
        """Why a URL may not receive webhooks; None when it may."""
        try:
            host = urlsplit(url).hostname or ""
        except ValueError as error:
            return f"not an address: {error}"
        if "*" in self.hosts or host in self.hosts or is_loopback(host):
            return None
        return f"{host!r} is not on this machine; allow it with FakeSoniox(allow_webhooks_to=[{host!r}])"


@dataclass
class _Watched:
    """A running job with a webhook."""

    job: Job
    looked_sec: float


@dataclass
class _Delivery:
    """The delivery of a webhook."""

    job: Job
    record: WebhookDelivery
    from_sec: float
    """On the fake's clock: the start of the schedule."""


class Webhooks:
    """The webhooks of one fake. May be used from any thread; the lock of the state guards everything."""

    def __init__(self, state: State, rules: WebhookRules) -> None:
        self._state = state
        self._rules = rules
        self._turns = threading.Condition(state.lock)
        self._watched: list[_Watched] = []
        self._deliveries: list[_Delivery] = []
        self._started = False
        self._thread: threading.Thread | None = None
        """The running worker; a worker that is not this one ends."""
        self._socket: socket.socket | None = None
        """Of the current attempt."""
        self._asked = 0
        self._answered = 0
        self._following = contextlib.ExitStack()

    def start(self) -> None:
        """Starts, or resumes after ``stop``."""
        with self._turns:
            self._started = True
            if self._watched or self._pending():
                self._wake()

    def stop(self) -> list[threading.Thread]:
        """Stops the worker. Nothing is sent from now on; the current attempt is aborted.

        Returns:
            The worker, if it runs; it ends by itself.
        """
        with self._turns:
            self._started = False
            thread, self._thread = self._thread, None
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # Not SSLSocket.shutdown: it also drops the TLS state that the read of the worker uses.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            self._turns.notify_all()
        self._following.close()
        return [] if thread is None or thread is threading.current_thread() else [thread]

    def job_created(self, job: Job) -> None:
        """Watches a new job that has a webhook, so that it ends without requests from the client."""
        if job.record.webhook_url is not None and job.record.status in {"queued", "processing"}:
            with self._turns:
                self._watched.append(_Watched(job, self._state.clock.now_sec()))
                self._wake()

    def job_ended(self, job: Job, at_sec: float) -> None:
        """Sends the webhook of a job that ended at a moment of the fake's clock, if it has one."""
        with self._turns:
            self.job_deleted(job)
            if job.record.webhook_url is not None:
                self._add(self._delivery(job, job.record.webhook_url, at_sec))
                self._wake()

    def job_deleted(self, job: Job) -> None:
        """Stops watching a job. If it has ended already, its webhook is still sent."""
        with self._turns:
            self._watched = [watched for watched in self._watched if watched.job is not job]

    def records(self) -> tuple[WebhookDelivery, ...]:
        """All webhooks, in the order in which their jobs ended."""
        with self._turns:
            return tuple(delivery.record for delivery in self._deliveries)

    def send_again(self, transcription_id: str) -> WebhookDelivery:
        """Sends one more webhook of a job; returns after the first attempt."""
        with self._turns:
            if not self._started:
                raise RuntimeError("a FakeSoniox that does not run sends no webhooks")
            known = (*self._state.projects.jobs(), *(delivery.job for delivery in self._deliveries))
            job = next((job for job in known if job.record.id == transcription_id), None)
            if job is None:
                raise KeyError(f"there is no transcription {transcription_id!r}")
            record = self._state.projects.advance(job)
            if record.webhook_url is None or record.status not in {"completed", "error"}:
                what = "has no webhook_url" if record.webhook_url is None else f"is still {record.status}"
                raise ValueError(f"the transcription {transcription_id} {what}: there is no webhook to repeat")
            delivery = self._delivery(job, record.webhook_url, self._state.clock.now_sec())
            self._add(delivery)
            self._wake()
        self.settle()
        with self._turns:
            return delivery.record

    def wait_for(self, transcription_id: str, timeout_sec: float) -> WebhookDelivery:
        """The last webhook of a job, once it needs no further attempt."""

        def found() -> WebhookDelivery | None:
            of_job = [record for record in self.records() if record.transcription_id == transcription_id]
            return of_job[-1] if of_job and of_job[-1].outcome != "pending" else None

        with self._turns:
            record = self._turns.wait_for(found, timeout_sec)
            if record is None:
                sent = [record for record in self.records() if record.transcription_id == transcription_id]
                raise TimeoutError(
                    f"after {timeout_sec:g} s there is no finished webhook for the transcription {transcription_id}; "
                    f"so far: {sent[-1] if sent else 'none'}"
                )
            return record

    def settle(self) -> None:
        """Returns when every due attempt was made; for other threads."""
        with self._turns:
            thread = self._thread
            if thread is None or thread is threading.current_thread():
                return
            self._asked += 1
            turn = self._asked
            self._turns.notify_all()
            # Without a timeout: each attempt has one.
            self._turns.wait_for(lambda: self._thread is not thread or self._answered >= turn)

    def _delivery(self, job: Job, url: str, from_sec: float) -> _Delivery:
        name, value = job.record.webhook_auth_header_name, job.record.webhook_auth_header_value
        headers = {"Content-Type": "application/json"}
        if name is not None and value is not None:
            headers[name] = MASK
        status: Literal["completed", "error"] = "error" if job.record.status == "error" else "completed"
        record = WebhookDelivery(url, job.record.id, status, headers, (), "pending")
        return _Delivery(job, record, from_sec)

    def _add(self, delivery: _Delivery) -> None:
        """Adds a delivery; the oldest that are done are forgotten."""
        surplus = len(self._deliveries) + 1 - self._state.keep.records
        if surplus > 0:
            done = [known for known in self._deliveries if known.record.outcome != "pending"][:surplus]
            self._deliveries = [known for known in self._deliveries if known not in done]
        self._deliveries.append(delivery)

    def _pending(self) -> list[_Delivery]:
        return [delivery for delivery in self._deliveries if delivery.record.outcome == "pending"]

    def _due_sec(self, delivery: _Delivery) -> float:
        return delivery.from_sec + self._rules.attempts_sec[len(delivery.record.attempts)]

    def _wake(self) -> None:
        """Wakes the worker, or starts it; hold the lock."""
        if not self._started:
            return
        if self._thread is None:
            # Not in the worker: a clock that is moved right after this call must wait for it already.
            self._following.enter_context(self._state.clock.followed_by(self))
            self._thread = threading.Thread(target=self._run, name="fake-soniox-webhooks", daemon=True)
            self._thread.start()
        self._turns.notify_all()

    def _run(self) -> None:
        me = threading.current_thread()
        with self._turns:
            try:
                while self._thread is me:
                    turn = self._asked
                    self._advance_jobs()
                    now_sec = self._state.clock.now_sec()
                    pending = sorted(self._pending(), key=self._due_sec)
                    if pending and self._due_sec(pending[0]) <= now_sec:
                        self._attempt(pending[0])
                        self._turns.notify_all()
                        continue
                    self._answered = turn
                    self._turns.notify_all()
                    if self._asked == turn:
                        self._wait(pending, now_sec)
            except BaseException as failure:  # noqa: BLE001 - an exception of a thread would be lost
                self._state.remember_failure(failure, "sending webhooks")
            finally:
                if self._thread is me:
                    self._thread = None
                self._turns.notify_all()

    def _wait(self, pending: list[_Delivery], now_sec: float) -> None:
        """Waits until the first delivery is due, or something else is asked for."""
        # A progress rule may change its answer at any time: poll it.
        due = now_sec if self._watched else self._due_sec(pending[0]) if pending else None
        wait_sec = self._state.clock.wait_sec(due)
        self._turns.wait(None if wait_sec is None else max(wait_sec, _MIN_WAIT_SEC))

    def _advance_jobs(self) -> None:
        """Brings the watched jobs up to date; one that ends calls ``job_ended``."""
        now_sec = self._state.clock.now_sec()
        for watched in tuple(self._watched):
            # Follows a clock that jumped in small steps: the schedule starts at the moment the job ended.
            passed_sec = now_sec - watched.looked_sec
            step_sec = max(_LOOK_SEC, passed_sec / _MAX_LOOKS)
            try:
                for _ in range(int(passed_sec / step_sec)):
                    watched.looked_sec += step_sec
                    if self._state.projects.look(watched.job, watched.looked_sec).status in {"completed", "error"}:
                        break
                self._state.projects.advance(watched.job)
            except Exception as failure:  # noqa: BLE001 - from the test's progress rule; raised when the fake stops
                self._state.remember_failure(failure, f"moving the transcription {watched.job.record.id} on")
                self.job_deleted(watched.job)

    def _attempt(self, delivery: _Delivery) -> None:
        """Makes one attempt. Releases the lock while it waits for the receiver."""
        record = delivery.record
        at = self._state.clock.timestamp()
        refused = self._rules.refusal(record.url)
        if refused is not None:
            attempt = WebhookAttempt(at, None, refused, made=False)
            delivery.record = replace(record, attempts=(*record.attempts, attempt), outcome="refused")
            return
        job = delivery.job.record
        headers: dict[str, str | bytes] = dict(record.headers)
        if job.webhook_auth_header_name is not None and job.webhook_auth_header_value is not None:
            headers[job.webhook_auth_header_name] = job.webhook_auth_header_value.encode("utf-8", "surrogatepass")
        body = json.dumps({"id": record.transcription_id, "status": record.status}, separators=(",", ":")).encode()
        status: int | None = None
        error: str | None = None
        self._state.lock.release()
        try:
            status = self._post(record.url, headers, body)
        except (OSError, http.client.HTTPException, ValueError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        finally:
            self._state.lock.acquire()
            self._socket = None
        if self._thread is not threading.current_thread():
            status, error = None, "broken off: the server was stopped"
        attempts = (*record.attempts, WebhookAttempt(at, status, error, made=True))
        if status is not None:
            delivery.job.record = replace(delivery.job.record, webhook_status_code=status)
        done = status is not None and 200 <= status < 300
        last = len(attempts) == len(self._rules.attempts_sec)
        outcome: Outcome = "delivered" if done else "failed" if last else "pending"
        delivery.record = replace(record, attempts=attempts, outcome=outcome)

    def _post(self, url: str, headers: Mapping[str, str | bytes], body: bytes) -> int:
        """Sends one request and returns the status of its response. No proxies, no redirects."""
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme.lower() == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self._rules.timeout_sec)
        with contextlib.closing(connection):
            connection.connect()
            with self._turns:
                if self._thread is not threading.current_thread():
                    raise ConnectionAbortedError
                self._socket = connection.sock
            connection.request("POST", target_of(parts), body, headers)
            self._wait_for_answer(connection.sock)
            return connection.getresponse().status

    def _wait_for_answer(self, connection: socket.socket) -> None:
        """Returns when the response begins to arrive.

        Waits in steps: not on every platform does shutting a socket down wake a thread in ``recv``.
        """
        deadline_sec = time.monotonic() + self._rules.timeout_sec
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            while not selector.select(_MIN_WAIT_SEC):
                if self._thread is not threading.current_thread():
                    raise ConnectionAbortedError
                if time.monotonic() >= deadline_sec:
                    raise TimeoutError("timed out")
