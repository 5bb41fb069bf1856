import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from smi.model.identity import SpiffeId
from smi_envoy.ca.authority import Authority, Issued, new_root
from smi_envoy.ca.rotation import BACKDATE, ROOT_LIFETIME, SVID_LIFETIME
from smi_envoy.ca.spiffe import InvalidSpiffeId

NOW = 1_800_000_000.0
WEB = SpiffeId("spiffe://cluster.local/ns/shop/sa/web")
UID = "0b6e6d3a-7c1f-4f0e-9d58-0d6a5a0f7a11"


@pytest.fixture
def authority() -> Authority:
    return Authority(new_root("cluster.local", NOW), lambda: NOW)


def leaf(issued: Issued) -> x509.Certificate:
    return x509.load_pem_x509_certificate(issued.cert_chain_pem)


def test_root_is_a_ca_of_its_trust_domain_for_ten_years(authority: Authority) -> None:
    root = authority.root
    certificate = root.certificate
    certificate.verify_directly_issued_by(certificate)
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (
        True,
        True,
        0,
    )
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    assert root.trust_domain == "cluster.local"
    assert root.validity == (NOW - BACKDATE, NOW + ROOT_LIFETIME)


def test_svid_names_the_identity_first_and_the_pod_after_it(authority: Authority) -> None:
    names = leaf(authority.issue(WEB, (UID,))).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.critical
    assert list(names.value) == [x509.UniformResourceIdentifier(WEB), x509.DNSName(UID)]


def test_svid_serves_and_calls_but_signs_no_certificates(authority: Authority) -> None:
    extensions = leaf(authority.issue(WEB)).extensions
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_cert_sign, usage.crl_sign) == (True, False, False)
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }


def test_svid_has_its_own_p256_key(authority: Authority) -> None:
    one, two = authority.issue(WEB), authority.issue(WEB)
    key = serialization.load_pem_private_key(one.key_pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    assert key.public_key() == leaf(one).public_key()
    assert leaf(one).public_key() != leaf(two).public_key()
    assert leaf(one).serial_number != leaf(two).serial_number


def test_svid_is_verified_by_the_root_and_by_no_other(authority: Authority) -> None:
    issued = leaf(authority.issue(WEB, (UID,)))

    def verify(root: x509.Certificate) -> list[x509.Certificate]:
        builder = PolicyBuilder().store(Store([root])).time(issued.not_valid_after_utc)
        return builder.build_client_verifier().verify(issued, []).chain

    assert len(verify(authority.root.certificate)) == 2
    with pytest.raises(x509.verification.VerificationError):
        verify(new_root("cluster.local", NOW).certificate)


def test_svid_is_backdated_and_ends_after_its_lifetime(authority: Authority) -> None:
    issued = authority.issue(WEB, (), 3600.0)
    assert leaf(issued).not_valid_before_utc.timestamp() == NOW - BACKDATE
    assert issued.not_after == leaf(issued).not_valid_after_utc.timestamp() == NOW + 3600
    assert authority.issue(WEB).not_after == NOW + SVID_LIFETIME


def test_svid_never_outlives_the_root() -> None:
    root = new_root("cluster.local", NOW)
    late = Authority(root, lambda: NOW + ROOT_LIFETIME - 60)
    assert late.issue(WEB).not_after == NOW + ROOT_LIFETIME


def test_root_lives_as_long_as_is_asked() -> None:
    assert new_root("cluster.local", NOW, 90.0).validity == (NOW - BACKDATE, NOW + 90)


@pytest.mark.parametrize("later", [-1000.0, 0.0, 0.4, 1000.0])
def test_root_is_younger_than_another_whatever_the_clock_says(later: float) -> None:
    older = new_root("cluster.local", NOW)
    younger = new_root("cluster.local", NOW + later, older=older)
    assert younger.validity.not_before == NOW - BACKDATE + max(later, 1)


@pytest.mark.parametrize("other", ["spiffe://example.org/ns/shop/sa/web", "web"])
def test_identity_of_another_trust_domain_is_not_issued(authority: Authority, other: str) -> None:
    with pytest.raises(InvalidSpiffeId):
        authority.issue(SpiffeId(other))


def test_no_repr_shows_a_key(authority: Authority) -> None:
    assert "key" not in repr(authority.root).lower()
    assert "PRIVATE" not in repr(authority.issue(WEB))
