"""`smi webhook` as a process on the loopback, with a certificate of its own."""

import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from smi.crds import Webhook

_SMI = (sys.executable, "-c", "from smi.cli.main import main; main()")


@dataclass(frozen=True, slots=True)
class Served:
    """A process of `smi webhook` that answers at `url`."""

    url: str
    process: Any  # subprocess.Popen is generic to a type checker only


def write_certificate(directory: Path) -> bytes:
    """A new certificate of 127.0.0.1 and its key, as tls.crt and tls.key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "converter")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (directory / "tls.key").write_bytes(private)
    (directory / "tls.crt").write_bytes(certificate)
    return certificate


def command(directory: Path, address: str = "127.0.0.1:0") -> tuple[str, ...]:
    """What starts it with the certificate of `directory`."""
    files = ("--cert", str(directory / "tls.crt"), "--key", str(directory / "tls.key"))
    return (*_SMI, "webhook", *files, "--address", address)


@contextmanager
def served(directory: Path) -> Iterator[Served]:
    """The process, until the block ends; its log is webhook.log."""
    with (
        (directory / "webhook.log").open("w") as log,
        subprocess.Popen(command(directory), stdout=subprocess.PIPE, stderr=log, text=True) as run,
    ):
        try:
            assert run.stdout is not None
            said = run.stdout.readline()
            assert said.startswith("converts at https://"), (directory / "webhook.log").read_text()
            yield Served(said.split()[-1], run)
        finally:
            run.kill()


@contextmanager
def converter(directory: Path) -> Iterator[Webhook]:
    """Who converts on the loopback until the block ends."""
    certificate = write_certificate(directory)
    with served(directory) as webhook:
        yield Webhook(webhook.url, ca_bundle=b64encode(certificate).decode())
