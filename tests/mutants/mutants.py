"""The table: what the translator, the compiler or decide might do wrong, and who would notice."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """One wrong reading: in `file`, `old`, which is there exactly once, becomes `new`.

    Each of the tests `caught_by`, by itself, has to fail.
    """

    name: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]


ACCESS = "smi/compiler/access_rules.py"
GRANTS = "smi/compiler/grants.py"
IDENTITIES = "smi/compiler/identities.py"
MATCHES = "smi/compiler/matches.py"
SPLITS = "smi/compiler/routes.py"
SERVICES = "smi/compiler/services.py"
MODEL = "smi/model/match.py"
PATHS = "smi/model/path.py"
DECISION = "smi/decision"
ROLLOVER = "backends/smi_envoy/ca/rollover.py"
TRANSLATE = "backends/smi_envoy/translate"


def unit(room: str, module: str, test: str) -> str:
    """A test of one module."""
    return f"tests/unit/{room}/{module}.py::{test}"


def crds(test: str) -> str:
    """A test of the definitions."""
    return f"tests/unit/test_crds.py::{test}"


def golden(case: str) -> str:
    """The test of one sentence of the specification."""
    return f"tests/golden/test_golden.py::test_sentence_holds[{case}]"


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

ACCESS_POLICY = (
    Mutant(
        "ignore the port",
        f"{TRANSLATE}/authorization.py",
        "if rule.tcp and rule.http != () and (rule.ports is None or port in rule.ports)",
        "if rule.tcp and rule.http != ()",
        (
            unit(
                "translate",
                "test_authorization",
                "test_rules_of_a_port_speak_of_it_over_tcp_and_grant_something",
            ),
        ),
    ),
    Mutant(
        "ignore the port, in decide",
        f"{DECISION}/judge.py",
        "if ports is not None and port not in ports:",
        "if ports == frozenset():",
        (
            unit("decision", "test_judge", "test_reason_is_the_first_thing_that_is_not_so"),
            golden("10-port-and-route-both"),
        ),
    ),
    Mutant(
        "a policy's port is never a Service's",
        ACCESS,
        "return frozenset().union(*(leads.get(port, {port}) for port in ports))",
        "return ports",
        (unit("compiler", "test_access_rules", "test_port_of_a_service_means_where_it_leads"),),
    ),
    Mutant(
        "correlate targets: one's source with another's route",
        f"{TRANSLATE}/authorization.py",
        "yield certificate, {name: tuple(found[name]) for name in sorted(found)}",
        "yield certificate, {name: tuple(rules) for name in sorted(found)}",
        (unit("translate", "test_authorization", "test_every_caller_has_its_own_list"),),
    ),
    Mutant(
        "correlate targets, in decide",
        f"{DECISION}/judge.py",
        "if caller.spiffe not in rule.spiffe_ids and caller.pod not in rule.pods:",
        "if not rule.spiffe_ids and not rule.pods:",
        (unit("decision", "test_judge", "test_source_of_one_target_gets_no_route_of_another"),),
    ),
    Mutant(
        "first match wins: a caller's second target is not asked",
        f"{TRANSLATE}/authorization.py",
        "found.setdefault(name, []).append(rule)",
        "found.setdefault(name, [rule])",
        (unit("translate", "test_authorization", "test_every_caller_has_its_own_list"),),
    ),
    Mutant(
        "a pod's uid is not asked",
        f"{TRANSLATE}/authorization.py",
        "(ssl_inputs_pb2.DnsSanInput(), lambda rule: rule.pods),",
        "",
        (
            unit(
                "translate",
                "test_authorization",
                "test_pods_are_known_by_their_uid_whatever_their_account",
            ),
        ),
    ),
    Mutant(
        "namespace ignored",
        GRANTS,
        "NamespacedName(source.namespace or target.key.namespace, source.name)",
        "NamespacedName(target.key.namespace, source.name)",
        (
            unit(
                "compiler",
                "test_access_rules",
                "test_sources_are_accounts_of_any_namespace_and_of_the_own_by_default",
            ),
            golden("15-namespace-is-part-of-the-identity"),
        ),
    ),
    Mutant(
        "port of the destination forgotten",
        ACCESS,
        "narrow = _own_ports(only, leads)",
        "narrow = None",
        (
            unit(
                "compiler",
                "test_access_rules",
                "test_port_of_the_destination_narrows_whatever_the_rules_say",
            ),
            golden("09-destination-port"),
        ),
    ),
    Mutant(
        "damaged port of the destination is no port",
        "smi/access/destination_port.py",
        "return int(text) if sound else UNREADABLE",
        "return int(text) if sound else None",
        (
            unit(
                "compiler",
                "test_access_rules",
                "test_damaged_port_of_the_destination_opens_nothing",
            ),
            golden("09-destination-port"),
        ),
    ),
    Mutant(
        "port of the destination lost on the way to the hub",
        "smi/access/conversion.py",
        "return hub if port is None else annotated(hub, ANNOTATION, as_annotation(port))",
        "return hub",
        (
            unit(
                "access",
                "test_conversion",
                "test_port_of_the_destination_travels_in_an_annotation",
            ),
            golden("09-destination-port"),
        ),
    ),
    Mutant(
        "older TCPRoute that names ports is of all ports",
        "smi/specs/newer.py",
        'if isinstance(holder, dict) and holder.get("matches"):',
        "if not holder:",
        (
            unit(
                "specs",
                "test_older_versions",
                "test_older_tcp_route_does_not_open_all_ports_where_some_are_written",
            ),
            golden("30-older-tcp-routes"),
        ),
    ),
    Mutant(
        "object with a damaged stash taken for whole",
        "smi/compiler/damage.py",
        "return None if damage(resource) else resource",
        "return resource",
        (
            unit("compiler", "test_damage", "test_object_that_is_incomplete_is_not_there"),
            golden("44-quantities"),
            "tests/property/test_conversion.py::test_older_object_never_grants_more_even_edited_or_damaged",
        ),
    ),
    Mutant(
        "damaged stash dropped on the way to the hub",
        "smi/k8s/stash.py",
        "    if not content:\n        return document, {}\n",
        "    if not content:\n        return annotated(document, ANNOTATION, None), {}\n",
        (
            unit("k8s", "test_stash", "test_damaged_stash_stays_where_it_is"),
            golden("44-quantities"),
        ),
    ),
    Mutant(
        "ports of a TCPRoute lost at an older version",
        "smi/specs/conversion.py",
        'content = {} if matches == _ALL_PORTS else {"matches": matches}',
        "content: Document = {}",
        (
            unit(
                "specs", "test_conversion", "test_ports_of_a_tcp_route_live_on_at_an_older_version"
            ),
            "tests/property/test_conversion.py::test_older_object_never_grants_more_even_edited_or_damaged",
        ),
    ),
    Mutant(
        "headers of a match lost at v1alpha1",
        "smi/specs/conversion.py",
        'newer["matches"] = restored(items(newer, "matches"), content["matches"])',
        "pass",
        (
            unit("specs", "test_conversion", "test_removed_match_leaves_the_others_their_headers"),
            "tests/property/test_conversion.py::test_older_object_never_grants_more_even_edited_or_damaged",
        ),
    ),
    Mutant(
        "edited match of several of one name has no headers",
        "smi/specs/matches.py",
        'return _with_headers(match, [e for e in content if e["name"] == match.get("name")])',
        "return dict(match)",
        (
            unit(
                "specs",
                "test_conversion",
                "test_edited_match_of_several_of_one_name_asks_for_the_headers_of_all",
            ),
        ),
    ),
    Mutant(
        "matches of a split lost at v1alpha2",
        "smi/split/conversion.py",
        'return {**hub, "spec": part(hub, "spec") | stashed} if stashed else hub',
        "return hub",
        (
            unit(
                "split",
                "test_conversion",
                "test_matches_survive_weights_that_are_put_where_there_are_none",
            ),
            "tests/property/test_conversion.py::test_document_comes_back_as_it_was_through_any_versions",
        ),
    ),
    Mutant(
        "quantity read by its digits",
        "smi/split/weights.py",
        "weights = [int(q.value * factor) for q in quantities]",
        "weights = [int(q.value * q.value.denominator) for q in quantities]",
        (
            unit(
                "split",
                "test_conversion",
                "test_quantities_become_whole_numbers_of_the_same_proportions",
            ),
            golden("44-quantities"),
        ),
    ),
    Mutant(
        "UDPRoutes lost at v1alpha2",
        "smi/access/conversion.py",
        'content["rules"] = udp',
        "pass",
        (
            unit("access", "test_conversion", "test_udp_routes_wait_where_they_cannot_be_said"),
            "tests/property/test_conversion.py::test_document_comes_back_as_it_was_through_any_versions",
        ),
    ),
    Mutant(
        "IdentityBinding of an older version always taken for the hub's",
        "smi/access/identities.py",
        'if end.kind == "IdentityBinding" and (end.kind, end.name, end.namespace) not in vouched:',
        'if end.kind == "IdentityBinding" and not annotations:',
        (
            unit(
                "access",
                "test_conversion",
                "test_binding_that_is_added_at_an_older_version_is_a_mistake",
            ),
        ),
    ),
    Mutant(
        "older versions served where nobody converts",
        "smi/k8s/crd.py",
        '"served": stored or converted or version.relabelled,',
        '"served": True,',
        (crds("test_only_versions_that_mean_the_same_are_served_where_nobody_converts"),),
    ),
    Mutant(
        "what another version has dropped by the API server",
        "smi/k8s/crd.py",
        'return schema | {"properties": known,',
        'return schema or {"properties": known,',
        ("tests/unit/test_crds.py::test_what_another_version_has_is_refused_rather_than_dropped",),
    ),
    Mutant(
        "cross-namespace destination honoured",
        GRANTS,
        'create it in {destination.namespace!r}",\n        )\n        return False',
        'create it in {destination.namespace!r}",\n        )\n        return True',
        (
            unit(
                "compiler",
                "test_access_rules",
                "test_target_whose_destination_is_not_sound_grants_nothing",
            ),
        ),
    ),
    Mutant(
        "IdentityBinding of another namespace",
        IDENTITIES,
        "if identity is None or identity.namespace != binding.key.namespace:",
        "if identity is None:",
        (
            unit(
                "compiler",
                "test_access_rules",
                "test_binding_knows_workloads_of_its_own_namespace_only",
            ),
            golden("18-binding-stays-in-its-namespace"),
        ),
    ),
    Mutant(
        "empty matches grants nothing",
        GRANTS,
        "all versions)\n        return matches",
        "all versions)\n        return ()",
        (golden("07-no-matches-means-all"),),
    ),
    Mutant(
        "one named match grants its whole group",
        GRANTS,
        "return tuple(match for match in matches if match.name in rule.matches)",
        "return matches",
        (golden("08-named-matches-only"),),
    ),
    Mutant(
        "unresolved HTTPRouteGroup left out of the count",
        GRANTS,
        'if r.kind == "HTTPRouteGroup"]',
        'if r.kind == "HTTPRouteGroup"'
        ' and read(("HTTPRouteGroup", NamespacedName(target.key.namespace, r.name)))]',
        (unit("compiler", "test_access_rules", "test_rules_of_a_target_narrow_each_other"),),
    ),
    Mutant(
        "unresolved TCPRoute left out of the count",
        GRANTS,
        "return None if everything else frozenset(ports)",
        "return None if everything or not ports else frozenset(ports)",
        (unit("compiler", "test_access_rules", "test_rules_of_a_target_narrow_each_other"),),
    ),
    Mutant(
        "rule of an unknown kind skipped",
        GRANTS,
        "    return not unknown\n",
        "    return True\n",
        (
            unit(
                "compiler", "test_access_rules", "test_rule_of_unknown_kind_closes_the_whole_target"
            ),
        ),
    ),
    Mutant(
        "UDP-only target admits TCP",
        GRANTS,
        'tcp=any(rule.kind in {"TCPRoute", "HTTPRouteGroup"} for rule in rules),',
        "tcp=True,",
        (
            unit("compiler", "test_access_rules", "test_rules_of_a_target_narrow_each_other"),
            golden("11-tcp-and-udp-are-independent"),
        ),
    ),
    Mutant(
        "UDP-only target admits TCP, in Envoy",
        f"{TRANSLATE}/authorization.py",
        "if rule.tcp and rule.http != () and (",
        "if rule.http != () and (",
        (
            unit(
                "translate",
                "test_authorization",
                "test_rules_of_a_port_speak_of_it_over_tcp_and_grant_something",
            ),
        ),
    ),
)

DOORS = (
    Mutant(
        "filter default allow",
        f"{TRANSLATE}/http.py",
        "deny = rbac_pb2.RBAC(rules=policy_pb2.RBAC(action=policy_pb2.RBAC.Action.ALLOW))",
        "deny = rbac_pb2.RBAC()",
        (unit("translate", "test_listeners", "test_http_is_denied_unless_a_route_says_otherwise"),),
    ),
    Mutant(
        "no filter at all",
        f"{TRANSLATE}/http.py",
        "[_path_state(), _http_filter(AUTHORIZATION, deny), _http_filter(",
        "[_path_state(), _http_filter(",
        (unit("translate", "test_listeners", "test_http_is_denied_unless_a_route_says_otherwise"),),
    ),
    Mutant(
        "who fits no list is allowed",
        f"{TRANSLATE}/authorization.py",
        "action = policy_pb2.RBAC.Action.DENY",
        "action = policy_pb2.RBAC.Action.ALLOW",
        (unit("translate", "test_authorization", "test_nothing_is_allowed_without_rules"),),
    ),
    Mutant(
        "policy in LDS: an edit would cost connections",
        f"{TRANSLATE}/server_parts.py",
        """\
        return (listeners.inbound(self.pod, self.port, at, detour.application, admission),)
