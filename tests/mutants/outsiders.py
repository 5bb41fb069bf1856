"""Who has no sidecar: how it is dialled, what is asked of it, and whose an address is."""

from tests.mutants.mutant import DECISION, SERVICES, TRANSLATE, Mutant, golden, unit

ADDRESSES = "smi/compiler/addresses.py"
UNMESHED = ("compiler", "test_unmeshed")
LISTED = ("compiler", "test_addresses")

OUTSIDERS = (
    Mutant(
        "TLS to a pod without a sidecar",
        f"{TRANSLATE}/endpoints.py",
        "endpoint=_address(endpoint), metadata=None if endpoint.meshed else _in_plain()",
        "endpoint=_address(endpoint)",
        (
            unit(
                "translate",
                "test_endpoints",
                "test_who_has_no_sidecar_says_so_and_nobody_else_does",
            ),
        ),
    ),
    Mutant(
        "TLS to a pod without a sidecar, by connection",
        f"{TRANSLATE}/endpoints.py",
        "found = base_pb2.Metadata() if endpoint.meshed else _in_plain()",
        "found = base_pb2.Metadata()",
        (
            unit(
                "translate",
                "test_endpoints",
                "test_who_has_no_sidecar_says_so_and_nobody_else_does",
            ),
        ),
    ),
    Mutant(
        "plain text to everybody",
        f"{TRANSLATE}/clusters.py",
        "    match.match.update(PLAIN)\n",
        "",
        (
            unit(
                "translate",
                "test_clusters",
                "test_only_who_says_so_is_dialled_in_plain",
            ),
        ),
    ),
    Mutant(
        "plain text to a pod with a sidecar",
        f"{TRANSLATE}/endpoints.py",
        "found = base_pb2.Metadata() if endpoint.meshed else _in_plain()",
        "found = _in_plain()",
        (
            unit(
                "translate",
                "test_endpoints",
                "test_who_has_no_sidecar_says_so_and_nobody_else_does",
            ),
        ),
    ),
    Mutant(
        "connections to applications are kept until these end them",
        f"{TRANSLATE}/clusters.py",
        "(APPLICATION_IDLE, APPLICATION_STREAMS) if meets_applications else (NEVER, None)",
        "(NEVER, APPLICATION_STREAMS)",
        (
            unit(
                "translate",
                "test_parts",
                "test_connections_to_applications_end_before_they_would_end_them",
            ),
        ),
    ),
    Mutant(
        "caller without a sidecar is split",
        f"{DECISION}/decide.py",
        "split = _split(mesh, request, wanted) if source.meshed else None",
        "split = _split(mesh, request, wanted)",
        (golden("43-unproxied-clients"),),
    ),
    Mutant(
        "pod without a sidecar has an identity",
        f"{DECISION}/request.py",
        """\
            if not workload.meshed:
                return Caller(None, None, meshed=False)
""",
        "",
        (
            golden("43-unproxied-clients"),
            unit("decision", "test_request", "test_source_is_whom_a_server_can_know"),
        ),
    ),
    Mutant(
        "policy judged where no sidecar is",
        f"{DECISION}/decide.py",
        "return place, pod.group if pod.meshed else None",
        "return place, pod.group",
        (golden("43-unproxied-clients"),),
    ),
    Mutant(
        "pod without a sidecar taken for a server of the mesh",
        SERVICES,
        "identity = workload.identity if workload.meshed else None",
        "identity = workload.identity",
        (unit(*UNMESHED, "test_service_tells_those_with_a_sidecar_from_those_without"),),
    ),
    Mutant(
        "published pods that are not ready are ignored",
        SERVICES,
        "if service.spec.publish_not_ready_addresses:",
        "if not service.metadata.name:",
        (
            unit(
                *UNMESHED,
                "test_pods_are_published_before_they_are_ready_where_the_service_asks_for_it",
            ),
        ),
    ),
    Mutant(
        "slices of a Service with a selector are used",
        ADDRESSES,
        'return not service.spec.selector and service.spec.type != "ExternalName"',
        "return True",
        (unit(*LISTED, "test_slices_of_a_service_with_a_selector_mean_nothing"),),
    ),
    Mutant(
        "address of a pod is taken for nobody's",
        SERVICES,
        "        if pod is not None:\n            yield _pod(pod, address",
        "        if pod is not None and pod.name.namespace == 'shop':\n"
        "            yield _pod(pod, address",
        (unit(*LISTED, "test_address_of_a_pod_is_that_pod_with_its_own_identity"),),
    ),
    Mutant(
        "leaving endpoints take traffic beside ready ones",
        SERVICES,
        "takes = address.ready or (nobody_is_ready and address.leaving)",
        "takes = address.ready or address.leaving",
        (unit(*LISTED, "test_conditions_say_who_takes_traffic"),),
    ),
    Mutant(
        "slice decides what a policy's port means",
        SERVICES,
        'for name in sorted(read(("services of pod", pod))):',
        'for name in sorted(read(("services of pod", pod)) | read(("services listing pod", pod))):',
        (unit(*LISTED, "test_slice_moves_no_port_of_a_policy"),),
    ),
    Mutant(
        "nobody may name what lets everybody in",
        "smi/compiler/modes.py",
        "groupby(merge(open_by_mode, unmeshed))",
        "groupby(open_by_mode)",
        (unit(*UNMESHED, "test_everybody_may_name_a_service_of_somebody_without_a_sidecar"),),
    ),
    Mutant(
        "a proxy for a pod that has none",
        f"{TRANSLATE}/translator.py",
        "if workload is None or not workload.meshed:",
        "if workload is None:",
        (
            unit(
                "translate",
                "test_translator",
                "test_pod_without_a_sidecar_is_told_nothing",
            ),
        ),
    ),
)
