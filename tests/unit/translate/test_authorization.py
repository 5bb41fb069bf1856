from typing import Any

import pytest

from smi.model.inbound import Mode, Rule
from smi_envoy.translate import authorization
from tests import builders as a
from tests.xds_json import as_json, values


def judgement(*rules: Rule) -> dict[str, Any]:
    """The matcher of `rules` as JSON."""
    said: dict[str, Any] = as_json(authorization.http_authorization(rules))["rbac"]["matcher"]
    return said


def callers(said: object) -> dict[str, Any]:
    """What is decided for each caller that some rule names."""
    return {name: found for each in values(said, "map") for name, found in each.items()}


def actions(said: object) -> set[str]:
    """The names of all actions."""
    return {
        a["name"] for a in values(said, "typed_config") if a["@type"].endswith("rbac.v3.Action")
    }


def test_nothing_is_allowed_without_rules() -> None:
    said = judgement()
    assert "matcher_list" not in said
    assert actions(said) == {"none"}
    assert list(values(said, "action"))[1:] == ["DENY"] or "DENY" in str(said)


def test_action_is_named_after_the_traffic_target() -> None:
    said = judgement(a.rule("web", "front", http=[a.match("/a")]))
    assert actions(said) == {"shop/web", "none"}


def test_every_caller_has_its_own_list() -> None:
    said = callers(
        judgement(
            a.rule("one", "front", "back", http=[a.match("/a")]),
            a.rule("two", "front", http=[a.match("/b")]),
        )
    )
    assert actions(said[a.spiffe("front")]) == {"shop/one", "shop/two"}
    assert actions(said[a.spiffe("back")]) == {"shop/one"}


def test_rule_without_requests_allows_any() -> None:
    said = callers(judgement(a.rule("some", "front", http=[a.match("/a")]), a.rule("all", "front")))
    assert actions(said) == {"shop/all"}
    assert "matcher" not in said[a.spiffe("front")]


def test_pods_are_known_by_their_uid_whatever_their_account() -> None:
    said = judgement(a.rule("web", "front", pods=["uid-1"]))
    assert set(callers(said)) == {a.spiffe("front"), "uid-1"}
    inputs = [i["typed_config"]["@type"].rpartition(".")[2] for i in values(said, "input")]
    assert [i for i in inputs if i.endswith("SanInput")] == ["DnsSanInput", "UriSanInput"]


def test_rules_of_a_port_speak_of_it_over_tcp_and_grant_something() -> None:
    rules = (
        a.rule("all", "front"),
        a.rule("here", "front", ports=[80]),
        a.rule("there", "front", ports=[81]),
        a.rule("udp", "front", tcp=False),
        a.rule("unresolved", "front", http=[]),
    )
    found = authorization.rules_at(a.inbound(a.group("web"), *rules), 80)
    assert [rule.target.name for rule in found] == ["all", "here"]
    assert authorization.rules_at(None, 80) == ()


def test_path_decides_where_a_match_has_one() -> None:
    assert not authorization.judges_paths([a.rule("web", http=[a.match(methods=["GET"])])])
    assert not authorization.judges_paths([a.rule("web")])
    assert authorization.judges_paths([a.rule("web"), a.rule("web", http=[a.match("/")])])


def subjects(*rules: Rule) -> set[tuple[str, str]]:
    """The subjects admitted over TCP."""
    said = [as_json(subject) for subject in authorization.tcp_clients(rules)]
    return {(subject["san_type"], subject["matcher"]["exact"]) for subject in said}


def test_tcp_admits_who_may_send_any_bytes() -> None:
    assert subjects(
        a.rule("bytes", "front", pods=["uid-1"]), a.rule("requests", "back", http=[a.match()])
    ) == {("URI", a.spiffe("front")), ("DNS", "uid-1")}


def test_tcp_admits_nobody_rather_than_anybody() -> None:
    assert subjects() == {("URI", "spiffe://nobody.invalid/")}
    assert subjects(a.rule("requests", "back", http=[a.match()])) == subjects()


def test_permissive_mode_judges_nothing() -> None:
    assert (
        as_json(authorization.http_authorization((a.rule("web", "front"),), Mode.PERMISSIVE)) == {}
    )


def test_audit_mode_records_what_strict_mode_enforces() -> None:
    rules = (a.rule("web", "front", http=[a.match(methods=["GET"])]),)
    said = as_json(authorization.http_authorization(rules, Mode.AUDIT))["rbac"]
    assert said == {"shadow_matcher": judgement(*rules)}


def test_audit_mode_records_an_escaped_slash_where_a_path_decides() -> None:
    rules = (a.rule("web", "front", http=[a.match("/a")]),)
    said = as_json(authorization.http_authorization(rules, Mode.AUDIT))["rbac"]["shadow_matcher"]
    first, second = said["matcher_list"]["matchers"]
    assert list(values(first["predicate"], "regex")) == [authorization.ESCAPED_SLASH]
    assert actions(first) == {"none"}
    assert second["on_match"]["matcher"] == judgement(*rules)


@pytest.mark.parametrize("mode", [Mode.PERMISSIVE, Mode.AUDIT])
def test_other_modes_admit_every_certificate_of_the_mesh_over_tcp(mode: Mode) -> None:
    assert authorization.tcp_clients((a.rule("web", "front"),), mode) == []
