from typing import Any

import pytest

from smi import access
from smi.client.objects import Undecodable, listed
from smi.client.watching import Broken, Change, Event, View, step, wait
from smi.errors import Expired, Forbidden, Unavailable
from smi.k8s.resource import NamespacedName

Binding = access.IdentityBinding


def written(name: str, version: int, uid: str = "u", account: object = "web") -> dict[str, Any]:
    return {
        "apiVersion": "access.smi-spec.io/v1alpha4",
        "kind": "IdentityBinding",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": uid,
            "resourceVersion": str(version),
        },
        "spec": {"schemes": {"serviceAccount": account}},
    }


def page(version: int, *items: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version)}, "items": list(items)}


def event(change: str, document: dict[str, Any]) -> dict[str, Any]:
    return {"type": change, "object": document}


def bookmark(version: int) -> dict[str, Any]:
    return event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


def view_of(version: int, *items: dict[str, Any]) -> View[Binding]:
    return View.of(Binding, listed(Binding, page(version, *items)))


def told(events: list[Event[Binding]]) -> list[str]:
    return [f"{one.change} {one.key}" for one in events]


def test_everything_is_added_to_a_view_that_knows_nothing() -> None:
    view = View(Binding)
    events = step(view, listed(Binding, page(9, written("a", 1), written("b", 2))))
    assert told(events) == ["ADDED shop/a", "ADDED shop/b"]
    assert view.version == "9"


def test_changes_are_told_and_the_version_goes_on() -> None:
    view = view_of(5)
    assert told(step(view, event("ADDED", written("a", 6)))) == ["ADDED shop/a"]
    [modified] = step(view, event("MODIFIED", written("a", 7, account="other")))
    assert modified.change is Change.MODIFIED
    assert isinstance(modified.value, Binding)
    assert modified.value.spec.schemes.service_account == "other"
    assert told(step(view, event("DELETED", written("a", 8)))) == ["DELETED shop/a"]
    assert (view.version, view.known) == ("8", {})


def test_bookmark_is_not_told_and_the_version_goes_on() -> None:
    view = view_of(5, written("a", 1))
    assert step(view, bookmark(99)) == []
    assert view.version == "99"
    assert list(view.known) == [NamespacedName("shop", "a")]


def test_event_of_a_type_that_is_not_known_is_not_told() -> None:
    view = view_of(5)
    assert step(view, {"type": ["odd"], "object": "odd"}) == []
    assert view.version == "5"


def test_what_was_told_before_is_not_told_again() -> None:
    view = view_of(5, written("a", 3))
    assert step(view, event("ADDED", written("a", 3))) == []
    assert told(step(view, event("ADDED", written("a", 4)))) == ["MODIFIED shop/a"]
    assert step(view, event("DELETED", written("never", 6))) == []


def test_list_in_between_tells_the_difference() -> None:
    view = view_of(5, written("same", 1), written("changed", 2), written("gone", 3))
    now = page(9, written("same", 1), written("changed", 8), written("new", 9))
    events = step(view, listed(Binding, now))
    assert told(events) == ["DELETED shop/gone", "MODIFIED shop/changed", "ADDED shop/new"]
    assert isinstance(events[0].value, Binding)


def test_object_that_was_made_anew_is_another() -> None:
    view = view_of(5, written("a", 3, uid="old"))
    events = step(view, listed(Binding, page(9, written("a", 8, uid="new"))))
    assert told(events) == ["DELETED shop/a", "ADDED shop/a"]


def test_object_that_cannot_be_read_is_told_and_ends_nothing() -> None:
    view = view_of(5, written("a", 3))
    [broken] = step(view, event("MODIFIED", written("a", 6, account=7)))
    assert broken.change is Change.MODIFIED
    assert isinstance(broken.value, Undecodable)
    assert "spec.schemes.serviceAccount" in broken.value.reason
    [mended] = step(view, event("MODIFIED", written("a", 7)))
    assert isinstance(mended.value, Binding)


def test_connection_that_ends_goes_on_from_where_it_was() -> None:
    view = view_of(5)
    assert step(view, Broken()) == []
    assert step(view, Broken(Unavailable("refused"))) == []
    assert (view.version, view.failures) == ("5", 2)
    step(view, bookmark(6))
    assert (view.failures, view.quiet) == (0, 0)


@pytest.mark.parametrize("error", [Expired("too old"), Forbidden("cannot")])
def test_watch_that_is_refused_lists_anew(error: Expired | Forbidden) -> None:
    view = view_of(5, written("a", 3))
    step(view, Broken(error))
    assert view.version == ""
    assert list(view.known) == [NamespacedName("shop", "a")]


def test_version_that_brings_nothing_again_and_again_is_doubted() -> None:
    view = view_of(5)
    for _ in range(9):
        step(view, Broken(lasted=60.0))
    assert view.version == "5"
    step(view, Broken())
    assert view.version == ""
    step(view, listed(Binding, page(2)))
    step(view, Broken())
    assert view.version == "2"


def test_connection_that_lasted_was_no_failure() -> None:
    view = view_of(5)
    for _ in range(5):
        step(view, Broken())
    for error in (None, Unavailable("reset")):
        step(view, Broken(error, 60.0))
        assert wait(view, error, 1.0) == 0.5


def test_waits_double_up_to_half_a_minute() -> None:
    view = view_of(5)
    waits = []
    for _ in range(10_000):
        step(view, Broken())
        waits.append(wait(view, None, 1.0))
    assert waits[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert waits[-1] == 30.0


def test_chance_takes_up_to_half_of_a_wait() -> None:
    view = view_of(5)
    step(view, Broken())
    assert [wait(view, None, chance) for chance in (0.0, 0.5)] == [0.25, 0.375]


def test_server_that_says_when_to_come_back_is_heard() -> None:
    view = view_of(5)
    step(view, Broken())
    assert wait(view, Unavailable("full", 7.0), 0.0) == 7.0
    assert wait(view, Unavailable("full", 3600.0), 0.0) == 30.0
    assert wait(view, Unavailable("refused"), 0.0) == 0.25
    assert wait(view, Expired("too old"), 0.0) == 0.25
