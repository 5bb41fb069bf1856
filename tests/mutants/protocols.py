"""What ports are said to speak, and what of it a proxy would end, refuse or answer by itself."""

from tests.mutants.mutant import DECISION, SERVICES, TRANSLATE, Mutant, unit

_RULE = unit("compiler", "test_services", "test_protocol_is_declared_or_detected")
_UNUSED = unit(
    "translate", "test_timeouts", "test_no_limit_of_time_is_on_but_before_and_between_requests"
)
_OFF = unit(
    "translate",
    "test_timeouts",
    "test_every_limit_that_is_on_where_nothing_is_said_is_said_to_be_off",
)
_COMPILER = "smi/compiler/protocols.py"

PROTOCOLS = (
    Mutant(
        "HTTP that is declared looked for all the same",
        SERVICES,
        "return AppProtocol.HTTP",
        "return AppProtocol.DETECT",
        (_RULE,),
    ),
    Mutant(
        "the prefix of a port's name ignored",
        SERVICES,
        '.lower().partition("-")[0]',
        ".lower()",
        (_RULE,),
    ),
    Mutant(
        "a port's name before its appProtocol",
        SERVICES,
        "(port.app_protocol or port.name)",
        "(port.name or port.app_protocol or '')",
        (_RULE,),
    ),
    Mutant(
        "appProtocol in capitals unknown",
        SERVICES,
        "(port.app_protocol or port.name).lower()",
        "(port.app_protocol or port.name)",
        (_RULE,),
    ),
    Mutant(
        "an appProtocol that says nothing here looked for as HTTP",
        SERVICES,
        "if declared in _TCP or port.app_protocol:",
        "if declared in _TCP:",
        (_RULE,),
    ),
    Mutant(
        "silence about a server that speaks first is passed over",
        _COMPILER,
        "if first is not None and speaks(port) is AppProtocol.DETECT:",
        "if first is not None and speaks(port) is AppProtocol.HTTP:",
        (
            unit(
                "compiler",
                "test_protocols",
                "test_silence_about_a_server_that_speaks_first_is_a_warning",
            ),
        ),
    ),
    Mutant(
        "only a Service's own number tells what is behind it",
        _COMPILER,
        "numbers = (port.port, port.target_port, *sorted(filter(None, targets)))",
        "numbers = (port.port,)",
        (
            unit(
                "compiler",
                "test_protocols",
                "test_port_that_leads_to_such_a_server_is_one_whatever_its_own_number",
            ),
        ),
    ),
    Mutant(
        "routes for ports of bytes are no matter",
        _COMPILER,
        "if rule.http is not None and set(reached.values()) == {frozenset({AppProtocol.TCP})}:",
        "if rule.http is not None and not reached:",
        (
            unit(
                "compiler",
                "test_protocols",
                "test_routes_where_only_bytes_are_seen_are_a_warning",
            ),
        ),
    ),
    Mutant(
        "matches of a split at ports of bytes are no matter",
        _COMPILER,
        "if split.spec.matches and said == {AppProtocol.TCP}:",
        "if split.spec.matches and not said:",
        (
            unit(
                "compiler",
                "test_protocols",
                "test_split_that_selects_requests_where_only_bytes_are_seen_is_a_warning",
            ),
        ),
    ),
    Mutant(
        "Services that contradict each other are let be",
        _COMPILER,
        "if target_port(other, workload) == target and {said, speaks(other)} == {",
        "if target_port(other, workload) is None and {said, speaks(other)} == {",
        (unit("compiler", "test_protocols", "test_two_services_should_say_the_same_of_one_port"),),
    ),
    Mutant(
        "bytes to a port of HTTP judged by the pods alone",
        f"{DECISION}/carriage.py",
        "if request.protocol is Protocol.TCP and speaks is AppProtocol.HTTP:",
        "if request.protocol is Protocol.TCP and speaks is None:",
        (
            unit("decision", "test_carriage", "test_bytes_are_no_request_in_any_mode"),
            unit(
                "decision",
                "test_carriage",
                "test_who_may_send_any_bytes_may_send_what_the_port_declares",
            ),
        ),
    ),
    Mutant(
        "HTTP to a port of bytes judged by its routes",
        f"{DECISION}/carriage.py",
        "if request.is_http and speaks is AppProtocol.TCP:",
        "if request.is_http and speaks is None:",
        (
            unit(
                "decision",
                "test_carriage",
                "test_route_allows_nothing_where_bytes_are_declared",
            ),
        ),
    ),
    Mutant(
        "a sidecar of the mesh taken to stand beside a stranger",
        f"{DECISION}/decide.py",
        "if offered is not None and source.meshed else",
        "if offered is not None else",
        (
            unit(
                "decision",
                "test_carriage",
                "test_who_has_no_sidecar_of_the_mesh_is_judged_by_the_pods_alone",
            ),
        ),
    ),
    Mutant(
        "the 15 seconds of a route",
        f"{TRANSLATE}/routes.py",
        "cluster=cluster, timeout=NEVER, retry_policy",
        "cluster=cluster, retry_policy",
        (_OFF,),
    ),
    Mutant(
        "the 5 minutes of a stream",
        f"{TRANSLATE}/http.py",
        "        stream_idle_timeout=NEVER,\n",
        "",
        (_OFF,),
    ),
    Mutant(
        "the hour of a connection of requests",
        f"{TRANSLATE}/http.py",
        "protocol_pb2.HttpProtocolOptions(idle_timeout=NEVER)",
        "protocol_pb2.HttpProtocolOptions()",
        (_OFF,),
    ),
    Mutant(
        "the hour of a connection of bytes",
        f"{TRANSLATE}/tcp.py",
        "            idle_timeout=NEVER,\n",
        "",
        (_OFF,),
    ),
    Mutant(
        "the second that a reader has when all is said",
        f"{TRANSLATE}/http.py",
        "        delayed_close_timeout=NEVER,\n",
        "",
        (
            _OFF,
            unit(
                "translate",
                "test_listeners",
                "test_answer_that_ends_a_connection_may_be_read_slowly",
            ),
        ),
    ),
    Mutant(
        "a limit to how long a request may take",
        f"{TRANSLATE}/http.py",
        "        stream_idle_timeout=NEVER,\n",
        "        stream_idle_timeout=NEVER,\n        request_timeout=type(NEVER)(seconds=300),\n",
        (_UNUSED, _OFF),
    ),
    Mutant(
        "no upgrade to websockets",
        f"{TRANSLATE}/http.py",
        "upgrade_configs=[Manager.UpgradeConfig(upgrade_type=_WEBSOCKET)],",
        "upgrade_configs=[],",
        (
            unit(
                "translate",
                "test_listeners",
                "test_paths_are_judged_in_normal_form_and_nothing_is_added",
            ),
        ),
    ),
    Mutant(
        "an upgrade that no sidecar knows refused, not ignored",
        f"{TRANSLATE}/http.py",
        "            ignore_http_11_upgrade=[_NO_WEBSOCKET],\n",
        "",
        (
            unit(
                "translate",
                "test_listeners",
                "test_no_upgrade_is_known_but_to_websockets_and_others_are_no_reason_to_refuse",
            ),
        ),
    ),
    Mutant(
        "an expectation met by the sidecar",
        f"{TRANSLATE}/http.py",
        "proxy_100_continue=True",
        "proxy_100_continue=False",
        (unit("translate", "test_listeners", "test_no_side_of_http_1_is_left_out"),),
    ),
    Mutant(
        "HTTP/1.0 refused",
        f"{TRANSLATE}/http.py",
        "accept_http_10=True",
        "accept_http_10=False",
        (unit("translate", "test_listeners", "test_no_side_of_http_1_is_left_out"),),
    ),
    Mutant(
        "a route that would grant a tunnel is no matter",
        "smi/specs/validation.py",
        'if "CONNECT" in match.methods:',
        'if "connect" in match.methods:',
        (unit("compiler", "test_matches", "test_tunnel_is_nothing_that_a_route_can_grant"),),
    ),
)
