from typing import Any, cast

from smi.client.status import Condition, status
from smi.k8s.resource import OpenResource
from tests.objects import an

NOW = "2026-02-03T04:05:06Z"
THEN = "2025-01-01T00:00:00Z"
ACCEPTED = Condition("Accepted", holds=True, reason="Accepted", message="all is well")


def binding(status: object = None) -> OpenResource:
    found = an("IdentityBinding", "web", {"schemes": {"serviceAccount": "web"}}, generation=4)
    return cast("OpenResource", found.model_copy(update={"status": status}))


def said(resource: OpenResource, *conditions: Condition) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", status(resource, conditions, NOW)["conditions"])


def test_condition_is_of_the_generation_that_was_read() -> None:
    assert said(binding(), ACCEPTED) == [
        {
            "type": "Accepted",
            "status": "True",
            "observedGeneration": 4,
            "lastTransitionTime": NOW,
            "reason": "Accepted",
            "message": "all is well",
        }
    ]


def test_condition_that_holds_as_it_did_keeps_its_time() -> None:
    old = {"type": "Accepted", "status": "True", "lastTransitionTime": THEN}
    there = binding({"conditions": [old, "odd"]})
    assert said(there, ACCEPTED)[0]["lastTransitionTime"] == THEN


def test_condition_that_turned_has_a_new_time() -> None:
    old = {"type": "Accepted", "status": "True", "lastTransitionTime": THEN}
    there = binding({"conditions": [old]})
    for holds, written in ((False, "False"), (None, "Unknown")):
        [condition] = said(there, Condition("Accepted", holds=holds, reason="X"))
        assert (condition["status"], condition["lastTransitionTime"]) == (written, NOW)


def test_status_of_another_shape_is_no_status() -> None:
    there = binding(["odd"])
    assert said(there, ACCEPTED)[0]["lastTransitionTime"] == NOW
