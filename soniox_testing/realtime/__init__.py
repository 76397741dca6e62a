"""The WebSocket side of the API.

``connection`` moves bytes and knows nothing of Soniox; ``stt_session`` decides what is said and does no I/O;
``recognition`` turns audio time and words into token messages. ``endpoint`` puts them together.
"""
