"""Runs programs that import the official SDK, one after the other, on it (``official``) or on ours (``ours``).

A line of JSON on the standard input is a program: its path, its folder, and the variables and addresses of a fake.
A line of JSON on the standard output is what it printed, with the error that ended it. Stands alone: neither pytest nor
this project's packages are imported before a program runs on the official SDK.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import runpy
import sys
import warnings

ADDRESSES = ["API_BASE_URL", "WEBSOCKET_BASE_URL", "TTS_API_BASE_URL", "TTS_WEBSOCKET_BASE_URL"]


def set_up(sdk: str, variables: dict[str, str], addresses: list[str]) -> None:
    os.environ.update(variables)
    if sdk == "official":
        client = importlib.import_module("soniox.client")
        for name, address in zip(ADDRESSES, addresses, strict=True):
            # The official SDK takes no address from the environment.
            assert hasattr(client, f"_DEFAULT_{name}")
            setattr(client, f"_DEFAULT_{name}", address)
    else:
        importlib.import_module("soniox_lite.compat").install()


def run(path: str) -> str:
    output = io.StringIO()
    with contextlib.redirect_stdout(output), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sys.argv = [path]
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as error:
            print("exit", error.code)
        except BaseException as error:
            print("ended by", type(error).__name__, error)
    return output.getvalue()


def main() -> None:
    sdk = sys.argv[1]
    answers = sys.stdout
    for line in sys.stdin:
        job = json.loads(line)
        set_up(sdk, job["variables"], job["addresses"])
        os.chdir(job["folder"])
        answers.write(json.dumps(run(job["path"])) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
