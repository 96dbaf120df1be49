"""The blind bills know nothing of curecon, and what is planted in them is found."""

import ast
from pathlib import Path

import pytest
from bench.blind import __main__ as blind
from bench.blind import score
from bench.blind.bill import Bill

MODULES = sorted((Path(__file__).parents[1] / "bench" / "blind").glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_generator_shares_nothing_with_what_it_tries(path):
    imported = {
        name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not {name for name in imported if name.startswith(("curecon", "tests"))}


def jobs(name):
    every = [*blind.clean_jobs(3), *blind.wrong_jobs(3, 7)]
    return [job for job in every if job.name == name]


def test_what_is_planted_is_found_and_nothing_else(tmp_path):
    (job,) = jobs("errors-savings_plan-cur3")
    result = blind.run(job, tmp_path, keep=False)
    assert result.told == []
    assert result.planted >= 9
    assert (result.found, result.surplus) == (result.planted, 0)


def test_a_bill_is_the_same_for_the_same_seed():
    def lines(seed):
        bill = Bill(seed)
        blind.clean.plain(bill)
        return [(line.id, line.usage_type, line.cost) for line in bill.lines]

    assert lines(5) == lines(5)
    assert lines(5) != lines(6)


@pytest.mark.parametrize(
    ("errors", "clean", "status"),
    [
        ({"planted": 100, "found": 99, "findings": 120, "surplus": 1}, 0, 0),
        ({"planted": 100, "found": 98, "findings": 120, "surplus": 0}, 0, 1),
        ({"planted": 100, "found": 100, "findings": 120, "surplus": 2}, 0, 1),
        ({}, 1, 1),
    ],
)
def test_the_bar_is_99_percent_and_nothing_on_clean_bills(errors, clean, status):
    assert blind.summed_up(score.Score(**errors), score.Score(findings=clean)) == status
