"""How many columns a text takes."""

from __future__ import annotations

from soniox_lite._data.display_width import display_width
from tests.support.tables import each_row


@each_row(
    ("text", "columns"),
    [("", 0), ("abc", 3), ("Zoë", 3), ("Zoe\u0308", 3), ("日本", 4), ("a日", 3), ("한", 2), ("\u1112\u1161\u11ab", 2),
     ("🙂", 2), ("a\u200db", 2)],
)  # fmt: skip
def test_the_width_of_a_text(text: str, columns: int) -> None:
    assert display_width(text) == columns
