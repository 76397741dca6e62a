"""Audio at the pace of its recording."""

from __future__ import annotations

from .._data.clock import time
from .chunks import check_numbers, stream_audio, stream_audio_async

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from .chunks import AsyncAudioInput, AudioInput


def throttle_audio(
    file: AudioInput, *, chunk_size_bytes: int = 4096, delay_seconds: float = 0.0
) -> Generator[bytes, None, None]:
    """Audio in chunks at a fixed rate: chunk ``k`` is released ``k * delay_seconds`` after the first was requested.

    The schedule does not depend on the time that the consumer takes, so an hour of audio takes an hour. A late consumer
    gets the chunks that are due at once, and delays again as soon as it has caught up. For the pace of the recording,
    use ``chunk_size_bytes / bytes_per_second`` (see :class:`WavFormat`).

    Args:
        file: Path, bytes-like, binary file object, or iterable of bytes-like, such as :func:`stream_audio` gives.
        chunk_size_bytes: Length of a chunk, 1 byte to 1 GiB.
        delay_seconds: Time between two chunks, at most a day; 0 for no delay.

    Raises:
        SonioxValidationError: An argument is not valid. With the first chunk or later: the file cannot be opened or
            read, or it returns something other than bytes.
    """
    check_numbers(chunk_size_bytes, delay_seconds)
    return _paced(stream_audio(file, chunk_size_bytes=chunk_size_bytes), delay_seconds)


def throttle_audio_async(
    file: AsyncAudioInput, *, chunk_size_bytes: int = 32768, delay_seconds: float = 0.0
) -> AsyncGenerator[bytes, None]:
    """As :func:`throttle_audio`, for asyncio.

    Args:
        file: Path, bytes-like, binary file object, also with a coroutine function ``read``, or iterable of bytes-like,
            also an async one, such as :func:`stream_audio_async` gives.
        chunk_size_bytes: Length of a chunk. The default differs from the sync function's, as in the official SDK.
        delay_seconds: Time between two chunks, at most a day; 0 for no delay.

    Raises:
        SonioxValidationError: An argument is not valid. With the first chunk or later: the file cannot be opened or
            read, or it returns something other than bytes.
    """
    check_numbers(chunk_size_bytes, delay_seconds)
    return _paced_async(stream_audio_async(file, chunk_size_bytes=chunk_size_bytes), delay_seconds)


def _paced(chunks: Generator[bytes, None, None], delay_seconds: float) -> Generator[bytes, None, None]:
    """Delays by absolute times, so that errors of single sleeps do not add up."""
    try:
        start = time.monotonic()
        for number, chunk in enumerate(chunks):
            remaining = start + number * delay_seconds - time.monotonic()
            if remaining > 0:
                time.sleep(remaining)
            yield chunk
    finally:
        chunks.close()


async def _paced_async(chunks: AsyncGenerator[bytes, None], delay_seconds: float) -> AsyncGenerator[bytes, None]:
    from .._data.loop_timers import sleep  # noqa: PLC0415 - it imports asyncio, which the sync client does not need

    try:
        start = time.monotonic()
        number = 0
        async for chunk in chunks:
            remaining = start + number * delay_seconds - time.monotonic()
            if remaining > 0:
                await sleep(remaining)
            yield chunk
            number += 1
    finally:
        await chunks.aclose()
