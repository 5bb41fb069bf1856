"""Pod-bound tokens: what a proxy proves itself with.

Shaped like the projected ServiceAccount tokens of Kubernetes, so that a proxy cannot tell the
one-machine mode from a cluster.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smi_envoy.xds.session import Refused, Session

AUDIENCE = "smi-mesh"

_ALGORITHM = "ES256"  # pinned: a token must not choose how it is verified
_SKEW = 10.0  # seconds; a token may reach a host whose clock is a little behind its issuer's
_REASONS: tuple[tuple[type[jwt.InvalidTokenError], str], ...] = (
    (jwt.InvalidIssuerError, "IssuerWrong"),
    (jwt.InvalidAudienceError, "AudienceWrong"),
    (jwt.MissingRequiredClaimError, "ClaimMissing"),
    (jwt.InvalidAlgorithmError, "AlgorithmWrong"),
    (jwt.InvalidSignatureError, "SignatureWrong"),
)

Keys = Mapping[str, ec.EllipticCurvePublicKey]
"""Public keys by their `kid`."""


@dataclass(frozen=True, slots=True)
class TokenIdentity:
    """Whom a token speaks for, and until when (Unix seconds).

    Two tokens of one pod are the same identity: a renewed token must not cost a new key.
    """

    namespace: str
    service_account: str
    service_account_uid: str
    pod: str
    pod_uid: str
    expires_at: float = field(compare=False)


class _Reference(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)
    name: str = Field(min_length=1)
    uid: str = Field(min_length=1)


class _Bound(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)
    namespace: str = Field(min_length=1)
    pod: _Reference
    serviceaccount: _Reference


class _Claims(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)
    sub: str
    exp: float = Field(allow_inf_nan=False)
    nbf: float = Field(allow_inf_nan=False)
    bound: _Bound = Field(alias="kubernetes.io")


def key_id(key: ec.EllipticCurvePublicKey) -> str:
    """The `kid` of a key: a hash of it, so that the same key has the same name everywhere."""
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()[:16]


def issue(identity: TokenIdentity, key: ec.EllipticCurvePrivateKey, issuer: str, now: float) -> str:
    """A token for `identity`, from `now` until `identity.expires_at`."""
    account = identity.service_account
    claims = {
        "iss": issuer,
        "aud": [AUDIENCE],
        "iat": int(now),
        "nbf": int(now),
        "exp": int(identity.expires_at),
        "sub": _subject(identity.namespace, account),
        "kubernetes.io": {
            "namespace": identity.namespace,
            "pod": {"name": identity.pod, "uid": identity.pod_uid},
            "serviceaccount": {"name": account, "uid": identity.service_account_uid},
        },
    }
    headers = {"kid": key_id(key.public_key())}
    return jwt.encode(claims, key, algorithm=_ALGORITHM, headers=headers)


def verify(token: str, keys: Keys, issuer: str, audience: str, now: float) -> TokenIdentity:
    """Whom `token` speaks for; raises `Refused` for any token that is not valid at `now`."""
    claims = _claims(token, keys, issuer, audience)
    if now >= claims.exp:
        raise Refused("TokenExpired")
    if now < claims.nbf - _SKEW:
        raise Refused("TokenNotYetValid")
    bound = claims.bound
    if claims.sub != _subject(bound.namespace, bound.serviceaccount.name):
        raise Refused("SubjectWrong")
    return TokenIdentity(
        bound.namespace,
        bound.serviceaccount.name,
        bound.serviceaccount.uid,
        bound.pod.name,
        bound.pod.uid,
        claims.exp,
    )


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Turns a token into a session: the signature first, then whether its pod still lives.

    `alive` answers for the pod's and the ServiceAccount's uid; it may wait for news of a new pod.
    """

    keys: Keys
    issuer: str
    audience: str
    clock: Callable[[], float]
    alive: Callable[[TokenIdentity], Awaitable[bool]]

    async def __call__(self, token: str) -> Session[TokenIdentity]:
        """The session of the pod that `token` is bound to; raises `Refused`."""
        identity = verify(token, self.keys, self.issuer, self.audience, self.clock())
        if not await self.alive(identity):
            raise Refused("PodGone")
        proxy_id = f"{identity.namespace}/{identity.pod}"
        return Session(proxy_id, identity, identity.expires_at)


def _claims(token: str, keys: Keys, issuer: str, audience: str) -> _Claims:
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        if not isinstance(kid, str) or kid not in keys:
            raise Refused("KeyUnknown")
        return _Claims.model_validate(_decoded(token, keys[kid], issuer, audience))
    except (jwt.InvalidTokenError, UnicodeEncodeError) as error:
        reasons = (reason for kind, reason in _REASONS if isinstance(error, kind))
        raise Refused(next(reasons, "TokenMalformed")) from None
    except ValidationError:
        raise Refused("ClaimsWrong") from None


def _decoded(
    token: str, key: ec.EllipticCurvePublicKey, issuer: str, audience: str
) -> dict[str, Any]:
    """The claims, verified but for their times, which are judged by the caller's clock."""
    return jwt.decode(
        token,
        key,
        algorithms=[_ALGORITHM],
        issuer=issuer,
        audience=audience,
        options={
            "require": ["exp", "nbf", "iss", "aud"],
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        },
    )


def _subject(namespace: str, service_account: str) -> str:
    return f"system:serviceaccount:{namespace}:{service_account}"
