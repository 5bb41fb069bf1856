import asyncio
import sys
from types import FrameType
from typing import Any

import pytest

from smi_envoy.xds.cache import Ack, Cache
from smi_envoy.xds.channel import Ending
from smi_envoy.xds.resources import ResourceKey, ResourceName, TypeUrl
from smi_envoy.xds.snapshot import Snapshot


def key(name: str) -> ResourceKey:
    return ResourceKey(TypeUrl.ENDPOINT, ResourceName(name))


A, B = key("a"), key("b")


def accept(cache: Cache, proxy: str, *, refused: str | None = None) -> None:
    view = cache.view(proxy)
    assert view is not None
    cache.report(proxy, view.generation, settled=True, refused=refused)


@pytest.fixture
def cache() -> Cache:
    """Two proxies, `one` with `a` alone and `two` with `a` and `b`."""
    cache = Cache()
    cache.apply({A: b"1", B: b"1"}, {"one": Snapshot.of([A]), "two": Snapshot.of([A, B])})
    return cache


def test_change_affects_the_proxies_that_hold_the_resource_and_no_others(cache: Cache) -> None:
    assert cache.apply({B: b"2"}, {}) == {"two"}
    assert cache.apply({A: b"2"}, {}) == {"one", "two"}


def test_equal_bytes_and_equal_snapshots_change_nothing(cache: Cache) -> None:
    before = cache.acknowledgements()
    same = {"one": Snapshot.of([A]), "two": Snapshot.of([B, A])}
    assert cache.apply({A: b"1", B: b"1", key("c"): None}, same) == frozenset()
    assert cache.acknowledgements() == before


def test_change_of_a_snapshot_affects_its_proxy_alone(cache: Cache) -> None:
    one, two = cache.attach("one"), cache.attach("two")
    one.take(), two.take()
    assert cache.apply({}, {"one": Snapshot.of([B])}) == {"one"}
    assert (one.changed, two.changed) == (True, False)
    assert one.take() == frozenset({A, B})
    assert cache.apply({A: b"2"}, {}) == {"two"}


def test_stream_finds_the_keys_that_changed_since_it_last_looked(cache: Cache) -> None:
    channel = cache.attach("two")
    assert channel.take() is None
    cache.apply({A: b"2"}, {})
    cache.apply({B: None}, {})
    assert channel.wake.is_set()
    assert channel.take() == frozenset({A, B})
    assert channel.take() == frozenset()


def test_first_snapshot_of_a_waiting_proxy_wakes_it_even_if_it_is_empty() -> None:
    cache = Cache()
    channel = cache.attach("one")
    channel.take()
    assert cache.view("one") is None
    assert cache.apply({}, {"one": Snapshot.of([])}) == {"one"}
    assert channel.changed


def test_view_gives_the_newest_contents_and_nothing_outside_the_snapshot(cache: Cache) -> None:
    view = cache.view("one")
    assert view is not None
    cache.apply({A: b"2"}, {})
    packed = view.packed(*A)
    assert packed is not None
    assert b"2" in packed.body
    assert view.packed(*B) is None


def test_equal_contents_have_equal_versions_of_16_characters(cache: Cache) -> None:
    view = cache.view("two")
    assert view is not None
    first, second = view.packed(*A), view.packed(*B)
    assert first is not None
    assert second is not None
    assert first.version == second.version
    assert len(first.version) == 16


def test_proxy_that_answered_all_accepts_every_later_generation_that_leaves_it_alone(
    cache: Cache,
) -> None:
    cache.attach("one")
    accept(cache, "one")
    cache.apply({B: b"2"}, {})
    cache.apply({B: b"3"}, {})
    assert cache.acknowledgements()["one"] == Ack(3, pending=False, refused=None, connected=True)
    cache.apply({A: b"2"}, {})
    assert cache.acknowledgements()["one"] == Ack(3, pending=True, refused=None, connected=True)


def test_refusal_keeps_the_generation_that_was_accepted(cache: Cache) -> None:
    cache.attach("one")
    accept(cache, "one")
    cache.apply({A: b"2"}, {})
    accept(cache, "one", refused="no")
    assert cache.acknowledgements()["one"] == Ack(1, pending=False, refused="no", connected=True)
    cache.apply({A: b"3"}, {})
    assert cache.acknowledgements()["one"] == Ack(1, pending=True, refused="no", connected=True)
    accept(cache, "one")
    assert cache.acknowledgements()["one"] == Ack(3, pending=False, refused=None, connected=True)


