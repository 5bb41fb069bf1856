import pytest

from smi_envoy.xds.resources import NOBODY, ResourceName, TypeUrl
from smi_envoy.xds.secrets import SVID
from smi_envoy.xds.state import Acked, Changed, Foreign, Gate, Nacked
from tests.fakes.xds_stream import Stream, bodies, key, only, packed, sends

CDS, EDS, SDS, LDS, RDS = TypeUrl

WORLD = {
    (CDS, "api"): "cluster 1",
    (EDS, "api"): "endpoints 1",
    (SDS, "trust"): "bundle 1",
    (LDS, "in"): "listener 1",
    (RDS, "web"): "routes 1",
}


def settled_stream() -> Stream:
    """A stream whose client accepted all of WORLD."""
    stream = Stream()
    stream.have(WORLD)
    for type_url, names in ((CDS, ()), (EDS, ("api",)), (SDS, ("trust",)), (LDS, ())):
        stream.ack_all(stream.ask(type_url, *names))
    stream.ack_all(stream.ask(RDS, "web"))
    assert stream.state.settled
    return stream


@pytest.mark.parametrize("type_url", [CDS, LDS])
def test_first_request_without_names_gets_every_cluster_and_listener(type_url: TypeUrl) -> None:
    stream = Stream()
    stream.have({(type_url, "a"): "1", (type_url, "b"): "2"})
    assert only(stream.ask(type_url)).resources == bodies(
        (type_url, "a", "1"), (type_url, "b", "2")
    )


@pytest.mark.parametrize("type_url", [EDS, RDS, SDS])
def test_subscription_by_name_gets_the_named_alone(type_url: TypeUrl) -> None:
    stream = Stream()
    stream.have({(type_url, "a"): "1", (type_url, "b"): "2"})
    assert only(stream.ask(type_url, "b")).resources == bodies((type_url, "b", "2"))


@pytest.mark.parametrize("type_url", list(TypeUrl))
def test_first_request_is_answered_even_with_nothing(type_url: TypeUrl) -> None:
    stream = Stream()
    stream.have({})
    answer = only(stream.ask(type_url))
    assert (answer.resources, answer.removed) == ((), ())
    assert sends(stream.ack(answer)) == []
    assert sends(stream.ask(type_url)) == []


def test_nothing_is_sent_before_the_proxy_has_a_snapshot() -> None:
    stream = Stream()
    assert stream.ask(CDS) == []
    assert stream.ask(EDS, "api") == []
    assert not stream.state.settled
    first = sends(stream.have({(CDS, "api"): "1", (EDS, "api"): "1"}))
    assert [send.type_url for send in first] == [CDS, EDS]


def test_star_subscribes_to_everything_and_unsubscribing_it_ends_that() -> None:
    stream = Stream()
    stream.have({(CDS, "a"): "1", (CDS, "b"): "1"})
    stream.ack_all(stream.ask(CDS, "a"))
    assert only(stream.ask(CDS, "*")).resources == bodies((CDS, "b", "1"))
    stream = Stream()
    stream.have({(CDS, "a"): "1", (CDS, "b"): "1"})
    stream.ack_all(stream.ask(CDS, "*", "a"))
    stream.ask(CDS, drop=["*"])
    assert only(stream.have({(CDS, "a"): "2", (CDS, "b"): "2"})).resources == bodies(
        (CDS, "a", "2")
    )


def test_reconnected_client_gets_only_what_differs_and_hears_what_is_gone() -> None:
    stream = Stream()
    stream.have({(CDS, "same"): "1", (CDS, "changed"): "2", (CDS, "new"): "1"})
    known = {
        "same": packed(CDS, "same", "1").version,
        "changed": packed(CDS, "changed", "1").version,
        "gone": "0123",
    }
    first = only(stream.ask(CDS, versions=known))
    assert first.resources == bodies((CDS, "changed", "2"), (CDS, "new", "1"))
    assert first.removed == ()
    last = only(stream.ack(first))
    assert (last.resources, last.removed) == ((), ("gone",))


