"""The WebSocket API.

``connection`` drives one WebSocket and is independent of the API. ``stt_session`` and ``tts_session`` decide what is
sent and do no I/O; ``session`` is their common base. ``front/endpoint`` connects them.
"""
