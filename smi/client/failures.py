"""What went wrong with a call, in words that say what to do next: one table. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from smi.client.calls import Call
from smi.errors import (
    AlreadyExists,
    ClusterError,
    Conflict,
    Expired,
    FieldConflict,
    Forbidden,
    NotFound,
    Rejected,
    Unauthorized,
    Unavailable,
)
from smi.k8s.document import Document, items, part

_USER = re.compile(r'User "(.*?)" cannot ')
_MANAGER = re.compile(r'conflict with "(.*?)"')
_SHOWN = 300  # characters of an answer that is no Status: a proxy's page
_RETRIED = {408, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no success; `status` is the Status object in it, or what stands for it.

    `retry_after` is the header of that name in seconds, None where it is absent.
    """

    code: int
    status: Document
    retry_after: float | None = None

    @property
    def message(self) -> str:
        """What the API server says itself."""
        return str(self.status.get("message", ""))

    @property
    def causes(self) -> list[Mapping[str, Any]]:
        """What is wrong, field by field."""
        return [one for one in items(part(self.status, "details"), "causes") if _is_map(one)]


def refusal(code: int, body: object, retry_after: str | None = None) -> Refusal:
    """The refusal in an answer, whatever its body is; only seconds count as a time to wait."""
    status = dict(body) if isinstance(body, Mapping) else {"message": str(body)[:_SHOWN].strip()}
    seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
    return Refusal(code, status, seconds)


def failure(call: Call, refused: Refusal, address: str) -> ClusterError:
    """The error that a refusal of the API server at `address` is."""
    if any(cause.get("reason") == "ResourceVersionTooLarge" for cause in refused.causes):
        return _expired(call, refused, address)
    if refused.code in _RETRIED:
        return _unavailable(call, refused, address)
    return _TABLE.get(refused.code, _rejected)(call, refused, address)


def interrupted(call: Call, status: Document, address: str) -> ClusterError:
    """The error that an ERROR event of a watch is: but for a full house, only a list helps."""
    code = status.get("code")
    refused = refusal(code if isinstance(code, int) else 0, status)
    return (_unavailable if refused.code == 429 else _expired)(call, refused, address)


def unreachable(address: str, why: object) -> Unavailable:
    """The error where no answer came."""
    told = str(why) or type(why).__name__
    message = (
        f"the API server at {address} does not answer: {told}; is the address right, is it"
        " running, is it reachable from here?"
    )
    return Unavailable(message)


def _unauthorized(call: Call, _: Refusal, address: str) -> ClusterError:
    message = (
        f"cannot {call}: the API server at {address} does not know who asks; the credentials"
        " are wrong or have expired"
    )
    return Unauthorized(message)


def _forbidden(call: Call, refused: Refusal, _: str) -> ClusterError:
    user = _USER.search(refused.message)
    if user is None:  # a webhook or a quota, in words of its own
        return Forbidden(f"cannot {call}: {refused.message}")
    kind = call.kind
    resource = kind.plural + (f"/{call.subresource}" if call.subresource else "")
    role = "Role" if call.namespace else "ClusterRole"
    rule = f'{{apiGroups: ["{kind.group}"], resources: [{resource}], verbs: [{call.verb}]}}'
    return Forbidden(f"cannot {call} as {user[1]}: bind a {role} with the rule {rule} to it")


def _not_found(call: Call, refused: Refusal, address: str) -> ClusterError:
    details = part(refused.status, "details")
    if details.get("kind") == "namespaces" and call.kind.kind != "Namespace":
        name = details.get("name")
        return NotFound(f"cannot {call}: there is no namespace {name}; create it first")
    if details.get("name"):
        return NotFound(f"cannot {call}: there is none")
    message = f"cannot {call}: the API server at {address} does not serve {call.kind.api_version}"
    if call.kind.group.endswith("smi-spec.io"):
        message += "; install its definitions: smi crds | kubectl apply -f -"
    return NotFound(message)


def _conflict(call: Call, refused: Refusal, _: str) -> ClusterError:
    if refused.status.get("reason") == "AlreadyExists":
        return AlreadyExists(f"cannot {call}: it is there already; apply it, or replace it")
    fields = [
        FieldConflict(str(cause.get("field", "")), manager[1])
        for cause in refused.causes
        if (manager := _MANAGER.search(str(cause.get("message", ""))))
    ]
    if not fields:
        message = f"cannot {call}: {refused.message}; read it again, and decide anew"
        return Conflict(message)
    owned = ", ".join(f"{one.field} is managed by {one.manager}" for one in fields)
    message = f"cannot {call}: {owned}; leave these fields out, or take them over with force"
    return Conflict(message, fields)


def _expired(call: Call, refused: Refusal, _: str) -> ClusterError:
    return Expired(f"cannot {call} from there on: {refused.message}; list anew")


def _rejected(call: Call, refused: Refusal, _: str) -> ClusterError:
    fields = [f"{cause.get('field', '')}: {cause.get('message', '')}" for cause in refused.causes]
    said = "; ".join(fields) or refused.message or f"HTTP status {refused.code}"
    return Rejected(f"cannot {call}: {said}")


def _unavailable(call: Call, refused: Refusal, address: str) -> ClusterError:
    said = refused.message or f"HTTP status {refused.code}"
    message = f"cannot {call}: the API server at {address} cannot answer now: {said}"
    # What has not begun may be repeated; of the others only the reader knows whether it did.
    return Unavailable(message, refused.retry_after if refused.code in {429, 503} else None)


_TABLE: Mapping[int, Callable[[Call, Refusal, str], ClusterError]] = {
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    409: _conflict,
    410: _expired,
}


def _is_map(value: object) -> bool:
    return isinstance(value, Mapping)
