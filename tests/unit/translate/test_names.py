import pytest

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


def test_resources_of_a_group_are_told_apart_by_bindings_and_port() -> None:
    plain, bound = a.group("web"), a.group("web", "blue", "green")
    assert names.inbound(plain, 80) == "inbound/shop/web/80"
    assert names.inbound(bound, 80) == "inbound/shop/web+blue+green/80"
    assert names.clients(bound, 81) == "clients/shop/web+blue+green/81"


def test_listeners_are_named_after_their_pod() -> None:
    pod = a.name("web-0")
    assert names.inbound_listener(pod, 80) == "inbound/shop/web-0/80"
    assert names.proxy_listener(pod) == "proxy/shop/web-0"
    assert names.service_listener(pod, a.name("db"), 5432) == "outbound/shop/web-0/shop/db:5432"