def test_reconnected_client_that_has_everything_gets_one_empty_answer_per_type() -> None:
    before, stream = settled_stream(), Stream()
    stream.have(WORLD)
    for type_url in (CDS, EDS, SDS, LDS, RDS):
        held = dict(before.state.subscriptions[type_url].held)
        names = () if type_url in {CDS, LDS} else tuple(held)
        answer = only(stream.ask(type_url, *names, versions={str(n): v for n, v in held.items()}))
        assert (answer.resources, answer.removed) == ((), ())
        stream.ack(answer)
    assert stream.state.settled


def test_client_that_asks_for_endpoints_before_clusters_gets_those_that_it_holds() -> None:
    held = {"api": packed(EDS, "api", "endpoints 1").version}
    for first in ((), (CDS,)):
        stream = Stream()
        stream.have(WORLD)
        for type_url in first:
            versions = {"api": packed(CDS, "api", "cluster 1").version}
            stream.ack_all(stream.ask(type_url, versions=versions))
        sent = bodies() if first else bodies((EDS, "api", "endpoints 1"))
        assert only(stream.ask(EDS, "api", versions=held)).resources == sent


def test_name_subscribed_to_once_more_is_sent_once_more() -> None:
    stream = settled_stream()
    assert only(stream.ask(EDS, "api")).resources == bodies((EDS, "api", "endpoints 1"))


def test_unsubscribed_name_is_not_sent_again() -> None:
    stream = settled_stream()
    stream.ask(EDS, drop=["api"])
    assert sends(stream.have({**WORLD, (EDS, "api"): "endpoints 2"})) == []


def test_name_unsubscribed_while_its_response_is_under_way_is_not_held() -> None:
    stream = settled_stream()
    response = only(stream.have({**WORLD, (EDS, "api"): "endpoints 2"}))
    stream.ask(EDS, drop=["api"])
    stream.ack(response)
    assert stream.state.subscriptions[EDS].held == {}


def test_changes_during_a_response_go_out_as_the_latest_alone() -> None:
    stream = settled_stream()
    first = only(stream.have({**WORLD, (EDS, "api"): "endpoints 2"}))
    assert sends(stream.have({**WORLD, (EDS, "api"): "endpoints 3"})) == []
    assert sends(stream.have({**WORLD, (EDS, "api"): "endpoints 4"})) == []
    assert only(stream.ack(first)).resources == bodies((EDS, "api", "endpoints 4"))


def test_contents_that_change_back_during_a_response_go_out_again() -> None:
    stream = settled_stream()
    response = only(stream.have({**WORLD, (EDS, "api"): "endpoints 2"}))
    assert sends(stream.have(WORLD)) == []
    assert only(stream.ack(response)).resources == bodies((EDS, "api", "endpoints 1"))


def test_answer_to_another_nonce_is_no_answer() -> None:
    stream = settled_stream()
    response = only(stream.have({**WORLD, (EDS, "api"): "endpoints 2"}))
    stale = response.__class__(response.type_url, "stale", (), ())
    assert stream.ack(stale) == []
    assert stream.nack(stale) == []
    assert stream.ack(response) == [Acked(EDS)]


def test_same_contents_shown_again_send_nothing() -> None:
    stream = settled_stream()
    assert stream.do(Changed(stream.view(), None)) == []
    assert stream.state.settled


def test_refused_contents_are_not_sent_again_until_they_change() -> None:
    stream = settled_stream()
    response = only(stream.have({**WORLD, (RDS, "web"): "bad"}))
    assert stream.nack(response, "no such cluster") == [
        Nacked(RDS, (ResourceName("web"),), "no such cluster")
    ]
    assert stream.state.refused == "route web: no such cluster"
    assert stream.state.settled
    assert sends(stream.do(Changed(stream.view(), None))) == []
    better = only(stream.have({**WORLD, (RDS, "web"): "good"}))
    assert better.resources == bodies((RDS, "web", "good"))
    stream.ack(better)
    assert stream.state.refused is None
    assert stream.state.settled


