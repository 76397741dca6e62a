"""Tapes: conversations of a client and the service, recorded and played."""
