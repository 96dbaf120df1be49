"""How a usage type is read, piece by piece; for one that is not, where the nearest forms fail.

What is said here decides nothing: `decode` reads a charge, this module shows it to a person.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import cache

from curecon.decode import decode_one
from curecon.grammar import Form, Grade, grammar, models
from curecon.models import Record

NEAREST_MAX = 3
"""Forms shown of a usage type that none reads."""

_ALIKE = 0.5
"""How much of a usage type is that of a form's example, at least, for the form to be shown."""
_SHOWN_MAX = 8
_LONG = 200
_PREFIX = re.compile(r"([A-Z]{2,4}[0-9]?)[-_]")
_TOKEN = re.compile(r"\\.|\[[^]]*\]|\(|[^\\(\[]", re.DOTALL)
_QUANTIFIER = re.compile(r"[*+?]\??|\{[0-9,]+\}\??")
_NAMED = re.compile(r"\(\?<([a-z_]+)>")


class Piece(Record):
    """A part of a usage type, as it stands there, and the attributes that it tells."""

    text: str
    means: dict[str, str]
    known: bool = True


class FormShown(Record):
    """The form that reads a usage type: where it stands, who says so, what it always means."""

    name: str
    file: str
    source: str
    grade: Grade
    whole: bool
    """False where only a part of such usage types is known."""
    means: dict[str, str]


class Near(Record):
    """A form that comes near: what it reads from the start, and what stops it there."""

    form: str
    file: str
    reads: str
    rest: str
    why: str


class Reading(Record):
    """How a usage type is read."""

    usage_type: str
    decoded: dict[str, str]
    """What `decode` says: the attributes, region and grade, and undecoded_reason."""
    form: FormShown | None
    pieces: list[Piece]
    nearest: list[Near]


def read(usage_type: str) -> Reading:
    """Read one usage type and show how; empty text is read as any other."""
    row = decode_one(usage_type)
    stem = row["usage_type_stem"]
    forms = [] if stem is None else _forms(stem)
    form = forms[0] if len(forms) == 1 else None
    known = form is not None and not form.partial
    return Reading(
        usage_type=usage_type,
        decoded={name: text for name, text in row.items() if text is not None},
        form=None if form is None else _shown(form),
        pieces=_pieces(usage_type, stem, form, row["region"]) if form and stem and known else [],
        nearest=[] if known or not stem else _nearest(stem),
    )


def _forms(stem: str) -> list[Form]:
    """Return the forms that read a stem: those that read it whole, or else those of a part."""
    reading = [
        form
        for form in grammar().forms
        if _compiled(form.pattern).fullmatch(stem) and not any(t in stem for t in form.unless)
    ]
    return [form for form in reading if not form.partial] or reading


def _shown(form: Form) -> FormShown:
    return FormShown(
        name=form.name,
        file=_file(form),
        source=form.source,
        grade=form.grade,
        whole=not form.partial,
        means=form.fixed,
    )


def _file(form: Form) -> str:
    return f"rates/usage_types/{form.family}.toml"


# --- what is read ---


def _pieces(usage_type: str, stem: str, form: Form, region: str | None) -> list[Piece]:
    """Cut a usage type where its form does; both region prefixes are pieces."""
    here = {"region": region} if region else {}
    first = _PREFIX.match(usage_type) if not usage_type.startswith(stem) else None
    pieces = [Piece(text=first.group(), means=here)] if first else []
    match = _compiled(form.pattern).fullmatch(stem)
    assert match, "the form was found by this pattern"
    spans = sorted(
        (*match.span(group), group) for group in form.groups if match.group(group) is not None
    )
    at = 0
    for start, end, group in (*spans, (len(stem), len(stem), "")):
        if at < start:
            pieces += _literal(stem[at:start], usage_type, here)
        if group:
            means = _means(form, group, stem[start:end])
            known = means is not None
            pieces.append(Piece(text=stem[start:end], means=means or {}, known=known))
        at = end
    return pieces


def _literal(text: str, usage_type: str, here: dict[str, str]) -> list[Piece]:
    """Return text that only belongs to the form; `decode` took a region's prefix from `MP:`."""
    second = re.search(r"MP:([A-Z]{2,4}[0-9]?_)", usage_type)
    if not text.startswith("MP:") or not second:
        return [Piece(text=text, means={})]
    parts = [("MP:", {}), (second[1], here), (text.removeprefix("MP:"), {})]
    return [Piece(text=part, means=means) for part, means in parts if part]


