"""Pipelines of Pipecat."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from checks import WEBSOCKET_URL, Checks
from pipecat.frames.frames import (
    EndFrame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.soniox.stt import SonioxSTTService
from pipecat.services.soniox.tts import SonioxTTSService

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_SEC = 30


class Sink(FrameProcessor):
    """The end of a pipeline, which is done once it has seen some frames."""

    def __init__(self, is_done: Callable[[list[Any]], bool]) -> None:
        super().__init__()
        self.done = asyncio.Event()
        self._frames: list[Any] = []
        self._is_done = is_done

    async def process_frame(self, frame: Any, direction: Any) -> None:
        await super().process_frame(frame, direction)
        self._frames.append(frame)
        if self._is_done(self._frames):
            self.done.set()
        await self.push_frame(frame, direction)


async def run(service: Any, frames: list[Any], is_done: Callable[[list[Any]], bool]) -> None:
    """Sends frames to a service until its output is complete."""
    sink = Sink(is_done)
    parameters = PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000)
    task = PipelineTask(Pipeline([service, sink]), params=parameters, cancel_on_idle_timeout=False)
    running = asyncio.create_task(PipelineRunner(handle_sigint=False).run(task))
    await task.queue_frames(frames)
    try:
        await asyncio.wait_for(sink.done.wait(), _LONGEST_SEC)
    finally:
        await task.queue_frame(EndFrame())
        await asyncio.wait_for(running, _LONGEST_SEC)


async def recognition() -> None:
    def is_done(frames: list[Any]) -> bool:
        kinds = {type(frame) for frame in frames}
        return {TranscriptionFrame, InterimTranscriptionFrame} <= kinds

    audio = [InputAudioRawFrame(bytes(3200), 16_000, 1) for _ in range(100)]
    service = SonioxSTTService(api_key="key", url=f"{WEBSOCKET_URL}/transcribe-websocket")
    await run(service, [*audio, VADUserStoppedSpeakingFrame()], is_done)


async def speech() -> None:
    def is_done(frames: list[Any]) -> bool:
        has_audio = any(isinstance(frame, TTSAudioRawFrame) for frame in frames)
        return has_audio and any(isinstance(frame, TTSStoppedFrame) for frame in frames)

    service = SonioxTTSService(api_key="key", url=f"{WEBSOCKET_URL}/tts-websocket")
    await run(service, [TTSSpeakFrame("Hello there, this is a sentence.")], is_done)


results = Checks()
asyncio.run(results.run(recognition, speech))
results.exit()