def test_contents_from_before_a_refusal_are_sent_again() -> None:
    stream = settled_stream()
    stream.nack(only(stream.have({**WORLD, (RDS, "web"): "bad"})))
    assert only(stream.have(WORLD)).resources == bodies((RDS, "web", "routes 1"))


def test_of_a_refused_response_every_resource_is_tried_alone() -> None:
    stream = Stream()
    stream.have({(CDS, "a"): "1", (CDS, "bad"): "1", (CDS, "c"): "1"})
    first = only(stream.nack(only(stream.ask(CDS))))
    assert first.resources == bodies((CDS, "a", "1"))
    second = only(stream.ack(first))
    assert second.resources == bodies((CDS, "bad", "1"))
    third = only(stream.nack(second, "wrong"))
    assert third.resources == bodies((CDS, "c", "1"))
    assert sends(stream.ack(third)) == []
    assert stream.state.refused == "cluster bad: wrong"


def test_a_healthy_change_does_not_wait_behind_suspects() -> None:
    stream = Stream()
    stream.have({(CDS, "a"): "1", (CDS, "b"): "1"})
    suspect = only(stream.nack(only(stream.ask(CDS))))
    stream.have({(CDS, "a"): "1", (CDS, "b"): "1", (CDS, "z"): "1"})
    assert only(stream.ack(suspect)).resources == bodies((CDS, "z", "1"))


def test_resource_refused_and_then_withdrawn_is_removed_at_the_client() -> None:
    stream = settled_stream()
    stream.nack(only(stream.have({**WORLD, (RDS, "web"): "bad"})))
    removal = only(stream.have({k: v for k, v in WORLD.items() if k != (RDS, "web")}))
    assert removal.removed == ("web",)
    stream.ack(removal)
    assert stream.state.refused is None


def test_refusal_of_a_removal_is_not_answered() -> None:
    stream = settled_stream()
    removal = only(stream.have({k: v for k, v in WORLD.items() if k != (RDS, "web")}))
    assert stream.nack(removal, "no") == [Nacked(RDS, (), "no")]
    assert stream.state.settled


def test_missing_name_is_answered_when_it_appears() -> None:
    stream = settled_stream()
    stream.ask(EDS, "later")
    appeared = only(stream.have({**WORLD, (EDS, "later"): "1"}))
    assert appeared.resources == bodies((EDS, "later", "1"))


def test_foreign_name_is_reported_and_not_answered() -> None:
    stream = settled_stream()
    stream.contents[key(SDS, "other")] = packed(SDS, "other", "another proxy's")
    assert stream.ask(SDS, "other") == [Foreign(SDS, ResourceName("other"))]
    assert stream.state.settled


def test_wake_of_all_types_goes_out_in_the_order_that_keeps_the_proxy_whole() -> None:
    stream = settled_stream()
    world = {k: f"{v} new" for k, v in WORLD.items()}
    order: list[TypeUrl] = []
    todo = sends(stream.have(world))
    assert [send.type_url for send in todo] == [CDS, EDS, SDS]
    while todo:
        order.append(todo[0].type_url)
        todo.extend(sends(stream.ack(todo.pop(0))))
    assert order == [CDS, EDS, SDS, LDS, RDS]
    assert stream.state.settled


@pytest.mark.parametrize("type_url", [CDS, EDS, SDS])
def test_routes_wait_for_the_answer_to_what_they_may_need(type_url: TypeUrl) -> None:
    stream = settled_stream()
    name = "trust" if type_url is SDS else "api"
    world = {**WORLD, (type_url, name): "2", (RDS, "web"): "routes 2"}
    if type_url is CDS:
        cluster, endpoints = sends(stream.have(world))
        assert sends(stream.ack(endpoints)) == []
        needed = cluster
    else:
        needed = only(stream.have(world))
    assert stream.state.waiting is Gate.MAKE
    assert only(stream.ack(needed)).resources == bodies((RDS, "web", "routes 2"))
    assert stream.state.waiting is None


