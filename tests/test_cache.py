"""What was made once is had again, if it is whole, ours, and made of the same."""

import os
from pathlib import Path

import pytest

from curecon import cache, ledger


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "curecon"


def made(*inputs, name="thing", content=b"made"):
    """Ask for a thing; return it, and whether it had to be made."""
    calls = []

    def make():
        calls.append(name)
        return content

    return cache.once(name, inputs, make), bool(calls)


def test_it_is_made_once(place):
    assert made("a") == (b"made", True)
    assert made("a", content=b"other") == (b"made", False)
    assert len(list(place.iterdir())) == 1


@pytest.mark.parametrize("inputs", [["b"], ["a", "b"], ["", "a"], ["ab"], []])
def test_it_is_made_anew_of_something_else(place, inputs):
    made("a")
    assert made(*inputs) == (b"made", True)
    assert len(list(place.iterdir())) == 1, "the last one of a name is kept"


def test_texts_are_not_run_together(place):
    made("ab", "c")
    assert made("a", "bc")[1]


def test_names_do_not_meet(place):
    made("a")
    made("a", name="other")
    assert not made("a")[1]


@pytest.mark.parametrize("damaged", [lambda whole: whole[:-1], lambda _: b"", lambda _: b"x" * 99])
def test_what_is_not_whole_is_made_anew(place, damaged):
    made("a")
    (kept,) = place.iterdir()
    kept.write_bytes(damaged(kept.read_bytes()))
    assert made("a") == (b"made", True)
    assert made("a") == (b"made", False)


def test_what_somebody_else_put_there_is_not_used(place, monkeypatch):
    made("a")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert made("a") == (b"made", True)


def test_without_a_cache_it_is_made_each_time(place):
    place.parent.mkdir()
    place.write_text("a file where the folder should be")
    assert made("a") == made("a") == (b"made", True)


def test_without_a_home_it_is_made_each_time(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless():
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    assert made("a") == made("a") == (b"made", True)


def test_what_fails_is_raised_and_not_kept(place):
    def fail():
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        cache.once("thing", ["a"], fail)
    assert made("a") == (b"made", True)


def test_a_ledger_begun_from_the_cache_is_like_one_that_was_made(place):
    first = ledger._made.__wrapped__()
    (kept,) = place.glob("empty-ledger-*")
    assert kept.read_bytes().endswith(first)
    assert ledger._made.__wrapped__() == first
