"""How a broken session can go on, judged by a model: which ways lose, double or mangle words.

    python benchmarks/joins.py [breaks]

Two connections hear the same conversation. The second one hears it a little differently: jitter of times, other words,
other pieces of words, and a wrong first word where it starts within speech. Each break is a conversation of its own,
made from a seed. The amounts of noise are assumed, not measured on the service: the table ranks ways of going on, and
promises no figures. The last line of each part is what `resume=True` does, with its own code.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from soniox_lite.realtime._cut import Delivered, can_splice, choose_start, splice
from soniox_lite.realtime._words import WholeWords
from soniox_lite.types.common import Token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RARE = [f"{a}{b}{c}" for a in "bdfgklm" for b in "aeiou" for c in ("rn", "st", "ll")]
FREQUENT = ["yeah", "no", "the", "and"]


@dataclass(frozen=True)
class Spoken:
    """A word of the conversation."""

    number: int
    text: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True)
class Noise:
    """How two hearings differ."""

    name: str
    jitter_ms: float = 0
    reworded: float = 0
    first_word: float = 0
    # Whether final_audio_proc_ms runs past the last final token.
    counts_beyond: bool = False


NOISES = (
    Noise("exact"),
    Noise("noisy: 40 ms, 3 % reworded, 10 % of first words wrong", 40, 0.03, 0.1),
    Noise("noisy, final_audio_proc_ms beyond the last token", 40, 0.03, 0.1, counts_beyond=True),
    Noise("rough: 100 ms, 10 % reworded, 20 % of first words wrong", 100, 0.1, 0.2),
)


def other(text: str) -> str:
    """What a word is heard as by mistake."""
    return "x" + text[::-1]


def conversation(dice: random.Random, words: int = 60) -> list[Spoken]:
    """Words with small gaps, a pause after every seventh or so, and now and then one said twice."""
    spoken: list[Spoken] = []
    now = 300.0
    for number in range(words):
        text = dice.choice(FREQUENT if dice.random() < 0.3 else RARE)
        if spoken and dice.random() < 0.05:
            text = spoken[-1].text
        end = now + dice.randint(120, 520)
        spoken.append(Spoken(number, text, now, end))
        now = end + (dice.randint(400, 1500) if dice.random() < 0.15 else dice.randint(0, 130))
    return spoken


def hear(dice: random.Random, spoken: Sequence[Spoken], start_ms: float, noise: Noise) -> list[Token]:
    """The final tokens of a connection that starts at a time, in the time of the conversation."""
    tokens: list[Token] = []
    told_ms = max(0.0, start_ms)
    before: Spoken | None = None
    for word in spoken:
        previous, before = before, word
        if word.end_ms <= start_ms + 20:
            continue
        text, is_whole, start = word.text, True, word.start_ms
        if start < start_ms:
            part = (word.end_ms - start_ms) / (word.end_ms - start)
            if part < 0.35 and dice.random() < 0.6:
                continue
            if part < 0.8:
                text, is_whole = "half" + text, False
            start = start_ms
        elif (
            previous is not None
            and word.start_ms - previous.end_ms < 200
            and start_ms - previous.end_ms < 200
            and word.start_ms - start_ms < 300
            and dice.random() < noise.first_word
        ):
            # Within speech the first word has nothing before it to be understood by.
            text = other(text)
        if dice.random() < noise.reworded:
            text = other(text)
        start = max(start + dice.gauss(0, noise.jitter_ms), told_ms)
        end = max(word.end_ms + dice.gauss(0, noise.jitter_ms), start + 30)
        told_ms = end
        tokens += pieces(dice, word.number, text, is_whole, start, end, is_first=not tokens)
    return tokens


def pieces(
    dice: random.Random, number: int, text: str, is_whole: bool, start: float, end: float, *, is_first: bool
) -> list[Token]:
    """A word as one to three tokens. The first word of a connection has no leading space."""
    count = min(dice.choice([1, 1, 2, 3]), len(text))
    cuts = [len(text) * part // count for part in range(count + 1)]
    tokens: list[Token] = []
    for part, (a, b) in enumerate(pairwise(cuts)):
        space = "" if part or is_first else " "
        token = Token(
            text=space + text[a:b],
            start_ms=round(start + (end - start) * part / count),
            end_ms=round(start + (end - start) * (part + 1) / count),
            is_final=True,
        )
        vars(token).update(number=number, is_whole=is_whole, is_head=part == 0)
        tokens.append(token)
    return tokens


@dataclass
class Break:
    """What a client knows when its connection breaks, and what it can hear then."""

    final: list[Token]
    tail: list[Token]
    broken_ms: float
    final_audio_ms: float
    hear_from: Callable[[float], list[Token]]

    @property
    def last_ms(self) -> float:
        """End of the last final token."""
        return self.final[-1].end_ms or 0

    @property
    def next_ms(self) -> float:
        """Where what is not final begins."""
        return self.tail[0].start_ms if self.tail else self.broken_ms


def broken(seed: int, noise: Noise) -> tuple[list[Spoken], Break]:
    """A conversation, and a break somewhere in it."""
    dice, again = random.Random(seed), random.Random(7 * seed + 1)
    spoken = conversation(dice)
    told = hear(dice, spoken, 0, noise)
    at = dice.uniform(4000, spoken[-1].end_ms - 4000)
    final_up_to = max(1500.0, at - dice.choice([300, 600, 1200, 2500, 6000]))
    count = sum((token.end_ms or 0) <= final_up_to for token in told)
    if dice.random() < 0.5:
        # The service makes whole words final, as it does at an endpoint.
        while count and not told[count].is_head:  # type: ignore[attr-defined]
            count -= 1
    tail = [token for token in told[count:] if (token.end_ms or 0) <= at - 100]
    last = told[count - 1].end_ms or 0
    beyond = max(0.0, ((tail[0].start_ms or 0) if tail else at) - last)
    final_audio = last + (dice.uniform(0, beyond) if noise.counts_beyond else 0)
    return spoken, Break(told[:count], tail, at, final_audio, lambda start: hear(again, spoken, max(0.0, start), noise))


# --- ways of going on: what was delivered before the break, and what is delivered after it; all put a space between

Way = tuple[list[Token], list[Token]]


def spaced(tokens: list[Token]) -> list[Token]:
    """The tokens of a connection, with the space that its first word comes without."""
    if tokens and not tokens[0].text.startswith(" "):
        tokens[0].text = " " + tokens[0].text
    return tokens


def no_replay(event: Break) -> Way:
    """Goes on with the audio after the break."""
    return event.final, spaced(event.hear_from(event.broken_ms))


def from_counter(event: Break) -> Way:
    """Sends again what final_audio_proc_ms does not cover."""
    return event.final, spaced(event.hear_from(event.final_audio_ms))


def from_last_token(event: Break) -> Way:
    """Sends again what comes after the last final token."""
    return event.final, spaced(event.hear_from(event.last_ms))


def by_time(event: Break) -> Way:
    """Sends 1.5 s more, and drops tokens whose middle lies before the end of the last final one."""
    heard = event.hear_from(event.last_ms - 1500)
    return event.final, spaced([token for token in heard if token.start_ms + token.end_ms > 2 * event.last_ms])


def resumed(event: Break) -> Way:
    """What a session with ``resume=True`` does, one message for each word."""
    given, delivered = WholeWords(), Delivered()
    message = [*event.final, *(token_as_tail(token) for token in event.tail)]
    before = [token for token in given.feed(message) if token.is_final]
    delivered.add(before)
    next_ms = (given.held[0].start_ms or 0) if given.held else event.next_ms
    start = choose_start(delivered, next_ms=next_ms)
    again, heard, after = WholeWords(after=delivered), list[Token](), list[Token]()
    is_joined = False
    tokens = event.hear_from(start.ms)
    for place, token in enumerate(tokens, 1):
        heard += [new for new in again.feed([token], token.end_ms, finished=place == len(tokens)) if new.is_final]
        heard_ms = heard[-1].end_ms if heard else None
        if not is_joined and can_splice(delivered, heard, start.ms, heard_ms, ended=place == len(tokens)):
            after += splice(delivered, heard, start.ms).kept
            is_joined = True
            heard = []
        elif is_joined:
            after += heard
            heard = []
    return before, after


def token_as_tail(token: Token) -> Token:
    copy = Token.from_dict(vars(token))
    copy.is_final = False
    return copy


WAYS: dict[str, Callable[[Break], Way]] = {
    "no replay": no_replay,
    "from final_audio_proc_ms, keep all": from_counter,
    "from the end of the last final token, keep all": from_last_token,
    "1.5 s before it, drop by time": by_time,
    "resume=True: whole words, start in a gap, aligned": resumed,
}


@dataclass
class Damage:
    """What is wrong with the words of a whole conversation."""

    lost: int = 0
    doubled: int = 0
    mangled: int = 0
    out_of_order: int = 0

    @property
    def is_clean(self) -> bool:
        return self == Damage()


def damage(spoken: Sequence[Spoken], before: Sequence[Token], after: Sequence[Token]) -> Damage:
    """Compares what was delivered with what was said."""
    found = Damage()
    tokens = [*before, *after]
    sources: dict[int, set[bool]] = {}
    heads: Counter[int] = Counter()
    whole: set[int] = set()
    for place, token in enumerate(tokens):
        number = vars(token)["number"]
        sources.setdefault(number, set()).add(place < len(before))
        heads[number] += vars(token)["is_head"]
        if vars(token)["is_whole"]:
            whole.add(number)
    text = "".join(token.text for token in tokens)
    for word in spoken:
        if not heads[word.number]:
            found.lost += 1
        elif heads[word.number] > 1:
            found.doubled += 1
        elif len(sources[word.number]) > 1 or word.number not in whole:
            found.mangled += 1
    # Words that run together, for want of a space.
    found.mangled += abs(sum(heads.values()) - len(text.split()))
    numbers = list(dict.fromkeys(vars(token)["number"] for token in tokens))
    found.out_of_order = sum(a > b for a, b in pairwise(numbers))
    return found


def judge(way: Callable[[Break], Way], noise: Noise, breaks: int) -> tuple[float, Damage]:
    """The share of breaks without any damage, and the damage in all."""
    clean, total = 0, Damage()
    for seed in range(breaks):
        spoken, event = broken(seed, noise)
        found = damage(spoken, *way(event))
        clean += found.is_clean
        for name, value in vars(found).items():
            setattr(total, name, getattr(total, name) + value)
    return clean / breaks, total


def main() -> None:
    breaks = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    for noise in NOISES:
        print(f"{noise.name} ({breaks} breaks)")
        for name, way in WAYS.items():
            share, found = judge(way, noise, breaks)
            print(
                f"  {name:52} {100 * share:5.1f} % clean; lost {found.lost}, doubled {found.doubled}, "
                f"mangled {found.mangled}, out of order {found.out_of_order}"
            )


if __name__ == "__main__":
    main()
