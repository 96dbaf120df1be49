"""Mistakes in the rate: the right usage, billed at the price of something else."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from .bill import Bill
from .lines import CENT, TEN, Line, Meter
from .meters import METERS, meter

Fault = Callable[[Bill], bool]


def reprice(
    bill: Bill, kind: str, lines: list[Line], rate: Decimal, *, public: bool | None = None,
    blank: bool = False, categories: tuple[str, ...] = ("rate",),
) -> bool:  # fmt: skip
    """Bill lines at another rate, in a quantity that makes a difference of a cent at least.

    `public` says whether the bill's public rate goes wrong as well; below the public rate it has
    to, since a lower rate alone may be a private price. `blank` leaves both rates out.

    Raises:
        LookupError: no difference can be made of these lines.
    """
    rate, old = rate.quantize(TEN), lines[0].rate or Decimal(0)
    off = abs(sum(((line.quantity or 0) * (rate - old) for line in lines), Decimal(0)))
    if off == 0 or (off < CENT and lines[0].unit == "Hrs"):
        raise LookupError
    if off < CENT:
        for line in lines:
            line.count((line.quantity or Decimal(0)) * (int(2 * CENT / off) + 2))
    if public is None:
        public = rate < old or bill.rng.random() < 0.5
    dollars = Decimal(0)
    for line in lines:
        dollars += line.bill_at(rate)
        if line.public_rate is not None and public:
            line.public_rate = None if blank else rate
        if blank:
            line.rate = None
    return bill.plant(kind, categories, lines, dollars)


def is_listed(line: Line) -> bool:
    return bool(line.rate and line.meter and line.meter.listed)


def _dearer(bill: Bill) -> bool:
    lines = bill.pick(is_listed)
    factor = Decimal(bill.rng.choice(["1.01", "1.1", "1.5", "2"]))
    return reprice(bill, "rate above", bill.some(lines), (lines[0].rate or 0) * factor)


def _cheaper(bill: Bill) -> bool:
    lines = bill.pick(is_listed)
    return reprice(bill, "rate below", bill.some(lines), (lines[0].rate or 0) * Decimal("0.9"))


def _changed(bill: Bill) -> bool:
    lines = bill.pick(is_listed, 12)
    later = lines[len(lines) // 2 :]
    rate = (lines[0].rate or 0) * Decimal("1.2")
    return reprice(bill, "rate changed within the month", later, rate, public=True)


def left_blank(bill: Bill) -> bool:
    lines = bill.pick(lambda line: is_listed(line) and line.entity == "AWS")
    rate = (lines[0].rate or 0) * Decimal("1.25")
    return reprice(bill, "wrong rate left blank", bill.some(lines), rate, blank=True, public=True)


def _one_digit(bill: Bill) -> bool:
    def fits(line: Line) -> bool:
        cut = Decimal(f"{line.rate or 0:.0e}")
        return is_listed(line) and line.rate != cut and line.cost > Decimal("0.1")

    lines = bill.pick(fits)
    rate = Decimal(f"{lines[0].rate:.0e}")
    return reprice(bill, "rate cut to one digit", lines, rate, public=True)


def twin(of: Meter, name: str) -> Meter | None:
    """Find another meter of the same model."""
    same = (one for one in METERS if one.name == name and one.product == of.product)
    return next(same, None)


def _as(kind: str, fits: Callable[[str], bool], other: Callable[[str], str]) -> Fault:
    """Make a mistake that takes a meter for another of its model."""

    def fault(bill: Bill) -> bool:
        def has_twin(line: Line) -> bool:
            of = line.meter
            return of is not None and fits(of.name) and twin(of, other(of.name)) is not None

        lines = bill.pick(has_twin)
        of = lines[0].meter
        instead = twin(of, other(of.name)) if of else None
        if instead is None:
            raise LookupError
        return reprice(bill, kind, bill.some(lines), instead.price_in(lines[0].region))

    return fault


def _replaced(*pairs: tuple[str, str]) -> Callable[[str], str]:
    def other(name: str) -> str:
        for old, new in pairs:
            if old in name:
                return name.replace(old, new)
        return name

    return other


def _ends(*endings: str) -> Callable[[str], bool]:
    return lambda name: name.endswith(endings) and "mantle" not in name


def _has(*words: str) -> Callable[[str], bool]:
    return lambda name: any(word in name for word in words)


def _is(*names: str) -> Callable[[str], bool]:
    return lambda name: name in names


def _other_model(bill: Bill) -> bool:
    names = ("input_tokens_standard", "output_tokens_standard", "input_tokens_global_standard")
    lines = bill.pick(
        lambda line: line.product.startswith("Claude Sonnet 5.5") and line.meter
        and line.meter.name in names
    )  # fmt: skip
    name = lines[0].meter.name if lines[0].meter else ""
    return reprice(
        bill, "rate of another model", bill.some(lines), meter(name, "Claude Opus").price
    )


def _other_region(bill: Bill, to: str | None = None) -> bool:
    def fits(line: Line) -> bool:
        return bool(line.meter and line.meter.regional and line.unit == "Hrs" and others(line))

    def others(line: Line) -> list[str]:
        of = line.meter
        names = [to] if to else list(bill.regions)
        return [name for name in names if of and of.price_in(name) != line.rate]

    lines = bill.pick(fits)
    of = lines[0].meter
    if of is None:
        raise LookupError
    rate = of.price_in(others(lines[0])[0])
    return reprice(bill, "rate of another region", bill.some(lines), rate)


def _spot_at_training(bill: Bill) -> bool:
    lines = bill.pick(lambda line: line.meter and line.meter.name.startswith("TrSpt:"))
    name = lines[0].meter.name.replace("TrSpt", "Train") if lines[0].meter else ""
    rate = meter(name).price_in(lines[0].region)
    return reprice(bill, "spot at the rate of training", bill.some(lines), rate)


def _swapped_sku(bill: Bill) -> bool:
    """Bill input tokens by SKU and rate of output tokens; the usage type stays."""
    lines = bill.pick(lambda line: line.meter and line.meter.name == "NovaPro-input-tokens")
    other, region = meter("NovaPro-output-tokens"), lines[0].region
    sku = other.sku_in(region)
    dollars = Decimal(0)
    for line in lines:
        dollars += line.bill_at(other.price_in(region))
        line.public_rate, line.sku, line.rate_code = line.rate, sku, f"{sku}.JRTCKXETXF.6YS6EN2CT7"
    return bill.plant("SKU of another usage type", ("rate",), lines, dollars)


def _human_tasks(bill: Bill) -> bool:
    lines = bill.human_tasks(90, 2)
    if lines[0].grain in bill.used or _is_shared(bill, lines):
        bill.drop(lines)
        raise LookupError
    bill.used.add(lines[0].grain)
    rate = Decimal(bill.rng.choice(["0.25", "0.12", "0.42"]))
    return reprice(bill, "price of a human task", lines, rate, public=True)


def _is_shared(bill: Bill, lines: list[Line]) -> bool:
    mine = {id(line) for line in lines}
    return any(line.grain == lines[0].grain and id(line) not in mine for line in bill.lines)


def _word_filter(bill: Bill) -> bool:
    lines = bill.pick(lambda line: line.meter and "WordPolicy" in line.meter.name)
    dollars = Decimal(0)
    for line in lines:
        dollars += line.bill_at(Decimal("0.00015"))
        line.public_rate = line.rate
    return bill.plant("free word filter", ("free_tier", "rate"), lines, dollars)


def _global_profile(bill: Bill) -> bool:
    """Bill what came through a global profile by usage type and rate of the region."""
    names = (
        "InputTokenCount_Global", "OutputTokenCount_Global", "input_tokens_global_standard",
        "output_tokens_global_standard",
    )  # fmt: skip
    lines = bill.pick(lambda line: line.meter and line.meter.name in names)
    of, region = lines[0].meter, lines[0].region
    regional = of and twin(of, of.name.replace("_Global", "").replace("global_", ""))
    if regional is None or not regional:
        raise LookupError
    grain = (lines[0].account, region, regional.usage_type(region))
    if grain in bill.used or any(line.grain == grain for line in bill.lines):
        raise LookupError
    bill.used.add(grain)
    dollars, base = Decimal(0), bill.base(regional, *grain[:2], lines[0].resource)
    for line in lines:
        line.count((line.quantity or Decimal(0)) * 50)
        dollars += line.bill_at(regional.price_in(region))
        line.usage_type, line.meter = base.usage_type, regional
        line.sku, line.rate_code, line.description = base.sku, base.rate_code, base.description
    return bill.plant("global profile at the regional rate", ("rate",), lines, dollars)


def public_rate(bill: Bill) -> bool:
    """State a public rate that no price list has; the cost is right."""
    lines = bill.pick(lambda line: is_listed(line) and line.entity == "AWS" and line.cost > CENT)
    for line in lines:
        line.public_rate = (line.rate or Decimal(0)) * Decimal("1.3")
    return bill.plant("public rate of no list", ("rate", "data"), lines, None)


RATES: tuple[Fault, ...] = (
    _dearer, _cheaper, _changed, left_blank, _one_digit, _other_model, _other_region,
    partial(_other_region, to="us-east-1"), _spot_at_training, _swapped_sku, _human_tasks,
    _word_filter, _global_profile,
    _as("batch at standard", _ends("_Batch"), _replaced(("_Batch", ""))),
    _as("batch at standard", _ends("_batch"), _replaced(("_batch", "_standard"))),
    _as("batch at standard", _ends("-batch"), _replaced(("-batch", ""))),
    _as("flex at standard", lambda name: "-flex" in name and "mantle" not in name,
        _replaced(("-flex", ""))),
    _as("flex at standard", lambda name: "mantle" in name and name.endswith("-flex"),
        _replaced(("-flex", "-standard"))),
    _as("standard at priority", _is("Nova2.0Lite-input-tokens", "Qwen3-32B-output-tokens"),
        lambda name: f"{name}-priority"),
    _as("cache read at input", _has("CacheRead", "cache_read", "cache-read"),
        _replaced(("CacheRead", ""), ("cache_read_tokens", "input_tokens"),
                  ("cache-read-input-token-count", "input-tokens"))),
    _as("cache of 5 minutes at an hour", _has("CacheWriteInput", "cache_write_tokens_standard"),
        _replaced(("CacheWriteInput", "CacheWrite1hInput"),
                  ("cache_write_tokens_", "cache_write_tokens_1h_"))),
    _as("global at regional", lambda name: "lobal" in name and "atch" not in name,
        _replaced(("_Global", ""), ("global_", ""), ("-cross-region-global", ""))),
    _as("input at output", _is("InputTokenCount", "input_tokens_standard"),
        _replaced(("Input", "Output"), ("input", "output"))),
    _as("usual at long context", _is("input_tokens_standard", "output_tokens_standard"),
        _replaced(("_standard", "_long_ctx_standard"))),
    _as("memory class of serverless", _is("ServerlessInf:Mem-2GB"), _replaced(("2GB", "3GB"))),
)  # fmt: skip
