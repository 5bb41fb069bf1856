"""How far policy binds a namespace, and whom clients know because of it."""

import pytest

from smi.compiler import modes
from smi.compiler.compile import Compiler, compile  # noqa: A004 - the field's word for it
from smi.compiler.state import MODE_ANNOTATION, collect
from smi.k8s.resource import Resource
from smi.model.inbound import Mode
from smi.model.mesh import Mesh
from tests.objects import an, compiled, pod, port, reasons, service

WEB, FRONT = pod("web-0", "web", 8080), pod("ops/front-0", "front")
SERVICE = service("web", port(80, 8080))
FIELD = f"metadata.annotations.{MODE_ANNOTATION}"


def namespace(name: str, mode: str | None) -> Resource:
    annotations = {} if mode is None else {MODE_ANNOTATION: mode}
    return an("Namespace", name, annotations=annotations)


def found(mesh: Mesh) -> dict[str, Mode]:
    """The mode of the pods of each namespace."""
    return {group.identity.namespace: inbound.mode for group, inbound in mesh.inbound.items()}


def known(mesh: Mesh) -> dict[str, list[str]]:
    """The Services that each client may name."""
    return {str(i): [str(r.root) for r in out.routes] for i, out in mesh.outbound.items()}


@pytest.mark.parametrize("wanted", [None, "strict", "permissive", "audit"])
def test_namespace_binds_as_it_asks_and_strictly_where_it_does_not(wanted: str | None) -> None:
    result = compiled(WEB, FRONT, namespace("shop", wanted))
    assert reasons(result) == []
    assert found(result.mesh) == {"shop": Mode(wanted or "strict"), "ops": Mode.STRICT}


@pytest.mark.parametrize("wanted", ["open", "", "Strict", "strict "])
def test_unknown_mode_is_told_and_strict(wanted: str) -> None:
    objects = [WEB, namespace("shop", wanted)]
    result = compile(collect(objects, default_mode=Mode.PERMISSIVE))
    assert reasons(result) == [("error", "Namespace shop", FIELD, "UnknownMode")]
    assert found(result.mesh) == {"shop": Mode.STRICT}


@pytest.mark.parametrize("default", list(Mode))
def test_default_binds_namespaces_that_ask_for_nothing(default: Mode) -> None:
    objects = [
        WEB,
        FRONT,
        pod("pay/db-0", "db"),
        namespace("ops", "strict"),
        namespace("pay", None),
    ]
    mesh = compile(collect(objects, default_mode=default)).mesh
    assert found(mesh) == {"shop": default, "ops": Mode.STRICT, "pay": default}


@pytest.mark.parametrize("mode", [Mode.PERMISSIVE, Mode.AUDIT])
@pytest.mark.parametrize("by_default", [False, True])
def test_services_of_an_open_namespace_are_known_to_every_client(
    mode: Mode, by_default: bool
) -> None:
    hidden = service("ops/hidden", port(80))
    objects = [WEB, FRONT, SERVICE, hidden, namespace("ops", "strict")]
    objects += [] if by_default else [namespace("shop", mode)]
    default = mode if by_default else Mode.STRICT
    mesh = compile(collect(objects, default_mode=default)).mesh
    assert known(mesh) == {"shop/web": ["shop/web"], "ops/front": ["shop/web"]}


def test_strict_namespace_shows_nothing() -> None:
    assert known(compiled(WEB, FRONT, SERVICE, namespace("shop", "strict")).mesh) == {
        "shop/web": [],
        "ops/front": [],
    }


def test_more_open_services_than_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modes, "MOST_OPEN_SERVICES", 2)
    more = [service(f"web-{n}", port(80)) for n in range(3)]
    result = compiled(FRONT, *more, namespace("shop", "audit"))
    assert reasons(result) == [("warning", "Namespace shop", FIELD, "TooManyOpenServices")]
    assert known(result.mesh) == {"ops/front": ["shop/web-0", "shop/web-1"]}


def test_changes_of_mode_and_services_give_what_a_compilation_from_scratch_gives() -> None:
    compiler, more = Compiler(), service("more", port(80))
    steps = [
        ([WEB, FRONT, SERVICE], Mode.STRICT),
        ([WEB, FRONT, SERVICE, namespace("shop", "audit")], Mode.STRICT),
        ([WEB, FRONT, SERVICE, more, namespace("shop", "audit")], Mode.STRICT),
        ([WEB, FRONT, SERVICE, more], Mode.PERMISSIVE),
        ([WEB, FRONT, more], Mode.PERMISSIVE),
        ([WEB, FRONT], Mode.PERMISSIVE),
        ([WEB, FRONT, SERVICE], Mode.AUDIT),
        ([WEB, FRONT, SERVICE], Mode.STRICT),
    ]
    for objects, default in steps:
        state = collect(objects, default_mode=default)
        updated, scratch = compiler.update(state), compile(state)
        assert (updated.mesh, updated.diagnostics) == (scratch.mesh, scratch.diagnostics)
