"""The speech-to-text models: names, aliases, languages."""

from __future__ import annotations

from typing import Literal

Mode = Literal["async", "real_time"]

_LANGUAGE_LIST = """
af=Afrikaans sq=Albanian ar=Arabic az=Azerbaijani eu=Basque be=Belarusian bn=Bengali bs=Bosnian bg=Bulgarian
ca=Catalan zh=Chinese hr=Croatian cs=Czech da=Danish nl=Dutch en=English et=Estonian fi=Finnish fr=French
gl=Galician de=German el=Greek gu=Gujarati he=Hebrew hi=Hindi hu=Hungarian id=Indonesian it=Italian
ja=Japanese kn=Kannada kk=Kazakh ko=Korean lv=Latvian lt=Lithuanian mk=Macedonian ms=Malay ml=Malayalam
mr=Marathi no=Norwegian fa=Persian pl=Polish pt=Portuguese pa=Punjabi ro=Romanian ru=Russian sr=Serbian
sk=Slovak sl=Slovenian es=Spanish sw=Swahili sv=Swedish tl=Tagalog ta=Tamil te=Telugu th=Thai tr=Turkish
uk=Ukrainian ur=Urdu vi=Vietnamese cy=Welsh
"""
LANGUAGES = {code: name for code, _, name in (entry.partition("=") for entry in _LANGUAGE_LIST.split())}
"""The 60 languages of speech-to-text: names by code."""

_VERSIONS = ("v5", "v4", "v3", "preview")
MODES: dict[str, Mode] = {
    **{f"stt-rt-{version}": "real_time" for version in _VERSIONS},
    **{f"stt-async-{version}": "async" for version in _VERSIONS},
}
"""Mode of every model name. All but those of v5 are aliases of v5."""


def current_model(mode: Mode) -> str:
    """The model that the aliases of a mode stand for."""
    return "stt-async-v5" if mode == "async" else "stt-rt-v5"
