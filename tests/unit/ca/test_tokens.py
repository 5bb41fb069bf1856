import base64
import contextlib
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from smi_envoy.ca import tokens
from smi_envoy.ca.tokens import AUDIENCE, Authenticator, TokenIdentity
from smi_envoy.xds.session import Refused

NOW = 1_800_000_000.0
ISSUER = "https://smi-mesh.local"
PrivateKey = ec.EllipticCurvePrivateKey

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
KEYS = {tokens.key_id(KEY.public_key()): KEY.public_key()}
WEB = TokenIdentity("shop", "web", "sa-uid", "web-0", "pod-uid", NOW + 600)


def token() -> str:
    return tokens.issue(WEB, KEY, ISSUER, NOW)


def verify(text: str, now: float = NOW) -> TokenIdentity:
    return tokens.verify(text, KEYS, ISSUER, AUDIENCE, now)


def reason(text: str, now: float = NOW) -> str:
    with pytest.raises(Refused) as caught:
        verify(text, now)
    return caught.value.reason


def signed(claims: dict[str, Any], key: PrivateKey | str = KEY, algorithm: str = "ES256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": next(iter(KEYS))})


def claims(**changes: object) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token(), options={"verify_signature": False})
    return {k: v for k, v in {**found, **changes}.items() if v is not None}


def test_token_speaks_for_its_pod() -> None:
    assert verify(token()) == WEB


def test_renewed_token_is_the_same_identity() -> None:
    renewed = tokens.issue(replace(WEB, expires_at=NOW + 9000), KEY, ISSUER, NOW + 300)
    assert verify(renewed, NOW + 300) == verify(token())
    assert verify(renewed, NOW + 300).expires_at == NOW + 9000


def test_token_is_shaped_like_a_projected_service_account_token() -> None:
    assert claims() == {
        "iss": ISSUER,
        "aud": ["smi-mesh"],
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 600,
        "sub": "system:serviceaccount:shop:web",
        "kubernetes.io": {
            "namespace": "shop",
            "pod": {"name": "web-0", "uid": "pod-uid"},
            "serviceaccount": {"name": "web", "uid": "sa-uid"},
        },
    }


def test_token_ends_when_it_says() -> None:
    assert verify(token(), NOW + 599.9) == WEB
    assert reason(token(), NOW + 600) == "TokenExpired"


def test_token_begins_when_it_says_but_for_a_little_skew() -> None:
    assert verify(token(), NOW - 5) == WEB
    assert reason(token(), NOW - 60) == "TokenNotYetValid"


@pytest.mark.parametrize("name", ["exp", "nbf", "iss", "aud"])
def test_token_without_a_claim_that_limits_it_is_refused(name: str) -> None:
    text = signed(claims(**{name: None}))
    assert reason(text) in {"ClaimMissing", "IssuerWrong", "AudienceWrong"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"iss": "https://elsewhere"}, "IssuerWrong"),
        ({"aud": ["api"]}, "AudienceWrong"),
        ({"aud": "smi-mesh-2"}, "AudienceWrong"),
        ({"sub": "system:serviceaccount:shop:admin"}, "SubjectWrong"),
        ({"sub": None}, "ClaimsWrong"),
        ({"kubernetes.io": None}, "ClaimsWrong"),
        ({"kubernetes.io": {"namespace": "shop"}}, "ClaimsWrong"),
        ({"kubernetes.io": {"namespace": "", "pod": {}, "serviceaccount": {}}}, "ClaimsWrong"),
        ({"exp": True}, "ClaimsWrong"),
        ({"exp": "4000000000"}, "ClaimsWrong"),
        ({"exp": [1]}, "ClaimsWrong"),
        ({"exp": 10**400}, "ClaimsWrong"),
        ({"exp": float("inf")}, "ClaimsWrong"),
        ({"nbf": float("nan")}, "ClaimsWrong"),
    ],
)
def test_token_with_wrong_claims_is_refused_with_the_reason(
    changes: dict[str, Any], expected: str
) -> None:
    assert reason(signed(claims(**changes))) == expected


def test_token_of_another_key_is_refused() -> None:
    assert reason(signed(claims(), OTHER)) == "SignatureWrong"
    assert reason(tokens.issue(WEB, OTHER, ISSUER, NOW)) == "KeyUnknown"


def test_token_does_not_choose_its_algorithm() -> None:
    assert reason(signed(claims(), "", "none")) == "AlgorithmWrong"
    assert reason(signed(claims(), "k" * 64, "HS256")) == "AlgorithmWrong"
    p384 = ec.generate_private_key(ec.SECP384R1())
    assert reason(signed(claims(), p384, "ES384")) == "AlgorithmWrong"


@pytest.mark.parametrize("kid", ["other", None, 7, ["a"], {"a": 1}])
def test_token_whose_key_is_unknown_is_refused(kid: object) -> None:
    head = base64.urlsafe_b64encode(json.dumps({"alg": "ES256", "kid": kid}).encode()).decode()
    _, payload, signature = token().split(".")
    assert reason(f"{head.rstrip('=')}.{payload}.{signature}") in {"KeyUnknown", "TokenMalformed"}


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", "\x00", "é.é.é", "\ud800", "e30.e30.e30"]
)
def test_noise_is_refused(text: str) -> None:
    assert reason(text) in {"TokenMalformed", "KeyUnknown"}


@given(st.integers(0, 10_000), st.characters())
def test_token_with_any_letter_changed_is_refused_or_the_same(place: int, letter: str) -> None:
    text = token()
    place %= len(text)
    changed = text[:place] + letter + text[place + 1 :]
    with contextlib.suppress(Refused):
        assert verify(changed) == WEB  # the spare bits of a base64 tail, or the same letter


@pytest.mark.parametrize("lives", [True, False])
async def test_authenticator_asks_whether_the_pod_lives(lives: bool) -> None:
    async def alive(identity: TokenIdentity) -> bool:
        return lives and identity.pod_uid == "pod-uid"

    authenticate = Authenticator(KEYS, ISSUER, AUDIENCE, lambda: NOW, alive)
    if lives:
        session = await authenticate(token())
        assert (session.proxy_id, session.identity) == ("shop/web-0", WEB)
        assert session.expires_at == NOW + 600
    else:
        with pytest.raises(Refused, match="PodGone"):
            await authenticate(token())


async def test_authenticator_asks_nothing_about_a_token_that_is_not_valid() -> None:
    async def alive(identity: TokenIdentity) -> bool:
        raise AssertionError(identity)

    authenticate = Authenticator(KEYS, ISSUER, AUDIENCE, lambda: NOW + 601, alive)
    with pytest.raises(Refused, match="TokenExpired"):
        await authenticate(token())
