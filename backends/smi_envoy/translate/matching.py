"""Which requests a route group selects: one matcher for access and for splits.

Inputs are those of Envoy's generic matchers. The path comes from a filter state that an HTTP
filter sets, because the input `:path` holds the query too; a repeated header's values come joined.
"""

import re
from collections.abc import Sequence

from google.protobuf.message import Message

from smi.model.match import HttpMatch, anchored
from smi_envoy.pb.envoy.extensions.matching.common_inputs.network.v3 import network_inputs_pb2
from smi_envoy.pb.envoy.type.matcher.v3 import http_inputs_pb2
from smi_envoy.pb.xds.core.v3 import extension_pb2
from smi_envoy.pb.xds.type.matcher.v3 import matcher_pb2, regex_pb2, string_pb2
from smi_envoy.translate import names
from smi_envoy.translate.messages import packed

Matcher = matcher_pb2.Matcher
Predicate = matcher_pb2.Matcher.MatcherList.Predicate

_ANYTHING = "(?s:.*)"


def action(message: Message) -> matcher_pb2.Matcher.OnMatch:
    """What to do on a match. Envoy finds the kind of action by the type of `message`."""
    return Matcher.OnMatch(action=_extension("action", message))


def nested(matcher: matcher_pb2.Matcher) -> matcher_pb2.Matcher.OnMatch:
    """On a match, ask `matcher`; if it finds nothing, the list that holds this one goes on."""
    return Matcher.OnMatch(matcher=matcher)


def first(
    choices: Sequence[
        tuple[matcher_pb2.Matcher.MatcherList.Predicate, matcher_pb2.Matcher.OnMatch]
    ],
    otherwise: matcher_pb2.Matcher.OnMatch | None = None,
) -> matcher_pb2.Matcher:
    """The first of `choices` whose predicate holds."""
    fields = [
        Matcher.MatcherList.FieldMatcher(predicate=predicate, on_match=on_match)
        for predicate, on_match in choices
    ]
    # > matchers: [validate.rules.repeated.min_items: 1]   (xds.type.matcher.v3.Matcher)
    listed = Matcher.MatcherList(matchers=fields) if fields else None
    return Matcher(matcher_list=listed, on_no_match=otherwise)


def always() -> matcher_pb2.Matcher.MatcherList.Predicate:
    """A predicate that holds for every request."""
    return path(_ANYTHING)


def any_of(matches: Sequence[HttpMatch]) -> matcher_pb2.Matcher.MatcherList.Predicate:
    """Whether a request satisfies one of `matches`, of which there is one at least."""
    predicates = [all_of(match) for match in matches]
    if len(predicates) == 1:
        return predicates[0]
    return Predicate(or_matcher=Predicate.PredicateList(predicate=predicates))


def all_of(match: HttpMatch) -> matcher_pb2.Matcher.MatcherList.Predicate:
    """Whether a request has the path, the method and the headers of `match`."""
    predicates = [_header(h.name, _regex(h.regex)) for h in match.headers]
    if match.path_regex is not None:
        predicates.append(path(anchored(match.path_regex)))
    if match.methods:
        predicates.append(_header(":method", _one_of(sorted(match.methods))))
    match predicates:
        case []:
            return always()
        case [predicate]:
            return predicate
        case _:
            return Predicate(and_matcher=Predicate.PredicateList(predicate=predicates))


def connect() -> matcher_pb2.Matcher.MatcherList.Predicate:
    """Whether a request asks for a tunnel."""
    return _header(":method", string_pb2.StringMatcher(exact="CONNECT"))


def exact_map(
    value: Message, entries: dict[str, matcher_pb2.Matcher.OnMatch]
) -> matcher_pb2.Matcher:
    """A look-up, at the cost of one hash however many `entries` there are."""
    found = Matcher.MatcherTree.MatchMap(map=entries)
    return Matcher(
        matcher_tree=Matcher.MatcherTree(input=_extension("input", value), exact_match_map=found)
    )


def path(regex: str) -> matcher_pb2.Matcher.MatcherList.Predicate:
    """Whether the whole path, without its query, matches `regex`."""
    return _single(network_inputs_pb2.FilterStateInput(key=names.PATH_STATE), _regex(regex))


def _header(
    name: str, value: string_pb2.StringMatcher
) -> matcher_pb2.Matcher.MatcherList.Predicate:
    return _single(http_inputs_pb2.HttpRequestHeaderMatchInput(header_name=name), value)


def _single(
    value: Message, matcher: string_pb2.StringMatcher
) -> matcher_pb2.Matcher.MatcherList.Predicate:
    return Predicate(
        single_predicate=Predicate.SinglePredicate(
            input=_extension("input", value), value_match=matcher
        )
    )


def _one_of(words: Sequence[str]) -> string_pb2.StringMatcher:
    if len(words) == 1:
        return string_pb2.StringMatcher(exact=words[0])
    return _regex("|".join(map(re.escape, words)))


def _regex(regex: str) -> string_pb2.StringMatcher:
    return string_pb2.StringMatcher(
        safe_regex=regex_pb2.RegexMatcher(
            google_re2=regex_pb2.RegexMatcher.GoogleRE2(), regex=regex
        )
    )


def _extension(name: str, message: Message) -> extension_pb2.TypedExtensionConfig:
    return extension_pb2.TypedExtensionConfig(name=name, typed_config=packed(message))
