"""Whether the pods of one group accept a request, and why not."""

from dataclasses import replace

import pytest

from smi.decision.judge import Judgement, Verdict, judge
from smi.decision.request import Caller, Protocol, Request
from smi.model.identity import PodUid
from smi.model.inbound import Mode, Rule
from tests import builders as a

FRONT = Caller(a.spiffe("front"), PodUid("uid-front-0"))


def judged(
    *rules: Rule,
    who: Caller = FRONT,
    port: int = 8080,
    protocol: Protocol = Protocol.HTTP,
    method: str = "GET",
    path: str = "/",
    mode: Mode = Mode.STRICT,
) -> Judgement:
    request = Request("", "", protocol, method, path)
    return judge(a.inbound(a.group("web"), *rules, mode=mode), port, who, request, a.name("web"))


def test_no_target_is_no_access() -> None:
    found = judged()
    assert (found.verdict, found.reason) == (Verdict.DENY, "NoPolicy")
    assert "shop/web" in found.message


@pytest.mark.parametrize(
    "rule", [a.rule("t", "front"), a.rule("t", pods=["uid-front-0"]), a.rule("t", "x", "front")]
)
def test_caller_is_known_by_account_or_by_pod(rule: Rule) -> None:
    found = judged(rule)
    assert (found.verdict, found.reason) == (Verdict.ALLOW, "Allowed")
    assert found.policies == (a.name("t"),)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (a.rule("t", "other"), "SourceNotListed"),
        (a.rule("t", "front", tcp=False), "ProtocolNotGranted"),
        (a.rule("t", "front", ports=[9090]), "PortNotGranted"),
        (a.rule("t", "front", ports=[]), "PortNotGranted"),
        (a.rule("t", "front", http=[]), "RouteNotGranted"),
        (a.rule("t", "front", http=[a.match("/x")]), "RouteNotGranted"),
        (a.rule("t", "front", ports=[9090], http=[a.match()]), "PortNotGranted"),
    ],
)
def test_reason_is_the_first_thing_that_is_not_so(rule: Rule, reason: str) -> None:
    found = judged(rule)
    assert (found.verdict, found.reason) == (Verdict.DENY, reason)
    assert found.nearest[0].target == a.name("t")
    assert found.nearest[0].obstacles[0].reason == reason


def test_reason_is_that_of_the_target_which_comes_nearest() -> None:
    rules = (
        a.rule("a", "other"),
        a.rule("b", "front", http=[a.match("/x")]),
        a.rule("c", "front", ports=[1]),
    )
    found = judged(*rules)
    assert found.reason == "RouteNotGranted"
    assert [near.target.name for near in found.nearest] == ["b"]


def test_targets_are_judged_whole_and_never_combined() -> None:
    port = a.rule("a", "front", ports=[8080], http=[a.match("/x")])
    route = a.rule("b", "front", ports=[9090], http=[a.match("/")])
    assert judged(port, route).verdict is Verdict.DENY


def test_source_of_one_target_gets_no_route_of_another() -> None:
    mine = a.rule("a", "front", http=[a.match("/x")])
    anothers = a.rule("b", "other", http=[a.match("/")])
    found = judged(mine, anothers)
    assert found.verdict is Verdict.DENY
    assert found.reason == "RouteNotGranted"


def test_every_target_that_allows_is_named() -> None:
    found = judged(a.rule("a", "front"), a.rule("b", "other"), a.rule("c", "front"))
    assert found.policies == (a.name("a"), a.name("c"))
    assert found.message == "allowed by shop/a, shop/c"


def test_path_is_the_one_that_is_forwarded() -> None:
    assert judged(a.rule("t", "front"), path="/x/../y?q").path == "/y?q"


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [(a.rule("t", "front"), True), (a.rule("t", "front", http=[a.match()]), False)],
)
def test_route_grants_no_bytes(rule: Rule, allowed: bool) -> None:
    found = judged(rule, protocol=Protocol.TCP)
    assert found.reason == ("Allowed" if allowed else "ProtocolNotGranted")
    assert found.path == ""


@pytest.mark.parametrize(
    ("ports", "reason"),
    [
        (None, "Allowed"),
        ({8080}, "Allowed"),
        ({53}, "PortNotGranted"),
        (set(), "ProtocolNotGranted"),
    ],
)
def test_udp_has_ports_of_its_own(ports: set[int] | None, reason: str) -> None:
    udp = None if ports is None else frozenset(ports)
    rule = replace(a.rule("t", "front", ports=[1], tcp=False), udp_ports=udp)
    assert judged(rule, protocol=Protocol.UDP).reason == reason


def test_caller_without_a_certificate_is_nobody() -> None:
    assert judged(a.rule("t", "front"), who=Caller(None, None)).reason == "NoIdentity"


def test_path_that_is_none_is_refused_before_all_else() -> None:
    for who in (FRONT, Caller(None, None)):
        assert judged(a.rule("t", "front"), who=who, path="x").reason == "BadRequest"


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (a.rule("t", "other", http=[a.match("/a")]), "EscapedSlash"),
        (a.rule("t", "front"), "Allowed"),
        (a.rule("t", "front", http=[a.match()]), "Allowed"),
        (a.rule("t", "front", ports=[9090], http=[a.match("/a")]), "PortNotGranted"),
        (a.rule("t", "front", tcp=False, http=[a.match("/a")]), "ProtocolNotGranted"),
    ],
)
@pytest.mark.parametrize("path", ["/a%2Fb", "/a/%2e%2e;/b"])
def test_escaped_slash_or_dot_segment_is_refused_where_a_path_decides(
    path: str, rule: Rule, reason: str
) -> None:
    assert judged(rule, path=path).reason == reason


NOBODY = Caller(None, None)
ITEMS = a.rule("t", "front", http=[a.match("/items")])


@pytest.mark.parametrize("protocol", list(Protocol))
@pytest.mark.parametrize("who", [FRONT, NOBODY])
def test_permissive_pods_take_whatever_comes(who: Caller, protocol: Protocol) -> None:
    found = judged(ITEMS, who=who, protocol=protocol, mode=Mode.PERMISSIVE, path="/a%2fb")
    assert (found.verdict, found.reason) == (Verdict.ALLOW, "Permissive")
    assert found.policies == ()


@pytest.mark.parametrize(
    ("who", "path"), [(FRONT, "/items"), (FRONT, "/x"), (FRONT, "/a%2fb"), (NOBODY, "/items")]
)
def test_audit_lets_in_and_says_what_strict_mode_would(who: Caller, path: str) -> None:
    strict = judged(ITEMS, who=who, path=path)
    found = judged(ITEMS, who=who, path=path, mode=Mode.AUDIT)
    assert found == replace(strict, verdict=Verdict.ALLOW)
    assert found.nearest == strict.nearest


@pytest.mark.parametrize("mode", list(Mode))
def test_what_is_no_request_is_refused_in_every_mode(mode: Mode) -> None:
    assert judged(ITEMS, path="x", mode=mode).verdict is Verdict.DENY
