"""`smi webhook` converts over TLS, follows its certificate, and ends when it is told to."""

import http.client
import json
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from smi import scheme
from smi.webhook import server
from tests.integration.webhook.process import Served, command, served, write_certificate
from tests.unit.webhook.test_conversion import OLD, SPLIT, review


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[Served]:
    write_certificate(tmp_path)
    with served(tmp_path) as started:
        yield started


def ask(
    webhook: Served, certificate: Path, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes]:
    """One request over a connection of its own, to who shows the certificate."""
    address = urlsplit(webhook.url)
    trusting = ssl.create_default_context(cafile=str(certificate))
    connection = http.client.HTTPSConnection("127.0.0.1", address.port, context=trusting)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_review_is_answered(webhook: Served, tmp_path: Path) -> None:
    body = json.dumps(review(SPLIT)).encode()
    status, answer = ask(webhook, tmp_path / "tls.crt", "POST", "/convert", body)
    response = json.loads(answer)["response"]
    assert (status, response["uid"]) == (200, "705ab4f5")
    assert response["convertedObjects"] == [scheme.convert_document(SPLIT, OLD)]


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/healthz", None, 200),
        ("POST", "/convert", b"{", 400),
        ("POST", "/convert", b"[" * 100_000, 400),
        ("POST", "/convert", b"\xff", 400),
        ("POST", "/convert", b"5", 200),  # no review: a failure that names nothing
        ("GET", "/convert", None, 405),
        ("GET", "/", None, 404),
    ],
)
def test_what_is_no_review_is_refused(
    webhook: Served, tmp_path: Path, method: str, path: str, body: bytes | None, expected: int
) -> None:
    assert ask(webhook, tmp_path / "tls.crt", method, path, body)[0] == expected


def test_body_without_end_is_not_read(webhook: Served, tmp_path: Path) -> None:
    address = urlsplit(webhook.url)
    context = ssl.create_default_context(cafile=str(tmp_path / "tls.crt"))
    connection: Any = http.client.HTTPSConnection("127.0.0.1", address.port, context=context)
    connection.putrequest("POST", "/convert")
    connection.putheader("Content-Length", str(server.LARGEST + 1))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    answer.close()
    connection.close()


def test_new_certificate_is_shown_at_the_next_handshake(webhook: Served, tmp_path: Path) -> None:
    first = tmp_path / "first.crt"
    first.write_bytes((tmp_path / "tls.crt").read_bytes())
    (tmp_path / "tls.key").write_text("half written")
    assert ask(webhook, first, "GET", "/healthz") == (200, b"ok")
    write_certificate(tmp_path)
    assert ask(webhook, tmp_path / "tls.crt", "GET", "/healthz") == (200, b"ok")
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(webhook, first, "GET", "/healthz")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_in_good_order(webhook: Served, number: signal.Signals) -> None:
    webhook.process.send_signal(number)
    assert webhook.process.wait(timeout=20) == 0


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("8443", "write --address as HOST:PORT, not 8443"),
        ("127.0.0.1:70000", "write --address as HOST:PORT"),
        ("127.0.0.1:0", "are no certificate and its key"),
    ],
)
def test_what_cannot_be_served_is_told(tmp_path: Path, address: str, told: str) -> None:
    write_certificate(tmp_path)
    if "no certificate" in told:
        (tmp_path / "tls.key").write_text("")
    ended = subprocess.run(command(tmp_path, address), capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("error: ")
    assert told in ended.stderr


def test_address_that_is_taken_is_told(webhook: Served, tmp_path: Path) -> None:
    taken = f"127.0.0.1:{urlsplit(webhook.url).port}"
    ended = subprocess.run(command(tmp_path, taken), capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"error: cannot listen at {taken}: " in ended.stderr
