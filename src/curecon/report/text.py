"""Text of a bill, made harmless and visible. Escaping for a format comes after this."""

import re
import unicodedata

CODE = 20
"""Characters shown of a currency, which has three."""

FIELD = 160
"""Characters shown of a name: the longest resource name of Bedrock and SageMaker fits."""

SENTENCE = 600
"""Characters shown of a reason or a note."""

# Emoji and the scripts of India and Persia need the two joiners; they can hide nothing.
_KEPT = "\u200c\u200d"
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_SUSPECT = re.compile(r"[^\x20-\x7e]")


def visible(text: str, limit: int = FIELD) -> str:
    """Show what a character does not show itself: controls, escapes and direction marks.

    A longer text than `limit` is cut, and says so and how long it is.
    """
    if len(text) > limit:
        return f"{_SUSPECT.sub(_named, text[:limit])}… [cut: {len(text):,} characters]"
    return _SUSPECT.sub(_named, text)


def words(name: str) -> str:
    """Write a name such as `rate_differs` as words: `Rate differs`."""
    spaced = name.replace("_", " ")
    return spaced[:1].upper() + spaced[1:]


def _named(match: re.Match[str]) -> str:
    character = match.group()
    if unicodedata.category(character) not in _HIDDEN or character in _KEPT:
        return character
    code = ord(character)
    if code < 0x20:  # noqa: PLR2004 - the control characters have pictures, from U+2400 on
        return chr(0x2400 + code)
    return f"⟨U+{code:04X}⟩"
