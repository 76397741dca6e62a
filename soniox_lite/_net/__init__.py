"""Connections for REST and realtime: name resolution, TCP, proxies, TLS. Independent of REST and WebSockets."""
