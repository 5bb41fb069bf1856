from pathlib import Path

import pytest

from smi_envoy.ca import authority, store
from smi_envoy.ca.rotation import ROOT_LIFETIME
from smi_envoy.ca.store import BrokenStore

NOW = 1_800_000_000.0


def load(directory: Path, trust_domain: str = "cluster.local", now: float = NOW) -> authority.Root:
    return store.load_root(directory, trust_domain, lambda: now)


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


@pytest.mark.parametrize("damage", ["empty", "half", "noise", "other key", "certificate only"])
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


def test_root_of_another_trust_domain_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "ca"
    load(directory)
    with pytest.raises(BrokenStore, match=r"trust domain cluster.local, not example.org"):
        load(directory, "example.org")


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