def test_report_of_an_older_generation_leaves_the_newer_pending(cache: Cache) -> None:
    cache.attach("one")
    cache.apply({A: b"2"}, {})
    cache.report("one", 1, settled=True, refused=None)
    assert cache.acknowledgements()["one"].pending


def test_reconnected_proxy_is_pending_until_it_reports(cache: Cache) -> None:
    channel = cache.attach("one")
    accept(cache, "one")
    cache.detach("one", channel)
    assert cache.acknowledgements()["one"] == Ack(1, pending=False, refused=None, connected=False)
    cache.attach("one")
    assert cache.acknowledgements()["one"] == Ack(1, pending=True, refused=None, connected=True)


def test_second_stream_of_a_proxy_ends_the_first(cache: Cache) -> None:
    first, second = cache.attach("one"), cache.attach("one")
    assert (first.ending, second.ending) == (Ending.REPLACED, None)
    cache.detach("one", first)
    assert cache.acknowledgements()["one"].connected


def test_removed_proxy_is_forgotten_and_its_stream_ends(cache: Cache) -> None:
    channel = cache.attach("one")
    assert cache.apply({A: b"2"}, {"one": None, "never": None}) == {"two"}
    assert channel.ending is Ending.REMOVED
    assert "one" not in cache.acknowledgements()
    cache.report("one", 9, settled=True, refused=None)
    cache.detach("one", channel)


async def test_settled_waits_for_connected_proxies_alone(cache: Cache) -> None:
    cache.attach("one")
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(cache.settled(["one", "two", "unknown"], 5))
        await asyncio.sleep(0)
        assert not waiting.done()
        accept(cache, "one", refused="no")
    assert waiting.result() == frozenset()
    assert await cache.settled(["one"], 0) == frozenset()


async def test_settled_names_those_that_are_late(cache: Cache) -> None:
    cache.attach("one")
    cache.attach("two")
    accept(cache, "two")
    assert await cache.settled(["one", "two"], 0.01) == {"one"}


@pytest.mark.parametrize("leave", ["detach", "remove"])
async def test_settled_does_not_wait_for_a_proxy_that_leaves(cache: Cache, leave: str) -> None:
    channel = cache.attach("one")
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(cache.settled(["one"], 5))
        await asyncio.sleep(0)
        if leave == "detach":
            cache.detach("one", channel)
        else:
            cache.apply({}, {"one": None})
    assert waiting.result() == frozenset()


@pytest.mark.parametrize("leave", ["detach", "remove"])
async def test_who_waits_for_absent_proxies_waits_until_they_have_connected_and_answered(
    cache: Cache, leave: str
) -> None:
    channel = cache.attach("one")
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(cache.settled(["one", "new"], 5, absent=True))
        await asyncio.sleep(0)
        if leave == "detach":
            cache.detach("one", channel)
        else:
            cache.apply({}, {"one": None})
        cache.apply({}, {"one": Snapshot.of([A]), "new": Snapshot.of([A])})
        for name in ("new", "one"):
            cache.attach(name)
            await asyncio.sleep(0)
            assert not waiting.done()
            accept(cache, name)
    assert waiting.result() == frozenset()


async def test_absent_proxies_that_are_waited_for_are_late(cache: Cache) -> None:
    assert await cache.settled(["one", "new"], 0.01, absent=True) == {"one", "new"}


def test_work_of_a_change_does_not_grow_with_the_proxies_it_leaves_alone() -> None:
    def work(proxies: int) -> int:
        cache = Cache()
        own = {key(f"own-{n}"): b"1" for n in range(proxies)}
        cache.apply(own, {f"p{n}": Snapshot.of([k]) for n, k in enumerate(own)})
        with Steps() as steps:
            cache.apply({key("own-0"): b"2"}, {})
        return steps.taken

    assert work(1000) == work(10) > 0


class Steps:
    """Counts the steps of the interpreter while it is entered."""

    def __init__(self) -> None:
        self.taken = 0

    def __enter__(self) -> "Steps":
        self._before = sys.gettrace()
        sys.settrace(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _count(self, frame: FrameType, event: str, _arg: Any) -> Any:  # noqa: ANN401 - settrace
        frame.f_trace_opcodes = True
        self.taken += event == "opcode"
        return self._count
