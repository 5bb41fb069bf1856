from dataclasses import dataclass, field

from smi_envoy.pb.envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from smi_envoy.xds.secrets import SVID, Secrets, Svid
from smi_envoy.xds.session import Session

DAY = 86400.0


@dataclass(frozen=True)
class Issued:
    cert_chain_pem: bytes
    key_pem: bytes
    not_after: float


@dataclass
class World:
    now: float = 0.0
    issued: list[str] = field(default_factory=list)

    def issue(self, identity: str) -> Issued:
        self.issued.append(identity)
        return Issued(b"chain", f"key {len(self.issued)}".encode(), self.now + DAY)

    def secrets(self) -> Secrets[str]:
        return Secrets(self.issue, lambda now, end: now + (end - now) / 2, lambda: self.now)


def session(proxy: str = "shop/web", identity: str = "web") -> Session[str]:
    return Session(proxy, identity, 1e9)


def key_of(svid: Svid[str]) -> bytes:
    response = discovery_pb2.DeltaDiscoveryResponse.FromString(svid.private()[SVID].body)
    secret = secret_pb2.Secret.FromString(response.resources[0].resource.value)
    assert secret.name == SVID.name
    return secret.tls_certificate.private_key.inline_bytes


def test_reconnected_proxy_gets_the_key_that_it_has() -> None:
    world = World()
    secrets = world.secrets()
    assert secrets.svid(session()) is secrets.svid(session())
    assert world.issued == ["web"]


def test_svid_is_replaced_when_its_time_for_rotation_has_come() -> None:
    world = World()
    secrets = world.secrets()
    first = secrets.svid(session())
    assert first.rotate_at == DAY / 2
    world.now = first.rotate_at
    assert key_of(secrets.svid(session())) == b"key 2"


def test_every_proxy_has_a_key_of_its_own_even_with_one_identity() -> None:
    secrets = World().secrets()
    one, two = secrets.svid(session("shop/web-1")), secrets.svid(session("shop/web-2"))
    assert key_of(one) != key_of(two)


def test_proxy_whose_identity_changed_gets_a_new_key() -> None:
    secrets = World().secrets()
    old = secrets.svid(session())
    assert key_of(secrets.svid(session(identity="admin"))) != key_of(old)


def test_forgotten_proxy_gets_a_new_key() -> None:
    secrets = World().secrets()
    old = secrets.svid(session())
    secrets.forget("shop/web")
    assert key_of(secrets.svid(session())) != key_of(old)


def test_keys_that_ended_are_dropped() -> None:
    world = World()
    secrets = world.secrets()
    secrets.svid(session("a"))
    secrets.svid(session("b"))
    world.now = DAY
    secrets.svid(session("c"))
    assert list(secrets._svids) == ["c"]


def test_no_repr_shows_a_key() -> None:
    svid = World().secrets().svid(session())
    assert "key" not in repr(svid)
    assert "key" not in repr(dict(svid.private()))
