"""What happens to objects between versions."""

from tests.mutants.mutant import Mutant, crds, golden, unit

VERSIONS = (
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
        (unit("specs", "test_conversion", "test_removed_match_leaves_the_others_their_headers"),),
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
        "rule that waited taken for one that is written",
        "smi/fields.py",
        'return _waiting(target, field) if place is None else f"spec.rules[{place}]{rule[2]}"',
        'return field if place is None else f"spec.rules[{place}]{rule[2]}"',
        (
            "tests/unit/test_fields.py::test_rule_behind_one_that_waits_keeps_its_own_number",
            "tests/unit/test_fields.py::test_field_of_the_hub_is_named_as_its_version_has_it",
        ),
    ),
    Mutant(
        "what is wrong at v1alpha1 named as the hub has it",
        "smi/scheme.py",
        "replace(problem, field=as_written(resource, problem.field))",
        "replace(problem)",
        (
            "tests/unit/cli/test_validate.py::test_field_is_named_as_the_version_has_it_that_is_written",
        ),
    ),
    Mutant(
        "aliases of aliases without end",
        "smi/sources/documents.py",
        "if self.by_alias > _MOST_BY_ALIAS:",
        "if self.by_alias < 0:",
        (
            unit(
                "sources",
                "test_documents",
                "test_aliases_that_stand_for_more_than_memory_holds_are_refused",
            ),
        ),
    ),
    Mutant(
        "stash of a match without its headers taken for whole",
        "smi/specs/matches.py",
        "value.keys() <= known",
        "True",
        (
            unit(
                "specs",
                "test_conversion",
                "test_stash_that_lost_the_name_of_headers_closes_the_group",
            ),
        ),
    ),
    Mutant(
        "letter that the tools of Kubernetes take for true read as text",
        "smi/sources/documents.py",
        're.compile("[yYnN]$"), list("yYnN")',
        're.compile("[yYnN]$"), list("")',
        (
            unit(
                "sources",
                "test_documents",
                "test_scalars_are_what_they_are_to_the_tools_of_kubernetes",
            ),
        ),
    ),
    Mutant(
        "label of digits written as a number",
        "smi/sources/conversion.py",
        'list("-+.0123456789")',
        'list("-+.123456789")',
        (
            unit(
                "sources",
                "test_conversion",
                "test_label_that_other_tools_would_not_take_for_text_is_quoted",
            ),
        ),
    ),
    Mutant(
        "line of YAML taken for one of an editor",
        "smi/sources/documents.py",
        "before: int = mark.line if self._ends is None else bisect_left(self._ends, mark.index)",
        "before: int = mark.line",
        (unit("sources", "test_documents", "test_lines_are_those_of_an_editor"),),
    ),
    Mutant(
        "review of which one object does not convert answered without it",
        "smi/webhook/conversion.py",
        "failure = next((result for result in results if isinstance(result, str)), None)",
        "failure, results = None, [one for one in results if not isinstance(one, str)]",
        (
            unit(
                "webhook",
                "test_conversion",
                "test_one_object_that_does_not_convert_fails_all_and_is_named",
            ),
        ),
    ),
    Mutant(
        "latencies compared by their digits",
        "smi/metrics/readings.py",
        "return None if scale is None else value.value * scale",
        "return None if scale is None else value.value",
        (unit("metrics", "test_validation", "test_latencies_of_two_units_are_compared_as_times"),),
    ),
    Mutant(
        "items of a list of metrics left at their version",
        "smi/metrics/conversion.py",
        "if isinstance(listed, list):",
        "if listed is not None and not listed:",
        (unit("metrics", "test_metrics", "test_list_has_items_that_leave_out_what_they_are"),),
    ),
)
