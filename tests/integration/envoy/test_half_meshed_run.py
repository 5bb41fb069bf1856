"""`smi run` of a Service with one pod that has a sidecar and one that has none."""

import asyncio
import json
import re
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from smi.standalone import state_directory
from smi_envoy import admin
from tests.integration.envoy.test_smi_run import Demo

pytestmark = pytest.mark.envoy

SERVES = """
import os, http.server as h
class Answer(h.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = os.environ["NAME"].encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
h.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Answer).serve_forever()
"""
CALLS = """
import os, sys, time, urllib.request as u
while True:
    try:
        print("heard", u.urlopen(sys.argv[1], timeout=5).read().decode(), flush=True)
    except Exception as e:
        print("failed", type(e).__name__, flush=True)
    time.sleep(0.05)
"""
NAME = {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
DIRECT = "http://$(WEB_SERVICE_HOST):$(WEB_SERVICE_PORT)/"


def deployment(name: str, app: str, command: list[str], *, meshed: bool = True) -> dict[str, Any]:
    annotations = {} if meshed else {"smi-mesh.io/inject": "disabled"}
    ports = [{"name": "http", "containerPort": 8080}] if app == "web" else []
    container = {"name": "main", "command": command, "ports": ports, "env": [NAME]}
    template = {
        "metadata": {"labels": {"app": app}, "annotations": annotations},
        "spec": {"serviceAccountName": app, "containers": [container]},
    }
    return _object("apps/v1", "Deployment", name, {"template": template})


def _object(api: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


MESH = [
    deployment("web-new", "web", ["python3", "-c", SERVES]),
    deployment("web-old", "web", ["python3", "-c", SERVES], meshed=False),
    deployment("front", "front", ["python3", "-c", CALLS, "http://web/"]),
    deployment("stray", "front", ["python3", "-c", CALLS, DIRECT], meshed=False),
    _object(
        "v1",
        "Service",
        "web",
        {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    ),
    _object("specs.smi-spec.io/v1alpha4", "TCPRoute", "all", {"matches": {"ports": []}}),
    _object(
        "access.smi-spec.io/v1alpha4",
        "TrafficTarget",
        "web",
        {
            "destination": {"kind": "ServiceAccount", "name": "web"},
            "sources": [{"kind": "ServiceAccount", "name": "front"}],
            "rules": [{"kind": "TCPRoute", "name": "all"}],
        },
    ),
]


@pytest.fixture
def demo() -> Iterator[Demo]:
    with tempfile.TemporaryDirectory(prefix="smi-") as directory:
        found = Demo(Path(directory))
        shutil.rmtree(found.manifests)
        found.manifests.mkdir()
        (found.manifests / "mesh.yaml").write_text(yaml.safe_dump_all(MESH))
        process = found.start()
        try:
            yield found
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def heard(demo: Demo, pod: str) -> Counter[str]:
    """What a pod heard, and how often."""
    said = re.findall(rf"\[shop/{pod}\] (heard .*|failed .*)", demo.log)
    return Counter(said)


def test_both_kinds_of_pods_answer_and_no_request_fails(demo: Demo) -> None:
    both = {"heard web-new-0", "heard web-old-0"}
    demo.until(lambda: heard(demo, "front-0").keys() >= both, 40)
    before = heard(demo, "front-0")
    demo.until(lambda: (heard(demo, "front-0") - before).total() >= 60)
    since = heard(demo, "front-0") - before
    assert since.keys() == both
    assert abs(since["heard web-new-0"] - since["heard web-old-0"]) <= 1
    _assert_one_is_dialled_over_tls_and_the_other_is_not(demo)
    # Who has no sidecar is refused by the pod that has one, whatever its ServiceAccount may.
    tried = heard(demo, "stray-0")
    assert tried.total() > 10
    assert all(said.startswith("failed") for said in tried)
    pods = demo.last()["pods"]
    assert pods == {"ready": 4, "total": 4, "unmeshed": ["shop/stray-0", "shop/web-old-0"]}
    assert "NoSidecar" in demo.log


def _assert_one_is_dialled_over_tls_and_the_other_is_not(demo: Demo) -> None:
    pods = {pod.name: pod for pod in state_directory.records(demo.state)}
    proxy = pods["front-0"].variables["HTTP_PROXY"]
    assert "HTTP_PROXY" not in pods["web-old-0"].variables
    number = proxy.partition(":15001")[0].rpartition(".")[2]
    directory = state_directory.pods(demo.state) / number
    asked = "/stats?format=json&filter=web_80.http.(ssl.handshake|upstream_cx_total)"
    said = asyncio.run(admin.ask(directory, asked))
    stats = {s["name"].rpartition("http.")[2]: s["value"] for s in json.loads(said or "")["stats"]}
    assert 1 <= stats["ssl.handshake"] < stats["upstream_cx_total"]
    _, _, number = pods["web-old-0"].variables["HOST"].rpartition(".")
    bare = state_directory.pods(demo.state) / number
    assert [file.name for file in bare.iterdir()] == ["pod.json"]
