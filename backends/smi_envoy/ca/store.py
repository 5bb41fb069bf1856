"""The files in which the one-machine mode keeps its keys between runs."""

import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from smi.errors import SmiError
from smi_envoy.ca import authority, rotation, spiffe
from smi_envoy.ca.authority import Root

# Certificate and key in one file: they cannot be of two different roots. The first root issues.
_ROOT = "root.pem"
_PAIR = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END PRIVATE KEY-----\n", re.DOTALL)
_TOKEN_KEY = "token-key.pem"  # noqa: S105 - a file name

_DAMAGE = (ValueError, TypeError, LookupError, InvalidSignature, x509.ExtensionNotFound)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class BrokenStore(SmiError):
    """A file or directory of keys that must not be used as it is."""


def load_roots(
    directory: Path,
    trust_domain: str,
    clock: Callable[[], float],
    lifetime: float = rotation.ROOT_LIFETIME,
) -> tuple[Root, ...]:
    """The roots kept in `directory`, one or two; the first time a new one of `trust_domain`.

    Raises `BrokenStore` when the file is damaged, open to others, or holds nothing but roots that
    have ended.
    """
    path = directory / _ROOT
    pem = _load_or_create(
        path, lambda: _root_pem(authority.new_root(trust_domain, clock(), lifetime))
    )
    pairs = _PAIR.findall(pem)
    if b"".join(pairs) != pem or not 1 <= len(pairs) <= 2:
        raise _damaged(path)
    try:
        roots = tuple(map(_root, pairs))
    except _DAMAGE as error:
        raise _damaged(path) from error
    if all(root.validity.not_after <= clock() for root in roots):
        message = f"the root in {path} has ended; remove the file to make a new one"
        raise BrokenStore(message)
    return roots


def save_roots(directory: Path, roots: Iterable[Root]) -> None:
    """Keep `roots`, and no others, in `directory`; after a crash it is these or those before."""
    name = _written(directory, b"".join(map(_root_pem, roots)))
    name.replace(directory / _ROOT)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


def _root(pem: bytes) -> Root:
    """The certificate and the key in `pem`, which belong together."""
    certificate = x509.load_pem_x509_certificate(pem)
    root = Root(certificate, _private_key(pem))
    certificate.verify_directly_issued_by(certificate)
    spiffe.checked_trust_domain(root.trust_domain)
    if certificate.public_key() != root.key.public_key():
        raise ValueError("not the certificate of the key")
    return root


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
    name = _written(path.parent, data)
    try:
        path.hardlink_to(name)
    except FileExistsError:
        return
    finally:
        name.unlink()


def _written(directory: Path, data: bytes) -> Path:
    """A new file in `directory`, for its owner alone, whose contents survive a crash."""
    descriptor, name = tempfile.mkstemp(dir=directory)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        Path(name).unlink()
        raise
    return Path(name)
