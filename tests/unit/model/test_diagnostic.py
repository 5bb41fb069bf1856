from smi.k8s.resource import NamespacedName
from smi.model.diagnostic import Diagnostic, Severity

CANARY = NamespacedName("shop", "canary")


def test_as_text_it_is_place_object_field_message_and_reason() -> None:
    placed = Diagnostic(
        Severity.ERROR, "TrafficSplit", CANARY, "spec.service", "Why", "mend it", "a.yaml", 3
    )
    assert str(placed) == "a.yaml:3: TrafficSplit shop/canary: spec.service: mend it (Why)"


def test_about_a_whole_object_that_is_in_no_file_it_has_neither_place_nor_field() -> None:
    whole = Diagnostic(Severity.INFO, "TrafficSplit", CANARY, "", "Why", "mend it")
    assert str(whole) == "TrafficSplit shop/canary: mend it (Why)"
