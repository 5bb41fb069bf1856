import json

from tests.fakes.shop_yaml import (
    HTTP,
    SHOP,
    deployment,
    explained,
    namespace,
    service,
    split,
    target,
)


def test_json_has_exactly_these_fields_in_this_order() -> None:
    mesh = SHOP.replace("spec:\n  destination", "spec:\n  surplus: 1\n  destination")
    mesh += service("api-v1").replace("app: api-v1", "app: api")
    result = explained(
        mesh + split("half", api_v1=1, gone=1), "--path", "/x/../items", "-o", "json"
    )
    assert result.exit_code == 0
    expected = {
        "verdict": "allow",
        "mode": "strict",
        "enforced": True,
        "protocol": "http",
        "split": "shop/half",
        "destinations": [
            {
                "service": "shop/api-v1",
                "port": 80,
                "targetPort": 8080,
                "share": "1",
                "identity": "shop/api",
                "meshed": True,
                "verdict": "allow",
                "policies": ["shop/web-api"],
                "reason": "Allowed",
                "message": "allowed by shop/web-api",
                "path": "/items",
            }
        ],
        "excluded": [{"service": "shop/gone", "reason": "BackendNotFound"}],
        "outside": None,
        "diagnostics": [
            {
                "severity": "error",
                "kind": "TrafficTarget",
                "name": "shop/web-api",
                "field": "spec.surplus",
                "reason": "UnknownField",
                "message": "this version of the kind has no such field; correct its name or"
                " remove it",
                "file": "<stdin>",
                "line": 6,
            },
            {
                "severity": "warning",
                "kind": "TrafficSplit",
                "name": "shop/half",
                "field": "spec.backends[1].service",
                "reason": "BackendNotFound",
                "message": "there is no Service shop/gone; it is left out and the others take its"
                " share",
                "file": "<stdin>",
                "line": 51,
            },
        ],
    }
    assert result.output == json.dumps(expected, indent=2) + "\n"


def test_json_of_pods_has_no_service_and_a_denied_path_is_as_judged() -> None:
    options = ("--path", "//none", "-o", "json")
    result = explained(SHOP, *options, to="pod/shop/api-0:8080")
    assert result.exit_code == 3
    (destination,) = json.loads(result.output)["destinations"]
    assert destination["service"] is None
    assert (destination["reason"], destination["path"]) == ("RouteNotGranted", "/none")


def test_shares_are_fractions_that_sum_to_one() -> None:
    mesh = SHOP + service("api-v2") + deployment("api-v2", "api") + split("s", api=2, api_v2=1)
    answer = json.loads(explained(mesh, "--path", "/items", "-o", "json").output)
    assert [d["share"] for d in answer["destinations"]] == ["2/3", "1/3"]


def test_findings_of_other_namespaces_are_left_out() -> None:
    stray = target("stray", HTTP)
    mesh = SHOP + stray.replace("namespace: shop}\nspec", "namespace: far}\nspec")
    assert "far/stray" not in explained(mesh).output
    assert "far/stray" in explained(mesh, by="far/web").output


def test_audit_allows_and_keeps_the_reason_of_strict_mode() -> None:
    mesh = SHOP + namespace("shop", "audit")
    answer = json.loads(explained(mesh, "--path", "/none", "-o", "json").output)
    assert (answer["verdict"], answer["mode"], answer["enforced"]) == ("allow", "audit", False)
    (destination,) = answer["destinations"]
    assert (destination["verdict"], destination["reason"]) == ("allow", "RouteNotGranted")
