"""The way to a server, for REST and realtime: TCP, proxies, TLS. Nothing here knows of HTTP requests or WebSockets."""
