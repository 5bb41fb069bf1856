import pytest

from smi.model.identity import ServiceIdentity, service_identity, spiffe_id
from smi.model.match import anchored


def test_spiffe_id_names_the_account_in_its_trust_domain() -> None:
    identity = ServiceIdentity("shop", "web")
    written = spiffe_id("cluster.local", identity)
    assert written == "spiffe://cluster.local/ns/shop/sa/web"
    assert service_identity("cluster.local", written) == identity
    assert str(identity) == "shop/web"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "spiffe://cluster.local",
        "spiffe://cluster.local/",
        "spiffe://cluster.local/ns/shop/sa/",
        "spiffe://cluster.local/ns//sa/web",
        "spiffe://cluster.local/ns/shop/sa/web/x",
        "spiffe://cluster.local/ns/shop/pod/web",
        "spiffe://cluster.localx/ns/shop/sa/web",
        "spiffe://other/ns/shop/sa/web",
        "cluster.local/ns/shop/sa/web",
    ],
)
def test_other_ids_name_no_account(written: str) -> None:
    assert service_identity("cluster.local", written) is None


def test_anchored_regex_keeps_its_alternatives_together() -> None:
    assert anchored("/a|/b") == "(?:/a|/b)(?s:.*)"
