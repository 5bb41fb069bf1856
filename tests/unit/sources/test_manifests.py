import pytest

from smi.errors import Problem
from smi.k8s.resource import NamespacedName
from smi.model.diagnostic import Severity
from smi.sources.manifests import Contents, contents, unknown_fields

SPLIT = """\
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata:
  name: web
  namespace: shop
spec:
  service: web
  mirror: true
  backends:
  - service: web-v1
    weight: 1
  - service: web-v2
    weight: 2
"""


def problem(text: str) -> Problem:
    (found,) = contents(text, "shop.yaml").problems
    return found


def test_an_object_comes_at_its_hub_version_with_its_place() -> None:
    (manifest,) = contents(f"# ours\n{SPLIT}", "shop.yaml").manifests
    assert manifest.resource.api_version == "split.smi-spec.io/v1alpha4"
    assert manifest.resource.key == NamespacedName("shop", "web")
    assert (manifest.file, manifest.line) == ("shop.yaml", 2)
    assert manifest.unknown_fields == ("spec.mirror",)


def test_a_field_that_no_version_has_is_an_error_since_it_might_grant_too_much() -> None:
    (found,) = unknown_fields(contents(SPLIT, "shop.yaml").manifests)
    assert (found.severity, found.field, found.reason) == (
        Severity.ERROR,
        "spec.mirror",
        "UnknownField",
    )
    assert found.message.endswith("correct its name or remove it")


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("spec.backends[1].weight", 13),
        ("spec.backends[1]", 12),
        ("spec.backends[1].nothing", 12),
        ("spec.nothing[3].here", 6),
        ("nothing", 1),
        ("", 1),
    ],
)
def test_a_field_has_a_line_or_that_of_what_is_around_it(field: str, line: int) -> None:
    (manifest,) = contents(SPLIT, "shop.yaml").manifests
    assert manifest.line_of(field) == line


def test_a_problem_names_file_line_object_and_field() -> None:
    assert str(problem(SPLIT.replace("weight: 2", "weight: 2.5"))) == (
        "shop.yaml:13: TrafficSplit shop/web: spec.backends[1].weight: "
        "should be a whole number, not 2.5; "
        "write weight: 90 (weights are shares: 1 and 3 say what 0.5 and 1.5 do)"
    )


def test_a_missing_field_has_the_line_of_what_lacks_it() -> None:
    assert problem(SPLIT.replace("  service: web\n", "")).line == 6


def test_a_wrong_match_at_the_root_has_its_line() -> None:
    found = problem(
        "apiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {name: a}\n"
        "matches:\n- name: b\n- name: ''\n"
    )
    assert (found.field, found.line) == ("matches[1].name", 6)


def test_one_bad_document_does_not_hide_the_others() -> None:
    broken = SPLIT.replace("service: web\n", "service: ''\n")
    read = contents(f"{SPLIT}---\n{broken}---\n: [\n---\n{SPLIT}", "shop.yaml")
    assert [manifest.line for manifest in read.manifests] == [1, 31]
    assert [found.line for found in read.problems] == [21, 29]


def test_what_is_no_object_is_a_problem() -> None:
    assert str(problem("- a\n")) == (
        "shop.yaml:1: is not a Kubernetes object: a map with apiVersion, kind and metadata"
    )
    assert str(problem("a: b\n")).startswith("shop.yaml:1: apiVersion: is missing")


def test_objects_that_mean_nothing_are_counted() -> None:
    config = "apiVersion: v1\nkind: ConfigMap\n---\n"
    assert contents(config * 2, "shop.yaml") == Contents(ignored={"v1 ConfigMap": 2})


def test_a_list_holds_objects_with_their_own_lines() -> None:
    (account, space) = contents(
        "kind: List\napiVersion: v1\nitems:\n"
        "- {apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}\n"
        "- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: b\n",
        "shop.yaml",
    ).manifests
    assert (account.resource.kind, account.line) == ("ServiceAccount", 4)
    assert (space.resource.kind, space.line) == ("Namespace", 5)
    assert space.line_of("metadata.name") == 8


def test_the_items_of_a_typed_list_have_its_kind() -> None:
    read = contents(
        "kind: ServiceAccountList\napiVersion: v1\nitems:\n- metadata: {name: a}\n- 5\n",
        "shop.yaml",
    )
    assert [manifest.resource.kind for manifest in read.manifests] == ["ServiceAccount"]
    assert [found.line for found in read.problems] == [5]


def test_items_behind_an_alias_have_the_line_of_the_list() -> None:
    text = (
        "x: &x [{apiVersion: v1, kind: Namespace, metadata: {name: a}}]\n"
        "kind: List\napiVersion: v1\nitems: *x\n"
    )
    (manifest,) = contents(text, "shop.yaml").manifests
    assert manifest.line == 1


def test_a_list_without_items_is_no_list() -> None:
    assert contents("apiVersion: v1\nkind: List\n", "a.yaml").ignored == {"v1 List": 1}


def test_a_field_that_stands_elsewhere_in_an_old_version_has_its_line() -> None:
    (manifest,) = contents(
        "apiVersion: access.smi-spec.io/v1alpha1\nkind: TrafficTarget\nmetadata: {name: a}\n"
        "destination:\n  kind: ServiceAccount\n  name: api\n  port: 80\n"
        "specs:\n- kind: TCPRoute\n  name: b\nsources: []\n",
        "shop.yaml",
    ).manifests
    assert manifest.line_of("spec.destination.port") == 7
    assert manifest.line_of("spec.rules[0].name") == 10
    assert manifest.line_of("spec.sources") == 11
