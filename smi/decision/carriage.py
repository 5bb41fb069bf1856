"""What a caller's own sidecar makes of a request, by what the port of the Service is said to speak.

A port that is declared is believed: nobody looks at what comes.
"""

from dataclasses import replace

from smi.decision.request import Protocol, Request
from smi.model.service import AppProtocol


def carried(request: Request, speaks: AppProtocol) -> Request:
    """`request` as servers get it: where bytes are declared, HTTP is bytes like any other."""
    if request.is_http and speaks is AppProtocol.TCP:
        return replace(request, protocol=Protocol.TCP)
    return request


def mistaken(request: Request, speaks: AppProtocol) -> str:
    """Why the sidecar takes `request` for none of HTTP, which is declared; empty if it does not."""
    if request.protocol is Protocol.TCP and speaks is AppProtocol.HTTP:
        return (
            f"{request.target} is declared to speak HTTP: bytes that are none are answered with 400"
            " by the caller's own sidecar; declare the port tcp to have them carried"
        )
    return ""
