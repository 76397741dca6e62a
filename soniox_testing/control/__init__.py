"""What a test in another language holds in place of the FakeSoniox object: an API over HTTP, and a page to look at."""
