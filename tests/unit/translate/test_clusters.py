from smi.model.service import AppProtocol, OutlierDetection
from smi_envoy.translate import clusters, forwarding, names, tls
from smi_envoy.translate.endpoints import PLAIN
from smi_envoy.xds.resources import NOBODY
from tests import builders as a
from tests.xds_json import as_json, values


def test_upstreams_say_by_their_server_name_what_they_carry() -> None:
    for speaks, sni in ((AppProtocol.HTTP, names.HTTP_SNI), (AppProtocol.TCP, names.TCP_SNI)):
        said = as_json(clusters.upstream("c", "servers/c", speaks))
        assert list(values(said, "sni")) == [sni]
        assert said["type"] == "EDS"


def test_connections_go_by_the_weights_of_localities_and_requests_to_all_alike() -> None:
    for speaks, weighted in ((AppProtocol.TCP, True), (AppProtocol.HTTP, False)):
        said = as_json(clusters.upstream("c", "servers/c", speaks))
        assert ("locality_weighted_lb_config" in said["common_lb_config"]) is weighted


def test_upstream_keeps_the_version_of_http_and_adds_no_limit() -> None:
    said = as_json(clusters.upstream("c", "s", AppProtocol.HTTP))
    assert list(values(said, "use_downstream_protocol_config"))
    limits = said["circuit_breakers"]["thresholds"][0]
    assert set(limits.values()) == {2**32 - 1}
    assert "outlier_detection" not in said
    assert not list(
        values(as_json(clusters.upstream("c", "s", AppProtocol.TCP)), "http2_protocol_options")
    )


def test_upstream_presents_its_svid_and_verifies_the_servers() -> None:
    said = as_json(clusters.upstream("c", "servers/c", AppProtocol.HTTP))
    context = next(values(said, "common_tls_context"))
    assert [s["name"] for s in context["tls_certificate_sds_secret_configs"]] == ["svid"]
    assert context["validation_context_sds_secret_config"]["name"] == "servers/c"
    assert context["tls_params"]["tls_minimum_protocol_version"] == "TLSv1_3"


def test_endpoints_are_ejected_as_the_service_asks_and_for_failures_in_a_row_alone() -> None:
    outliers = OutlierDetection(3, 500, 2000, 60)
    for speaks in (AppProtocol.HTTP, AppProtocol.TCP):
        said = as_json(clusters.upstream("c", "s", speaks, outliers=outliers))
        assert said["outlier_detection"] == {
            "consecutive_5xx": 3,
            "interval": "0.500s",
            "base_ejection_time": "2s",
            "max_ejection_time": "2s",
            "max_ejection_percent": 60,
            "enforcing_consecutive_5xx": 100,
            "enforcing_consecutive_gateway_failure": 0,
            "enforcing_success_rate": 0,
        }
        assert said["common_lb_config"]["healthy_panic_threshold"] == {}


def test_only_who_says_so_is_dialled_in_plain() -> None:
    for speaks in (AppProtocol.HTTP, AppProtocol.TCP):
        said = as_json(clusters.upstream("c", "s", speaks))
        (plain,) = said["transport_socket_matches"]
        assert plain["match"] == PLAIN
        assert "RawBuffer" in plain["transport_socket"]["typed_config"]["@type"]
        assert said["transport_socket"]["name"] == "tls"


def test_application_is_where_the_listener_says() -> None:
    said = as_json(clusters.application())
    assert (said["type"], said["lb_policy"]) == ("ORIGINAL_DST", "CLUSTER_PROVIDED")
    assert "transport_socket" not in said


def test_idle_connection_to_an_application_is_not_kept_until_the_application_ends_it() -> None:
    each = [clusters.application(), clusters.upstream("c", "s", AppProtocol.HTTP)]
    patience = [list(values(as_json(one), "idle_timeout")) for one in each]
    assert patience == [["0.100s"], ["0s"]]


def test_no_application_is_sent_more_streams_than_any_takes() -> None:
    plain = clusters.upstream("c", "s", AppProtocol.HTTP, meets_applications=True)
    each = [clusters.application(), plain, forwarding.external()]
    assert [list(values(as_json(one), "max_concurrent_streams")) for one in each] == [[100]] * 3
    between_sidecars = as_json(clusters.upstream("c", "s", AppProtocol.HTTP))
    assert not list(values(between_sidecars, "max_concurrent_streams"))


def test_servers_are_named_exactly_and_never_anybody() -> None:
    found = tls.servers(["cluster.local"], [a.identity("web"), a.identity("api")])
    said = [as_json(one) for one in found]
    assert said == [
        {"san_type": "URI", "matcher": {"exact": a.spiffe("api")}},
        {"san_type": "URI", "matcher": {"exact": a.spiffe("web")}},
    ]
    nobody = [as_json(one) for one in tls.servers(["cluster.local"], [])]
    assert nobody == [{"san_type": "URI", "matcher": {"exact": NOBODY}}]


def test_servers_are_known_by_their_names_in_every_trust_domain() -> None:
    found = tls.servers(["new", "old"], [a.identity("web"), a.identity("api")])
    names = [as_json(one)["matcher"]["exact"] for one in found]
    accounts = ("ns/shop/sa/api", "ns/shop/sa/web")
    assert names == [f"spiffe://{domain}/{who}" for domain in ("new", "old") for who in accounts]


def test_upstream_is_another_one_when_the_oldest_root_is() -> None:
    a_pem, b_pem = (f"-----BEGIN\n{name}\n-----END\n" for name in "ab")
    told = [tls.oldest(trust) for trust in (a_pem, a_pem + b_pem, b_pem)]
    ours = [clusters.upstream("c", "s", AppProtocol.HTTP, oldest) for oldest in told]
    assert ours[0] == ours[1] != ours[2]


def test_validation_holds_the_authorities_and_the_subjects() -> None:
    subjects = tls.servers(["cluster.local"], [a.identity("web")])
    said = as_json(tls.validation("servers/c", "PEM", subjects))
    assert said["validation_context"]["trusted_ca"] == {"inline_string": "PEM"}
    assert len(said["validation_context"]["match_typed_subject_alt_names"]) == 1
