"""Models, languages, voices."""
