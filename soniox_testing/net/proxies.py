"""Environment variables that keep clients of a fake from using a proxy."""

from __future__ import annotations

import os
import re
from urllib.request import getproxies


def are_set() -> bool:
    """Whether the environment or the system's settings name a proxy."""
    return any(kind != "no" for kind in getproxies())


def past_proxies(host: str) -> dict[str, str]:
    """``NO_PROXY`` and ``no_proxy`` as they are, with one more host.

    Programs read one spelling or the other, so both have the same value.
    """
    listed = " ".join(os.environ.get(name, "") for name in ("no_proxy", "NO_PROXY"))
    hosts = dict.fromkeys([*filter(None, re.split(r"[,\s]+", listed)), host])
    # The star stands for all hosts only where it stands alone.
    value = "*" if "*" in hosts else ",".join(hosts)
    return {"NO_PROXY": value, "no_proxy": value}
