from typing import Any

from smi.model.identity import PodUid
from smi.model.inbound import Mode
from smi.model.service import AppProtocol
from smi_envoy.translate import listeners
from smi_envoy.translate.chains import Admission
from tests import builders as a
from tests.xds_json import as_json, values

POD = a.name("web-0")
AT = ("127.77.0.1", 8080)


def doors(*, logs: bool) -> list[Any]:
    admission = Admission(frozenset({PodUid("one")}), Mode.PERMISSIVE)
    return [
        as_json(listeners.inbound(POD, 8080, AT, 40000, admission, logs=logs)),
        as_json(listeners.proxy(POD, PodUid("u"), a.identity("web"), AT, logs=logs)),
        *(
            as_json(listeners.service(POD, PodUid("u"), a.name("x"), 80, speaks, AT, logs=logs))
            for speaks in AppProtocol
        ),
    ]


def lines(door: object) -> list[Any]:
    """The lines of a door, as what each field is made of."""
    return list(values(door, "json_format"))


def test_nothing_is_written_unless_it_is_asked_for() -> None:
    assert all(lines(door) == [] for door in doors(logs=False))


def test_every_door_writes_lines_of_the_same_fields() -> None:
    found = [lines(door) for door in doors(logs=True)]
    # Per chain: HTTP, two of bytes, three of strangers; and two kinds of refusals.
    assert [len(each) for each in found] == [8, 1, 1, 1, 2]
    assert len({frozenset(line) for each in found for line in each}) == 1


def test_no_line_holds_a_header_or_a_query() -> None:
    for line in (line for door in doors(logs=True) for line in lines(door)):
        assert line["path"] in {"%PATH(NQ:PATH)%", None}
        headers = [value for value in line.values() if "%REQ(" in str(value)]
        assert headers in ([], ["%REQ(:METHOD)%"])
        assert not [value for value in line.values() if "%RESP(" in str(value)]
