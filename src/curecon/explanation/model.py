"""The parts of an explanation: a line as billed, decoded, priced and compared; a finding."""

from curecon.arithmetic import Arithmetic
from curecon.candidates import Candidate
from curecon.models import (
    Finding,
    FindingEvent,
    FindingState,
    Money,
    Record,
    Severity,
    Time,
)
from curecon.settlement import Credit


class BilledLine(Record):
    """A line as the bill has it."""

    line: int
    line_item_id: str | None
    time_interval: str | None
    period: str
    payer_account: str
    usage_account: str | None
    kind: str
    line_type: str | None
    product_code: str | None
    product_name: str | None
    usage_type: str | None
    operation: str | None
    resource: str | None
    description: str | None
    sku: str | None
    rate_code: str | None
    quantity: Money | None
    unit: str | None
    currency: str | None
    billed_rate: Money | None
    billed: Money
    public_rate: Money | None
    public_cost: Money | None
    usage_start: Time
    usage_end: Time | None
    hours: int
    invoice: str | None
    delivery_id: str
    format: str
    files: list[str]


class DecodedCharge(Record):
    """What the usage type and the product columns mean; `grade` says how well that is known."""

    charge_key_id: str
    attributes: dict[str, str]
    region: str | None
    unit: str | None
    grade: str | None
    undecoded_reason: str | None


class Component(Record):
    """A component of the bridge in which dollars of the line sit."""

    component: str
    reason: str | None
    billed: Money
    expected: Money
    difference: Money


class RateTaken(Record):
    """The rate that the line was judged by; `because` says why it proves something, or why not."""

    rate_id: str
    source_kind: str
    card: str | None
    source: str
    reference: str
    price: Money
    unit: str
    currency: str
    starts: str | None
    ends: str | None
    checked: str | None
    unconfirmed: bool
    later: bool
    provable: bool
    because: str


class FindingOfLine(Record):
    """A finding that is about the line."""

    id: str
    check: str
    severity: Severity
    reason: str


class Explanation(Record):
    """The chain from a line as billed to its difference.

    `rates` is one rate mostly; more where a line crosses tiers. `unpriced` is a sentence where no
    rate could be applied. `lines_of_id` counts the lines that bear the same id.
    """

    line: BilledLine
    charge: DecodedCharge
    components: list[Component]
    unpriced: str | None
    rates: list[RateTaken]
    arithmetic: Arithmetic
    candidates: list[Candidate]
    candidates_left_out: int
    findings: list[FindingOfLine]
    lines_of_id: int


class LineOfFinding(Record):
    """A line that a finding is about, with its dollars as far as the finding is about them."""

    line: int
    line_item_id: str | None
    time_interval: str | None
    usage_account: str | None
    billed: Money
    expected: Money
    difference: Money


class FindingExplained(Record):
    """A finding, its dearest lines explained, its lines, and the query that lists all of them.

    `state` and `history` tell its life; `credits` are those that may settle it.
    """

    schema_version: int = 1
    finding: Finding
    explanations: list[Explanation]
    lines: list[LineOfFinding]
    lines_left_out: int
    query: str
    state: FindingState | None = None
    history: list[FindingEvent] = []
    credits: list[Credit] = []


class Explanations(Record):
    """What `curecon explain --json` prints."""

    schema_version: int = 1
    explanations: list[Explanation]


class Findings(Record):
    """What `curecon findings list --format json` prints, in the form of findings.json."""

    schema_version: int = 1
    findings: list[Finding]
    states: list[FindingState] = []
