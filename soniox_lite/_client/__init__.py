"""The clients. ``async_client`` is the source, ``client`` its generated sync twin."""
