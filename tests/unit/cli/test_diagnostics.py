from smi.cli.diagnostics import ordered
from smi.model.diagnostic import Diagnostic, Severity
from smi.sources.files import read_text
from tests.builders import name
from tests.fakes.shop_yaml import HTTP, target


def finding(severity: Severity, kind: str, namespace: str = "shop") -> Diagnostic:
    return Diagnostic(severity, kind, name(f"{namespace}/x"), "spec.rules", "Reason", "mend it")


def test_the_most_severe_come_first() -> None:
    found = [finding(severity, "A") for severity in reversed(Severity)]
    assert [d.severity for d in ordered(found, (), None)] == list(Severity)


def test_only_the_namespaces_that_were_asked_for_are_told_of() -> None:
    found = [finding(Severity.ERROR, "A", "far"), finding(Severity.ERROR, "A")]
    assert ordered(found, (), frozenset({"shop"})) == (found[1],)


def test_fields_that_no_version_has_are_told_of_where_they_are() -> None:
    text = target("web-api", HTTP).replace("spec:", "spec:\n  surplus: 1")
    manifests, _ = read_text(text, "access.yaml")
    (found,) = ordered((), manifests, None)
    assert (found.file, found.line, found.field) == ("access.yaml", 6, "spec.surplus")
    assert (found.severity, found.reason) == (Severity.ERROR, "UnknownField")
