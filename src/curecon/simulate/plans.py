"""Savings plans: what a commitment covers hour by hour, what cancels it, and what is paid for it.

AWS applies a plan where it saves most, up to the commitment of each hour. What is covered is billed
at the on-demand rate and cancelled by a negation; the commitment itself is a fee of every hour.
"""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import duckdb

from curecon.simulate.world import World

USAGE_TYPE = "SageMakerSP:1yrNoUpfront"

ELIGIBLE = """
CREATE TABLE eligible AS
SELECT l.rowid AS place, l.starts, l.quantity, m.plan_rate, m.plan_share, l.series,
    (l.quantity * m.plan_rate)::DECIMAL(18, 10) AS plan_cost
FROM lines AS l JOIN meters AS m ON m.meter = l.meter
WHERE m.plan_rate IS NOT NULL AND l.line_type = 'Usage' AND l.rate > 0
"""

# The line at which the commitment runs out is covered in part.
COVERED = """
CREATE TABLE covered AS
WITH ordered AS (
    SELECT *, ({commitment}::DECIMAL(18, 10) - (sum(plan_cost) OVER (
        PARTITION BY starts ORDER BY plan_share, series
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - plan_cost))::DECIMAL(28, 10) AS rest
    FROM eligible
)
SELECT place, plan_rate,
    CASE WHEN plan_cost <= rest THEN quantity
         ELSE (((rest * 10000000000)::HUGEINT * 10000000000)
               // (plan_rate * 10000000000)::HUGEINT)::DECIMAL(19, 0)
              * 0.0000000001::DECIMAL(11, 10) END::DECIMAL(22, 10) AS quantity
FROM ordered
WHERE rest > 0
"""

SPLIT = """
CREATE TABLE plan_lines AS
SELECT l.* REPLACE (
        md5(l.id) || md5(l.id || 'plan')[:20] AS id,
        'SavingsPlanCoveredUsage' AS line_type, '{arn}' AS plan, c.plan_rate AS plan_rate,
        c.quantity AS quantity, (c.quantity * l.rate)::DECIMAL(28, 10) AS cost,
        (c.quantity * l.public_rate)::DECIMAL(28, 10) AS public_cost,
        (c.quantity * c.plan_rate)::DECIMAL(28, 10) AS plan_cost)
FROM covered AS c JOIN lines AS l ON l.rowid = c.place
WHERE c.quantity > 0
"""

UNCOVERED = """
UPDATE lines SET
    quantity = lines.quantity - c.quantity,
    cost = ((lines.quantity - c.quantity)::DECIMAL(22, 10) * rate)::DECIMAL(28, 10),
    public_cost = ((lines.quantity - c.quantity)::DECIMAL(22, 10) * public_rate)::DECIMAL(28, 10)
FROM covered AS c WHERE c.place = lines.rowid;
DELETE FROM lines WHERE quantity = 0 AND line_type = 'Usage'
"""

# The line that cancels covered usage is named by it.
NEGATION_ID = "md5(id || 'negation') || md5(id)[:20]"
NEGATIONS = f"""
INSERT INTO lines
SELECT * REPLACE (
    {NEGATION_ID} AS id,
    'SavingsPlanNegation' AS line_type, -cost AS cost, 0 AS plan_cost,
    NULL AS rate, NULL AS public_rate, 0 AS public_cost, '' AS resource,
    'SavingsPlanNegation used by AccountId : ' || account AS description)
FROM plan_lines
"""

FEES = """
INSERT INTO lines BY NAME
WITH used AS (SELECT starts, sum(plan_cost) AS used FROM plan_lines GROUP BY starts),
hours AS (SELECT TIMESTAMP '{first}' + to_hours(n) AS starts FROM range({hours}) AS numbers(n))
SELECT md5('{arn}') || md5('{arn} fee')[:20] AS id, h.starts, h.starts + to_hours(1) AS ends,
    date_trunc('month', h.starts)::DATE AS period, 'SavingsPlanRecurringFee' AS line_type,
    'Anniversary' AS bill_type, '{payer}' AS account, '{arn}' AS resource, 1 AS quantity,
    {commitment} AS rate, {commitment} AS cost, '{arn}' AS plan,
    {commitment} AS commitment, coalesce(u.used, 0) AS commitment_used,
    'MachineLearningSavingsPlans' AS code, 'Savings Plans for Machine Learning' AS name,
    'AWS' AS entity, '{usage_type}' AS usage_type, '' AS operation, 'Hrs' AS unit,
    '1 year No Upfront SageMaker Savings Plan' AS description,
    MAP([]::VARCHAR[], []::VARCHAR[]) AS tags
FROM hours AS h LEFT JOIN used AS u ON u.starts = h.starts
"""


@dataclass(frozen=True)
class Plan:
    """A savings plan without upfront payment, which the payer holds."""

    arn: str
    commitment: Decimal


def buy(con: duckdb.DuckDBPyConnection, world: World) -> Plan:
    """Buy a plan that is too small on weekdays and too large at night, and apply it."""
    random = Random(f"plan {world.seed}")  # noqa: S311
    con.execute(ELIGIBLE)
    found = con.execute("SELECT coalesce(sum(plan_cost), 0) FROM eligible").fetchone()
    spent: Decimal = found[0] if found else Decimal(0)
    share = Decimal(random.randint(40, 90)) / 100
    commitment = (spent * share / world.hours).quantize(Decimal("0.001")) + Decimal("0.001")
    identity = uuid.UUID(int=random.getrandbits(128))
    plan = Plan(f"arn:aws:savingsplans::{world.payer}:savingsplan/{identity}", commitment)
    told = {
        "arn": plan.arn,
        "commitment": commitment,
        "payer": world.payer,
        "first": world.months[0],
        "hours": world.hours,
        "usage_type": USAGE_TYPE,
    }
    covering = "INSERT INTO lines FROM plan_lines"
    for statement in (COVERED, SPLIT, UNCOVERED, covering, NEGATIONS, FEES):
        con.execute(statement.format(**told))
    return plan


def toml(plan: Plan, world: World) -> str:
    """Write the plan down as a section of the contract."""
    rates = {meter.usage_type: meter.plan_rate for meter in world.meters if meter.plan_rate}
    listed = "\n".join(f'"{usage_type}" = {rate:f}' for usage_type, rate in sorted(rates.items()))
    year = world.months[0].year + 3
    return (
        "\n[[savings_plan]]\n"
        f'arn = "{plan.arn}"\nhourly_commitment = {plan.commitment}\npayment = "No Upfront"\n'
        f"starts = {world.months[0]}\nends = {world.months[0].replace(year=year)}\n"
        f"[savings_plan.rates]\n{listed}"
    )
