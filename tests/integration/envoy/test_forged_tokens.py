"""Tokens that are nearly right, and those of what is gone: none opens a stream."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from smi_envoy.ca import store, tokens
from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from smi_envoy.pod_tokens import ISSUER
from smi_envoy.xds import wire
from tests import builders as a
from tests.integration.envoy import harness, town
from tests.integration.envoy.harness import Lab
from tests.integration.envoy.load import Client, load
from tests.integration.envoy.streams import EVERYTHING, opened
from tests.integration.envoy.town import Town

pytestmark = pytest.mark.envoy

WEB, FRONT = a.workload("web-0", "web"), a.workload("front-0", "front")
Claims = dict[str, Any]


class Forger(NamedTuple):
    """Who has a token of `web-0`, and, to see what else is looked at, the key that signs them."""

    token: str
    key: ec.EllipticCurvePrivateKey

    def but(self, **claims: object) -> str:
        """A token with other claims, rightly signed."""
        return jwt.encode(self._claims() | claims, self.key, "ES256", headers=self._head())

    def bound(self, what: str, **fields: str) -> str:
        """A token bound to another pod or ServiceAccount, rightly signed."""
        bound = self._claims()["kubernetes.io"]
        return self.but(**{"kubernetes.io": bound | {what: bound[what] | fields}})

    def by(self, algorithm: str, sign: Callable[[bytes], bytes]) -> str:
        """A token that says how it is to be verified."""
        parts = (self._head() | {"alg": algorithm, "typ": "JWT"}, self._claims())
        text = b".".join(_base64(json.dumps(part).encode()) for part in parts)
        return (text + b"." + _base64(sign(text))).decode()

    def with_public_key(self, text: bytes) -> bytes:
        """A signature of `text` with what everybody may know, as if it were a secret."""
        pem = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hmac.digest(pem, text, hashlib.sha256)

    def _claims(self) -> Claims:
        found: Claims = jwt.decode(self.token, options={"verify_signature": False})
        return found

    def _head(self) -> Claims:
        return {"kid": tokens.key_id(self.key.public_key())}


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def forgeries(by: Forger, now: float) -> dict[str, tuple[str, str]]:
    """Tokens of many kinds, and why each is refused."""
    return {
        "another audience": (by.but(aud=["https://kubernetes.default.svc"]), "AudienceWrong"),
        "no audience": (by.but(aud=[]), "ClaimMissing"),
        "another issuer": (by.but(iss=f"{ISSUER}.example"), "IssuerWrong"),
        "of yesterday": (by.but(exp=now - 1, nbf=now - 86_400), "TokenExpired"),
        "of tomorrow": (by.but(nbf=now + 3600, exp=now + 7200), "TokenNotYetValid"),
        "unsigned": (by.by("none", lambda _: b""), "AlgorithmWrong"),
        "unsigned, as written otherwise": (by.by("NONE", lambda _: b""), "AlgorithmWrong"),
        "signed with the public key": (by.by("HS256", by.with_public_key), "AlgorithmWrong"),
        "ES256 with another's signature": (by.by("ES256", by.with_public_key), "SignatureWrong"),
        "a key of its own": (
            tokens.issue(_identity(now), ec.generate_private_key(ec.SECP256R1()), ISSUER, now),
            "KeyUnknown",
        ),
        "another subject": (by.but(sub="system:serviceaccount:shop:front"), "SubjectWrong"),
        "another pod's name": (by.bound("pod", name="front-0"), "PodGone"),
        "another pod's uid": (by.bound("pod", uid="uid-front-0"), "PodGone"),
        "another account's uid": (by.bound("serviceaccount", uid="another"), "PodGone"),
        "a pod that never was": (by.bound("pod", name="web-1", uid="uid-web-1"), "PodGone"),
    }


def _identity(now: float) -> tokens.TokenIdentity:
    return tokens.TokenIdentity("shop", "web", "shop/web", "web-0", "uid-web-0", now + 60)


def forger(running: Lab) -> Forger:
    """Who read the state directory."""
    token = running.backend.sidecar(WEB).files["token"]
    return Forger(token, store.load_token_key(running.state))


async def test_no_token_but_the_pods_own_opens_a_stream() -> None:
    async with harness.lab() as running:
        socket = running.state / "ads.sock"
        await running.backend.publish(a.mesh([WEB, FRONT]))
        by = forger(running)
        assert isinstance(
            await opened(socket, by.but(), "shop/web-0"), discovery_pb2.DeltaDiscoveryResponse
        )
        forged = forgeries(by, harness.clock().timestamp())
        async with asyncio.TaskGroup() as tasks:  # some wait for news of their pod
            tried = {
                name: tasks.create_task(opened(socket, token, "shop/web-0"))
                for name, (token, _) in forged.items()
            }
        found = {name: task.result() for name, task in tried.items()}
        unauthenticated = grpc.StatusCode.UNAUTHENTICATED
        assert found == {name: (unauthenticated, reason) for name, (_, reason) in forged.items()}


async def test_token_of_a_deleted_pod_ends_its_stream_and_opens_none() -> None:
    async with harness.lab() as running:
        socket = running.state / "ads.sock"
        await running.backend.publish(a.mesh([WEB, FRONT]))
        token = running.backend.sidecar(WEB).files["token"]
        assert await ended(socket, token, running) is grpc.StatusCode.PERMISSION_DENIED
        refused = await opened(socket, token, "shop/web-0")
        assert refused == (grpc.StatusCode.UNAUTHENTICATED, "PodGone")


async def ended(socket: Path, token: str, running: Lab) -> grpc.StatusCode | None:
    """How an open stream of `web` ends when its pod goes."""
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        method = channel.stream_stream(f"/{wire.SERVICE}/{wire.METHOD}")
        call = method(metadata=(("authorization", f"Bearer {token}"),))
        await call.write(EVERYTHING.SerializeToString())
        assert isinstance(await call.read(), bytes)
        await running.backend.publish(a.mesh([FRONT]))
        code: grpc.StatusCode | None = await call.code()
        return code


def account(name: str, uid: str) -> town.Document:
    """A ServiceAccount object."""
    metadata = {"name": name, "namespace": a.NAMESPACE, "uid": uid}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


async def recreate(running: Town, name: str, uid: str) -> None:
    """Delete a ServiceAccount and create it anew, the supervisor being as quick as it can."""
    mesh = running.mesh(account(name, uid))
    await running.lab.backend.publish(mesh)
    running.lab.mesh = mesh
    running.lab.renew()


async def test_account_created_anew_costs_a_token_and_no_request() -> None:
    apps = [*town.app("front"), *town.app("web"), account("front", "f1"), account("web", "w1")]
    grant = [town.routes("all"), town.grant("web", "web", ["front"])]
    async with town.town(*apps, *grant) as running:
        lab = running.lab
        pods = [a.name("front-0"), a.name("web-0")]
        old = {pod: lab.backend.sidecar(lab.mesh.workloads[pod]).files["token"] for pod in pods}
        clients = [Client(pods[0], f"http://web.shop/{n}", keeps=n != 2) for n in range(3)]
        async with load(lab, clients, a_second=100) as asked:
            for name, uid in (("web", "w2"), ("front", "f2")):
                await recreate(running, name, uid)
                assert not await lab.backend.settled(lab.mesh.workloads, 5)
            await running.play(town.routes("all", {"pathRegex": "/"}))
            await asked.lasts(2, 200)
        assert asked.failures() == []
        for pod, token in old.items():
            assert lab.backend.sidecar(lab.mesh.workloads[pod]).files["token"] != token
            refused = await opened(lab.state / "ads.sock", token, str(pod))
            assert refused == (grpc.StatusCode.UNAUTHENTICATED, "PodGone")
