from smi.backend import Flow
from smi_envoy import queries
from tests import builders as a

FRONT = a.identity("front")

HTTP = """\
# TYPE envoy_smi_outbound counter
envoy_smi_outbound{host="w.s",route="s/w:80|s/canary",cluster="s/w-v1:80|http",status="200"} 7
envoy_smi_outbound{host="web",route="s/w:80",cluster="s/w:80|http",status="403"} 2
envoy_smi_outbound{host="a\\\\b\\"c\\nd",route="",cluster="",status="403"} 1
envoy_smi_outbound{host="web",route="s/w:80|s/canary",cluster="",status="503"} 1
# TYPE envoy_smi_inbound counter
envoy_smi_inbound{source="spiffe://cluster.local/ns/shop/sa/front",port="80"} 3
"""

TCP = """\
envoy_smi_outbound{host="s/db:1",route="s/db:1",service="s/db-v1",split="s/s",status="ok"} 4
envoy_smi_outbound{host="s/db:1",route="s/db:1",service="",split="",status="failed"} 5
"""


def test_requests_are_told_by_route_and_cluster() -> None:
    web, canary = a.name("s/w"), a.name("s/canary")
    assert queries.flows(FRONT, HTTP) == (
        Flow(FRONT, "w.s", web, canary, a.name("s/w-v1"), "200", 7),
        Flow(FRONT, "web", web, None, web, "403", 2),
        Flow(FRONT, 'a\\b"c\nd', None, None, None, "403", 1),
        Flow(FRONT, "web", web, canary, None, "503", 1),
    )


def test_connections_are_told_by_their_endpoint() -> None:
    db, host = a.name("s/db"), "s/db:1"
    assert queries.flows(FRONT, TCP) == (
        Flow(FRONT, host, db, a.name("s/s"), a.name("s/db-v1"), "ok", 4),
        Flow(FRONT, host, db, None, None, "failed", 5),
    )


def test_nothing_is_no_flows() -> None:
    assert queries.flows(FRONT, "") == ()
