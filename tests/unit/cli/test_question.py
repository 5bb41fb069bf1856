from pathlib import Path

import pytest

from smi.cli.main import main
from tests.fakes.shop_yaml import (
    SHOP,
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--protocol", "quic"], "there is no protocol 'quic': write http, h2, tcp, udp"),
        (["--header", "x-beta"], "cannot read the header 'x-beta': write NAME=VALUE"),
        (["--header", "Host=x"], "'Host' is not a header of its own: write --authority, --method"),
        (["-o", "yaml"], "there is no output 'yaml': write text or json"),
        (["--from", "web"], "cannot read the source 'web': write NAMESPACE/SERVICEACCOUNT"),
        (
            ["--from", "pod/shop/gone"],
            "there is no pod shop/gone (namespace shop has api-0, web-0)",
        ),
        (["--to", "shop/api"], "cannot read the target 'shop/api': write NAMESPACE/SERVICE:PORT"),
        (["--to", "shop/apo:80"], "there is no Service shop/apo (namespace shop has api)"),
        (["--to", "shop/api:81"], "Service shop/api has no TCP port 81 (it has 80)"),
        (["--trust-domain", "Shop!"], "'Shop!' is no trust domain: write lower case letters"),
        (["--default-mode", "open"], "there is no mode 'open': write strict, permissive, audit"),
        (["-f", "gone.yaml"], "gone.yaml: cannot be read: No such file or directory"),
        (["-f", "empty"], "empty: no Kubernetes manifests (*.yaml, *.yml, *.json)"),
        (["-f", "bad.yaml"], "bad.yaml:1: TrafficSplit shop/x: spec: is missing"),
    ],
)
def test_a_question_that_cannot_be_read_is_exit_code_1(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("mesh.yaml").write_text(SHOP)
    Path("bad.yaml").write_text(
        "{apiVersion: split.smi-spec.io/v1alpha4, kind: TrafficSplit, "
        "metadata: {name: x, namespace: shop}}"
    )
    question = ["explain", "-f", "mesh.yaml", "--from", "shop/web", "--to", "shop/api:80"]
    with pytest.raises(SystemExit) as ended:
        main([*question, *options])
    assert ended.value.code == 1
    output = capsys.readouterr()
    assert output.err.startswith(f"error: {message}")
    assert output.out == ""
