from ipaddress import ip_address, ip_network

import pytest

from smi.model.identity import PodUid
from smi_envoy.translate import forwarding, statistics
from tests.xds_json import as_json, values


def refused() -> list[str]:
    """The addresses that are refused, as prefixes."""
    (loopback,) = [f for f in forwarding.filters(PodUid("one")) if f.name == "no-loopback"]
    rules = as_json(loopback)["typed_config"]["rules"]
    assert rules["action"] == "DENY"
    found = values(rules["policies"]["Loopback"]["permissions"], "upstream_ip")
    return [f"{prefix['address_prefix']}/{prefix['prefix_len']}" for prefix in found]


def is_refused(address: str) -> bool:
    """Envoy compares addresses of one family."""
    found, networks = ip_address(address), map(ip_network, refused())
    return any(found in net for net in networks if net.version == found.version)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "169.254.169.254"),
        *("::", "::1", "fe80::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::ffff:169.254.169.254"),
    ],
)
def test_address_of_the_machine_or_its_link_is_refused(address: str) -> None:
    assert is_refused(address)


@pytest.mark.parametrize("address", ["10.9.9.9", "128.0.0.1", "2001:db8::1", "::ffff:10.9.9.9"])
def test_other_addresses_are_not(address: str) -> None:
    assert not is_refused(address)


def test_address_is_judged_after_it_was_looked_up() -> None:
    resolved, judged = forwarding.filters(PodUid("one"))[-2:]
    assert (resolved.name, judged.name) == ("resolved", "no-loopback")
    assert as_json(resolved)["typed_config"]["save_upstream_address"] is True


def test_the_filter_and_the_cluster_share_what_was_looked_up() -> None:
    cluster = as_json(forwarding.external())
    (resolved,) = [f for f in forwarding.filters(PodUid("one")) if f.name == "resolved"]
    caches = list(values([cluster, as_json(resolved)], "dns_cache_config"))
    assert len(caches) == 2
    assert caches[0] == caches[1]


def test_hosts_outside_are_counted_as_one() -> None:
    logs = [as_json(log) for log in statistics.proxied()]
    (external,) = [log for log in logs if "== 'external'" in str(log["filter"])]
    (tags,) = values(external, "tags")
    assert {t["name"]: t["value_format"] for t in tags}["host"] == "external"
    others = [log for log in logs if log is not external]
    assert all("external" not in str(list(values(log, "tags"))) for log in others)
