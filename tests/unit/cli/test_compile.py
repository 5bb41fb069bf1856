import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from smi.backend import Json, ProxyId
from smi.cli.main import app, main
from smi.cli.view import print_proxy
from smi.errors import InvalidRequest
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


def compiled(manifests: str, *options: str) -> Result:
    return CliRunner().invoke(app, ("compile", "-f", "-", *options), input=manifests)


def test_the_mesh_is_yaml_whose_parts_are_named() -> None:
    result = compiled(SHOP)
    assert result.exit_code == 0
    assert result.stderr == ""
    mesh = yaml.safe_load(result.stdout)
    assert list(mesh) == ["trustDomain", "workloads", "services", "routes", "inbound", "outbound"]
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


def test_the_order_of_manifests_does_not_show() -> None:
    documents = SHOP.split("---\n")[1:]
    assert (
        compiled("---\n".join(documents)).stdout == compiled("---\n".join(documents[::-1])).stdout
    )


def test_findings_go_to_standard_error_a_line_each() -> None:
    result = compiled(split("gone", other=1) + SHOP)
    assert result.exit_code == 0
    assert result.stderr == (
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
    print_proxy(tmp_path, "shop/web-0", DoorsBackend)
    output = capsys.readouterr()
    assert json.loads(output.out) == {
        "services": ["shop/api"],
        "ready": ["shop/api-0", "shop/web-0"],
    }
    assert output.err == ""


def test_an_unknown_proxy_is_answered_with_the_pods_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text(RUNNABLE)
    known = "there is no pod web-0; the pods are: shop/api-0, shop/web-0"
    with pytest.raises(InvalidRequest, match=known):
        print_proxy(tmp_path, "web-0", FakeLocalBackend)


def test_pods_that_cannot_run_on_a_machine_are_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mesh.yaml").write_text(SHOP)
    with pytest.raises(InvalidRequest, match="the pods are: none"):
        print_proxy(tmp_path, "shop/web-0", FakeLocalBackend)
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
