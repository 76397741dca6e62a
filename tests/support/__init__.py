"""What several tests need: servers that behave as badly as a test wants, and one way to drive both clients."""
