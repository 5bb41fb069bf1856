"""A real etcd and kube-apiserver as child processes on the loopback, and a plain client."""

import http.client
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

Document = dict[str, Any]
TOKEN = "of-a-test"
STRANGER = "of-a-stranger"  # the token of somebody who may nothing
STARTED = 60.0  # seconds; it takes about three on an idle machine


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server answered."""

    status: int
    body: Document


@dataclass(slots=True)
class Program:
    """A child process that may be killed and started again."""

    log: Path
    command: tuple[str | Path, ...]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """It runs, as it did before."""
        with self.log.open("a") as output:
            self.process = subprocess.Popen(self.command, stdout=output, stderr=subprocess.STDOUT)

    def kill(self) -> None:
        """It is gone, and had no time to say anything."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass(frozen=True, slots=True)
class ApiServer:
    """An API server that is asked as an administrator; `etcd` is the address of its store."""

    port: int
    state: Path
    etcd: str
    program: Program

    def start(self) -> None:
        """It runs and is ready."""
        self.program.start()
        until(lambda: _is_ready(self))

    def kubeconfig(self, token: str = TOKEN, namespace: str = "default") -> Path:
        """A kubeconfig of whoever has the token."""
        cluster = {
            "server": f"https://127.0.0.1:{self.port}",
            "certificate-authority": "apiserver.crt",
        }
        config = {
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [
                {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": namespace}}
            ],
        }
        path = self.state / f"{token}-{namespace}.kubeconfig"
        path.write_text(json.dumps(config))
        return path

    def compact(self) -> None:
        """The store forgets all versions but the newest of each object."""
        found = _etcd(self.etcd, "/v3/kv/range", {"key": "AA=="})
        revision = found["header"]["revision"]
        _etcd(self.etcd, "/v3/kv/compaction", {"revision": revision, "physical": True})

    def ask(self, method: str, path: str, body: Document | None = None) -> Answer:
        """One request and its answer."""
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=trusting)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            text = answer.read()
            is_json = "json" in (answer.headers["Content-Type"] or "")
            return Answer(answer.status, json.loads(text) if is_json else {"text": text.decode()})
        finally:
            connection.close()

    def create(self, document: Document) -> Answer:
        """What becomes of a new object."""
        return self.ask("POST", collection(document), document)

    def read(self, document: Document, version: str) -> Document:
        """The object that `document` names, at a version of its group."""
        group = document["apiVersion"].partition("/")[0]
        at = {**document, "apiVersion": f"{group}/{version}"}
        return self.ask("GET", f"{collection(at)}/{document['metadata']['name']}").body

    def replace(self, document: Document) -> Answer:
        """What becomes of an object that is there when it is written again."""
        return self.ask("PUT", f"{collection(document)}/{document['metadata']['name']}", document)


def collection(document: Document) -> str:
    """Where objects of the kind of `document` are."""
    version, kind = document["apiVersion"], document["kind"].lower() + "s"
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = document["metadata"].get("namespace")
    return f"{root}/namespaces/{namespace}/{kind}" if namespace else f"{root}/{kind}"


@contextmanager
def api_server(binaries: Path, state: Path) -> Iterator[ApiServer]:
    """An API server, until the block ends; its logs and files are in `state`."""
    etcd, peer, port = _free_ports(3)
    clients, peers = f"http://127.0.0.1:{etcd}", f"http://127.0.0.1:{peer}"
    _write_keys(state)
    store = Program(
        state / "etcd.log",
        (
            *(binaries / "etcd", "--name=test", f"--data-dir={state / 'etcd'}"),
            *(f"--listen-client-urls={clients}", f"--advertise-client-urls={clients}"),
            *(f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"),
            *(f"--initial-cluster=test={peers}", "--unsafe-no-fsync"),
        ),
    )
    program = Program(
        state / "kube-apiserver.log",
        (
            *(binaries / "kube-apiserver", f"--etcd-servers={clients}"),
            *("--bind-address=127.0.0.1", f"--secure-port={port}", f"--cert-dir={state}"),
            *(f"--token-auth-file={state / 'tokens'}", "--authorization-mode=RBAC"),
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={state / 'key.pem'}",
            f"--service-account-signing-key-file={state / 'key.pem'}",
            *("--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16"),
        ),
    )
    with ExitStack() as running:
        running.callback(store.kill)
        running.callback(program.kill)
        store.start()
        server = ApiServer(port, state, clients, program)
        server.start()
        yield server


def until(happened: Any) -> None:  # noqa: ANN401 - a function without arguments, lambdas too
    """Wait for `happened`, and fail if it does not."""
    end = time.monotonic() + STARTED
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def _is_ready(server: ApiServer) -> bool:
    try:
        return server.ask("GET", "/readyz").status == 200
    except OSError:
        return False


def _etcd(address: str, path: str, body: Document) -> Document:
    connection = http.client.HTTPConnection(address.removeprefix("http://"))
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer: Document = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _write_keys(state: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (state / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    (state / "tokens").write_text(
        f'{TOKEN},admin,admin,"system:masters"\n{STRANGER},stranger,stranger\n'
    )
