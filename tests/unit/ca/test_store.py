import base64
import resource
import signal
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from smi_envoy.ca import authority, store
from smi_envoy.ca.rotation import ROOT_LIFETIME
from smi_envoy.ca.store import BrokenStore

NOW = 1_800_000_000.0


def load(directory: Path, trust_domain: str = "cluster.local", now: float = NOW) -> authority.Root:
    (root,) = store.load_roots(directory, trust_domain, lambda: now)
    return root


def successor(root: authority.Root, trust_domain: str = "cluster.local") -> authority.Root:
    return authority.new_root(trust_domain, NOW, older=root)


def pems(directory: Path, now: float = NOW) -> list[bytes]:
    return [root.pem for root in store.load_roots(directory, "cluster.local", lambda: now)]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_root_is_made_once_and_found_again(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "ca"
    first = load(directory)
    assert load(directory).pem == first.pem
    assert load(directory).key.private_numbers() == first.key.private_numbers()


def test_token_key_is_made_once_and_found_again(tmp_path: Path) -> None:
    directory = tmp_path / "ca"
    first = store.load_token_key(directory)
    assert store.load_token_key(directory).private_numbers() == first.private_numbers()


def test_files_are_for_their_owner_alone_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    directory = tmp_path / "ca"
    load(directory)
    store.load_token_key(directory)
    assert mode(directory) == 0o700
    assert {path.name: mode(path) for path in directory.iterdir()} == {
        "root.pem": 0o600,
        "token-key.pem": 0o600,
    }


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660])
def test_file_open_to_others_is_refused_with_the_cure(tmp_path: Path, bits: int) -> None:
    directory = tmp_path / "ca"
    load(directory)
    (directory / "root.pem").chmod(bits)
    with pytest.raises(BrokenStore, match=r"chmod go= .*root.pem"):
        load(directory)


def test_directory_open_to_others_is_refused_with_the_cure(tmp_path: Path) -> None:
    directory = tmp_path / "ca"
    load(directory)
    directory.chmod(0o755)
    with pytest.raises(BrokenStore, match=r"chmod go= .*ca"):
        load(directory)


DAMAGES = [
    "empty",
    "half",
    "noise",
    "other key",
    "certificate only",
    "no key in one of two",
    "three",
    "half of two",
    "text between",
    "signature",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_root_is_refused(tmp_path: Path, damage: str) -> None:
    directory = tmp_path / "ca"
    root = load(directory)
    path = directory / "root.pem"
    whole = path.read_bytes()
    stranger = authority.new_root("cluster.local", NOW)
    path.write_bytes(
        {
            "empty": b"",
            "half": whole[: len(whole) // 2],
            "noise": b"-----BEGIN CERTIFICATE-----\nnoise\n-----END CERTIFICATE-----\n",
            "other key": root.pem + authority.private_pem(stranger.key),
            "certificate only": root.pem,
            "no key in one of two": stranger.pem + whole,
            "three": whole * 3,
            "half of two": whole + whole[: len(whole) // 2],
            "text between": whole + b"text\n" + whole,
            "signature": signed_by_another(root) + whole[len(root.pem) :],
        }[damage]
    )
    with pytest.raises(BrokenStore, match=r"root.pem is damaged"):
        load(directory)


def test_damaged_token_key_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "ca"
    store.load_token_key(directory)
    (directory / "token-key.pem").write_bytes(b"noise")
    with pytest.raises(BrokenStore, match=r"token-key.pem is damaged"):
        store.load_token_key(directory)


def signed_by_another(root: authority.Root) -> bytes:
    """The root's certificate with a byte of its signature changed."""
    der = bytearray(root.certificate.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    lines = base64.encodebytes(bytes(der)).decode().replace("\n", "")
    body = "\n".join(textwrap.wrap(lines, 64))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode()


def test_root_of_another_trust_domain_is_kept_until_a_rollover_replaces_it(tmp_path: Path) -> None:
    directory = tmp_path / "ca"
    load(directory)
    assert load(directory, "example.org").trust_domain == "cluster.local"


def test_two_roots_are_kept_in_their_order(tmp_path: Path) -> None:
    directory = tmp_path / "ca"
    old = load(directory)
    new = successor(old)
    for roots in ((old, new), (new, old), (new,)):
        store.save_roots(directory, roots)
        assert pems(directory) == [root.pem for root in roots]
    assert [path.name for path in directory.iterdir()] == ["root.pem"]
    assert mode(directory / "root.pem") == 0o600


def test_successor_is_younger_by_its_certificate_however_soon_it_is_made(tmp_path: Path) -> None:
    old = load(tmp_path / "ca")
    assert successor(old).validity.not_before > old.validity.not_before


def test_file_that_cannot_be_written_leaves_the_one_before_and_nothing_beside_it(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "ca"
    before = load(directory)
    with full_disk(), pytest.raises(OSError, match="File too large"):
        store.save_roots(directory, (before, successor(before)))
    assert pems(directory) == [before.pem]
    assert [path.name for path in directory.iterdir()] == ["root.pem"]


@contextmanager
def full_disk() -> Iterator[None]:
    """Files cannot grow beyond some bytes."""
    before, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.RLIMIT_FSIZE
    soft, hard = resource.getrlimit(limits)
    resource.setrlimit(limits, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(limits, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_one_of_two_roots_may_have_ended(tmp_path: Path) -> None:
    directory = tmp_path / "ca"
    old = load(directory)
    new = authority.new_root("cluster.local", NOW + 1000)
    store.save_roots(directory, (old, new))
    assert pems(directory, NOW + ROOT_LIFETIME) == [old.pem, new.pem]
    with pytest.raises(BrokenStore, match="has ended"):
        pems(directory, NOW + ROOT_LIFETIME + 1000)


def test_root_that_has_ended_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "ca"
    load(directory)
    with pytest.raises(BrokenStore, match="has ended"):
        load(directory, now=NOW + ROOT_LIFETIME)


def test_file_that_another_process_made_first_stays(tmp_path: Path) -> None:
    path = tmp_path / "key"
    store._write_once(path, b"first")
    store._write_once(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_no_error_shows_what_a_file_holds(tmp_path: Path) -> None:
    directory = tmp_path / "ca"
    load(directory)
    (directory / "root.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n")
    with pytest.raises(BrokenStore) as caught:
        load(directory)
    assert "c2VjcmV0" not in str(caught.value)
