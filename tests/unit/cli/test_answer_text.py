import pytest

from tests.fakes.shop_yaml import (
    APPS,
    BETA,
    HTTP,
    PORTS,
    ROUTES,
    SHOP,
    TCP,
    deployment,
    explained,
    namespace,
    service,
    split,
    target,
)


def test_an_allow_names_the_policy_and_where_it_is_written() -> None:
    result = explained(SHOP, "--path", "/items")
    assert result.exit_code == 0
    assert (
        result.output
        == """\
ALLOWED  shop/web -> shop/api:80  GET /items
  100%  shop/api:80, its pods' port 8080, as shop/api: allowed
    by TrafficTarget shop/web-api (<stdin>:2)
"""
    )


def test_a_split_gives_shares_and_what_gets_nothing_and_why() -> None:
    others = service("api-v2", 81) + service("api-v1") + deployment("api-v1", "api")
    weights = split("canary", api=2, api_v1=1, api_v2=1, api_v3=1)
    result = explained(weights + SHOP + others, "--path", "/a/../items")
    assert result.exit_code == 0
    assert result.output.splitlines()[:8] == [
        "ALLOWED  shop/web -> shop/api:80  GET /a/../items",
        "  the path is judged and forwarded as /items",
        "  divided by TrafficSplit shop/canary (<stdin>:2)",
        "    nothing goes to shop/api-v2: PortMismatch, it lacks this port",
        "    nothing goes to shop/api-v3: BackendNotFound, there is no such Service",
        "  2/3  shop/api:80, its pods' port 8080, as shop/api: allowed",
        "  1/3  shop/api-v1:80, its pods' port 8080, as shop/api: allowed",
        "    by TrafficTarget shop/web-api (<stdin>:9)",
    ]


def test_a_split_that_does_not_select_the_request_says_why() -> None:
    mesh = SHOP + BETA + split("beta", "beta", api=1)
    plain = explained(mesh, "--path", "/items").output
    assert "  not divided by TrafficSplit shop/beta (<stdin>:45): beta/testers: header" in plain
    assert "divided by TrafficSplit shop/beta" in plain
    beta = explained(mesh, "--path", "/items", "--header", "x-beta=1").output
    assert "  divided by TrafficSplit shop/beta (<stdin>:45)" in beta.splitlines()
    assert "it selects HTTP requests only" in explained(mesh, "--protocol", "tcp").output


def test_a_split_is_told_of_once_whatever_the_number_of_ports() -> None:
    ports = "ports: [{port: 79, targetPort: 8080, name: http}, "
    mesh = SHOP.replace("ports: [", ports) + BETA + split("beta", "beta", api=1)
    assert explained(mesh, "--path", "/items").output.count("not divided by TrafficSplit") == 1


def test_a_request_that_gets_in_at_some_places_only_is_mixed() -> None:
    other = deployment("api-v2", "other") + service("api-v2")
    result = explained(SHOP + other + split("canary", api=3, api_v2=1), "--path", "/items")
    assert result.exit_code == 3
    assert result.output.startswith(
        "MIXED  shop/web -> shop/api:80  GET /items\n  75% of such requests reach an application\n"
    )
    assert "  25%  shop/api-v2:80, its pods' port 8080, as shop/other: denied, NoPolicy" in (
        result.output.splitlines()
    )


def test_a_caller_that_is_not_listed_learns_all_that_stands_in_its_way() -> None:
    result = explained(SHOP, "--method", "POST", "--path", "/items?q", by="shop/intruder")
    assert result.exit_code == 3
    assert (
        result.output
        == """\
DENIED  shop/intruder -> shop/api:80  POST /items?q
  100%  shop/api:80, its pods' port 8080, as shop/api: denied, SourceNotListed
    nearest: TrafficTarget shop/web-api (<stdin>:2) does not allow it:
      spiffe://cluster.local/ns/shop/sa/intruder is not among its sources (ServiceAccount shop/web)
        to allow it: add {kind: ServiceAccount, name: intruder, namespace: shop} to its spec.sources (<stdin>:8)
      api/items: method POST is not GET
        and: add a match for POST /items to HTTPRouteGroup shop/api (<stdin>:14)
"""  # noqa: E501 - lines for terminals, never folded
    )


