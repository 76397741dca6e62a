"""What the fake remembers."""
