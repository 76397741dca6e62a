"""A WebSocket over threads or an event loop (RFC 6455)."""
