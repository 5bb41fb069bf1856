from smi.cli.diagnostics import line, ordered
from smi.model.diagnostic import Diagnostic, Severity
from smi.sources.files import read_text
from tests.builders import name
from tests.fakes.shop_yaml import HTTP, target


def finding(severity: Severity, kind: str, namespace: str = "shop") -> Diagnostic:
    return Diagnostic(severity, kind, name(f"{namespace}/x"), "spec.rules", "Reason", "mend it")


def test_a_line_starts_with_the_place_and_ends_with_the_message() -> None:
    placed = Diagnostic(
        Severity.ERROR,
        "TrafficSplit",
        name("canary"),
        "spec.service",
        "Why",
        "mend it",
        "a.yaml",
        3,
    )
    assert line(placed) == "a.yaml:3: error Why TrafficSplit shop/canary spec.service: mend it"


def test_a_finding_about_a_whole_object_that_is_in_no_file_has_neither() -> None:
    whole = Diagnostic(Severity.INFO, "Pod", name("web"), "", "Why", "mend it")
    assert line(whole) == "info Why Pod shop/web: mend it"


def test_the_most_severe_come_first() -> None:
    found = [finding(severity, "A") for severity in reversed(Severity)]
    assert [d.severity for d in ordered(found, (), None)] == list(Severity)


def test_only_the_namespaces_that_were_asked_for_are_told_of() -> None:
    found = [finding(Severity.ERROR, "A", "far"), finding(Severity.ERROR, "A")]
    assert ordered(found, (), frozenset({"shop"})) == (found[1],)


def test_fields_that_no_version_has_are_warned_of_where_they_are() -> None:
    text = target("web-api", HTTP).replace("spec:", "spec:\n  surplus: 1")
    manifests, _ = read_text(text, "access.yaml")
    assert [line(diagnostic) for diagnostic in ordered((), manifests, None)] == [
        (
            "access.yaml:6: warning UnknownField TrafficTarget shop/web-api spec.surplus:"
            " this kind has no such field; it has no effect"
        )
    ]
