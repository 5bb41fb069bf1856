"""A table of certificates and manners, and who is taken for whom by them."""

import ssl
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from smi_envoy.ca import authority
from smi_envoy.ca.authority import Root
from tests import builders as a
from tests.integration.envoy import certificates, harness
from tests.integration.envoy.certificates import Certificate

FRONT, INTRUDER = a.spiffe("front"), a.spiffe("intruder")
BLUE = "uid-blue-0"
"""The uid of a pod that a binding selects."""


class Verdict(NamedTuple):
    """What becomes of a caller at the doors of a strict namespace, and of one that is not.

    Over HTTP: `front` is let in as far as `front` is, `denied` is known and may nothing, `open` may
    anything. Over TCP: `in`. Both: `out` is told nothing at all.
    """

    strict: tuple[str, str]
    otherwise: tuple[str, str]


AS_FRONT = Verdict(("front", "in"), ("open", "in"))
AS_SOMEBODY = Verdict(("denied", "out"), ("open", "in"))
NOWHERE = Verdict(("out", "out"), ("out", "out"))
# The CA signs one name of a kind a certificate. Who could make it sign two is neither over HTTP,
# and over TCP the pod whose name it shows.
AS_THE_FIRST_POD = Verdict(("denied", "in"), ("open", "in"))
NO_IDENTITY = Verdict(("out", "out"), ("open", "in"))


class Caller(NamedTuple):
    """What a caller shows, how it goes about it, and what must become of it."""

    verdict: Verdict
    shows: Certificate | None = None
    http_sni: str = "http.smi-mesh"
    tcp_sni: str = "{}"
    alpn: str = ""
    highest: ssl.TLSVersion | None = None
    speaks_h2: bool = False
    is_plain: bool = False


FRONTS = Certificate((FRONT,), ("uid-front-0",))
SOON, LATELY = timedelta(hours=1), timedelta(hours=-1)


def somebody(*uris: str, dns: tuple[str, ...] = (), name: str = "") -> Caller:
    """A caller whose certificate is the CA's, and grants nothing."""
    return Caller(AS_SOMEBODY, Certificate(uris, dns, name))


def callers(own: Root, foreign: Root, leaf: Root) -> Mapping[str, Caller]:
    """The table. `own` is our CA, `foreign` one of its name, `leaf` an SVID of `front`."""
    return {
        "front": Caller(AS_FRONT, FRONTS),
        "a pod that a binding selects": Caller(AS_FRONT, Certificate((INTRUDER,), (BLUE,))),
        "another service": somebody(INTRUDER, dns=("uid-intruder-0",)),
        "plain text": Caller(NO_IDENTITY, is_plain=True),
        "no certificate": Caller(NOWHERE),
        "expired": Caller(NOWHERE, replace(FRONTS, ends=LATELY)),
        "not yet valid": Caller(NOWHERE, replace(FRONTS, begins=SOON)),
        "another CA of the same name": Caller(NOWHERE, replace(FRONTS, by=foreign)),
        "signed by itself": Caller(NOWHERE, replace(FRONTS, by=_itself())),
        "signed by a caller's own certificate": Caller(
            NOWHERE, replace(FRONTS, by=leaf, chain=(leaf,))
        ),
        "for servers only": Caller(NOWHERE, replace(FRONTS, uses=certificates.BOTH[:1])),
        "for nothing said": Caller(AS_FRONT, replace(FRONTS, uses=())),
        "another trust domain": somebody("spiffe://example.org/ns/shop/sa/front"),
        "the trust domain itself": somebody("spiffe://cluster.local"),
        "no name": somebody(name="front"),
        "front as common name": somebody(name=FRONT),
        "front as DNS name": somebody(INTRUDER, dns=(FRONT,)),
        "a selected pod as common name": somebody(name=BLUE),
        "a selected pod as URI": somebody(BLUE),
        "a selected pod as DNS wildcard": somebody(INTRUDER, dns=("*",)),
        "a selected pod and a dot": somebody(INTRUDER, dns=(f"{BLUE}.",)),
        "front and another": somebody(FRONT, INTRUDER),
        "another and front": somebody(INTRUDER, FRONT),
        "front twice": somebody(FRONT, FRONT),
        "a selected pod and another": Caller(
            AS_THE_FIRST_POD, Certificate((INTRUDER,), (BLUE, "uid-intruder-0"))
        ),
        "another pod and a selected one": somebody(INTRUDER, dns=("uid-intruder-0", BLUE)),
        "front without its uid": Caller(
            Verdict(("front", "out"), ("open", "in")), Certificate((FRONT,))
        ),
        "the CA's own": Caller(NOWHERE, Certificate(itself=own)),
        "a CA below ours": Caller(AS_FRONT, replace(FRONTS, is_ca=True)),
        "front in capitals": somebody(FRONT.upper()),
        "front with a capital scheme": somebody(FRONT.replace("spiffe", "SPIFFE")),
        "front with a capital account": somebody(FRONT.replace("front", "Front")),
        "front with a slash": somebody(f"{FRONT}/"),
        "front with an escape": somebody(FRONT.replace("front", "fron%74")),
        "front with a query": somebody(f"{FRONT}?"),
        "front with a fragment": somebody(f"{FRONT}#"),
        "front with a port": somebody(FRONT.replace("cluster.local", "cluster.local:443")),
        "front with dots": somebody(FRONT.replace("/sa/", "/sa/x/../")),
        # No header can say this name to the application.
        "front and a null": Caller(
            Verdict(("denied", "out"), ("unavailable", "in")),
            Certificate((f"{FRONT}\0.example.org",)),
        ),
        "front and a comma": somebody(f"{FRONT},{INTRUDER}"),
        "beyond front": somebody(f"{FRONT}end"),
        "TLS 1.2": Caller(NOWHERE, FRONTS, highest=ssl.TLSVersion.TLSv1_2),
        "ALPN h2": Caller(AS_FRONT, FRONTS, alpn="h2", speaks_h2=True),
        "ALPN http/1.1": Caller(AS_FRONT, FRONTS, alpn="http/1.1"),
        "ALPN nonsense": Caller(AS_FRONT, FRONTS, alpn="smi-mesh"),
        "HTTP/2 without ALPN": Caller(AS_FRONT, FRONTS, speaks_h2=True),
        "HTTP/1 under ALPN h2": Caller(Verdict(("out", "in"), ("out", "in")), FRONTS, alpn="h2"),
        "HTTP/2 under ALPN http/1.1": Caller(
            Verdict(("out", "in"), ("out", "in")), FRONTS, alpn="http/1.1", speaks_h2=True
        ),
        "no SNI": Caller(NOWHERE, FRONTS, "", ""),
        "another SNI": Caller(NOWHERE, FRONTS, "web.shop", "db.shop"),
        "SNI in capitals": Caller(AS_FRONT, FRONTS, "HTTP.SMI-MESH", "{upper}"),
        "SNI below": Caller(
            Verdict(("out", "out"), ("out", "in")), FRONTS, "x.http.smi-mesh", "x.{}"
        ),
        "SNI above": Caller(NOWHERE, FRONTS, "smi-mesh", "smi-mesh"),
        "SNI wildcard": Caller(NOWHERE, FRONTS, "*.smi-mesh", "*.smi-mesh"),
        "SNI with a dot": Caller(NOWHERE, FRONTS, "http.smi-mesh.", "{}."),
    }


def _itself() -> Root:
    """A certificate that no CA signed."""
    key = certificates.Certificate().key
    return Root(authority.new_root(harness.TRUST_DOMAIN, 0).certificate, key)