def test_routes_wait_for_the_endpoints_of_a_new_cluster() -> None:
    stream = settled_stream()
    world = {**WORLD, (CDS, "b"): "1", (EDS, "b"): "1", (RDS, "web"): "routes to b"}
    cluster = only(stream.have(world))
    assert sends(stream.ack(cluster)) == []
    endpoints = only(stream.ask(EDS, "b"))
    assert endpoints.type_url is EDS
    assert only(stream.ack(endpoints)).type_url is RDS


def test_refused_cluster_does_not_hold_routes_back() -> None:
    stream = settled_stream()
    world = {**WORLD, (CDS, "b"): "bad", (EDS, "b"): "1", (RDS, "web"): "routes 2"}
    assert only(stream.nack(only(stream.have(world)))).type_url is RDS


def test_refused_endpoints_do_not_hold_routes_back() -> None:
    stream = settled_stream()
    endpoints = only(stream.have({**WORLD, (EDS, "api"): "bad", (RDS, "web"): "routes 2"}))
    assert only(stream.nack(endpoints)).type_url is RDS


def test_withdrawn_cluster_does_not_hold_routes_back() -> None:
    stream = settled_stream()
    cluster = only(stream.have({**WORLD, (CDS, "b"): "1", (EDS, "b"): "1"}))
    stream.ack(cluster)
    routes = only(stream.have({**WORLD, (RDS, "web"): "routes 2"}))
    assert routes.type_url is RDS
    removal = only(stream.ack(routes))
    assert removal.removed == ("b",)


def test_route_that_a_listener_waits_for_passes_the_gate() -> None:
    stream = settled_stream()
    world = {**WORLD, (CDS, "api"): "cluster 2", (RDS, "web"): "routes 2", (RDS, "new"): "1"}
    stream.have(world)
    assert stream.state.waiting is Gate.MAKE
    assert only(stream.ask(RDS, "new")).resources == bodies((RDS, "new", "1"))


def test_gate_that_stays_shut_is_lifted_by_its_timeout() -> None:
    stream = settled_stream()
    world = {**WORLD, (CDS, "b"): "1", (EDS, "b"): "1", (LDS, "in"): "2", (RDS, "web"): "2"}
    cluster = only(stream.have(world))
    assert [send.type_url for send in sends(stream.time_out())] == [LDS, RDS]
    assert stream.state.waiting is None
    assert sends(stream.ack(cluster)) == []


def test_timeout_without_a_gate_changes_nothing() -> None:
    stream = settled_stream()
    before = stream.state
    assert stream.time_out() == []
    assert stream.state == before


def test_removed_cluster_goes_after_the_routes_that_left_it_are_accepted() -> None:
    stream = settled_stream()
    world = {k: v for k, v in WORLD.items() if k not in {(CDS, "api"), (EDS, "api")}}
    world |= {(LDS, "in"): "listener 2", (RDS, "web"): "routes elsewhere"}
    listener, routes = sends(stream.have(world))
    assert (listener.type_url, routes.type_url) == (LDS, RDS)
    assert stream.state.waiting is Gate.BREAK
    assert sends(stream.ack(listener)) == []
    cluster, endpoints = sends(stream.ack(routes))
    assert (cluster.type_url, cluster.removed) == (CDS, ("api",))
    assert (endpoints.type_url, endpoints.removed) == (EDS, ("api",))


