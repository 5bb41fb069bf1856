"""How requests are read: paths, methods, headers, matches."""

from tests.mutants.mutant import DECISION, MATCHES, MODEL, PATHS, TRANSLATE, Mutant, golden, unit

REQUESTS = (
    Mutant(
        "drop a header AND",
        MATCHES,
        "for name, regex in match.headers),\n    )",
        "for name, regex in match.headers[:1]),\n    )",
        (
            unit("compiler", "test_matches", "test_match_is_read_as_it_is_written"),
            golden("23-headers-of-one-match-are-anded"),
        ),
    ),
    Mutant(
        "drop a header AND, in Envoy",
        f"{TRANSLATE}/matching.py",
        "for h in match.headers]",
        "for h in match.headers[:1]]",
        (unit("translate", "test_matching", "test_conditions_of_a_match_must_all_hold"),),
    ),
    Mutant(
        "one condition of a match is enough",
        f"{TRANSLATE}/matching.py",
        "return Predicate(and_matcher=",
        "return Predicate(or_matcher=",
        (unit("translate", "test_matching", "test_conditions_of_a_match_must_all_hold"),),
    ),
    Mutant(
        "all matches of a group must hold",
        f"{TRANSLATE}/matching.py",
        "return Predicate(or_matcher=",
        "return Predicate(and_matcher=",
        (unit("translate", "test_matching", "test_one_of_several_matches_is_enough"),),
    ),
    Mutant(
        "full-match path",
        f"{TRANSLATE}/matching.py",
        " predicates.append(path(anchored(match.path_regex)))",
        " predicates.append(path(match.path_regex))",
        (
            unit(
                "translate",
                "test_matching",
                "test_path_is_matched_from_its_start_without_its_query",
            ),
        ),
    ),
    Mutant(
        "regex unanchored at its start",
        MODEL,
        'return f"(?:{path_regex})',
        'return f"(?s:.*)(?:{path_regex})',
        (
            unit("model", "test_identity", "test_anchored_regex_keeps_its_alternatives_together"),
            golden("20-path-is-anchored-at-its-start"),
        ),
    ),
    Mutant(
        "query kept in the path",
        f"{TRANSLATE}/http.py",
        "%PATH(NQ:PATH)%",
        "%PATH(WQ:PATH)%",
        (unit("translate", "test_listeners", "test_query_is_no_part_of_the_path_that_is_judged"),),
    ),
    Mutant(
        "query kept in the path, in decide",
        f"{DECISION}/matching.py",
        "without_query(path), headers)",
        "path, headers)",
        (
            unit(
                "decision", "test_matching", "test_path_is_matched_from_its_start_without_the_query"
            ),
        ),
    ),
    Mutant(
        "no normalisation",
        f"{TRANSLATE}/http.py",
        "normalize_path=wrappers_pb2.BoolValue(value=True)",
        "normalize_path=wrappers_pb2.BoolValue(value=False)",
        (
            unit(
                "translate",
                "test_listeners",
                "test_paths_are_judged_in_normal_form_and_nothing_is_added",
            ),
        ),
    ),
    Mutant(
        "routes found before the path is known stay",
        f"{TRANSLATE}/http.py",
        '"clear_route_cache": True',
        '"clear_route_cache": False',
        (unit("translate", "test_listeners", "test_query_is_no_part_of_the_path_that_is_judged"),),
    ),
    Mutant(
        "escaped slash let through where a path decides",
        f"{TRANSLATE}/routes.py",
        "if strict and authorization.judges_paths(authorization.rules_at(inbound, port)):",
        "if strict and inbound is None:",
        (
            unit(
                "translate", "test_routes", "test_escaped_slashes_are_refused_where_a_path_decides"
            ),
        ),
    ),
    Mutant(
        "parameters of dot segments kept",
        PATHS,
        '_PARAMETERS.sub(r"\\1", path)',
        "path",
        (unit("model", "test_path", "test_target_is_rewritten_as_sidecars_do"),),
    ),
    Mutant(
        "a dot segment that escapes hid let through where a path decides",
        f"{TRANSLATE}/authorization.py",
        r"%2f|%5c|/\.\.?;",
        "%2f|%5c",
        (
            unit(
                "translate",
                "test_authorization",
                "test_sidecars_refuse_the_paths_that_decide_calls_ambiguous",
            ),
        ),
    ),
    Mutant(
        "the user of an absolute URI taken for its host",
        PATHS,
        r"(?:[^@/?]*@)?((?:[a-z0-9.-]+",
        r"((?:[^@/?]*@)?(?:[a-z0-9.-]+",
        (unit("model", "test_path", "test_absolute_uri_names_the_host"),),
    ),
    Mutant(
        "CONNECT taken for any other method",
        f"{DECISION}/reception.py",
        'if method == "CONNECT":',
        'if method == "connect":',
        (unit("decision", "test_reception", "test_tunnel_or_what_is_no_token_is_refused"),),
    ),
    Mutant(
        "a second Host dropped from HTTP/1",
        f"{DECISION}/matching.py",
        'if header == ":authority" and is_http2:',
        'if header == ":authority":',
        (
            unit(
                "decision",
                "test_matching",
                "test_host_that_is_sent_again_is_joined_in_http_1_and_dropped_in_http_2",
            ),
        ),
    ),
    Mutant(
        "methods that Envoy does not know refused",
        f"{TRANSLATE}/http.py",
        "allow_custom_methods=True",
        "allow_custom_methods=False",
        (unit("translate", "test_listeners", "test_any_token_is_a_method_of_http_1_too"),),
    ),
    Mutant(
        "`*` among other methods ignored",
        MATCHES,
        'if "*" in match.methods else',
        'if tuple(match.methods) == ("*",) else',
        (unit("compiler", "test_matches", "test_star_is_every_method_even_among_others"),),
    ),
    Mutant(
        "host header not taken as authority",
        MATCHES,
        'return ":authority" if lower == "host" else lower',
        "return lower",
        (unit("compiler", "test_matches", "test_host_means_the_authority"),),
    ),
    Mutant(
        "repeated headers not joined",
        f"{DECISION}/matching.py",
        'before = f"{headers[header]}{joint}" if header in headers else ""',
        'before = ""',
        (unit("decision", "test_matching", "test_repeated_header_is_joined_by_commas"),),
    ),
    Mutant(
        "header matched in part",
        f"{DECISION}/matching.py",
        ".fullmatch(",
        ".search(",
        (unit("decision", "test_matching", "test_header_is_matched_whole"),),
    ),
)
