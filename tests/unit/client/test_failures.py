import pytest

from smi import access
from smi.client import calls
from smi.client.calls import EVERYWHERE, api_kind
from smi.client.failures import failure, interrupted, refusal, unreachable
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
from smi.k8s import core_v1

TARGET = api_kind(access.TrafficTarget)
GET = calls.get(TARGET, "shop", "web")
LIST = calls.collection(TARGET, EVERYWHERE, "")
SERVER = "https://10.0.0.1:6443"


def failed(
    code: int, message: str = "", call: calls.Call = GET, after: str | None = None, **status: object
) -> ClusterError:
    body = {"kind": "Status", "message": message, "code": code, **status}
    return failure(call, refusal(code, body, after), SERVER)


def test_who_is_not_known_hears_that_it_is_the_credentials() -> None:
    error = failed(401, "Unauthorized")
    assert type(error) is Unauthorized
    assert str(error) == (
        "cannot get traffictargets.access.smi-spec.io web in namespace shop: the API server at"
        " https://10.0.0.1:6443 does not know who asks; the credentials are wrong or have expired"
    )


def test_who_may_not_hears_the_rule_that_is_missing() -> None:
    said = 'x is forbidden: User "system:serviceaccount:shop:web" cannot get resource "x"'
    assert str(failed(403, said)) == (
        "cannot get traffictargets.access.smi-spec.io web in namespace shop as"
        " system:serviceaccount:shop:web: bind a Role with the rule"
        ' {apiGroups: ["access.smi-spec.io"], resources: [traffictargets], verbs: [get]} to it'
    )
    status = calls.apply_status(TARGET, "shop", "web", {}, "me")
    assert "resources: [traffictargets/status], verbs: [patch]" in str(failed(403, said, status))
    everywhere = failed(403, said, LIST)
    assert type(everywhere) is Forbidden
    assert "bind a ClusterRole" in str(everywhere)


def test_webhook_that_denies_speaks_for_itself() -> None:
    error = failed(403, 'admission webhook "x.io" denied the request: not on Fridays')
    assert type(error) is Forbidden
    assert str(error).endswith('shop: admission webhook "x.io" denied the request: not on Fridays')


def test_object_that_is_not_there_is_told_from_a_kind_that_is_not_served() -> None:
    there_is_none = failed(404, details={"name": "web", "kind": "traffictargets"})
    assert str(there_is_none).endswith("web in namespace shop: there is none")
    not_served = failure(GET, refusal(404, "404 page not found\n"), SERVER)
    assert type(not_served) is NotFound
    assert str(not_served).endswith(
        "does not serve access.smi-spec.io/v1alpha4; install its definitions:"
        " smi crds | kubectl apply -f -"
    )
    pods = calls.get(api_kind(core_v1.Pod), "shop", "web")
    assert str(failure(pods, refusal(404, ""), SERVER)).endswith("does not serve v1")


def test_namespace_that_is_not_there_is_named() -> None:
    details = {"name": "shop", "kind": "namespaces"}
    create = calls.create(TARGET, "shop", {})
    assert "there is no namespace shop; create it first" in str(
        failed(404, "", create, details=details)
    )
    itself = calls.get(api_kind(core_v1.Namespace), "", "shop")
    assert str(failed(404, "", itself, details=details)).endswith("shop: there is none")


def test_object_that_is_there_already_is_no_conflict() -> None:
    error = failed(409, "exists", calls.create(TARGET, "shop", {}), reason="AlreadyExists")
    assert type(error) is AlreadyExists
    assert str(error).endswith("it is there already; apply it, or replace it")


def test_conflict_names_fields_and_managers() -> None:
    causes = [
        {"field": ".spec.sources", "message": 'conflict with "kubectl" using v1'},
        {"field": ".spec.rules", "message": 'conflict with "flagger" with subresource "x"'},
        "odd",
    ]
    error = failed(409, "2 conflicts", reason="Conflict", details={"causes": causes})
    assert isinstance(error, Conflict)
    assert error.fields == (
        FieldConflict(".spec.sources", "kubectl"),
        FieldConflict(".spec.rules", "flagger"),
    )
    assert str(error).endswith(
        ".spec.sources is managed by kubectl, .spec.rules is managed by flagger; leave these"
        " fields out, or take them over with force"
    )


def test_object_that_was_changed_is_to_be_read_again() -> None:
    error = failed(409, "the object has been modified", reason="Conflict")
    assert isinstance(error, Conflict)
    assert error.fields == ()
    assert str(error).endswith("the object has been modified; read it again, and decide anew")


def test_object_that_is_not_taken_hears_every_field() -> None:
    causes = [
        {"field": "metadata.name", "message": "Invalid value"},
        {"field": "spec.rules", "message": "Required value"},
    ]
    error = failed(422, "is invalid", details={"causes": causes})
    assert type(error) is Rejected
    assert str(error).endswith("metadata.name: Invalid value; spec.rules: Required value")


@pytest.mark.parametrize(("code", "message", "told"), [(400, "odd", "odd"), (418, "", "418")])
def test_any_other_refusal_is_told_as_it_is(code: int, message: str, told: str) -> None:
    error = failed(code, message)
    assert type(error) is Rejected
    assert str(error).endswith(told)


def test_what_is_too_old_asks_for_a_list() -> None:
    assert type(failed(410, "too old resource version: 1 (9)")) is Expired


def test_version_that_the_server_has_not_reached_asks_for_a_list() -> None:
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    assert type(failed(504, "Timeout", details={"causes": causes})) is Expired


@pytest.mark.parametrize(
    ("code", "after", "seconds"),
    [
        (429, "3", 3.0),
        (503, "7", 7.0),
        (429, None, None),
        (429, "Tue, 24 Nov 2026 10:00:00 GMT", None),
        # A server that gave up may have done it all the same: it is not repeated blindly.
        (504, "3", None),
        (500, "3", None),
    ],
)
def test_what_may_go_well_later_says_when(
    code: int, after: str | None, seconds: float | None
) -> None:
    error = failed(code, "busy", after=after)
    assert isinstance(error, Unavailable)
    assert error.retry_after == seconds
    assert "cannot answer now: busy" in str(error)


def test_error_without_words_says_its_number() -> None:
    assert str(failed(502)).endswith("cannot answer now: HTTP status 502")


def test_error_in_a_watch_asks_for_a_list_but_when_the_server_is_full() -> None:
    gone = {"kind": "Status", "message": "too old", "reason": "Expired", "code": 410}
    assert type(interrupted(LIST, gone, SERVER)) is Expired
    broken = {"kind": "Status", "message": "etcd event received with PrevKv=nil", "code": 500}
    assert type(interrupted(LIST, broken, SERVER)) is Expired
    assert type(interrupted(LIST, {"code": 429}, SERVER)) is Unavailable
    assert type(interrupted(LIST, {"code": "odd"}, SERVER)) is Expired


def test_server_that_does_not_answer_is_named_with_its_address() -> None:
    error = unreachable(SERVER, ConnectionRefusedError("Connection refused"))
    assert str(error).startswith(f"the API server at {SERVER} does not answer: Connection refused")
    assert "does not answer: TimeoutError;" in str(unreachable(SERVER, TimeoutError()))