NAMED = SHOP.replace("name: api}]", "name: api, matches: [items]}]")
WIDE = SHOP + PORTS + target("admins", TCP)


@pytest.mark.parametrize(
    ("mesh", "options", "lines"),
    [
        (
            NAMED,
            ["--path", "/other"],
            [
                "nearest: TrafficTarget shop/web-api (<stdin>:2) does not allow it:",
                "api/items: path '/other' does not begin with '/items'",
                (
                    "to allow it: add a match for GET /other to HTTPRouteGroup shop/api"
                    " (<stdin>:14), and its name to the rule's matches (<stdin>:7)"
                ),
            ],
        ),
        (
            target("admins", TCP, HTTP) + PORTS + ROUTES + APPS,
            ["--path", "/items"],
            [
                "nearest: TrafficTarget shop/admins (<stdin>:2) does not allow it:",
                "the pods' port 8080 is not among those it grants (9090)",
                "to allow it: add 8080 to the ports of TCPRoute shop/admin (<stdin>:14)",
            ],
        ),
        (
            target("admins", TCP) + APPS,
            [],
            [
                "nearest: TrafficTarget shop/admins (<stdin>:2) does not allow it:",
                "the pods' port 8080 is not among those it grants (none)",
                "to allow it: add 8080 to the ports of TCPRoute shop/admin (it does not exist)",
            ],
        ),
        (
            SHOP,
            ["--protocol", "tcp", "--to", "pod/shop/api-0:8080"],
            [
                "nearest: TrafficTarget shop/web-api (<stdin>:2) does not allow it:",
                "it grants HTTP requests by route, not raw TCP",
                (
                    "to allow it: write another TrafficTarget, whose rules name TCPRoutes and no"
                    " HTTPRouteGroup"
                ),
            ],
        ),
        (
            SHOP
            + service("api")
            .replace("port: 80", "protocol: UDP, port: 53")
            .replace("name: api", "name: dns"),
            ["--protocol", "udp", "--to", "shop/dns:53"],
            [
                "nearest: TrafficTarget shop/web-api (<stdin>:2) does not allow it:",
                "it has no UDPRoute, and so grants no UDP",
                "to allow it: add a rule of kind UDPRoute (<stdin>:7)",
            ],
        ),
        (
            target("udp", "{kind: UDPRoute, name: x}") + APPS,
            [],
            [
                "nearest: TrafficTarget shop/udp (<stdin>:2) does not allow it:",
                "it has UDPRoutes only, and so grants no TCP",
                "to allow it: add a rule of kind HTTPRouteGroup (<stdin>:7)",
            ],
        ),
        (
            APPS,
            [],
            [
                "no TrafficTarget has ServiceAccount shop/api as destination",
                (
                    "to allow it: write a TrafficTarget in namespace shop with destination"
                    " {kind: ServiceAccount, name: api, namespace: shop}, sources"
                    " [{kind: ServiceAccount, name: web, namespace: shop}] and rules that name a"
                    " HTTPRouteGroup"
                ),
            ],
        ),
        (
            SHOP,
            ["--from", "none"],
            [
                "the caller shows no certificate: no handshake, no request",
                (
                    "to allow it: call from a pod of the mesh: its sidecar shows the pod's"
                    " ServiceAccount"
                ),
            ],
        ),
        (
            APPS,
            ["--from", "spiffe://elsewhere/ns/shop/sa/web"],
            [
                "no TrafficTarget has ServiceAccount shop/api as destination",
                (
                    "to allow it: call from a pod of trust domain cluster.local: no other can be a"
                    " source"
                ),
            ],
        ),
        (
            SHOP,
            ["--path", "/items/a%2Fb"],
            [
                (
                    "the path holds an escaped slash or dot segment where a pathRegex decides:"
                    " answered with 400"
                ),
                "to allow it: send the path without %2F, %5C and ..;",
            ],
        ),
        (
            SHOP,
            ["--protocol", "tcp"],
            [
                (
                    "shop/api:80 is declared to speak HTTP: bytes that are none are answered with"
                    " 400 by the caller's own sidecar; declare the port tcp to have them carried"
                )
            ],
        ),
        (SHOP, ["--path", "items"], ["'items' is no path: answered with 400"]),
    ],
)
def test_a_denial_says_what_is_missed_and_what_to_write(
    mesh: str, options: list[str], lines: list[str]
) -> None:
    result = explained(mesh, *options)
    assert result.exit_code == 3
    head, _, *said = [line.strip() for line in result.output.splitlines()]
    assert head.startswith("DENIED")
    assert said[: len(lines)] == lines


