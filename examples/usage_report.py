"""Prints the cost of each customer in the last days: ``SONIOX_API_KEY=... python examples/usage_report.py [DAYS]``.

Customers are told apart by the ``client_reference_id`` of your requests. Logs cover at most 31 days at once;
``client.usage.summary`` and ``soniox-lite usage`` cover a year, by model and day. Runs of ``soniox-lite transcribe``
without ``--client-reference-id`` have generated references and are printed as one line.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from soniox_lite import SonioxClient, SonioxError

MADE_UP = re.compile(r"soniox-lite-[0-9a-f]{24}$")


def main(days: int = 7) -> int:
    now = datetime.now(timezone.utc)
    costs: defaultdict[str, Decimal] = defaultdict(Decimal)
    requests: Counter[str] = Counter()
    try:
        with SonioxClient() as client:
            for entry in client.usage_logs.list_all(now - timedelta(days=days), now):
                customer = MADE_UP.sub("soniox-lite (its command line)", entry.client_reference_id)
                costs[customer] += entry.cost
                requests[customer] += 1
            streams = client.concurrency_limits.get().project
    except SonioxError as error:
        print(error, file=sys.stderr)
        return 1
    for customer, cost in sorted(costs.items(), key=lambda item: item[1], reverse=True):
        print(f"{cost:12.6f} USD  {requests[customer]:6} requests  {customer or '-'}")
    print(f"{sum(costs.values()):12.6f} USD  {requests.total():6} requests in all")
    limit = streams.limits.transcribe_concurrent
    print(f"Sessions now: {streams.current.transcribe_concurrent}, limit: {'none' if limit is None else limit}.")
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 2 or not all(argument.isdecimal() for argument in sys.argv[1:]):
        sys.exit(__doc__)
    sys.exit(main(*map(int, sys.argv[1:])))
