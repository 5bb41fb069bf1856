"""What a name or an address means to a client."""

from tests.mutants.mutant import SPLITS, TRANSLATE, Mutant, unit

NAMES = (
    Mutant(
        "a pod's name is balanced over its Service",
        f"{TRANSLATE}/hosts.py",
        "routes.to_peers(str(name), names.pod_upstream(pod.pod, port, AppProtocol.HTTP))",
        "routes.to_peers(str(name), names.upstream(pod.service, port, AppProtocol.HTTP))",
        (unit("translate", "test_hosts", "test_pod_has_a_name_below_its_service_and_an_address"),),
    ),
    Mutant(
        "a split is applied to a pod's name",
        f"{TRANSLATE}/hosts.py",
        "            yield _Meaning(_ported(hosts, port), _pod(pod, port))\n",
        """\
            split = [_service(route) for route in known.routes if route.root == pod.service]
            yield _Meaning(_ported(hosts, port), *[*split, _pod(pod, port)][:1])
""",
        (unit("translate", "test_hosts", "test_split_of_the_service_says_nothing_of_its_pods"),),
    ),
    Mutant(
        "any pod of the same ServiceAccount answers to a pod's name",
        f"{TRANSLATE}/upstream_parts.py",
        "[tls.pod(pod)]",
        "tls.servers(world.mesh.trust_domains, [pod.identity] if pod else ())",
        (
            unit(
                "translate", "test_parts", "test_pod_that_is_called_by_its_name_is_exactly_that_pod"
            ),
        ),
    ),
    Mutant(
        "a pod that is not ready is called by its name",
        "smi/compiler/names.py",
        "ready=workload.ready or service.spec.publish_not_ready_addresses,",
        "ready=True,",
        (unit("compiler", "test_outbound", "test_pod_that_is_not_ready_is_known_as_such"),),
    ),
    Mutant(
        "clients know pods that they may not call",
        "smi/compiler/outbound.py",
        "(pod for pod in pods if pod.pod in opened or pod in everybodys)",
        "pods",
        (
            unit(
                "compiler",
                "test_outbound",
                "test_of_the_pods_of_a_headless_service_only_those_that_a_target_opens_are_known",
            ),
        ),
    ),
    Mutant(
        "hosts outside are counted one by one",
        f"{TRANSLATE}/statistics.py",
        '        "host": names.EXTERNAL,\n',
        "",
        (unit("translate", "test_forwarding", "test_hosts_outside_are_counted_as_one"),),
    ),
    Mutant(
        "a name of the mesh passes through as one outside",
        f"{TRANSLATE}/hosts.py",
        "ours = sorted({identity.namespace, *namespaces, *known.subdomains})",
        "ours = sorted(known.subdomains)",
        (unit("translate", "test_hosts", "test_what_could_be_a_name_of_the_mesh_is_refused"),),
    ),
    Mutant(
        "a pod that is another's passes through as a host outside",
        f"{TRANSLATE}/hosts.py",
        "*namespaces, *known.subdomains})",
        "*namespaces})",
        (unit("translate", "test_hosts", "test_what_could_be_a_name_of_the_mesh_is_refused"),),
    ),
    Mutant(
        "a tunnel to what may not be called is passed on",
        f"{TRANSLATE}/hosts.py",
        "    return [tunnel, request]\n",
        "    return [request]\n",
        (unit("translate", "test_hosts", "test_what_could_be_a_name_of_the_mesh_is_refused"),),
    ),
    Mutant(
        "the loopback passes through",
        f"{TRANSLATE}/forwarding.py",
        '*("127.0.0.0/8", "0.0.0.0/8", ',
        '*("0.0.0.0/8", ',
        (
            unit(
                "translate",
                "test_forwarding",
                "test_address_of_the_machine_or_its_link_is_refused",
            ),
        ),
    ),
    Mutant(
        "the loopback passes through, written as an address of IPv6",
        f"{TRANSLATE}/forwarding.py",
        '*("::ffff:127.0.0.0/104", ',
        "*(",
        (
            unit(
                "translate",
                "test_forwarding",
                "test_address_of_the_machine_or_its_link_is_refused",
            ),
        ),
    ),
    Mutant(
        "the address of a host outside is not judged",
        f"{TRANSLATE}/hosts.py",
        "    wakes = (*filters, RESOLVED, NO_LOOPBACK)\n",
        "    wakes = (*filters, RESOLVED)\n",
        (
            unit("translate", "test_hosts", "test_what_is_no_name_of_the_mesh_passes_through"),
            unit("translate", "test_hosts", "test_external_service_leads_to_its_host_at_its_ports"),
        ),
    ),
    Mutant(
        "a split sends to an external name",
        SPLITS,
        '    if judged.value.external_name:\n        return "ExternalName"\n',
        "",
        (unit("compiler", "test_outbound", "test_split_divides_nothing_among_external_names"),),
    ),
)
