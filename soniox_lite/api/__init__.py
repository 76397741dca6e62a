"""The namespaces of the REST API, a file each. ``async_*`` are the sources; their sync twins are generated."""
