import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self

import pytest
import yaml
from typer.testing import CliRunner, Result

from smi.backend import Json, ProxyId
from smi.cli.main import app, main
from smi.cli.view import print_proxy
from smi.compiler.state import MeshWide
from smi.errors import InvalidRequest
from smi.model.inbound import Mode
from smi.model.mesh import Mesh
from tests.fakes.local_backend import FakeLocalBackend
from tests.fakes.shop_yaml import SHOP, split

RUNNABLE = SHOP.replace("image: i", "command: [serve]")


class DoorsBackend(FakeLocalBackend):
    """Renders the Services that a pod finds on its address."""

    def render(self, mesh: Mesh, proxy: ProxyId) -> Json:
        loopback = mesh.workloads[proxy].loopback
        assert loopback is not None
        ready = sorted(str(name) for name, pod in mesh.workloads.items() if pod.ready)
        return {"services": [str(name) for name, _ in loopback.services], "ready": ready}


class WideBackend(FakeLocalBackend):
    """Renders what the whole mesh is told."""

    @classmethod
    def on_this_machine(
        cls, directory: Path, trust_domain: str, clock: Callable[[], datetime]
    ) -> Self:
        found = cls()
        found.token = trust_domain
        return found

    def render(self, mesh: Mesh, proxy: ProxyId) -> Json:
        modes = sorted({str(inbound.mode) for inbound in mesh.inbound.values()})
        return {"root": self.token, "mesh": mesh.trust_domain, "modes": modes}


def compiled(manifests: str, *options: str) -> Result:
    return CliRunner().invoke(app, ("compile", "-f", "-", *options), input=manifests)


def test_the_mesh_is_yaml_whose_parts_are_named() -> None:
    result = compiled(SHOP)
    assert result.exit_code == 0
    assert result.stderr == ""
    mesh = yaml.safe_load(result.stdout)
    assert list(mesh) == [
        "trustDomain",
        "workloads",
        "services",
        "routes",
        "inbound",
        "outbound",
        "trustDomainAliases",
        "namespaces",
    ]
    assert mesh["inbound"]["shop/api"]["rules"] == [
        {
            "target": "shop/web-api",
            "spiffeIds": ["spiffe://cluster.local/ns/shop/sa/web"],
            "pods": [],
            "tcp": True,
            "ports": None,
            "http": [
                {
                    "group": "shop/api",
                    "name": "items",
                    "pathRegex": "/items",
                    "methods": ["GET"],
                    "headers": [],
                }
            ],
            "udpPorts": [],
        }
    ]


def test_what_stands_in_no_manifest_is_an_option() -> None:
    mesh = yaml.safe_load(
        compiled(SHOP, "--trust-domain", "example.org", "--default-mode", "audit").stdout
    )
    assert mesh["trustDomain"] == "example.org"
    inbound = mesh["inbound"]["shop/api"]
    assert inbound["mode"] == "audit"
    assert inbound["rules"][0]["spiffeIds"] == ["spiffe://example.org/ns/shop/sa/web"]


@pytest.mark.parametrize("command", ["run", "compile", "explain"])
def test_help_says_what_a_trust_domain_and_a_default_mode_are(command: str) -> None:
    result = CliRunner().invoke(app, (command, "--help"), env={"COLUMNS": "200"})
    assert "The trust domain of all identities" in result.stdout
    assert "The mode of namespaces without the annotation smi-mesh.io/mode" in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--trust-domain", "Shop!"), "'Shop!' is no trust domain"),
        (("--trust-domain", "a" * 256), "is no trust domain"),
        (("--default-mode", "open"), "there is no mode 'open'"),
    ],
)
def test_a_whole_mesh_that_cannot_be_is_an_error(options: tuple[str, str], message: str) -> None:
    result = compiled(SHOP, *options)
    assert isinstance(result.exception, InvalidRequest)
    assert message in str(result.exception)


def test_the_order_of_manifests_does_not_show() -> None:
    documents = SHOP.split("---\n")[1:]
    assert (
        compiled("---\n".join(documents)).stdout == compiled("---\n".join(documents[::-1])).stdout
    )


def test_findings_go_to_standard_error_a_line_each() -> None:
    result = compiled(split("gone", other=1) + SHOP)
    assert result.exit_code == 0
    assert result.stderr == (
        "warning: <stdin>:7: TrafficSplit shop/gone: spec.backends: no backend takes requests for"
        " shop/api on port 80; they fail with 503 (NoDestination)\n"
        "warning: <stdin>:7: TrafficSplit shop/gone: spec.backends[0].service: there is no Service"
        " shop/other; it is left out and the others take its share (BackendNotFound)\n"
    )


def test_what_cannot_be_read_is_exit_code_1_and_no_mesh(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text("kind: [")
    with pytest.raises(SystemExit) as ended:
        main(["compile", "-f", str(tmp_path)])
    assert ended.value.code == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"error: {tmp_path}/a.yaml:2: is not YAML")


def test_a_proxy_is_shown_as_it_is_once_all_pods_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mesh.yaml").write_text(RUNNABLE)
    print_proxy(tmp_path, "shop/web-0", DoorsBackend, MeshWide())
    output = capsys.readouterr()
    assert json.loads(output.out) == {
        "services": ["shop/api"],
        "ready": ["shop/api-0", "shop/web-0"],
    }
    assert output.err == ""


def test_a_proxy_is_shown_in_the_mesh_that_the_options_describe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mesh.yaml").write_text(RUNNABLE)
    print_proxy(tmp_path, "shop/web-0", WideBackend, MeshWide("example.org", Mode.AUDIT))
    assert json.loads(capsys.readouterr().out) == {
        "root": "example.org",
        "mesh": "example.org",
        "modes": ["audit"],
    }


def test_an_unknown_proxy_is_answered_with_the_pods_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text(RUNNABLE)
    known = "there is no pod web-0 with a sidecar; the pods are: shop/api-0, shop/web-0"
    with pytest.raises(InvalidRequest, match=known):
        print_proxy(tmp_path, "web-0", FakeLocalBackend, MeshWide())


def test_pods_that_cannot_run_on_a_machine_are_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mesh.yaml").write_text(SHOP)
    with pytest.raises(InvalidRequest, match="the pods are: none"):
        print_proxy(tmp_path, "shop/web-0", FakeLocalBackend, MeshWide())
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert "Deployment shop/web: spec.template.spec.containers[0].command: " in told
    assert "(CommandMissing)" in told


def test_an_unknown_backend_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["compile", "-f", ".", "--proxy", "shop/web-0", "--backend", "nobody"])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("error: there is no backend 'nobody'")


def test_help_has_an_example() -> None:
    output = CliRunner().invoke(app, ["compile", "--help"]).output
    assert "Example: smi compile -f examples/shop" in output
