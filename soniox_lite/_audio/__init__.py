"""Audio: chunks, pacing, WAV, background senders."""
