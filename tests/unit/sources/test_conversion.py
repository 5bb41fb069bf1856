import json

import pytest
import yaml

from smi.errors import InvalidRequest
from smi.scheme import Kind
from smi.sources.conversion import converted

SPLIT = """\
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: {name: web}  # ours
spec:
  service: web
  backends: [{service: v1, weight: 1}]
"""
OTHER = "# kept as it is\napiVersion: v1\nkind: ConfigMap\ndata: {a:   b}   # kept\n"
ROUTE = "apiVersion: specs.smi-spec.io/v1alpha4\nkind: UDPRoute\nmetadata: {name: dns}\n"


def test_what_does_not_convert_is_given_back_as_it_is_written() -> None:
    text = f"# first\n---\n{OTHER}---\n: [\n---\n- a\n---\n{{}}\n... # end\n"
    assert converted(text, "v1alpha4").text == text
    assert converted(SPLIT, "v1alpha2").text == SPLIT
    assert converted("", "v1alpha4").text == ""


def test_objects_convert_among_others() -> None:
    result = converted(f"{OTHER}---\n{SPLIT}---\n{OTHER}", "v1alpha3")
    assert result.text.startswith(f"{OTHER}---\napiVersion: split.smi-spec.io/v1alpha3\n")
    assert result.text.endswith(f"---\n{OTHER}")
    made = list(yaml.safe_load_all(result.text))[1]
    assert made["spec"] == yaml.safe_load(SPLIT)["spec"]


def test_group_of_the_version_leaves_the_others_alone() -> None:
    text = f"{SPLIT}---\n{ROUTE}"
    assert converted(text, "specs.smi-spec.io/v1alpha3").left == (
        Kind("specs.smi-spec.io/v1alpha4", "UDPRoute"),
    )
    assert converted(text, "specs.smi-spec.io/v1alpha3").text == text
    assert converted(text, "split.smi-spec.io/v1alpha3").left == ()


def test_kind_without_the_version_is_left_and_told_once() -> None:
    result = converted(f"{ROUTE}---\n{ROUTE}", "v1alpha1")
    assert result.text == f"{ROUTE}---\n{ROUTE}"
    assert result.left == (Kind("specs.smi-spec.io/v1alpha4", "UDPRoute"),)


@pytest.mark.parametrize("version", ["v2", "alpha", "", "gateway.io/v1", "split/v1alpha2"])
def test_version_that_there_is_not_is_refused(version: str) -> None:
    with pytest.raises(InvalidRequest, match="there is no version"):
        converted(SPLIT, version)


def test_items_of_a_list_convert() -> None:
    item, other = yaml.safe_load(SPLIT), yaml.safe_load(OTHER)
    listed = {"apiVersion": "v1", "kind": "List", "items": [item, other, 5]}
    made = yaml.safe_load(converted(yaml.safe_dump(listed), "v1alpha3").text)
    assert [i.get("apiVersion") for i in made["items"][:2]] == ["split.smi-spec.io/v1alpha3", "v1"]
    assert made["items"][2] == 5


def test_typed_list_converts_as_a_whole() -> None:
    item = yaml.safe_load(SPLIT)
    bare = {name: item[name] for name in ("metadata", "spec")}
    version = "split.smi-spec.io/v1alpha2"
    listed = {"apiVersion": version, "kind": "TrafficSplitList", "items": [bare, item, 5]}
    made = json.loads(converted(json.dumps(listed), "v1alpha1").text)
    assert made["apiVersion"] == "split.smi-spec.io/v1alpha1"
    assert made["items"][0] == bare
    assert made["items"][1]["apiVersion"] == "split.smi-spec.io/v1alpha1"
    assert made["items"][2] == 5


def test_list_of_others_is_left_alone() -> None:
    text = "kind: PodList\napiVersion: v1\nitems: [{metadata: {name: a}}, 5]\n"
    assert converted(text, "v1alpha1").text == text


def test_json_stays_json() -> None:
    made = converted(f"{json.dumps(yaml.safe_load(SPLIT))}\n", "v1alpha3").text
    assert json.loads(made)["apiVersion"] == "split.smi-spec.io/v1alpha3"


def test_piece_that_is_malformed_is_not_half_converted() -> None:
    text = f"---\n{SPLIT}...\n{SPLIT}"
    assert converted(text, "v1alpha3").text == text


def test_text_that_other_tools_would_take_for_a_number_is_quoted() -> None:
    text = SPLIT.replace("v1alpha2", "v1alpha1").replace("weight: 1", 'weight: "3e2"')
    made = converted(text, "v1alpha4").text
    assert "weight: 300" in made
    assert "weight: '3e2'" in converted(made, "v1alpha1").text


@pytest.mark.parametrize(
    "label",
    [
        "y",
        "N",
        "08",
        "0891",
        "08_1",
        "0X1F",
        "-0o7",
        "0B1",
        "1e3",
        ".5e3",
        "-.5",
        "+.5",
        "1.",
        "no",
    ],
)
def test_label_that_other_tools_would_not_take_for_text_is_quoted(label: str) -> None:
    text = SPLIT.replace("name: web}", f'name: web, labels: {{build: "{label}"}}}}')
    assert f"build: '{label}'\n" in converted(text, "v1alpha3").text


@pytest.mark.parametrize("label", ["yy", "not", "a08", "0x", "v1.2", "1.2.3", "abc", "500m"])
def test_label_that_is_text_to_every_tool_is_not_quoted(label: str) -> None:
    text = SPLIT.replace("name: web}", f'name: web, labels: {{build: "{label}"}}}}')
    assert f"build: {label}\n" in converted(text, "v1alpha3").text


def test_anchors_stand_only_where_somebody_wrote_them() -> None:
    item = "{apiVersion: specs.smi-spec.io/v1alpha3, kind: TCPRoute, metadata: {name: a}}"
    made = converted(f"apiVersion: v1\nkind: List\nitems:\n- {item}\n- {item}\n", "v1alpha4").text
    assert made.count("matches:\n      ports: []\n") == 2
