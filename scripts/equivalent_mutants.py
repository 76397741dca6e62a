"""Mutants that no test can notice, since they change nothing that can be seen, each with the reason."""

EQUIVALENT = {
    (
        "soniox_lite/realtime/_tts_protocol.py TtsProtocol.observe: "
        'self.audio_bytes += len(audio) // 4 * 3 - audio.count("=", -2): constant: 2 -> 3'
    ): "Base64 ends with two equals signs at most.",
    (
        "soniox_lite/_audio/samples.py level_meter: width = sample_bytes(audio_format) or 1: constant: 1 -> 2"
    ): "It has the bytes of every raw format, and gets no other; the rest is for type checkers.",
    (
        "soniox_lite/_websocket/nonblocking.py module: _READ_SIZE = 64 * 1024: constant: 64 -> 65"
    ): "How much is read at once does not change what is received.",
    (
        "soniox_testing/wire/positions.py PositionCode._runs: elif first is None and last is None and not any("
        "data[begin * self.frame_bytes : end * self.frame_bytes]):: comparison: first is None -> first is not None"
    ): "Digital silence has no position. It is then halved down to its last frames, which gives the same run.",
    (
        "soniox_testing/script/fault_list.py Fault.applies: if self.probability < 1 and self._random.random() >= "
        "self.probability:: comparison: self.probability < 1 -> self.probability <= 1"
    ): "A random number is always less than 1, and each fault draws its own.",
    (
        "soniox_testing/script/recordings.py Recording.conversation: pauses = dice.random() < 0.15: "
        "comparison: dice.random() < 0.15 -> dice.random() <= 0.15"
    ): "0.15 has more binary places than a random number.",
}