def test_http_to_a_port_of_bytes_is_said_to_be_judged_as_such() -> None:
    mesh = SHOP.replace("name: http}", "name: tcp}") + BETA + split("beta", "beta", api=1)
    said = explained(mesh, "--path", "/items", "--header", "x-beta=1").output.splitlines()
    assert said[0] == "DENIED  shop/web -> shop/api:80  GET /items"
    assert said[1].startswith("  carried and judged as bytes: Service shop/api (<stdin>:")
    assert said[3].endswith(": it selects HTTP requests only")
    assert "      it grants HTTP requests by route, not raw TCP" in said


def test_a_caller_of_another_trust_domain_cannot_be_made_a_source() -> None:
    output = explained(SHOP, "--path", "/items", by="spiffe://elsewhere/ns/shop/sa/web").output
    assert "call from a pod of trust domain cluster.local: no other can be a source" in output


def test_policies_that_come_as_near_are_named() -> None:
    result = explained(SHOP + target("other", HTTP), "--method", "PUT", "--path", "/items")
    assert result.output.splitlines()[-1] == "    next: shop/web-api"


def test_a_long_list_of_sources_is_cut() -> None:
    more = ", ".join(f"{{kind: ServiceAccount, name: s{number}}}" for number in range(6))
    mesh = SHOP.replace("sources: [", f"sources: [{more}, ")
    assert "ServiceAccount shop/s4, …)" in explained(mesh, by="shop/intruder").output


def test_a_destination_of_another_port_is_no_route_to_widen() -> None:
    mesh = SHOP.replace("v1alpha3", "v1alpha2").replace(
        "name: api}\n", "name: api, port: 9090}\n", 1
    )
    assert "its destination has one port (<stdin>:6): write a target of 8080 too" in (
        explained(mesh, "--path", "/items").output
    )


def test_a_route_of_ports_over_udp_is_widened_where_it_is() -> None:
    route = PORTS.replace("TCPRoute", "UDPRoute")
    dns = (
        service("dns")
        .replace("port: 80", "protocol: UDP, port: 53")
        .replace("app: dns", "app: api")
    )
    rule = "{kind: UDPRoute, name: admin}"
    result = explained(
        target("dns", rule) + route + APPS + dns, "--protocol", "udp", to="shop/dns:53"
    )
    assert "add 8080 to the ports of UDPRoute shop/admin (<stdin>:14)" in result.output
    assert result.output.startswith("DENIED  shop/web -> shop/dns:53  udp\n")


