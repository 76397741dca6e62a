"""The port: sockets, TLS, threads."""
