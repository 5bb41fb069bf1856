import pytest

from smi_envoy.ca import spiffe


def test_parts_of_a_workload_id() -> None:
    parts = spiffe.parse("spiffe://cluster.local/ns/shop/sa/web")
    assert parts == ("cluster.local", ("ns", "shop", "sa", "web"))


def test_trust_domain_has_an_id_without_a_path() -> None:
    assert spiffe.trust_domain_id("cluster.local") == "spiffe://cluster.local"
    assert spiffe.parse("spiffe://cluster.local") == ("cluster.local", ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://cluster.local/ns",
        "SPIFFE://cluster.local/ns",
        "spiffe://",
        "spiffe:///ns/shop",
        "spiffe://Cluster.local/ns",
        "spiffe://cluster.local:8080/ns",
        "spiffe://user@cluster.local/ns",
        "spiffe://cluster.local/",
        "spiffe://cluster.local/ns/",
        "spiffe://cluster.local/ns//sa",
        "spiffe://cluster.local/ns/../sa",
        "spiffe://cluster.local/./sa",
        "spiffe://cluster.local/ns/shop?x",
        "spiffe://cluster.local/ns/shop#x",
        "spiffe://cluster.local/ns/%41",
        "spiffe://cluster.local/ns/shop\n",
        "spiffe://cluster.local\n",
        "spiffe://cluster.local/" + "a" * 2048,
        "spiffe://" + "a" * 256,
    ],
)
def test_text_that_is_no_spiffe_id_is_refused(text: str) -> None:
    with pytest.raises(spiffe.InvalidSpiffeId):
        spiffe.parse(text)