@pytest.mark.parametrize(
    ("mesh", "to", "why"),
    [
        (
            service("api"),
            "shop/api:80",
            "Service shop/api (<stdin>:2): its selector finds no pod with that port",
        ),
        (
            SHOP + split("zero", api=0),
            "shop/api:80",
            "of shop/zero, all its weights are 0",
        ),
        (
            SHOP + split("gone", other=1),
            "shop/api:80",
            "of shop/gone, no backend that has a weight can get any",
        ),
        (
            service("api") + "---\n{apiVersion: v1, kind: Pod, metadata: {name: api, namespace: "
            "shop, labels: {app: api}}, spec: {containers: [{name: c}]}}",
            "shop/api:80",
            "Service shop/api (<stdin>:2): none of its pods is ready",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: api, namespace: shop}, spec: {}}",
            "pod/shop/api:80",
            "no pod of pod/shop/api is ready",
        ),
    ],
)
def test_what_cannot_answer_is_unavailable(mesh: str, to: str, why: str) -> None:
    result = explained(mesh, to=to)
    assert result.exit_code == 3
    head, *lines = result.output.splitlines()
    assert head == f"UNAVAILABLE  shop/web -> {to}  GET /"
    assert f"  nothing answers: {why}" in lines


def test_pods_are_asked_at_their_own_port() -> None:
    result = explained(SHOP, "--path", "/items", by="pod/shop/web-0", to="sa/shop/api:8080")
    assert result.exit_code == 0
    assert "  100%  pods of shop/api, their port 8080: allowed" in result.output.splitlines()


def test_what_is_spoken_is_in_the_first_line() -> None:
    options = ("--protocol", "h2", "--authority", "api.test")
    first = explained(SHOP, *options).output.splitlines()[0]
    assert first == "DENIED  shop/web -> shop/api:80  h2 GET / of api.test"


def test_a_flood_of_findings_does_not_hide_the_answer() -> None:
    splits = "".join(split(f"s{number}", gone=1) for number in range(8))
    output = explained(SHOP + splits).output
    assert output.splitlines()[-1].startswith("and ")
    assert output.splitlines()[-1].endswith(" more findings: see -o json")


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("permissive", ["allowed", "    namespace shop is permissive: any caller may"]),
        (
            "audit",
            [
                "allowed by audit mode; strict mode: denied, RouteNotGranted",
                "    nearest: TrafficTarget shop/web-api (<stdin>:2) does not allow it:",
            ],
        ),
    ],
)
def test_what_a_mode_lets_in_is_told_from_what_policy_allows(mode: str, told: list[str]) -> None:
    result = explained(SHOP + namespace("shop", mode), "--path", "/none")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "ALLOWED  shop/web -> shop/api:80  GET /none"
    assert lines[1] == f"  100%  shop/api:80, its pods' port 8080, as shop/api: {told[0]}"
    assert lines[2] == told[1]


def test_audit_says_nothing_more_of_what_policy_allows() -> None:
    strict = explained(SHOP, "--path", "/items").output
    assert explained(SHOP + namespace("shop", "audit"), "--path", "/items").output == strict


def test_an_external_name_says_where_it_leads() -> None:
    named = """---
apiVersion: v1
kind: Service
metadata: {name: ext, namespace: shop}
spec: {type: ExternalName, externalName: example.org}
"""
    result = explained(named + SHOP, "--to", "shop/ext:443")
    assert result.exit_code == 0
    head, way = result.output.splitlines()
    assert head == "ALLOWED  shop/web -> shop/ext:443  GET /"
    assert way.startswith("  Service shop/ext (<stdin>:2) leads out of the mesh, to example.org: ")
    result = explained(named + SHOP + split("s", "", api=1, ext=1), "--path", "/items")
    assert "nothing goes to shop/ext: ExternalName, it is another name of a host" in result.output


def test_who_has_no_sidecar_lets_everybody_in_and_is_named_as_such() -> None:
    old = SHOP.replace(
        "labels: {app: api}", "labels: {app: api}, annotations: {smi-mesh.io/inject: disabled}"
    )
    assert old != SHOP
    said = explained(old).output
    assert "let in, without a sidecar" in said
    assert "no sidecar stands there: nothing enforces any policy" in said
    outside = """
---
apiVersion: v1
kind: Service
metadata: {name: ext, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: ext, namespace: shop}
subsets: [{addresses: [{ip: 192.0.2.1}], ports: [{port: 8080}]}]
"""
    said = explained(SHOP + outside, to="shop/ext:80").output
    assert "shop/ext:80, at port 8080 of no pod: let in, without a sidecar" in said
