from uuid import UUID

from smi.model.diagnostic import Severity
from smi.sources.manifests import contents
from smi.standalone.acceptance import Accepted, accepted
from smi.standalone.addressing import Machine

MACHINE = Machine("127.81.4", UUID(int=7), lambda *_: True)

APPS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: shop}
spec:
  template:
    metadata: {labels: {app: front}}
    spec: {containers: [{name: front, command: [serve]}]}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {selector: {app: front}, ports: [{port: 80}]}
"""
ROUTES = """
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: routes, namespace: shop}
spec: {matches: [{name: all, pathRegex: /}]}
"""
BROKEN_ROUTES = ROUTES.replace("pathRegex: /", 'pathRegex: "(x"')


def take(before: Accepted, **files: str) -> Accepted:
    """The files by their stems, as directory `demo`."""
    manifests = {
        f"demo/{name}.yaml": contents(text, f"demo/{name}.yaml").manifests
        for name, text in files.items()
    }
    return accepted(manifests, MACHINE, before)


def test_pods_run_in_the_directory_of_their_manifest() -> None:
    (replica,) = take(Accepted(), apps=APPS).plan.replicas.values()
    assert [process.directory for process in replica.processes] == ["demo"]


def test_pods_and_what_stands_for_them_are_left_to_the_plan() -> None:
    assert [r.kind for r in take(Accepted(), apps=APPS).resources()] == ["Service"]


def test_the_first_files_are_in_force_with_all_their_findings() -> None:
    state = take(Accepted(), apps=APPS, routes=BROKEN_ROUTES)
    (finding,) = (f for f in state.findings if f.severity is Severity.ERROR)
    assert (finding.file, finding.line) == ("demo/routes.yaml", 5)
    assert state.held == ()


def test_a_file_that_brings_an_error_is_held_and_the_others_are_not() -> None:
    before = take(Accepted(), apps=APPS, routes=ROUTES)
    after = take(before, apps=APPS.replace("serve", "other"), routes=BROKEN_ROUTES)
    assert [finding.file for finding in after.held] == ["demo/routes.yaml"]
    assert after.files["demo/routes.yaml"] == before.files["demo/routes.yaml"]
    (replica,) = after.plan.replicas.values()
    assert replica.processes[0].command == ("other",)


def test_a_held_file_comes_into_force_when_it_is_mended() -> None:
    before = take(Accepted(), apps=APPS, routes=ROUTES)
    held = take(before, apps=APPS, routes=BROKEN_ROUTES)
    mended = take(held, apps=APPS, routes=ROUTES.replace("all", "every"))
    assert mended.held == ()
    assert mended.files["demo/routes.yaml"] != before.files["demo/routes.yaml"]


def test_a_command_that_was_taken_away_leaves_the_pod_running() -> None:
    before = take(Accepted(), apps=APPS)
    after = take(before, apps=APPS.replace(", command: [serve]", ""))
    assert [finding.reason for finding in after.held] == ["CommandMissing"]
    assert after.plan.replicas == before.plan.replicas


def test_a_new_file_with_an_error_changes_nothing() -> None:
    before = take(Accepted(), apps=APPS)
    after = take(before, apps=APPS, routes=BROKEN_ROUTES)
    assert after.files["demo/routes.yaml"] == ()
    assert after.resources() == before.resources()


def test_an_error_that_was_there_already_holds_nothing() -> None:
    before = take(Accepted(), apps=APPS, routes=BROKEN_ROUTES)
    after = take(before, apps=APPS, routes="\n# moved\n" + BROKEN_ROUTES)
    assert after.held == ()


def test_a_misspelt_field_holds_its_file_since_it_might_grant_too_much() -> None:
    before = take(Accepted(), apps=APPS, routes=ROUTES)
    after = take(before, apps=APPS, routes=ROUTES.replace("pathRegex", "pathRegexp"))
    (finding,) = after.held
    assert (finding.reason, finding.field) == ("UnknownField", "spec.matches[0].pathRegexp")
    assert after.files["demo/routes.yaml"] == before.files["demo/routes.yaml"]