def test_removed_cluster_waits_for_a_route_that_a_new_listener_has_yet_to_ask_for() -> None:
    stream = settled_stream()
    world = {(LDS, "in"): "listener 2", (RDS, "other"): "routes", (SDS, "trust"): "bundle 1"}
    listener, routes = sends(stream.have(world))
    assert routes.removed == ("web",)
    assert sends([*stream.ack(listener), *stream.ack(routes)]) == []
    fresh = only(stream.ask(RDS, "other"))
    assert [send.removed for send in sends(stream.ack(fresh))] == [("api",), ("api",)]


def test_removal_that_nobody_makes_room_for_goes_out_at_the_timeout() -> None:
    stream = settled_stream()
    world = {k: v for k, v in WORLD.items() if k[0] not in {CDS, EDS}}
    stream.have(world | {(LDS, "in"): "listener 2"})
    assert stream.state.waiting is Gate.BREAK
    assert [send.removed for send in sends(stream.time_out())] == [("api",), ("api",)]


@pytest.mark.parametrize(
    ("type_url", "name", "left"),
    [(EDS, "api", "\n\x03api"), (SDS, "trust", f"{NOBODY} is trusted")],
)
def test_cluster_is_left_without_endpoints_or_trust_after_the_routes_to_it_went(
    type_url: TypeUrl, name: str, left: str
) -> None:
    stream = settled_stream()
    routes = only(stream.have({**WORLD, (type_url, name): left, (RDS, "web"): "routes 2"}))
    assert routes.type_url is RDS
    assert stream.state.waiting is Gate.BREAK
    assert only(stream.ack(routes)).resources == bodies((type_url, name, left))


def test_cluster_that_no_route_leaves_loses_its_endpoints_at_once() -> None:
    stream = settled_stream()
    world = {**WORLD, (EDS, "api"): "\n\x03api"}
    response = only(stream.have(world))
    assert response.resources == bodies((EDS, "api", "\n\x03api"))
    stream.ack(response)
    assert stream.state.settled
    assert [s.type_url for s in sends(stream.have({**world, (CDS, "api"): "2"}))] == [CDS, EDS]


def test_removed_listener_goes_with_the_one_that_takes_its_port() -> None:
    stream = settled_stream()
    world = {k: v for k, v in WORLD.items() if k != (LDS, "in")} | {(LDS, "in2"): "1"}
    response = only(stream.have(world))
    assert response.resources == bodies((LDS, "in2", "1"))
    assert response.removed == ("in",)


def test_endpoints_of_an_updated_cluster_are_sent_again() -> None:
    stream = settled_stream()
    cluster, endpoints = sends(stream.have({**WORLD, (CDS, "api"): "cluster 2"}))
    assert cluster.resources == bodies((CDS, "api", "cluster 2"))
    assert endpoints.resources == bodies((EDS, "api", "endpoints 1"))


def test_endpoints_sent_before_their_cluster_was_updated_are_sent_after_it_too() -> None:
    stream = settled_stream()
    early = only(stream.have({**WORLD, (EDS, "api"): "endpoints 2"}))
    world = {**WORLD, (EDS, "api"): "endpoints 2", (CDS, "api"): "2", (RDS, "web"): "2"}
    cluster = only(stream.have(world))
    again = only(stream.ack(early))
    assert again.resources == bodies((EDS, "api", "endpoints 2"))
    assert sends(stream.ack(cluster)) == []
    assert only(stream.ack(again)).type_url is RDS


def test_endpoints_asked_for_after_a_reconnect_come_again_for_a_cluster_that_changed() -> None:
    stream = Stream()
    stream.have({**WORLD, (CDS, "api"): "cluster 2"})
    stream.ask(CDS, versions={"api": packed(CDS, "api", "cluster 1").version})
    endpoints = only(
        stream.ask(EDS, "api", versions={"api": packed(EDS, "api", "endpoints 1").version})
    )
    assert endpoints.resources == bodies((EDS, "api", "endpoints 1"))


