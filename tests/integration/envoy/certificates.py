"""Certificates that the CA never issues, made with its key or with another's."""

import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from smi_envoy.ca import authority
from smi_envoy.ca.authority import Root

URI, DNS = x509.UniformResourceIdentifier, x509.DNSName
DAY = timedelta(days=1)
BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says; as the CA's own, but for what is said otherwise.

    `begins` and `ends` are from now; `by` signs in the CA's place; `chain` goes along with it;
    `itself` is what is there already.
    """

    uris: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    common_name: str = ""
    begins: timedelta = -DAY
    ends: timedelta = DAY
    is_ca: bool = False
    uses: tuple[x509.ObjectIdentifier, ...] = BOTH
    by: Root | None = None
    itself: Root | None = None
    chain: tuple[Root, ...] = ()
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False, compare=False
    )

    def signed(self, root: Root, now: datetime) -> Root:
        """The certificate, signed by `by` or else by `root`, with its key."""
        if self.itself:
            return self.itself
        issuer = self.by or root
        names = [*map(URI, self.uris), *map(DNS, self.dns)]
        words = [self.common_name] if self.common_name else []
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, word) for word in words])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + self.begins)
            .not_valid_after(now + self.ends)
            .add_extension(x509.BasicConstraints(ca=self.is_ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
        if self.uses:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.uses), critical=False)
        return Root(builder.sign(issuer.key, hashes.SHA256()), self.key)


def pem(certificates: Iterable[Root]) -> bytes:
    """A chain as a client presents it, and the first one's key."""
    chain = list(certificates)
    text = b"".join(c.certificate.public_bytes(serialization.Encoding.PEM) for c in chain)
    return text + authority.private_pem(chain[0].key)


def client(*chain: Root, alpn: str = "", highest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A client's TLS that presents `chain`, or nothing, and takes any server for true."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if chain:
        with NamedTemporaryFile() as file:
            Path(file.name).write_bytes(pem(chain))
            context.load_cert_chain(file.name)
    if alpn:
        context.set_alpn_protocols([alpn])
    if highest:
        context.maximum_version = highest
    return context
