import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from smi.cli.main import app, main
from tests.fakes.shop_yaml import HTTP, ROUTES, SHOP, TCP, target


def validate(text: str, *options: str) -> Result:
    return CliRunner().invoke(app, ("validate", "-f", "-", *options), input=text)


def test_sound_manifests_have_no_findings() -> None:
    result = validate(SHOP)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "5 objects\n")


def test_error_shows_its_line_and_ends_with_one() -> None:
    result = validate(SHOP.replace("pathRegex: /items", "pathRegex: /items("))
    assert result.exit_code == 1
    assert result.stdout == (
        "<stdin>:15: error: HTTPRouteGroup shop/api: spec.matches[0].pathRegex: '/items(' is not an"
        " RE2 expression (missing ): /items(); the match 'items' never holds (InvalidRegex)\n"
        "    15 |     - {name: items, pathRegex: /items(, methods: [GET]}\n"
    )
    assert result.stderr == "5 objects, 1 error\n"


def test_object_that_cannot_be_read_is_an_error() -> None:
    result = validate(SHOP.replace("methods: [GET]", "methods: [get]"), "-o", "json")
    assert result.exit_code == 1
    (found, *others) = json.loads(result.stdout)
    assert (found["reason"], found["field"]) == ("Invalid", "spec.matches[0].methods[0]")
    assert [other["severity"] for other in others] == ["warning"]  # its group is not there


def test_misspelt_field_is_an_error() -> None:
    result = validate(ROUTES.replace("pathRegex", "path"), "-o", "json")
    assert result.exit_code == 1
    assert [found["reason"] for found in json.loads(result.stdout)] == ["UnknownField"]


def test_object_that_is_not_there_may_be_elsewhere() -> None:
    result = validate(target("t", HTTP, TCP), "-o", "json")
    assert result.exit_code == 0
    found = [(f["severity"], f["reason"], f["line"]) for f in json.loads(result.stdout)]
    assert found == [
        ("warning", "HTTPRouteGroupNotFound", 7),
        ("warning", "TCPRouteNotFound", 7),
        ("warning", "ServiceAccountNotFound", 8),
    ]


def test_match_that_is_not_in_its_group_is_nowhere() -> None:
    named = "{kind: HTTPRouteGroup, name: api, matches: [gone]}"
    result = validate(SHOP + target("t", named))
    assert result.exit_code == 1
    assert "(MatchNotFound)" in result.stdout


def test_what_is_wrong_in_an_object_alone_is_said_once() -> None:
    text = """\
apiVersion: access.smi-spec.io/v1alpha1
kind: TrafficTarget
metadata: {name: t}
destination: {kind: ServiceAccount, name: web}
sources:
  - {kind: ServiceAccount, name: default}
  - {kind: ServiceAccount, name: default}
---
apiVersion: split.smi-spec.io/v1alpha1
kind: TrafficSplit
metadata: {name: s}
spec:
  service: web
  backends: [{service: a, weight: 500m}, {service: a, weight: 1}]
"""
    found = json.loads(validate(text, "-o", "json").stdout)
    assert [(f["reason"], f["line"]) for f in found] == [
        ("DuplicateBackend", 14),
        ("RootNotFound", 13),
        ("NoRules", 1),
        ("DuplicateSource", 7),
    ]


def test_field_is_named_as_the_version_has_it_that_is_written() -> None:
    old = """\
apiVersion: access.smi-spec.io/v1alpha1
kind: TrafficTarget
metadata: {name: t}
destination: {kind: ServiceAccount, name: web, namespace: elsewhere}
specs:
- kind: Other
  name: x
sources:
- {kind: ServiceAccount, name: default%s}
---
apiVersion: specs.smi-spec.io/v1alpha1
kind: HTTPRouteGroup
metadata: {name: g}
matches:
- name: m
  pathRegex: "("
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: h}
matches:
- {name: m}
- {name: m}
"""

    def found(more: str) -> list[tuple[str, int]]:
        listed = json.loads(validate(old % more, "-o", "json").stdout)
        return [(one["field"], one["line"]) for one in listed]

    assert found("") == [
        ("matches[0].pathRegex", 16),
        ("destination.namespace", 4),
        ("specs[0].kind", 6),
        ("matches[1].name", 23),
    ]
    # Known to the hub only, and wrong there.
    assert ("sources[0].group", 9) in found(", group: 5")


def test_metrics_are_judged_though_no_mesh_reads_them() -> None:
    text = """\
apiVersion: metrics.smi-spec.io/v1alpha1
kind: TrafficMetricsList
resource: {kind: Pod}
items:
- resource: {kind: Pod, name: a}
  edge: {direction: sideways, resource: {}}
  metrics: []
---
apiVersion: metrics.smi-spec.io/v1alpha2
kind: TrafficMetrics
resource: {kind: Pod, name: a, namespace: shop}
timestamp: "2026-01-01T00:00:00Z"
window: 0s
odd: 1
metrics: []
"""
    result = validate(text, "-o", "json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [(f["severity"], f["name"], f["field"], f["line"]) for f in found] == [
        ("error", "shop/a", "odd", 14),
        ("error", "shop/a", "window", 13),
        ("error", "", "items[0].edge.direction", 6),
        ("warning", "shop/a", "metrics", 15),
        ("warning", "", "items[0].metrics", 7),
        ("warning", "", "items[0].timestamp", 5),
        ("warning", "", "items[0].window", 5),
    ]
    assert validate(text).stderr == "2 objects, 3 errors, 4 warnings\n"


def test_findings_of_files_show_their_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(ROUTES.replace("/items", '"("'))
    (tmp_path / "b.yaml").write_bytes(b"\xff")
    (tmp_path / "c.yaml").write_text(ROUTES.replace("/items", '")"'))
    with pytest.raises(SystemExit) as ended:
        main(["validate", "-f", str(tmp_path)])
    assert ended.value.code == 1
    output = capsys.readouterr().out
    assert f"{tmp_path}/b.yaml: error: cannot be read: it is not text in UTF-8 (Invalid)" in output
    assert '     7 |     - {name: items, pathRegex: "(", methods: [GET]}' in output
    assert "is also in" in output


def test_nothing_to_validate_is_an_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["validate", "-f", str(tmp_path)])
    assert ended.value.code == 1
    assert "no Kubernetes manifests" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["validate", "-f", str(tmp_path), "-o", "yaml"])
    assert "may be text or json, not yaml" in capsys.readouterr().err