def test_routes_wait_for_the_endpoints_of_a_cluster_that_was_gone_for_a_moment() -> None:
    stream = settled_stream()
    world = {**WORLD, (CDS, "b"): "1", (EDS, "b"): "1", (RDS, "web"): "routes to b"}
    cluster = only(stream.have(world))
    stream.have(WORLD)
    stream.have(world)
    assert sends(stream.ack(cluster)) == []
    assert only(stream.ack(only(stream.ask(EDS, "b")))).type_url is RDS


def test_routes_wait_for_the_endpoints_that_a_client_asks_for_anew() -> None:
    stream = settled_stream()
    world = {**WORLD, (CDS, "b"): "1", (EDS, "b"): "1", (RDS, "web"): "routes to b"}
    cluster = only(stream.have(world))
    stream.have(WORLD)
    removal = only(stream.ack(cluster))
    stream.have(world)
    early = only(stream.ask(EDS, "b"))
    cluster = only(stream.ack(removal))
    assert sends(stream.ask(EDS, drop=["b"])) == []
    assert sends(stream.ack(early)) == []
    assert sends(stream.ack(cluster)) == []
    assert only(stream.ack(only(stream.ask(EDS, "b")))).type_url is RDS


def test_endpoints_that_changed_back_before_their_answer_hold_nothing_up() -> None:
    stream = settled_stream()
    changed = {**WORLD, (CDS, "api"): "cluster 2", (EDS, "api"): "endpoints 2"}
    cluster, endpoints = sends(stream.have(changed))
    stream.have({**changed, (EDS, "api"): "endpoints 3"})
    stream.have({**changed, (RDS, "web"): "routes 2"})
    assert sends(stream.ack(cluster)) == []
    assert only(stream.ack(endpoints)).type_url is RDS


def test_removal_after_a_reconnect_waits_for_no_endpoints_that_have_arrived() -> None:
    stream = Stream()
    world = {(CDS, "api"): "cluster 2", (EDS, "api"): "endpoints 1"}
    stream.have(world)
    known = {"api": packed(CDS, "api", "cluster 1").version, "gone": "0123"}
    cluster = only(stream.ask(CDS, versions=known))
    endpoints = only(stream.ask(EDS, "api", versions={}))
    stream.do(Changed(stream.view(), None))
    stream.ack(cluster)
    assert only(stream.ack(endpoints)).removed == ("gone",)


def test_refused_endpoints_are_tried_again_with_a_cluster_that_changed() -> None:
    stream = settled_stream()
    stream.nack(only(stream.have({**WORLD, (EDS, "api"): "bad"})))
    world = {**WORLD, (EDS, "api"): "bad", (CDS, "api"): "cluster 2", (RDS, "web"): "routes 2"}
    cluster, endpoints = sends(stream.have(world))
    assert sends(stream.ack(cluster)) == []
    assert only(stream.nack(endpoints)).type_url is RDS
    assert sends(stream.do(Changed(stream.view(), None))) == []


def test_private_secret_goes_to_its_own_stream_and_again_when_it_is_renewed() -> None:
    stream = settled_stream()
    stream.private[SVID] = packed(SDS, "svid", "key 1")
    stream.do(Changed(stream.view(), frozenset({SVID})))
    first = only(stream.ask(SDS, "svid"))
    assert first.resources == bodies((SDS, "svid", "key 1"))
    stream.ack(first)
    stream.private[SVID] = packed(SDS, "svid", "key 2")
    renewed = only(stream.do(Changed(stream.view(), frozenset({SVID}))))
    assert renewed.resources == bodies((SDS, "svid", "key 2"))
    assert "key 2" not in repr(renewed)


def test_proxy_is_not_settled_before_it_has_asked_for_all_that_it_must_have() -> None:
    stream = Stream()
    stream.have({(LDS, "in"): "1", (RDS, "web"): "1"})
    stream.ack_all(stream.ask(LDS))
    assert not stream.state.settled
    stream.ack_all(stream.ask(RDS, "web"))
    assert stream.state.settled
