"""Values that go in and out: JSON, times, checks, files."""
