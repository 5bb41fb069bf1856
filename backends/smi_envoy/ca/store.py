"""The files in which the one-machine mode keeps its keys between runs."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from smi.errors import SmiError
from smi_envoy.ca import authority
from smi_envoy.ca.authority import Root
from smi_envoy.ca.spiffe import InvalidSpiffeId

_ROOT = "root.pem"  # certificate and key in one file: they cannot be of two different roots
_TOKEN_KEY = "token-key.pem"  # noqa: S105 - a file name

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class BrokenStore(SmiError):
    """A file or directory of keys that must not be used as it is."""


def load_root(directory: Path, trust_domain: str, clock: Callable[[], float]) -> Root:
    """The root kept in `directory`; a new one of `trust_domain` the first time.

    Raises `BrokenStore` when the file is damaged, open to others, of another trust domain, or
    holds a root that has ended.
    """
    path = directory / _ROOT
    pem = _load_or_create(path, lambda: _root_pem(authority.new_root(trust_domain, clock())))
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        root = Root(certificate, _private_key(pem))
        found = root.trust_domain
        certificate.verify_directly_issued_by(certificate)
        matches = certificate.public_key() == root.key.public_key()
    except (ValueError, TypeError, InvalidSpiffeId, x509.ExtensionNotFound) as error:
        raise _damaged(path) from error
    if not matches:
        raise _damaged(path)
    if found != trust_domain:
        message = f"{path} is the root of trust domain {found}, not {trust_domain}"
        raise BrokenStore(message)
    if root.validity.not_after <= clock():
        message = f"the root in {path} has ended; remove the file to make a new one"
        raise BrokenStore(message)
    return root


def load_token_key(directory: Path) -> ec.EllipticCurvePrivateKey:
    """The key that signs pods' tokens, kept in `directory`; a new one the first time."""
    path = directory / _TOKEN_KEY
    pem = _load_or_create(
        path, lambda: authority.private_pem(ec.generate_private_key(ec.SECP256R1()))
    )
    try:
        return _private_key(pem)
    except (ValueError, TypeError) as error:
        raise _damaged(path) from error


def _root_pem(root: Root) -> bytes:
    return root.pem + authority.private_pem(root.key)


def _private_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """The P-256 key in `pem`, whatever else stands before it."""
    start = pem.find(b"-----BEGIN PRIVATE KEY-----")
    key = serialization.load_pem_private_key(pem[max(start, 0) :], password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise ValueError("not a P-256 key")
    return key


def _damaged(path: Path) -> BrokenStore:
    return BrokenStore(f"{path} is damaged; restore it, or remove it to make a new one")


def _load_or_create(path: Path, create: Callable[[], bytes]) -> bytes:
    _private_directory(path.parent)
    if not path.exists():
        _write_once(path, create())
    with path.open("rb") as file:
        _check_private(path, os.fstat(file.fileno()))
        return file.read()


def _private_directory(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_private(directory, directory.stat())


def _check_private(path: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        message = f"{path} belongs to another user"
        raise BrokenStore(message)
    if status.st_mode & _OTHERS:
        message = f"{path} is open to other users; run: chmod go= {path}"
        raise BrokenStore(message)


def _write_once(path: Path, data: bytes) -> None:
    """Create `path` whole or not at all; a file that another process created first stays."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(name)
    except FileExistsError:
        return
    finally:
        Path(name).unlink()
