import re

import pytest

from smi.model.identity import PodUid
from smi.model.service import AppProtocol
from smi_envoy.translate import names
from smi_envoy.translate.names import RouteName
from tests import builders as a


@pytest.mark.parametrize(
    ("route", "text"),
    [
        (RouteName(a.name("web"), 80), "shop/web:80"),
        (RouteName(a.name("web"), 80, a.name("canary")), "shop/web:80|shop/canary"),
    ],
)
def test_name_of_a_route_says_root_port_and_split(route: RouteName, text: str) -> None:
    assert str(route) == text
    assert RouteName.parse(text) == route


@pytest.mark.parametrize("text", ["", "-", "web:80", "shop/web", "shop/web:http", "application"])
def test_other_text_names_no_route(text: str) -> None:
    assert RouteName.parse(text) is None


def test_cluster_says_its_service() -> None:
    cluster = names.upstream(a.name("web"), 80, AppProtocol.HTTP)
    assert cluster == "shop/web:80|http"
    assert names.service_of(cluster) == a.name("web")
    assert names.service_of(names.APPLICATION) is None


def test_listeners_are_named_after_their_pod() -> None:
    pod = a.name("web-0")
    assert names.inbound(pod, 80) == "inbound/shop/web-0/80"
    assert names.proxy_listener(pod) == "proxy/shop/web-0"
    assert names.service_listener(pod, a.name("db"), 5432) == "outbound/shop/web-0/shop/db:5432"


def test_server_name_of_a_pod_fits_in_a_label_whatever_its_uid() -> None:
    uids = ["0b5f6d1e-4b1c-4f0e-9a57-6f6b8c1c2d3e", "UPPER", "upper", "x" * 300, "a.b", "*", "ü"]
    found = {names.tcp_sni(PodUid(uid)) for uid in uids}
    assert len(found) == len(uids)
    for name in found:
        label, _, rest = name.partition(".")
        assert rest == names.TCP_SNI
        assert re.fullmatch("[0-9a-f]{40}", label)
