"""What is behind the destination of a TrafficTarget."""

from smi.compiler.destinations import pods_of_destination, services_of_destination
from smi.compiler.memo import Memo
from smi.k8s.resource import NamespacedName


def test_binding_that_is_not_there_has_no_pods_and_no_services() -> None:
    memo = Memo(
        {
            "pods of destination": pods_of_destination,
            "services of destination": services_of_destination,
        }
    )
    destination = ("IdentityBinding", "shop", "gone")
    assert memo.get(("pods of destination", *destination)) == ()
    assert memo.get(("services of destination", *destination)) == frozenset()


def test_pods_of_an_account_are_those_that_run_as_it() -> None:
    memo = Memo({"pods of destination": pods_of_destination})
    assert memo.get(("pods of destination", "ServiceAccount", "shop", "web")) == ()
    memo.set(("pods of identity", "shop", "web"), frozenset({"web-1", "web-0"}))
    assert memo.get(("pods of destination", "ServiceAccount", "shop", "web")) == (
        NamespacedName("shop", "web-0"),
        NamespacedName("shop", "web-1"),
    )
