"""Audio: chunks, pace, WAV."""
