"""Runs pure functions again only when something that they read has changed."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Key = tuple[Hashable, ...]
"""The name of a cell: its kind first, then what tells it from others of that kind."""


class Read(Protocol):
    """Gives a unit the value of other cells."""

    def __call__(self, key: Key, /) -> Any:  # noqa: ANN401 - cells hold values of every type
        """The value of a cell; the unit runs again when it changes."""
        ...

    def peek(self, key: Key, /) -> Any:  # noqa: ANN401
        """The value of an input cell, where it may change how the unit works but not its result."""
        ...


@dataclass(slots=True)
class _Cell:
    value: Any = None
    changed: int = 0  # the revision in which the value last became another
    verified: int = 0  # the revision for which the value is known to hold
    stale: bool = False
    asked: bool = False  # somebody outside wants it, whether or not another cell reads it
    reads: tuple[Key, ...] = ()
    readers: set[Key] = field(default_factory=set)


class Memo:
    """Owns every cell from the first `update` to the end of its compiler.

    An input cell is set from outside and is `None` until then. The value of any other is
    `rules[kind](read, *rest)`. Equal new values stop a change from spreading further.
    """

    def __init__(self, rules: Mapping[str, Callable[..., Any]]) -> None:
        self._rules = rules
        self._cells: dict[Key, _Cell] = {}
        self._revision = 1
        self._stale: set[Key] = set()

    def set(self, key: Key, value: object) -> None:
        """Give an input cell its value."""
        cell = self._cells.setdefault(key, _Cell())
        if cell.value == value:
            return
        self._revision += 1
        cell.value, cell.changed = value, self._revision
        self._mark(cell)
        self._drop_if_unused(key, cell)

    def peek(self, key: Key) -> Any:  # noqa: ANN401
        """The value of an input cell, without remembering that it was read."""
        cell = self._cells.get(key)
        return None if cell is None else cell.value

    def get(self, key: Key) -> Any:  # noqa: ANN401
        """The value of a cell, worked out now if it has to be, and kept until `forget`."""
        cell = self.refresh(key)
        cell.asked = True
        return cell.value

    def take_stale(self) -> frozenset[Key]:
        """The derived cells that may have changed since the last call."""
        stale, self._stale = frozenset(self._stale), set()
        return stale

    def forget(self, key: Key) -> None:
        """Drop a derived cell unless another reads it."""
        cell = self._cells.get(key)
        if cell is not None:
            cell.asked = False
            self._drop_if_unused(key, cell)

    def _mark(self, cell: _Cell) -> None:
        pending = list(cell.readers)
        while pending:
            key = pending.pop()
            reader = self._cells[key]
            if not reader.stale:
                reader.stale = True
                self._stale.add(key)
                pending.extend(reader.readers)

    def refresh(self, key: Key) -> _Cell:
        """The cell of `key` with a value that holds."""
        cell = self._cells.get(key)
        if key[0] not in self._rules:
            if cell is None:
                cell = self._cells[key] = _Cell(changed=self._revision)
            return cell
        if cell is None:
            cell = self._cells[key] = _Cell()
            self._compute(key, cell)
        elif cell.stale:
            if any(self.refresh(read).changed > cell.verified for read in cell.reads):
                self._compute(key, cell)
            else:
                cell.stale, cell.verified = False, self._revision
        return cell

    def _compute(self, key: Key, cell: _Cell) -> None:
        read = _Reader(self)
        value = self._rules[str(key[0])](read, *key[1:])
        self._link(key, cell, tuple(read.reads))
        cell.stale, cell.verified = False, self._revision
        if cell.changed == 0 or value != cell.value:
            cell.value, cell.changed = value, self._revision

    def _link(self, key: Key, cell: _Cell, reads: tuple[Key, ...]) -> None:
        for read in reads:
            self._cells[read].readers.add(key)
        dropped, cell.reads = set(cell.reads) - set(reads), reads
        for read in dropped:
            other = self._cells[read]
            other.readers.discard(key)
            self._drop_if_unused(read, other)

    def _drop_if_unused(self, key: Key, cell: _Cell) -> None:
        is_set = key[0] not in self._rules and cell.value is not None
        if not (cell.readers or cell.asked or is_set):
            self._link(key, cell, ())
            self._cells.pop(key, None)
            self._stale.discard(key)


class _Reader:
    """Owns the account of what one run of a unit read, until the run ends."""

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self.reads: dict[Key, None] = {}

    def __call__(self, key: Key, /) -> Any:  # noqa: ANN401
        self.reads[key] = None
        return self._memo.refresh(key).value

    def peek(self, key: Key, /) -> Any:  # noqa: ANN401
        return self._memo.peek(key)
