"""Runs what has to run again, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest

from smi.compiler.memo import Key, Memo, Read

A: Key = ("input", "a")
B: Key = ("input", "b")


class Runs:
    """A memo whose rules count their runs."""

    def __init__(self, **rules: Callable[..., Any]) -> None:
        self.ran: list[str] = []
        self.memo = Memo({name: self._counting(name, rule) for name, rule in rules.items()})

    def _counting(self, name: str, rule: Callable[..., Any]) -> Callable[..., Any]:
        def run(read: Read, *rest: Any) -> Any:  # noqa: ANN401
            self.ran.append(name)
            return rule(read, *rest)

        return run

    def take(self) -> list[str]:
        """The names of the rules that ran since the last call."""
        ran, self.ran = self.ran, []
        return ran


def parity_and_above() -> Runs:
    return Runs(
        parity=lambda read: (read(A) or 0) % 2,
        word=lambda read: "odd" if read(("parity",)) else "even",
    )


def test_input_is_none_until_it_is_set() -> None:
    memo = Memo({"twice": lambda read: read(A)})
    assert memo.get(("twice",)) is None
    memo.set(A, 3)
    assert memo.get(("twice",)) == 3
    memo.set(A, None)
    assert memo.get(("twice",)) is None


def test_value_is_kept_while_what_it_reads_is_the_same() -> None:
    runs = parity_and_above()
    runs.memo.set(A, 1)
    assert runs.memo.get(("word",)) == "odd"
    assert runs.take() == ["word", "parity"]
    assert runs.memo.get(("word",)) == "odd"
    runs.memo.set(B, 5)
    runs.memo.set(A, 1)
    assert runs.memo.get(("word",)) == "odd"
    assert runs.take() == []


def test_equal_value_stops_a_change_from_spreading() -> None:
    runs = parity_and_above()
    runs.memo.set(A, 1)
    runs.memo.get(("word",))
    runs.take()
    runs.memo.set(A, 3)
    assert runs.memo.get(("word",)) == "odd"
    assert runs.take() == ["parity"]
    runs.memo.set(A, 4)
    assert runs.memo.get(("word",)) == "even"
    assert runs.take() == ["parity", "word"]


def test_equal_value_stays_the_same_object() -> None:
    memo = Memo({"pair": lambda read: (bool(read(A)), "x")})
    memo.set(A, 1)
    first = memo.get(("pair",))
    memo.set(A, 2)
    assert memo.get(("pair",)) is first


def test_change_after_a_cutoff_is_still_seen() -> None:
    runs = parity_and_above()
    runs.memo.set(A, 1)
    runs.memo.get(("word",))
    for value, word in ((3, "odd"), (5, "odd"), (6, "even"), (8, "even"), (9, "odd")):
        runs.memo.set(A, value)
        assert runs.memo.get(("word",)) == word


def test_stale_cells_are_told_once_whoever_changed() -> None:
    runs = parity_and_above()
    runs.memo.get(("word",))
    assert runs.memo.take_stale() == frozenset()
    runs.memo.set(A, 2)
    runs.memo.set(A, 4)
    assert runs.memo.take_stale() == {("parity",), ("word",)}
    assert runs.memo.take_stale() == frozenset()
    runs.memo.get(("word",))
    runs.memo.set(A, 5)
    assert runs.memo.take_stale() == {("parity",), ("word",)}


def test_only_what_reads_an_input_becomes_stale() -> None:
    memo = Memo({"of": lambda read, name: read(("input", name))})
    memo.get(("of", "a"))
    memo.get(("of", "b"))
    memo.set(A, 1)
    assert memo.take_stale() == {("of", "a")}


def test_reads_follow_the_way_that_a_rule_takes() -> None:
    runs = Runs(choice=lambda read: read(B) if read(A) else "none")
    runs.memo.set(B, "b")
    assert runs.memo.get(("choice",)) == "none"
    runs.take()
    runs.memo.set(B, "c")
    runs.memo.get(("choice",))
    assert runs.take() == []
    runs.memo.set(A, True)
    assert runs.memo.get(("choice",)) == "c"
    runs.take()
    runs.memo.set(B, "d")
    assert runs.memo.get(("choice",)) == "d"
    runs.memo.set(A, False)
    runs.memo.get(("choice",))
    runs.memo.take_stale()
    runs.memo.set(B, "e")
    assert runs.memo.take_stale() == frozenset()


def test_derived_cell_that_nobody_reads_any_more_is_dropped() -> None:
    memo = Memo(
        {
            "top": lambda read: read(("below",)) if read(A) else None,
            "below": lambda read: read(B),
        }
    )
    memo.set(A, True)
    memo.get(("top",))
    assert set(memo._cells) == {A, B, ("top",), ("below",)}
    memo.set(A, False)
    memo.get(("top",))
    assert set(memo._cells) == {A, ("top",)}


def test_dropped_cell_is_worked_out_anew() -> None:
    runs = Runs(top=lambda read: read(("below",)) if read(A) else None, below=lambda read: read(B))
    runs.memo.set(A, True)
    runs.memo.set(B, 1)
    runs.memo.get(("top",))
    runs.memo.set(A, False)
    runs.memo.get(("top",))
    runs.memo.set(B, 2)
    runs.memo.set(A, True)
    assert runs.memo.get(("top",)) == 2


def test_forgotten_cell_is_dropped_with_all_below_it() -> None:
    runs = parity_and_above()
    runs.memo.set(A, 1)
    runs.memo.get(("word",))
    runs.memo.set(A, None)
    runs.memo.forget(("word",))
    assert runs.memo._cells == {}
    assert runs.memo.take_stale() == frozenset()


def test_forgotten_cell_stays_while_another_reads_it() -> None:
    runs = parity_and_above()
    runs.memo.set(A, 1)
    runs.memo.get(("parity",))
    runs.memo.get(("word",))
    runs.take()
    runs.memo.forget(("parity",))
    assert runs.memo.get(("word",)) == "odd"
    assert runs.take() == []
    runs.memo.forget(("word",))
    assert set(runs.memo._cells) == {A}


def test_forgetting_what_is_not_there_is_nothing() -> None:
    memo = Memo({})
    memo.forget(("word",))
    assert memo._cells == {}


def test_input_that_is_unset_and_unread_is_dropped() -> None:
    memo = Memo({})
    memo.set(A, 1)
    memo.set(A, None)
    assert memo._cells == {}
    memo.set(A, None)
    assert set(memo._cells) <= {A}


def test_input_that_is_unset_stays_while_it_is_read() -> None:
    memo = Memo({"of": lambda read: read(A)})
    memo.get(("of",))
    memo.set(A, 1)
    memo.set(A, None)
    assert memo.get(("of",)) is None
    memo.set(A, 2)
    assert memo.get(("of",)) == 2


def test_peek_reads_without_depending() -> None:
    runs = Runs(peeking=lambda read: (read.peek(A), read(B)))
    runs.memo.set(A, 1)
    assert runs.memo.get(("peeking",)) == (1, None)
    runs.memo.set(A, 2)
    assert runs.memo.take_stale() == frozenset()
    assert runs.memo.get(("peeking",)) == (1, None)
    runs.memo.set(B, 7)
    assert runs.memo.get(("peeking",)) == (2, 7)


def test_peek_at_what_is_not_there_is_none_and_makes_nothing() -> None:
    memo = Memo({})
    assert memo.peek(A) is None
    assert memo._cells == {}


def test_cell_read_on_two_ways_runs_once() -> None:
    runs = Runs(
        top=lambda read: (read(("left",)), read(("right",))),
        left=lambda read: read(("below",)),
        right=lambda read: read(("below",)),
        below=lambda read: read(A),
    )
    runs.memo.set(A, 1)
    assert runs.memo.get(("top",)) == (1, 1)
    assert sorted(runs.take()) == ["below", "left", "right", "top"]
    runs.memo.set(A, 2)
    assert runs.memo.get(("top",)) == (2, 2)
    assert sorted(runs.take()) == ["below", "left", "right", "top"]


def test_rule_that_raises_leaves_the_memo_as_it_was() -> None:
    def rule(read: Read) -> int:
        return 10 // int(read(A))

    memo = Memo({"inverse": rule})
    memo.set(A, 5)
    assert memo.get(("inverse",)) == 2
    memo.set(A, 0)
    with pytest.raises(ZeroDivisionError):
        memo.get(("inverse",))
    memo.set(A, 2)
    assert memo.get(("inverse",)) == 5