def _means(form: Form, group: str, text: str) -> dict[str, str] | None:
    """Return what the text of a group tells, or None where it is not known."""
    meaning = form.meaning(group)
    if meaning is not None:
        return meaning.get(text)
    name = form.takes(group)
    if name != "model":
        return {name: text}
    position = models().find(text)
    if position is None:
        return None
    return {"provider": models().provider[position], "model": models().model[position]}


# --- what is not read ---


def _nearest(stem: str) -> list[Near]:
    """Say of the forms with the most similar examples where they fail; none is chosen."""
    if len(stem) > _LONG:
        return []
    near = [
        (alike, form)
        for form in grammar().forms
        if not form.partial and (alike := _alike(form, stem)) >= _ALIKE
    ]
    near.sort(key=lambda pair: -pair[0])
    return [_fails(form, stem) for _, form in near[:NEAREST_MAX]]


def _alike(form: Form, stem: str) -> float:
    """Compare a stem with the stems of a form's examples."""
    examples = [_PREFIX.sub("", text, count=1) for text in form.examples]
    stems = [re.sub("MP:[A-Z]{2,4}[0-9]?_", "MP:", text) for text in examples]
    return max(SequenceMatcher(None, stem, text).ratio() for text in stems)


def _fails(form: Form, stem: str) -> Near:
    """Say how far a form reads, and what it expects where it stops."""
    tokens = list(_tokens(form.pattern))
    for count in range(len(tokens), 0, -1):
        begun = _compiled("".join(tokens[:count]))
        ends = [end for end in range(len(stem) + 1) if begun.fullmatch(stem, 0, end)]
        if ends:
            at = max(ends, key=lambda end: _resembles(form, tokens[count:], stem[end:]))
            return _stopped(form, stem, at, _expected(form, tokens[count:]))
    return _stopped(form, stem, 0, _expected(form, tokens))


def _resembles(form: Form, tokens: list[str], rest: str) -> tuple[float, int]:
    """Say how alike the rest is to what is expected there; the longest reading wins a tie."""
    options = _options(form, tokens[0]) if tokens else []
    ratios = [SequenceMatcher(None, rest[: len(text)], text).ratio() for text in options]
    return max(ratios, default=0.0), -len(rest)


def _stopped(form: Form, stem: str, at: int, expected: str) -> Near:
    read, rest = stem[:at], stem[at:]
    if any(text in stem for text in form.unless):
        why = "Another form reads usage types like it."
    elif not expected:
        why = f"It reads {read} and leaves {rest} over."
    elif not rest:
        why = f"It reads {read}, and then {expected} is missing."
    else:
        why = f"It reads {read or 'nothing'}, and where {rest} stands it expects {expected}."
    return Near(form=form.name, file=_file(form), reads=read, rest=rest, why=why)


def _expected(form: Form, tokens: list[str]) -> str:
    """Say in words what the first of some tokens stand for."""
    if not tokens:
        return ""
    if options := _options(form, tokens[0]):
        shown = ", ".join(options[:_SHOWN_MAX])
        more = f" and {len(options) - _SHOWN_MAX} more" if len(options) > _SHOWN_MAX else ""
        return f"{shown}{more}" if len(options) == 1 else f"one of {shown}{more}"
    if named := _NAMED.match(tokens[0]):
        return f"the {form.takes(named[1]).replace('_', ' ')}"
    literal = ""
    for token in tokens:
        if len(token.removeprefix("\\")) != 1:
            break
        literal += token.removeprefix("\\")
    return literal or "another spelling"


def _options(form: Form, token: str) -> list[str]:
    """Return the texts that a group may be, where they are listed."""
    named = _NAMED.match(token)
    if named and (meaning := form.meaning(named[1])):
        return [text for text in meaning if _compiled(token).fullmatch(text)]
    plain = re.fullmatch(r"\(\?:([A-Za-z0-9|_-]+)\)\??", token)
    return plain[1].split("|") if plain else []


def _tokens(pattern: str) -> Iterator[str]:
    """Cut a pattern into what stands at its top: characters, classes and groups."""
    at = 0
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        assert found, "a pattern that was compiled consists of tokens"
        end = _closed(pattern, at) if found.group() == "(" else found.end()
        quantifier = _QUANTIFIER.match(pattern, end)
        end = quantifier.end() if quantifier else end
        yield pattern[at:end]
        at = end


def _closed(pattern: str, at: int) -> int:
    """Return where a group that opens ends."""
    depth = 0
    for found in re.finditer(r"\\.|\[[^]]*\]|[()]", pattern[at:], re.DOTALL):
        depth += {"(": 1, ")": -1}.get(found.group(), 0)
        if not depth:
            return at + found.end()
    raise AssertionError("a pattern that was compiled closes its groups")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a form's pattern, in which groups are named as Rust names them."""
    return re.compile(pattern.replace("(?<", "(?P<"))
