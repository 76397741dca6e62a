"""``python -m soniox_lite``: the command line."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    try:
        from .cli import main

        sys.exit(main())
    except KeyboardInterrupt:
        # Ctrl-C during imports: nothing has been started, so no message is needed.
        sys.exit(130)
