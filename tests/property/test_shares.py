"""How far the shares that proxies are told may be from those of the weights as written."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from smi.model.service import Endpoint
from smi_envoy.translate import endpoints, routes
from smi_envoy.translate.endpoints import SCALE, Share
from smi_envoy.translate.routes import MOST_WEIGHT
from tests import builders as a
from tests.xds_json import as_json, parts

weights = st.integers(1, 2**63 - 1) | st.integers(1, 1000) | st.just(2**63 - 1)
PODS = [
    Endpoint(a.name(f"pod-{n}"), a.identity("web"), f"127.0.{n // 250}.{n % 250}", 80, 80)
    for n in range(400)
]


@given(st.lists(weights, min_size=1, max_size=300))
def test_share_of_requests_is_exact_or_off_by_less_than_n_in_two_billion(
    written: list[int],
) -> None:
    split = a.split("s", {f"web-v{n}": weight for n, weight in enumerate(written)})
    (host,) = as_json(routes.of_service(a.route("web", 80, split)))["virtual_hosts"]
    told = [c["weight"] for c in host["routes"][0]["route"]["weighted_clusters"]["clusters"]]
    total, n = sum(written), len(written)
    assert min(told) >= 1
    assert sum(told) <= MOST_WEIGHT
    worst = Fraction(n, MOST_WEIGHT // 2 - n) if total > MOST_WEIGHT else 0
    for weight, is_told in zip(written, told, strict=True):
        assert abs(Fraction(is_told, sum(told)) - Fraction(weight, total)) <= worst


@given(st.data())
def test_share_of_connections_is_off_by_less_than_n_in_two_billion(data: st.DataObject) -> None:
    behind = st.sets(st.integers(0, len(PODS) - 1), max_size=200)
    drawn = data.draw(st.lists(st.tuples(weights, behind), min_size=1, max_size=6))
    shares = tuple(
        Share(a.name(f"v{n}"), weight, tuple(PODS[pod] for pod in sorted(pods)))
        for n, (weight, pods) in enumerate(drawn)
    )
    said = as_json(endpoints.of_shares("c", shares, None))
    told = parts(said)
    localities = said.get("endpoints", [])
    assert sum(locality["load_balancing_weight"] for locality in localities) < 2**32
    n, total = len(localities), sum(s.weight for s in shares if s.endpoints)
    for pod in PODS:
        exact = sum(
            (Fraction(s.weight, total * len(s.endpoints)) for s in shares if pod in s.endpoints),
            Fraction(),
        )
        assert (pod.address in told) == (exact > 0)
        assert abs(told.get(pod.address, Fraction()) - exact) <= Fraction(n, SCALE - n)
