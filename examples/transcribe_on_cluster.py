"""Transcribes many recordings on a Dask cluster: ``python examples/transcribe_on_cluster.py SCHEDULER FILE...``.

``SCHEDULER`` is its address, such as ``tcp://10.0.0.1:8786``, or ``local`` for two processes on this machine. The files
must have the same paths on all machines. It needs ``distributed`` there and here, and ``SONIOX_API_KEY`` here.
"""

from __future__ import annotations

import sys

from distributed import Client

from soniox_lite import SonioxClient, SonioxError


def main(scheduler: str, paths: list[str]) -> int:
    cluster = Client(n_workers=2, dashboard_address=None) if scheduler == "local" else Client(scheduler)
    failures = 0
    with cluster:
        try:
            with SonioxClient() as client:
                results = client.stt.transcribe_many(paths, concurrency=64, executor=cluster.get_executor())
                for result in results:
                    failures += result.error is not None
                    print(f"{result.source}: {result.error or (result.transcript and result.transcript.text)}")
        except SonioxError as error:
            print(error, file=sys.stderr)
            return 1
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
