from typing import Any

import pytest

from smi_envoy.translate import matching
from tests import builders as a
from tests.xds_json import as_json, values


def test_path_is_matched_from_its_start_without_its_query() -> None:
    said = as_json(matching.all_of(a.match("/a|/b")))
    single = said["single_predicate"]
    assert single["input"]["typed_config"]["key"] == "smi.path"
    assert single["value_match"]["safe_regex"]["regex"] == "(?:/a|/b)(?s:.*)"


@pytest.mark.parametrize(
    ("methods", "value"),
    [
        (["GET"], {"exact": "GET"}),
        (["POST", "GET"], {"safe_regex": {"google_re2": {}, "regex": "GET|POST"}}),
        (["M-SEARCH", "A.B"], {"safe_regex": {"google_re2": {}, "regex": r"A\.B|M\-SEARCH"}}),
    ],
)
def test_methods_are_alternatives(methods: list[str], value: dict[str, Any]) -> None:
    single = as_json(matching.all_of(a.match(methods=methods)))["single_predicate"]
    assert single["input"]["typed_config"]["header_name"] == ":method"
    assert single["value_match"] == value


def test_conditions_of_a_match_must_all_hold() -> None:
    said = as_json(matching.all_of(a.match("/a", ["GET"], {"x": "1", ":authority": "h"})))
    assert len(said["and_matcher"]["predicate"]) == 4
    assert set(values(said, "header_name")) == {"x", ":authority", ":method"}


def test_match_without_conditions_holds_always() -> None:
    assert matching.all_of(a.match()) == matching.always()
    assert list(values(as_json(matching.always()), "regex")) == ["(?s:.*)"]


def test_one_of_several_matches_is_enough() -> None:
    one, other = a.match("/a"), a.match("/b")
    assert matching.any_of([one]) == matching.all_of(one)
    assert len(as_json(matching.any_of([one, other]))["or_matcher"]["predicate"]) == 2
