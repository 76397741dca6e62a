"""Connections for REST and realtime: name resolution, TCP, proxies, TLS. Knows no REST requests and no WebSockets."""
