"""The way to a fake past the proxies that the environment names."""

from __future__ import annotations

import os
import re
from urllib.request import getproxies


def are_set() -> bool:
    """Whether clients here go through a proxy, by the environment or by the settings of the system."""
    return any(kind != "no" for kind in getproxies())


def past_proxies(host: str) -> dict[str, str]:
    """The environment variables that let clients reach a host without a proxy, and all others as before.

    Programs read one spelling or the other, so both say the same.
    """
    listed = " ".join(os.environ.get(name, "") for name in ("no_proxy", "NO_PROXY"))
    hosts = dict.fromkeys([*filter(None, re.split(r"[,\s]+", listed)), host])
    # The star stands for all hosts only where it stands alone.
    value = "*" if "*" in hosts else ",".join(hosts)
    return {"NO_PROXY": value, "no_proxy": value}
