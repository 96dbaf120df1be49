"""Shows on the terminal how usage types are read."""

from collections.abc import Mapping

from curecon.reading import Piece, Reading
from curecon.report.text import SENTENCE, visible

_ASIDE = ("undecoded_reason", "grade", "usage_type_stem", "unit_reason")
_LABEL = 18


def reading_text(reading: Reading) -> str:
    """Write a reading as lines: its pieces, what they come to, its form; or where it fails."""
    lines = [visible(reading.usage_type) or "(empty)"]
    wide = max([len(visible(piece.text)) for piece in reading.pieces], default=0)
    lines += [f"  {visible(piece.text):<{wide}}  {_told(piece)}" for piece in reading.pieces]
    told = {name: text for name, text in reading.decoded.items() if name not in _ASIDE}
    lines += [_row(name.replace("_", " "), text) for name, text in told.items()]
    if form := reading.form:
        part = "" if form.whole else ", which knows only a part"
        lines.append(_row("form", f"{form.name}{part} ({form.file}): {_said(form.means)}"))
        lines.append(_row("source", form.source))
    if grade := reading.decoded.get("grade"):
        lines.append(_row("grade", grade))
    if reason := reading.decoded.get("undecoded_reason"):
        lines.append(_row("not decoded", reason))
    for near in reading.nearest:
        lines.append(_row("comes near", f"{near.form} ({near.file}): {near.why}"))
    return "\n".join(lines) + "\n"


def _row(label: str, text: str) -> str:
    return f"  {label:<{_LABEL}} {visible(text, SENTENCE)}"


def _told(piece: Piece) -> str:
    return _said(piece.means) or ("belongs to the form" if piece.known else "not known")


def _said(means: Mapping[str, str]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in means.items())
