from typing import Any

import pytest

from smi.model.identity import PodUid
from smi.model.inbound import Mode
from smi_envoy.translate import chains, names
from smi_envoy.translate.chains import Admission
from tests import builders as a
from tests.xds_json import as_json, values

OPEN = [Mode.PERMISSIVE, Mode.AUDIT]


def inbound(*uids: str, mode: Mode = Mode.STRICT) -> list[dict[str, Any]]:
    """The chains that lead to port 8080 of a pod, for TCP connections of the pods of `uids`."""
    admission = Admission(frozenset(map(PodUid, uids)), mode)
    return [as_json(chain) for chain in chains.inbound(a.name("web-0"), 8080, 40000, admission)]


def subjects(said: dict[str, Any]) -> list[tuple[str, str]]:
    """Who may pass a chain; any peer, if there is none."""
    listed = values(said, "match_typed_subject_alt_names")
    return [(each["san_type"], each["matcher"]["exact"]) for names in listed for each in names]


def test_strict_doors_know_server_names_and_mutual_tls_only() -> None:
    said = inbound("one", "two")
    assert [chain["filter_chain_match"] for chain in said] == [
        {"server_names": [name], "transport_protocol": "tls"}
        for name in (
            "http.smi-mesh",
            names.tcp_sni(PodUid("one")),
            names.tcp_sni(PodUid("two")),
            "*.tcp.smi-mesh",
        )
    ]
    assert list(values(said, "require_client_certificate")) == [True] * 4
    assert list(values(said, "disable_stateless_session_resumption")) == [True] * 4
    assert list(values(said, "disable_stateful_session_resumption")) == [True] * 4


def test_handshake_judges_tcp_and_routes_judge_http() -> None:
    http, tcp, _ = inbound("one")
    secrets = [c["name"] for c in values([http, tcp], "validation_context_sds_secret_config")]
    assert secrets == ["peers", "peers"]
    assert subjects(http) == []
    assert subjects(tcp) == [("DNS", "one")]
    assert [r["route_config_name"] for r in values(http, "rds")] == ["inbound/shop/web-0/8080"]


def test_tcp_admits_nobody_rather_than_anybody() -> None:
    _, others = inbound()
    assert subjects(others) == [("URI", "spiffe://nobody.invalid/")]


@pytest.mark.parametrize("mode", Mode)
def test_chain_that_stays_is_the_same_whoever_else_may_and_in_every_mode(mode: Mode) -> None:
    http, two, _ = inbound("two")
    said = inbound("two", "one", "three", mode=mode)
    assert said[0] == http
    assert two in said[1:4]


def test_all_chains_lead_to_the_application() -> None:
    for said in inbound("one", mode=Mode.PERMISSIVE):
        ((state,),) = values(said, "on_new_connection")
        address = {"text_format_source": {"inline_string": "127.0.0.1:40000"}}
        assert state["format_string"] == address
        assert list(values(said, "cluster")) in ([], ["application"])


@pytest.mark.parametrize("mode", OPEN)
def test_other_modes_admit_every_peer_plain_text_and_foreign_tls_too(mode: Mode) -> None:
    http, others, *strangers = inbound(mode=mode)
    assert [http] == inbound()[:1]
    assert others["filter_chain_match"]["server_names"] == ["*.tcp.smi-mesh"]
    assert subjects(others) == []
    assert list(values(others, "require_client_certificate")) == [True]
    assert [chain["filter_chain_match"] for chain in strangers] == [
        {
            "transport_protocol": "raw_buffer",
            "application_protocols": ["http/1.0", "http/1.1", "h2c"],
        },
        {"transport_protocol": "raw_buffer"},
        {"transport_protocol": "tls"},
    ]
    assert not any("transport_socket" in chain for chain in strangers)
    assert [r["route_config_name"] for r in values(strangers, "rds")] == ["inbound/shop/web-0/8080"]
    assert list(values(strangers, "cluster")) == ["application"] * 2


def test_permissive_and_audit_doors_are_alike() -> None:
    assert inbound("one", mode=Mode.PERMISSIVE) == inbound("one", mode=Mode.AUDIT)


def test_tcp_connections_are_counted_by_what_strict_mode_says_of_them() -> None:
    _, granted, others, *_ = inbound("one", mode=Mode.AUDIT)
    for said, verdict in ((granted, "allowed"), (others, "denied")):
        tags = [tag for each in values(said, "tags") for tag in each]
        assert {"name": "audit", "value_format": verdict} in tags
