from dataclasses import replace

from smi.backend import Flow, Refusal, Silence, Traffic
from smi.model.inbound import Mode
from smi_envoy import queries
from tests import builders as a

FRONT = a.identity("front")
INTRUDER = a.spiffe("intruder")
POD = a.name("front-0")

HTTP = """\
# TYPE envoy_smi_outbound counter
envoy_smi_outbound{host="w.s",route="s/w:80|s/canary",cluster="s/w-v1:80|http",status="200"} 7
envoy_smi_outbound{host="web",route="s/w:80",cluster="s/w:80|http",status="403"} 2
envoy_smi_outbound{host="a\\\\b\\"c\\nd",route="",cluster="",status="400"} 1
envoy_smi_outbound{host="web",route="s/w:80|s/canary",cluster="",status="503"} 1
"""

TCP = """\
envoy_smi_outbound{host="s/db:1",route="s/db:1",service="s/db-v1",split="s/s",status="ok"} 4
envoy_smi_outbound{host="s/db:1",route="s/db:1",service="",split="",status="failed"} 5
"""


def read(text: str, mode: Mode = Mode.STRICT) -> Traffic:
    """What a proxy of the front counted, by what it says."""
    inbound = replace(a.inbound(a.group("front")), mode=mode)
    mesh = a.mesh([a.workload("front-0", "front")], inbounds=[inbound])
    return queries.traffic(mesh, POD, text)


def test_requests_are_told_by_route_and_cluster() -> None:
    web, canary = a.name("s/w"), a.name("s/canary")
    assert read(HTTP) == Traffic(
        (
            Flow(FRONT, "w.s", web, canary, a.name("s/w-v1"), "200", 7),
            Flow(FRONT, "web", web, None, web, "403", 2),
            Flow(FRONT, 'a\\b"c\nd', None, None, None, "400", 1),
            Flow(FRONT, "web", web, canary, None, "503", 1),
        ),
    )


def test_connections_are_told_by_their_endpoint() -> None:
    db, host = a.name("s/db"), "s/db:1"
    assert read(TCP).flows == (
        Flow(FRONT, host, db, a.name("s/s"), a.name("s/db-v1"), "ok", 4),
        Flow(FRONT, host, db, None, None, "failed", 5),
    )


def test_silence_is_told_by_the_door_at_which_a_client_kept_it() -> None:
    said = """\
envoy_listener_127_9_9_8_15432_downstream_pre_cx_timeout{} 3
envoy_listener_127_9_9_8_28080_downstream_pre_cx_timeout{} 9
envoy_listener_127_9_9_8_15432_downstream_cx_total{} 4
"""
    front = a.workload("front-0", "front", services={("s/db", 5432): 15432})
    assert queries.traffic(a.mesh([front]), POD, said) == Traffic(
        silences=(Silence(FRONT, a.name("s/db"), 5432, 3),)
    )
    apart = replace(front, loopback=None)
    assert queries.traffic(a.mesh([apart]), POD, said) == Traffic()


def test_tunnels_to_a_pod_are_connections_to_its_service() -> None:
    (flow,) = read('envoy_smi_outbound{route="tunnel/s/db:80",status="failed"} 2\n').flows
    assert flow == Flow(FRONT, "", a.name("s/db"), None, None, "failed", 2)


def test_requests_to_a_pod_are_requests_to_its_service() -> None:
    said = 'host="db-0.db:1",route="s/db:1",cluster="pod/s/db-0:1|http",status="200"'
    (flow,) = read(f"envoy_smi_outbound{{{said}}} 2\n").flows
    assert (flow.root, flow.service) == (a.name("s/db"), None)


def test_hosts_outside_are_one_and_an_address_of_the_machine_is_a_refusal() -> None:
    said = 'host="external",route="external",cluster="external",status="403",policy="Loopback"'
    found = read(f"envoy_smi_outbound{{{said}}} 2\n")
    assert found.flows == (Flow(FRONT, "external", None, None, None, "403", 2),)
    front = a.spiffe("front")
    assert found.refusals == (Refusal(front, "external", None, "Loopback", True, 2),)


def test_nothing_is_no_traffic() -> None:
    assert read("") == Traffic()
    assert read('envoy_smi_other{source=""} 1\n') == Traffic()


def test_client_that_may_not_call_is_refused_by_its_own_proxy() -> None:
    said = read('envoy_smi_outbound{host="db",route="AccessDenied",cluster="",status="403"} 3\n')
    assert said.flows == (Flow(FRONT, "db", None, None, None, "403", 3),)
    assert said.refusals == (Refusal(a.spiffe("front"), "db", None, "AccessDenied", True, 3),)


def refused(source: str, reason: str, count: int, *, enforced: bool = True) -> Refusal:
    """What the front's own pods refused at their port 80."""
    return Refusal(source, "shop/front", 80, reason, enforced, count)


def inbound(**labels: object) -> str:
    """A line about requests or connections of the intruder."""
    said = {"source": INTRUDER, "port": 80, "policy": "", "audit": "", **labels}
    listed = ",".join(f'{name}="{value}"' for name, value in said.items())
    return f"envoy_smi_inbound{{{listed}}} 2\n"


def test_requests_are_denied_for_the_reason_that_is_their_policy_or_route() -> None:
    text = inbound(status=200, policy="shop/t") + inbound(status=403, policy="RouteNotGranted")
    text += inbound(status=400, route="EscapedSlash") + inbound(status=403)
    assert read(text).refusals == (
        refused(INTRUDER, "RouteNotGranted", 2),
        refused(INTRUDER, "EscapedSlash", 2),
    )


def test_audit_tells_what_it_let_through() -> None:
    text = inbound(audit="allowed", audited="shop/t")
    text += inbound(audit="denied", audited="NoPolicy") + inbound(audit="denied")
    text += inbound(audit="denied", audited="", source="")
    assert read(text, Mode.AUDIT).refusals == (
        refused(INTRUDER, "NoPolicy", 2, enforced=False),
        refused(INTRUDER, "NotGranted", 2, enforced=False),
        refused("", "NoIdentity", 2, enforced=False),
    )
    assert read(text, Mode.PERMISSIVE).refusals == ()


def test_connections_are_refused_for_what_the_handshake_failed_of() -> None:
    verify = "TLS_error:|1:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:X509_verify_cert"
    said = {
        "NotGranted": (INTRUDER, "NotGranted"),
        verify: ("", "UntrustedCertificate"),
        "TLS_error:PEER_DID_NOT_RETURN_A_CERTIFICATE:TLS_error_end": ("", "NoIdentity"),
        "filter_chain_not_found": ("", "NoIdentity"),
        "TLS_error:HTTP_REQUEST": ("", "HandshakeFailed"),
    }
    text = "".join(
        f'envoy_smi_refused{{port="80",source="{source}",reason="{text}"}} 1\n'
        for text, (source, _) in said.items()
    )
    assert read(text).refusals == tuple(refused(*expected, 1) for expected in said.values())
