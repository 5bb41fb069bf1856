from dataclasses import replace
from typing import Any

import pytest
import re2

from smi.model.identity import PodUid
from smi.model.inbound import Mode, Rule
from smi.model.path import is_ambiguous
from smi_envoy.translate import authorization
from tests import builders as a
from tests.xds_json import as_json, values


def rbac(*rules: Rule, mode: Mode = Mode.STRICT, port: int = 80) -> dict[str, Any]:
    """What routes into one port of the pods that `rules` protect say of it, as JSON."""
    inbound = replace(a.inbound(a.group("web"), *rules), mode=mode)
    route = as_json(authorization.http_authorization(inbound, port))
    said: dict[str, Any] = route.get("rbac", {})
    return said


def judgement(*rules: Rule, port: int = 80) -> dict[str, Any]:
    """The matcher of `rules` at `port` as JSON."""
    said: dict[str, Any] = rbac(*rules, port=port)["matcher"]
    return said


def callers(said: object) -> dict[str, Any]:
    """What is granted to each caller that some rule names: the first that is said of it."""
    found: dict[str, Any] = {}
    for each in values(said, "map"):
        found = each | found
    return found


def actions(said: object) -> set[str]:
    """The names of all actions."""
    return {
        a["name"] for a in values(said, "typed_config") if a["@type"].endswith("rbac.v3.Action")
    }


def test_nothing_is_allowed_without_rules() -> None:
    said = judgement()
    assert "matcher_list" not in said
    assert actions(said) == {"NoPolicy"}
    assert "DENY" in str(said)


def test_action_is_named_after_the_traffic_target() -> None:
    said = judgement(a.rule("web", "front", http=[a.match("/a")]))
    assert actions(said) == {"shop/web", "RouteNotGranted", "SourceNotListed"}


def reasons(*rules: Rule, port: int = 80) -> list[tuple[str, set[str]]]:
    """Which callers are denied for which reason, in the order in which it is asked."""
    said = judgement(*rules, port=port)
    maps = [each for each in values(said, "map") if "DENY" in str(each)]
    return [(actions(each).pop(), set(each)) for each in maps]


def test_denial_gives_the_reason_of_the_rule_that_goes_furthest() -> None:
    rules = (
        a.rule("udp", "front", "other", tcp=False),
        a.rule("elsewhere", "front", "back", ports=[81]),
        a.rule("routes", "front", http=[a.match("/a")], pods=["uid-1"]),
        a.rule("any", "free"),
    )
    assert reasons(*rules) == [
        ("RouteNotGranted", {"uid-1"}),
        ("RouteNotGranted", {a.spiffe("front")}),
        ("PortNotGranted", {a.spiffe("front"), a.spiffe("back")}),
        ("ProtocolNotGranted", {a.spiffe("front"), a.spiffe("other")}),
    ]
    last = judgement(*rules)["on_no_match"]["action"]["typed_config"]
    assert (last["name"], last["action"]) == ("SourceNotListed", "DENY")


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


def test_tcp_admits_who_may_send_any_bytes() -> None:
    rules = (
        a.rule("bytes", "front", pods=["uid-1"]),
        a.rule("requests", "back", pods=["uid-2"], http=[a.match()]),
    )
    spiffe_ids, uids = authorization.tcp_clients(rules)
    assert (set(spiffe_ids), set(uids)) == ({a.spiffe("front")}, {PodUid("uid-1")})
    assert not any(authorization.tcp_clients(rules[1:]))


def test_permissive_mode_judges_nothing() -> None:
    assert rbac(a.rule("web", "front"), mode=Mode.PERMISSIVE) == {}


def test_audit_mode_records_what_strict_mode_enforces() -> None:
    rules = (a.rule("web", "front", http=[a.match(methods=["GET"])]),)
    assert rbac(*rules, mode=Mode.AUDIT) == {"shadow_matcher": judgement(*rules)}


def test_audit_mode_records_an_escaped_slash_where_a_path_decides() -> None:
    rules = (a.rule("web", "front", http=[a.match("/a")]),)
    said = rbac(*rules, mode=Mode.AUDIT)["shadow_matcher"]
    first, second = said["matcher_list"]["matchers"]
    assert list(values(first["predicate"], "regex")) == [authorization.ESCAPED_SLASH]
    assert actions(first) == {"EscapedSlash"}
    assert second["on_match"]["matcher"] == judgement(*rules)


@pytest.mark.parametrize(
    ("path", "is_refused"),
    [
        ("/a%2Fb", True),
        ("/%5c", True),
        ("/a/..;/b", True),
        ("/.;x", True),
        ("/a;b/c", False),
        ("/a;../b", False),
        ("/...;", False),
        ("/a%252Fb", False),
    ],
)
def test_sidecars_refuse_the_paths_that_decide_calls_ambiguous(path: str, is_refused: bool) -> None:
    assert (re2.fullmatch(authorization.ESCAPED_SLASH, path) is not None) is is_refused
    assert is_ambiguous(path) is is_refused
