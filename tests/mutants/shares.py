"""Which share of requests goes where."""

from tests.mutants.mutant import SERVICES, SPLITS, TRANSLATE, Mutant, golden, law, unit

NAIVE = "test_decide_agrees_with_a_naive_reading_of_the_objects"

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
        "weights.get(name, 0) + backend.weight\n",
        "weights.get(name, 0) + (backend.weight or 1)\n",
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
        f"{TRANSLATE}/upstream_parts.py",
        "split = next((s for s in route.splits if s.matches is None), None)",
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
        "Fraction(s.weight, total * len(s.endpoints))",
        "Fraction(s.weight, total)",
        (
            unit(
                "translate",
                "test_endpoints",
                "test_pods_have_the_share_of_their_service_between_them",
            ),
            law("test_shares", "test_share_of_connections_is_off_by_less_than_n_in_two_billion"),
        ),
    ),
    Mutant(
        "shares of connections are rounded to a millionth",
        f"{TRANSLATE}/endpoints.py",
        "SCALE = 2**31",
        "SCALE = 1_000_000",
        (unit("translate", "test_endpoints", "test_small_share_among_many_pods_stays_small"),),
    ),
    Mutant(
        "traffic to a pod that is not ready",
        SERVICES,
        "takes=workload.name in takers",
        "takes=True",
        (
            unit(
                "compiler",
                "test_services",
                "test_pods_that_are_not_ready_may_be_met_but_get_no_traffic",
            ),
        ),
    ),
    Mutant(
        "a root in another namespace is taken for the one here",
        "smi/split/root.py",
        "rest[0] == traffic_split.key.namespace:",
        "rest[0]:",
        (unit("compiler", "test_routes", "test_split_whose_root_is_not_there_has_no_effect"),),
    ),
    Mutant(
        "a reference to a route group of another API is one to ours",
        "smi/split/v1alpha4.py",
        'self.kind if self.api_group in {None, "", SPECS}',
        "self.kind if True",
        (unit("compiler", "test_routes", "test_match_that_is_not_there_selects_no_request"),),
    ),
    Mutant(
        "a backend is excluded by its first port",
        SPLITS,
        "return None if offered.endpoints else",
        "return None if judged.value.ports[0].endpoints else",
        (unit("compiler", "test_routes", "test_pods_that_are_missing_are_told_by_port"),),
    ),
    Mutant(
        "a backend without pods is not excluded",
        SPLITS,
        'return None if offered.endpoints else "NoReadyEndpoints"',
        "return None",
        (unit("compiler", "test_routes", "test_backend_that_cannot_take_its_share_is_excluded"),),
    ),
    Mutant(
        "a leak of 0.5 % to weight 0",
        SPLITS,
        "weights.get(name, 0) + backend.weight\n",
        "weights.get(name, 0) + (200 * backend.weight or 1)\n",
        (
            unit("compiler", "test_routes", "test_weights_are_kept_and_zero_is_no_destination"),
            golden("32-weight-zero"),
            law("test_decide", "test_backend_of_weight_zero_gets_nothing"),
        ),
    ),
    Mutant(
        "weights are rounded to percents",
        f"{TRANSLATE}/routes.py",
        "        return weights\n",
        "        return [max(1, round(100 * weight / total)) for weight in weights]\n",
        (
            unit("translate", "test_routes", "test_weights_are_passed_on_as_they_are"),
            law(
                "test_shares",
                "test_share_of_requests_is_exact_or_off_by_less_than_n_in_two_billion",
            ),
        ),
    ),
    Mutant(
        "too large weights wrap around",
        f"{TRANSLATE}/routes.py",
        "max(1, weight * (MOST_WEIGHT // 2) // total)",
        "max(1, weight % (MOST_WEIGHT // len(weights)))",
        (
            law(
                "test_shares",
                "test_share_of_requests_is_exact_or_off_by_less_than_n_in_two_billion",
            ),
        ),
    ),
    Mutant(
        "requests are divided once for each client",
        f"{TRANSLATE}/routes.py",
        "    found.route.weighted_clusters.CopyFrom(weighted)\n",
        "    found.route.weighted_clusters.CopyFrom(weighted)\n"
        "    found.route.weighted_clusters.use_hash_policy.value = True\n"
        "    found.route.hash_policy.add().connection_properties.source_ip = True\n",
        (unit("translate", "test_routes", "test_each_request_is_divided_by_a_chance_of_its_own"),),
    ),
    Mutant(
        "several splits: the last without matches wins",
        f"{TRANSLATE}/routes.py",
        "            otherwise = _to_split(route, split)\n            break\n",
        "            otherwise = _to_split(route, split)\n            continue\n",
        (
            unit(
                "translate",
                "test_routes",
                "test_split_without_matches_takes_all_and_hides_what_follows",
            ),
        ),
    ),
    Mutant(
        "a split that nobody takes falls to the root",
        f"{TRANSLATE}/routes.py",
        "        return answer(name, 503, unavailable)\n",
        "        return _to_root(route)\n",
        (unit("translate", "test_routes", "test_split_without_destinations_is_unavailable"),),
    ),
    Mutant(
        "self-reference dropped",
        SPLITS,
        "        if reason is not None:\n            excluded",
        "        if name == root:\n            continue\n"
        "        if reason is not None:\n            excluded",
        (
            unit("compiler", "test_routes", "test_root_among_its_backends_stands_for_its_own_pods"),
            golden("40-root-among-its-backends"),
            law("test_decide", NAIVE),
        ),
    ),
    Mutant(
        "connections follow a split by requests",
        f"{TRANSLATE}/upstream_parts.py",
        "(s for s in route.splits if s.matches is None)",
        "iter(route.splits)",
        (
            unit(
                "translate",
                "test_parts",
                "test_connections_follow_the_first_split_that_needs_no_request",
            ),
        ),
    ),
    Mutant(
        "weights of localities count for nothing",
        f"{TRANSLATE}/clusters.py",
        "            if tcp\n            else None,\n",
        "            if False\n            else None,\n",
        (
            unit(
                "translate",
                "test_clusters",
                "test_connections_go_by_the_weights_of_localities_and_requests_to_all_alike",
            ),
        ),
    ),
    Mutant(
        "a pod behind two Services has the share of the first",
        f"{TRANSLATE}/endpoints.py",
        "behind[endpoint] = (*behind.get(endpoint, ()), share.service)",
        "behind.setdefault(endpoint, (share.service,))",
        (
            unit("translate", "test_endpoints", "test_pod_behind_two_services_has_both_shares"),
            law("test_shares", "test_share_of_connections_is_off_by_less_than_n_in_two_billion"),
        ),
    ),
    Mutant(
        "a match on what sidecars write holds",
        "smi/specs/validation.py",
        "if _NOT_AS_SENT.fullmatch(name):",
        "if not name:",
        (unit("compiler", "test_matches", "test_match_that_no_proxy_takes_never_holds"),),
    ),
    Mutant(
        "a split reads the first match of a group only",
        SPLITS,
        "            yield from group.value",
        "            yield from group.value[:1]",
        (unit("compiler", "test_routes", "test_matches_of_all_groups_are_one_list"),),
    ),
    Mutant(
        "a handshake fails when weights move to a backend that runs as another",
        f"{TRANSLATE}/upstream_parts.py",
        "for name in route.named}",
        "for name in route.services}",
        (unit("translate", "test_parts", "test_server_may_be_any_that_weights_may_move_to"),),
    ),
    Mutant(
        "nobody hears that a backend refuses whom the root lets in",
        "smi/compiler/callers.py",
        "short[service] |= of_root - let_in",
        "short[service] |= let_in - of_root",
        (
            unit(
                "compiler",
                "test_callers",
                "test_who_may_call_one_version_and_not_the_other_is_told",
            ),
        ),
    ),
    Mutant(
        "a grant for another port opens a backend",
        "smi/compiler/callers.py",
        "if rule.opens(at):",
        "if rule.tcp and rule.http != ():",
        (
            unit(
                "compiler",
                "test_callers",
                "test_grant_counts_where_it_lets_in_anything_at_the_port",
            ),
        ),
    ),
)
