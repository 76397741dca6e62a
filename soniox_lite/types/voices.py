"""Types of the ``voices`` namespace."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - the decoder looks names up here

from .._data.records import Payload, ServiceObject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._data.rules import FieldErrors
    from .aliases import TtsVoiceAge, TtsVoiceGender, VoiceModelStatus
else:
    # For typing.get_type_hints: values that these names do not list are allowed, too.
    TtsVoiceAge = TtsVoiceGender = VoiceModelStatus = str


class VoiceModel(ServiceObject):
    """Whether a voice can be used with a model.

    Attributes:
        model: The model's id.
        status: ``not_computed`` (not prepared: it is newer than the voice), ``processing``, ``ready`` or ``failed``.
        error_type: Why it failed, machine-readable; None unless ``status`` is ``failed``.
        error_message: The same in words.
    """

    model: str
    status: VoiceModelStatus
    error_type: str | None = None
    error_message: str | None = None


class Voice(ServiceObject):
    """A voice of your own, made from a clip.

    Attributes:
        id: UUID; what text-to-speech takes as ``voice``.
        name: Unique in the project.
        filename: Name that the clip was uploaded under.
        created_at: In UTC.
        models: How far it is prepared, for each model.
    """

    id: str
    name: str
    filename: str
    created_at: datetime
    models: list[VoiceModel]


class GetVoicesResponse(ServiceObject):
    """One page of voices.

    Attributes:
        voices: Up to ``limit`` voices, in the service's order.
        next_page_cursor: What the next call takes as ``cursor``; None on the last page.
    """

    voices: list[Voice]
    next_page_cursor: str | None = None


class GetVoicesCountResponse(ServiceObject):
    """How many voices the project holds.

    Attributes:
        total: All of them.
    """

    total: int


class TtsVoiceDetails(ServiceObject):
    """A voice that the service shares with all its users.

    Attributes:
        id: What text-to-speech takes as ``voice``.
        description: Description in English, to show to people.
        gender: ``male``, ``female`` or ``neutral``.
        age: ``young``, ``middle_aged`` or ``old``.
        accent: Such as ``british``.
        use_case: Such as ``narration``.
        style: Such as ``calm``.
    """

    id: str
    description: str
    gender: TtsVoiceGender
    age: TtsVoiceAge
    accent: str
    use_case: list[str]
    style: list[str]


TTSVoiceDetails = TtsVoiceDetails


class GetSharedVoicesResponse(ServiceObject):
    """One page of shared voices.

    Attributes:
        voices: Up to ``limit`` voices, in the service's order.
        next_page_cursor: What the next call takes as ``cursor``, with the same filters; None on the last page.
    """

    voices: list[TtsVoiceDetails]
    next_page_cursor: str | None = None


class GetVoicesPayload(Payload):
    """Parameters of a page of voices.

    Attributes:
        limit: Voices on the page, 1 to 1000.
        cursor: ``next_page_cursor`` of the page before; None for the first.
    """

    limit: int = 1000
    cursor: str | None = None

    def _check(self, check: FieldErrors) -> None:
        check.page(self.limit, self.cursor)


class RecomputeVoicePayload(Payload):
    """Which models a voice is to be prepared for.

    Attributes:
        model: A model's id; None for all models that it is not ready for.
    """

    model: str | None = None

    def _check(self, check: FieldErrors) -> None:
        check.text("model", self.model, min_length=1)


class GetSharedVoicesPayload(Payload):
    """Parameters of a page of shared voices. Only voices that match all that is given are on it.

    Attributes:
        model: A model's id, at most 64 characters.
        gender: ``male``, ``female`` or ``neutral``; None for all.
        age: ``young``, ``middle_aged`` or ``old``; None for all.
        accent: At most 40 characters; None for all.
        use_case: At most 10 of at most 40 characters, which the voice must have all; None for all voices.
        style: As ``use_case``.
        limit: Voices on the page, 1 to 200.
        cursor: ``next_page_cursor`` of the page before; None for the first.
    """

    model: str
    gender: TtsVoiceGender | None = None
    age: TtsVoiceAge | None = None
    accent: str | None = None
    use_case: list[str] | None = None
    style: list[str] | None = None
    limit: int = 100
    cursor: str | None = None

    def _check(self, check: FieldErrors) -> None:
        if check.required("model", self.model):
            check.text("model", self.model, min_length=1, max_length=64)
        check.choice("gender", self.gender, ("male", "female", "neutral"))
        check.choice("age", self.age, ("young", "middle_aged", "old"))
        check.text("accent", self.accent, max_length=40)
        for field, values in (("use_case", self.use_case), ("style", self.style)):
            for path, value in check.items(field, values, max_items=10):
                check.text(path, value, max_length=40)
        check.page(self.limit, self.cursor, maximum=200)
