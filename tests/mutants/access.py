"""Who may do what: TrafficTargets, IdentityBindings, ports."""

from tests.mutants.mutant import (
    ACCESS_RULES,
    DECISION,
    GRANTS,
    IDENTITIES,
    TRANSLATE,
    Mutant,
    golden,
    unit,
)

ACCESS = (
    Mutant(
        "ignore the port",
        "smi/model/inbound.py",
        "self.tcp and self.http != () and (self.ports is None or port in self.ports)",
        "self.tcp and self.http != ()",
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
        ACCESS_RULES,
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
        ACCESS_RULES,
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
        "smi/model/inbound.py",
        "self.tcp and self.http != () and (",
        "self.http != () and (",
        (
            unit(
                "translate",
                "test_authorization",
                "test_rules_of_a_port_speak_of_it_over_tcp_and_grant_something",
            ),
        ),
    ),
)
