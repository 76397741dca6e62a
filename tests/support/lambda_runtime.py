"""Functions as Lambda runs them: in its own runtime client, which asks this emulation of the Runtime API for events."""

from __future__ import annotations

import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

PATIENCE_SEC = 60.0
_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:recordings"


class FunctionError(Exception):
    """A function could not be loaded, or raised; the text is what it reported."""


class Function:
    """One instance of a function: a process that is started on entering, and is ended on leaving.

    Args:
        handler: As a template names it, such as ``app.start``.
        code: The folder with the code, which is the process's working directory.
        path: Where to look for packages.
        variables: Of its environment.
        python: The interpreter; it must find ``awslambdaric``.

    Attributes:
        init_sec: How long it took until the function asked for its first event.
        process: The process.
    """

    def __init__(
        self, handler: str, code: Path, path: list[Path], variables: dict[str, str], python: str = sys.executable
    ) -> None:
        self._handler, self._code, self._python = handler, code, python
        self._variables = {"PYTHONPATH": os.pathsep.join(map(str, path)), "PATH": os.environ["PATH"], **variables}
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._idle = threading.Semaphore(0)
        self._one_at_a_time = threading.Lock()
        self.init_sec = 0.0

    def __enter__(self) -> Self:
        self._api = ThreadingHTTPServer(("127.0.0.1", 0), _routes(self))
        self._api.daemon_threads = False
        serving = threading.Thread(target=self._api.serve_forever, args=(0.02,))
        began = time.monotonic()
        self.process = subprocess.Popen(
            [self._python, "-B", "-m", "awslambdaric", self._handler],
            cwd=self._code,
            env={
                **self._variables,
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.server_port}",
                "AWS_LAMBDA_FUNCTION_NAME": "recordings",
                "AWS_LAMBDA_FUNCTION_VERSION": "1",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
                "AWS_REGION": "eu-central-1",
                "LAMBDA_TASK_ROOT": str(self._code),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._threads = [serving, threading.Thread(target=self._watch)]
        for thread in self._threads:
            thread.start()
        try:
            self._wait_idle()
        except BaseException:
            self.__exit__()
            raise
        self.init_sec = time.monotonic() - began
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self._events.put(None)
        self._api.shutdown()
        for thread in self._threads:
            thread.join(PATIENCE_SEC)
        self._api.server_close()

    def invoke(self, event: dict[str, Any]) -> Any:
        """What the function returns for an event.

        Raises:
            FunctionError: What it raised.
        """
        with self._one_at_a_time:
            self._events.put(event)
            kind, body = self._answers.get(timeout=PATIENCE_SEC)
            self._wait_idle()
            if kind != "response":
                raise FunctionError(body.decode())
            return json.loads(body)

    def freeze(self) -> None:
        """Stops the process, as Lambda does between invocations."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets the process go on."""
        self.process.send_signal(signal.SIGCONT)

    def _watch(self) -> None:
        output, _ = self.process.communicate()
        self._answers.put(("end", output))
        self._idle.release()

    def _wait_idle(self) -> None:
        if not self._idle.acquire(timeout=PATIENCE_SEC):
            raise FunctionError("the function does not ask for an event")
        if not self._answers.empty():
            raise FunctionError(self._answers.get()[1].decode())


def _routes(function: Function) -> type[BaseHTTPRequestHandler]:
    numbers = itertools.count()

    class Routes(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # The head and the body of a response leave together.
        wbufsize = -1

        def do_GET(self) -> None:
            function._idle.release()
            event = function._events.get()
            if event is None:
                self.close_connection = True
                return
            body = json.dumps(event).encode()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", f"request-{next(numbers)}")
            self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + PATIENCE_SEC) * 1000)))
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", _ARN)
            self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            function._answers.put((self.path.rpartition("/")[2], body))
            if self.path.endswith("/init/error"):
                function._idle.release()
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    return Routes
