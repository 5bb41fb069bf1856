"""The built-in certificate authority: a self-signed root and the SVIDs it issues."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from smi.model.identity import SpiffeId
from smi_envoy.ca import rotation, spiffe
from smi_envoy.ca.rotation import Validity


@dataclass(frozen=True, slots=True)
class Root:
    """A root certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def pem(self) -> bytes:
        """The certificate alone: the trust bundle."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def trust_domain(self) -> str:
        """The trust domain whose SVIDs this root issues."""
        names = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        uris = names.value.get_values_for_type(x509.UniformResourceIdentifier)
        return spiffe.parse(uris[0]).trust_domain

    @property
    def validity(self) -> Validity:
        """When the root begins and ends."""
        return Validity(
            self.certificate.not_valid_before_utc.timestamp(),
            self.certificate.not_valid_after_utc.timestamp(),
        )


@dataclass(frozen=True, slots=True)
class Issued:
    """An X.509-SVID: the certificate, its key (PKCS #8), and when it ends (Unix seconds)."""

    cert_chain_pem: bytes
    key_pem: bytes = field(repr=False)
    not_after: float


class Authority:
    """Owns a root for as long as it is used to issue."""

    def __init__(self, root: Root, clock: Callable[[], float]) -> None:
        self.root = root
        self._clock = clock
        self._trust_domain = root.trust_domain

    def issue(
        self,
        spiffe_id: SpiffeId,
        dns_names: Iterable[str] = (),
        lifetime: float = rotation.SVID_LIFETIME,
    ) -> Issued:
        """An SVID of `spiffe_id` with a new P-256 key.

        The URI SAN comes first, `dns_names` (the pod's uid) after it. It ends no later than the
        root. Raises `InvalidSpiffeId` for an ID of another trust domain.
        """
        if spiffe.parse(spiffe_id).trust_domain != self._trust_domain:
            message = f"{spiffe_id} is not in the trust domain {self._trust_domain}"
            raise spiffe.InvalidSpiffeId(message)
        key = ec.generate_private_key(ec.SECP256R1())
        validity = rotation.validity(self._clock(), lifetime, self.root.validity)
        names = [x509.UniformResourceIdentifier(spiffe_id), *map(x509.DNSName, dns_names)]
        issuer = self.root.certificate
        builder = (
            _builder(x509.Name(()), issuer.subject, key, validity)
            # > If the subject field contains an empty sequence, then the issuing CA MUST include a
            # > subjectAltName extension that is marked as critical. (RFC 5280, 4.2.1.6)
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage(
                    (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
                ),
                critical=False,
            )
            .add_extension(_authority_key(self.root.key), critical=False)
        )
        certificate = builder.sign(self.root.key, hashes.SHA256())
        return Issued(
            certificate.public_bytes(serialization.Encoding.PEM),
            private_pem(key),
            certificate.not_valid_after_utc.timestamp(),
        )


def new_root(
    trust_domain: str,
    now: float,
    lifetime: float = rotation.ROOT_LIFETIME,
    older: Root | None = None,
) -> Root:
    """A self-signed P-256 root of `trust_domain` that lives for `lifetime` seconds.

    It begins at least a second, the grain of certificates, later than `older`.
    """
    begin = older.validity.not_before + 1 if older else -math.inf
    validity = rotation.validity(now, lifetime, Validity(begin, math.inf))
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        (
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "smi-mesh"),
            x509.NameAttribute(NameOID.COMMON_NAME, "smi-mesh root"),
        )
    )
    uri = x509.UniformResourceIdentifier(spiffe.trust_domain_id(trust_domain))
    builder = (
        _builder(name, name, key, validity)
        .add_extension(x509.SubjectAlternativeName((uri,)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return Root(builder.sign(key, hashes.SHA256()), key)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The key in PKCS #8, unencrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, validity: Validity
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(validity.not_before, UTC))
        .not_valid_after(datetime.fromtimestamp(validity.not_after, UTC))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _authority_key(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
