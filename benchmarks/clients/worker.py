"""A process that measures one client: ours, official or floor.

    python worker.py CLIENT PORTS

Each line of standard input is a workload with its arguments, as JSON. For each, it prints a line of figures or the
error.
"""

from __future__ import annotations

import json
import resource
import sys

# More than any client needs, less than the machine has; the stacks of threads count in full.
MEMORY_LIMIT = 16 << 30


def main() -> None:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    ports = json.loads(sys.argv[2])
    if sys.argv[1] == "floor":
        from floor import Floor as Client  # noqa: PLC0415 - each process imports one client
    elif sys.argv[1] == "ours":
        from ours import Ours as Client  # noqa: PLC0415 - as above
    else:
        from official import Official as Client  # noqa: PLC0415 - as above
    client = Client(ports)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        arguments = json.loads(line)
        try:
            answer = getattr(client, arguments.pop("workload"))(**arguments)
        except Exception as error:  # noqa: BLE001 - reported to the runner
            answer = {"failed": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
