"""The certificate with which a server of webhooks shows itself, as its files have it."""

import logging
import ssl
from pathlib import Path
from typing import NamedTuple

from smi.errors import SmiError

_log = logging.getLogger(__name__)


class _Stamp(NamedTuple):
    mtime_ns: int
    inode: int


class Certificate:
    """Owns what was last read of the two files; looks at each handshake whether they are others.

    Files that do not fit together, as while they are replaced, leave the last good ones in force.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises SmiError where the files are no certificate and its key."""
        self._files = (certificate, key)
        self._stamps = self._stamped()
        try:
            self._context = self._loaded()
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            message = f"{certificate} and {key} are no certificate and its key: {error}"
            raise SmiError(message) from None

    def server_context(self) -> ssl.SSLContext:
        """What a server listens with, for as long as it does."""
        context = self._loaded()
        context.sni_callback = self._on_handshake
        return context

    def _on_handshake(
        self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        stamps = self._stamped()
        if stamps != self._stamps:
            try:
                self._context = self._loaded()
                self._stamps = stamps
                _log.info("the certificate was replaced", extra={"file": str(self._files[0])})
            except (OSError, ValueError) as error:
                _log.warning("the certificate cannot be read", extra={"error": str(error)})
        connection.context = self._context

    def _loaded(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*self._files)
        return context

    def _stamped(self) -> tuple[_Stamp | None, ...]:
        return tuple(_stamp(file) for file in self._files)


def _stamp(file: Path) -> _Stamp | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return _Stamp(found.st_mtime_ns, found.st_ino)
