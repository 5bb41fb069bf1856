import pytest

from smi.sources.documents import Document, Fault, documents


def value(text: str) -> object:
    (document,) = documents(text)
    assert isinstance(document, Document)
    return document.value


def lines(text: str) -> dict[str, int]:
    (document,) = documents(text)
    assert isinstance(document, Document)
    return document.lines


def fault(text: str) -> tuple[int, str]:
    (document,) = documents(text)
    assert isinstance(document, Fault)
    return document.line, document.message


def test_every_field_has_its_line() -> None:
    text = "a: 1\nb:\n  - c: 2\n\n    d: [3,\n        4]\n"
    assert lines(text) == {
        "": 1,
        "a": 1,
        "b": 2,
        "b[0]": 3,
        "b[0].c": 3,
        "b[0].d": 5,
        "b[0].d[0]": 5,
        "b[0].d[1]": 6,
    }


def test_a_malformed_document_does_not_hide_the_others() -> None:
    first, bad, last = documents("a: 1\n---\nb: [\n---\nc: 3\n")
    assert first == Document({"a": 1}, {"": 1, "a": 1})
    assert isinstance(bad, Fault)
    assert last == Document({"c": 3}, {"": 5, "c": 5})


def test_empty_documents_are_left_out() -> None:
    assert list(documents("")) == []
    assert list(documents("# nothing\n---\n# here\n---\n~\n---\n")) == []


def test_a_document_may_start_on_the_line_of_its_marker() -> None:
    assert value("--- {a: 1}\n") == {"a": 1}


def test_a_marker_inside_a_text_is_text() -> None:
    assert value("a: |\n  ---\n  b\n") == {"a": "---\nb\n"}


def test_directives_belong_to_the_document_below() -> None:
    assert value("%YAML 1.1\n# why\n---\na: 1\n...\n") == {"a": 1}


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    assert [d.value for d in documents("a: 1\r\n---\r\nb: 2\r\n") if isinstance(d, Document)] == [
        {"a": 1},
        {"b": 2},
    ]


def test_json_is_read_with_its_lines() -> None:
    text = '{\n\t"a": "\\u00e4",\n\t"b": [true, null, 1.5e3, -2]\n}'
    assert value(text) == {"a": "ä", "b": [True, None, 1500.0, -2]}
    assert lines(text)["b[3]"] == 3


def test_json_may_escape_a_character_in_two_halves() -> None:
    assert value('--- {"a": "\\ud83d\\ude00 \\\\\\ud83d\\ude00"}') == {"a": "😀 \\😀"}
    assert value('{"a": "\\\\ud83d\\\\ude00"}') == {"a": "\\ud83d\\ude00"}
    assert fault('{"a": "\\ud83x\\ude00"}')[1].startswith("is not YAML")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", True),
        ("off", False),
        ("y", True),
        ("N", False),
        ("'y'", "y"),
        ("ny", "ny"),
        ("0x1F", 31),
        ("017", 15),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1e3x", "1e3x"),
        ("'8080'", "8080"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        ("1:30", "1:30"),
        ("1:30.5", "1:30.5"),
        ("=", "="),
        ("!!str 5", "5"),
        ("|\n  <<", "<<"),
    ],
)
def test_scalars_are_what_they_are_to_the_tools_of_kubernetes(text: str, expected: object) -> None:
    assert value(f"a: {text}") == {"a": expected}


def test_keys_are_always_text() -> None:
    assert value("8080: a\ntrue: b\n") == {"8080": "a", "true": "b"}


def test_an_alias_stands_for_what_its_anchor_holds() -> None:
    text = "a: &x {b: 1}\nc: *x\n"
    assert value(text) == {"a": {"b": 1}, "c": {"b": 1}}
    assert lines(text)["c"] == 2


def test_a_merge_key_fills_in_what_is_not_written() -> None:
    text = "a: &x {b: 1, c: 2}\nd: &y {c: 3, e: 4}\nf:\n  <<: *x\n  c: 5\ng:\n  <<: [*x, *y]\n"
    read = value(text)
    assert isinstance(read, dict)
    assert read["f"] == {"b": 1, "c": 5}
    assert read["g"] == {"b": 1, "c": 2, "e": 4}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert value('"<<": {a: 1}') == {"<<": {"a": 1}}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\na: 2", 2, 'has "a" twice in one map'),
        ("a: 1\n? [b]\n: 2", 2, "has a key that is not plain text"),
        ("a: 1\nb: !Ref c", 2, "has a tag that is not read: !Ref"),
        ("a: !!int b", 1, "has a value that is not int"),
        ("a: !!float ''", 1, "has a value that is not float"),
        ("a: .inf", 1, "has a number that JSON cannot say: .inf"),
        ("a: 0x" + "f" * 4000, 1, "has a number that JSON cannot say: 0xffffffffffffffffff"),
        ("a: !!bool b", 1, "has a value that is not bool"),
        ("a: " + "9" * 5000, 1, "has a value that is not int"),
        ("\n<<: 4", 2, "has << with something that is not a map"),
        ("a: *b", 1, "has no &b before this alias"),
        ("&a [*a]", 1, "has no &a before this alias"),
        ("a: b: c", 1, "is not YAML: mapping values are not allowed in this context"),
        ("a:\n\t- b", 2, "is not YAML: found character that cannot start any token"),
        ("\n[" * 200, 103, "nests deeper than 100 levels"),
    ],
)
def test_what_is_malformed_is_explained(text: str, line: int, message: str) -> None:
    assert fault(text) == (line, message)


@pytest.mark.parametrize("text", ["a: \x01", "a: \ud800"])
def test_characters_that_cannot_be_are_explained(text: str) -> None:
    line, message = fault(text)
    assert (line, message.partition(":")[0]) == (1, "is not YAML")


def test_the_anchors_of_one_document_are_unknown_to_the_next() -> None:
    _, second = documents("a: &x 1\n---\nb: *x\n")
    assert second == Fault(3, "has no &x before this alias")


def test_lines_are_those_of_an_editor() -> None:
    text = 'a: "x\u2028y\u0085z"\nb: 1\n'
    assert lines(text) == {"": 1, "a": 1, "b": 2}
    assert fault(f"{text}c: d: e") == (
        3,
        "is not YAML: mapping values are not allowed in this context",
    )


def test_text_of_json_keeps_what_ends_a_line_in_yaml() -> None:
    assert value('{"a": "x\x85\u2028 y\u2029"}') == {"a": "x\x85\u2028 y\u2029"}


def test_aliases_that_stand_for_more_than_memory_holds_are_refused() -> None:
    levels = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 60))
    (read,) = documents(f"a0: &a0 [x]\n{levels}")
    refused = read == Fault(6, "has aliases for more than 100000 values; write them out")
    assert refused  # nobody could show what else was read
    assert isinstance(value("a: &a [x]\nb: [" + "*a, " * 40_000 + "]"), dict)