""",
        """\
        door = listeners.inbound(self.pod, self.port, at, detour.application, admission)
        inbound = world.mesh.inbound.get(pod.group)
        judged = door.filter_chains[0].metadata.typed_filter_metadata["judgement"]
        judged.Pack(authorization.http_authorization(inbound, self.port))
        return (door,)
""",
        (
            unit(
                "translate",
                "test_translator",
                "test_policy_that_grants_no_other_pod_bytes_leaves_listeners_alone",
            ),
        ),
    ),
    Mutant(
        "RBAC before tcp_proxy: the handshake admits every peer",
        f"{TRANSLATE}/chains.py",
        "names.tcp_sni(uid), [subject(SanType.DNS, uid)], granted)",
        "names.tcp_sni(uid), (), granted)",
        (unit("translate", "test_chains", "test_handshake_judges_tcp_and_routes_judge_http"),),
    ),
    Mutant(
        "TCP admission without the list",
        f"{TRANSLATE}/server_parts.py",
        "admission = Admission(frozenset(clients), mode)",
        "admission = Admission(frozenset(w.uid for w in world.mesh.workloads.values()), mode)",
        (
            unit(
                "translate",
                "test_parts",
                "test_port_admits_over_tcp_the_pods_that_its_rules_name_and_else_nobody",
            ),
        ),
    ),
    Mutant(
        "empty SAN list admits everybody",
        f"{TRANSLATE}/chains.py",
        "anybody = () if open_to_all else [subject(SanType.URI, NOBODY)]",
        "anybody = ()",
        (unit("translate", "test_chains", "test_tcp_admits_nobody_rather_than_anybody"),),
    ),
    Mutant(
        "a chain of one pod depends on the mode: its connections would end with a change of it",
        f"{TRANSLATE}/chains.py",
        "granted = _bytes(name, port, application, Verdict.ALLOWED)",
        "granted = _bytes(name + admission.mode, port, application, Verdict.ALLOWED)",
        (
            unit(
                "translate",
                "test_chains",
                "test_chain_that_stays_is_the_same_whoever_else_may_and_in_every_mode",
            ),
        ),
    ),
    Mutant(
        "a denial gives the reason of the rule that is asked first",
        f"{TRANSLATE}/authorization.py",
        "if _falls(rule, port) is reason]",
        "if _falls(rule, port) is not None]",
        (
            unit(
                "translate",
                "test_authorization",
                "test_denial_gives_the_reason_of_the_rule_that_goes_furthest",
            ),
        ),
    ),
    Mutant(
        "a rule that selects requests grants bytes",
        f"{TRANSLATE}/authorization.py",
        "[rule for rule in rules if rule.http is None]",
        "list(rules)",
        (unit("translate", "test_authorization", "test_tcp_admits_who_may_send_any_bytes"),),
    ),
    Mutant(
        "a peer without a certificate is heard",
        f"{TRANSLATE}/chains.py",
        "require_client_certificate=wrappers_pb2.BoolValue(value=True)",
        "require_client_certificate=wrappers_pb2.BoolValue(value=False)",
        (
            unit(
                "translate",
                "test_chains",
                "test_strict_doors_know_server_names_and_mutual_tls_only",
            ),
        ),
    ),
    *(
        Mutant(
            f"a {session} session is resumed",
            f"{TRANSLATE}/chains.py",
            f"disable_{session}_session_resumption=True",
            f"disable_{session}_session_resumption=False",
            (
                unit(
                    "translate",
                    "test_chains",
                    "test_strict_doors_know_server_names_and_mutual_tls_only",
                ),
            ),
        )
        for session in ("stateless", "stateful")
    ),
    Mutant(
        "TLS 1.2 is good enough",
        f"{TRANSLATE}/tls.py",
        "tls_minimum_protocol_version=version",
        "tls_minimum_protocol_version=common_pb2.TlsParameters.TlsProtocol.TLSv1_2",
        (
            unit(
                "translate",
                "test_clusters",
                "test_upstream_presents_its_svid_and_verifies_the_servers",
            ),
        ),
    ),
    Mutant(
        "any peer of the CA may stand for a Service",
        f"{TRANSLATE}/client_parts.py",
        "tls.validation(servers, world.trust, subjects),",
        "tls.validation(servers, world.trust, ()),",
        (unit("translate", "test_parts", "test_server_of_a_service_is_one_of_its_identities"),),
    ),
    Mutant(
        "a Service of nobody is anybody",
        f"{TRANSLATE}/tls.py",
        "for name in ids or [NOBODY]]",
        "for name in ids]",
        (unit("translate", "test_clusters", "test_servers_are_named_exactly_and_never_anybody"),),
    ),
    Mutant(
        "a bare name means a Service of any namespace",
        f"{TRANSLATE}/routes.py",
        "    if route.root.namespace == namespace:\n",
        "    if namespace:\n",
        (unit("translate", "test_routes", "test_bare_name_means_nothing_in_another_namespace"),),
    ),
)

SHARES = (
    Mutant(
        "weights 70/30 for 75/25",
        f"{TRANSLATE}/routes.py",
        "        return weights\n",
        "        return [10 * (round(weight * 10 / total - 1) + 1) for weight in weights]\n",
        (unit("translate", "test_routes", "test_weights_are_passed_on_as_they_are"),),
    ),
    Mutant(
        "leak to weight 0",
        SPLITS,
        """\
        elif backend.weight > 0:
            weights[name] = weights.get(name, 0) + backend.weight
