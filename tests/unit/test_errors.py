from smi.errors import InvalidResource, Problem


def test_a_problem_reads_as_place_object_field_and_message() -> None:
    problem = Problem("shop.yaml", 12, "TrafficSplit", "shop/web", "spec.service", "is missing")
    assert str(problem) == "shop.yaml:12: TrafficSplit shop/web: spec.service: is missing"


def test_a_problem_leaves_out_what_is_not_known() -> None:
    assert str(Problem("shop.yaml", None, "", "", "", "cannot be read")) == (
        "shop.yaml: cannot be read"
    )
    assert str(Problem(None, None, "Pod", "", "kind", "is odd")) == "Pod: kind: is odd"


def test_an_invalid_resource_says_all_its_problems() -> None:
    problems = [Problem(None, None, "", "", "", text) for text in ("first", "second")]
    error = InvalidResource(problems)
    assert error.problems == tuple(problems)
    assert str(error) == "first\nsecond"
