"""Who gets in at the doors of a pod, and what is said to whom."""

from tests.mutants.mutant import TRANSLATE, Mutant, unit

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
        own = detour.application
        return (listeners.inbound(self.pod, self.port, at, own, admission, logs=pod.logs),)
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
        "granted = _bytes(name, port, application, Verdict.ALLOWED, of_bytes)",
        "granted = _bytes(f'{name}{admission.mode}', port, application, Verdict.ALLOWED, of_bytes)",
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
        f"{TRANSLATE}/upstream_parts.py",
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
        f"{TRANSLATE}/hosts.py",
        "if service.namespace == namespace else hosts",
        "if namespace else hosts",
        (unit("translate", "test_hosts", "test_bare_name_means_nothing_in_another_namespace"),),
    ),
)