""",
        """\
        else:
            weights[name] = weights.get(name, 0) + (backend.weight or 1)
""",
        (
            unit("compiler", "test_routes", "test_weights_are_kept_and_zero_is_no_destination"),
            golden("32-weight-zero"),
        ),
    ),
    Mutant(
        "backend named twice: the last weight only",
        SPLITS,
        "weights[name] = weights.get(name, 0) + backend.weight",
        "weights[name] = backend.weight",
        (unit("compiler", "test_routes", "test_backend_that_is_named_twice_has_both_weights"),),
    ),
    Mutant(
        "mismatch not excluded",
        SPLITS,
        '        return "PortMismatch"\n',
        "        return None\n",
        (
            unit("compiler", "test_routes", "test_backend_that_cannot_take_its_share_is_excluded"),
            golden("36-backend-without-the-port"),
        ),
    ),
    Mutant(
        "nested split expanded",
        SPLITS,
        """\
        name = NamespacedName(root.namespace, backend.service)
        reason =""",
        """\
        inner = _splits(read, NamespacedName(root.namespace, backend.service))
        nested = inner and inner[0].key != written.key
        leaf = inner[0].spec.backends[0].service if nested else backend.service
        name = NamespacedName(root.namespace, leaf)
        reason =""",
        (
            unit("compiler", "test_routes", "test_backend_that_is_a_root_itself_is_not_expanded"),
            golden("39-splits-are-not-nested"),
        ),
    ),
    Mutant(
        "root fallback missing",
        f"{TRANSLATE}/routes.py",
        "matching.first(choices, otherwise=matching.action(otherwise))",
        "matching.first(choices)",
        (unit("translate", "test_routes", "test_splits_with_matches_are_asked_in_order"),),
    ),
    Mutant(
        "an unresolved match of a split selects every request",
        SPLITS,
        "tuple(_split_matches(read, written)) if written.spec.matches else None",
        "tuple(_split_matches(read, written)) or None",
        (unit("compiler", "test_routes", "test_match_that_is_not_there_selects_no_request"),),
    ),
    Mutant(
        "the younger split is asked first",
        SPLITS,
        'key=lambda s: (s.metadata.creation_timestamp or "", s.key))',
        'key=lambda s: (s.metadata.creation_timestamp or "", s.key), reverse=True)',
        (unit("compiler", "test_routes", "test_older_split_comes_first_then_the_name_decides"),),
    ),
    Mutant(
        "connections are not split",
        f"{TRANSLATE}/client_parts.py",
        "split = next(splits, None)",
        "split = None",
        (
            unit(
                "translate",
                "test_parts",
                "test_connections_follow_the_first_split_that_needs_no_request",
            ),
        ),
    ),
    Mutant(
        "connections are shared by pod, not by Service",
        f"{TRANSLATE}/endpoints.py",
        "Fraction(SCALE * share.weight, total * len(share.endpoints))",
        "Fraction(SCALE * share.weight, total)",
        (
            unit(
                "translate",
                "test_endpoints",
                "test_pods_have_the_share_of_their_service_between_them",
            ),
        ),
    ),
    Mutant(
        "traffic to a pod that is not ready",
        SERVICES,
        "if workload.ready and dialled is not None:",
        "if dialled is not None:",
        (
            unit(
                "compiler",
                "test_services",
                "test_pods_that_are_not_ready_may_be_met_but_get_no_traffic",
            ),
        ),
    ),
)

ALWAYS_TRUSTED = (
    "tests/property/test_rollover.py"
    "::test_no_two_proxies_with_valid_certificates_ever_distrust_each_other"
)

CERTIFICATES = (
    Mutant(
        "old root is distrusted before proxies show the new one",
        ROLLOVER,
        "seen, patience, old, (new, old))",
        "seen, patience, old, (new,))",
        (
            unit(
                "ca", "test_rollover", "test_new_root_does_not_issue_before_every_proxy_trusts_it"
            ),
            ALWAYS_TRUSTED,
        ),
    ),
    Mutant(
        "new root issues before every proxy trusts it",
        ROLLOVER,
        "return state if seen.late else replace(",
        "return replace(",
        (
            unit(
                "ca", "test_rollover", "test_new_root_does_not_issue_before_every_proxy_trusts_it"
            ),
            ALWAYS_TRUSTED,
        ),
    ),
    Mutant(
        "restarted in a rollover it takes nobody for everybody",
        "backends/smi_envoy/backend.py",
        "while not self._publishing and self._told is not None and self._advance(self._told):",
        "while not self._publishing and self._advance(self._told or 0):",
        (
            unit(
                "envoy",
                "test_backend",
                "test_restarted_in_a_rollover_it_waits_for_proxies_that_come_back",
            ),
        ),
    ),
    Mutant(
        "roots change while half a mesh has been told",
        "backends/smi_envoy/backend.py",
        "while not self._publishing and self._told is not None and self._advance(self._told):",
        "while self._told is not None and self._advance(self._told):",
        (
            unit(
                "envoy",
                "test_backend",
                "test_rollover_goes_on_when_the_mesh_under_way_is_told",
            ),
        ),
    ),
    Mutant(
        "proxies keep the certificates of the old root",
        "backends/smi_envoy/xds/secrets.py",
        "        self._svids.clear()",
        "        pass",
        (
            unit(
                "xds",
                "test_connection",
                "test_svid_that_is_to_be_another_is_awaited_like_any_change",
            ),
        ),
    ),
    Mutant(
        "requests go on over what a retired root opened",
        f"{TRANSLATE}/client_parts.py",
        "AppProtocol.HTTP, tls.oldest(world.trust)),",
        "AppProtocol.HTTP),",
        (
            unit(
                "translate",
                "test_translator",
                "test_trust_that_changes_is_told_wherever_it_stands_and_nothing_else_is",
            ),
        ),
    ),
    Mutant(
        "alias of the trust domain is ignored",
        GRANTS,
        'ids |= spiffe_ids(read(("trust domains",)), ServiceIdentity(*name))',
        'ids |= spiffe_ids(read(("trust domains",))[:1], ServiceIdentity(*name))',
        (
            unit(
                "compiler",
                "test_access_rules",
                "test_alias_makes_the_same_callers_known_by_other_names_too",
            ),
            "tests/property/test_trust_domains.py::test_caller_is_judged_alike_by_each_of_its_names",
        ),
    ),
    Mutant(
        "alias grants what the trust domain does not",
        IDENTITIES,
        "if identity is None or identity.namespace != binding.key.namespace:",
        "if identity is None or identity.namespace != binding.key.namespace"
        " and trust_domain == own:",
        (unit("compiler", "test_access_rules", "test_alias_opens_no_other_namespace"),),
    ),
)

BACKEND = "backends/smi_envoy/backend.py"
TOKENS = "backends/smi_envoy/ca/tokens.py"
BOUND = "test_token_is_bound_to_the_account_that_is_there_now"

PROOFS = (
    Mutant(
        "token of an account that was deleted and created anew",
        BACKEND,
        "return _account_uid(workload) == identity.service_account_uid",
        "return True",
        (unit("envoy", "test_backend", BOUND),),
    ),
    Mutant(
        "account created anew keeps its token",
        BACKEND,
        "(workload.name, workload.uid, _account_uid(workload)), self._clock()",
        '(workload.name, workload.uid, ""), self._clock()',
        (unit("envoy", "test_backend", BOUND),),
    ),
    Mutant(
        "stream outlives its account",
        f"{TRANSLATE}/translator.py",
        "(was.uid, was.account_uid) != (now.uid, now.account_uid)",
        "was.uid != now.uid",
        (
            unit(
                "translate",
                "test_translator",
                "test_pod_whose_account_was_made_anew_has_to_prove_itself_again",
            ),
        ),
    ),
    Mutant(
        "account without its uid",
        "smi/compiler/workloads.py",
        'account_uid=account.metadata.uid if account else "",',
        "",
        (
            unit(
                "compiler", "test_workloads", "test_workload_knows_which_account_object_it_runs_as"
            ),
        ),
    ),
    Mutant(
        "token of any audience",
        TOKENS,
        "        audience=audience,\n        options={",
        "        audience=None,\n        options={",
        (unit("ca", "test_tokens", "test_token_with_wrong_claims_is_refused_with_the_reason"),),
    ),
    Mutant(
        "token chooses its algorithm",
        TOKENS,
        "algorithms=[_ALGORITHM],",
        "algorithms=[jwt.get_unverified_header(token)['alg']],",
        (unit("ca", "test_tokens", "test_token_does_not_choose_its_algorithm"),),
    ),
)

MUTANTS = (*REQUESTS, *ACCESS_POLICY, *DOORS, *SHARES, *CERTIFICATES, *PROOFS)
