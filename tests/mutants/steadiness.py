"""What might send a request twice, or fail one for nothing."""

from tests.mutants.mutant import TRANSLATE, Mutant, unit

STEADINESS = (
    Mutant(
        "whatever fails is tried again",
        f"{TRANSLATE}/routes.py",
        'SAFE_RETRIES = "connect-failure,',
        'SAFE_RETRIES = "5xx,connect-failure,',
        (
            unit(
                "translate",
                "test_routes",
                "test_envoy_adds_no_timeout_and_retries_only_what_arrived_nowhere",
            ),
        ),
    ),
    Mutant(
        "a request that was sent is sent again when its connection ends",
        f"{TRANSLATE}/routes.py",
        "reset-before-request",
        "reset",
        (
            unit(
                "translate",
                "test_routes",
                "test_envoy_adds_no_timeout_and_retries_only_what_arrived_nowhere",
            ),
        ),
    ),
    Mutant(
        "an application may ask for its requests again",
        f"{TRANSLATE}/routes.py",
        "        response_headers_to_remove=[names.UNREACHED],\n",
        "",
        (
            unit(
                "translate",
                "test_routes",
                "test_word_that_a_request_arrived_nowhere_is_heard_of_sidecars_alone",
            ),
        ),
    ),
    Mutant(
        "a connection to an application is kept until the application ends it",
        f"{TRANSLATE}/clusters.py",
        "_as_downstream(APPLICATION_IDLE, APPLICATION_STREAMS)",
        "_as_downstream(NEVER, APPLICATION_STREAMS)",
        (
            unit(
                "translate",
                "test_clusters",
                "test_idle_connection_to_an_application_is_not_kept_until_the_application_ends_it",
            ),
        ),
    ),
    Mutant(
        "a pod that is replaced is not drained",
        "smi/standalone/run.py",
        "        await self._backend.drain(pod.directory)\n",
        "",
        ("tests/integration/standalone/test_run.py::test_replicas_are_replaced_one_at_a_time",),
    ),
    Mutant(
        "the only pod makes place before another serves",
        "smi/standalone/rollout.py",
        "_serves(running, other) and other not in stop",
        "other not in stop",
        (unit("standalone", "test_rollout", "test_only_pod_is_replaced_when_its_standby_serves"),),
    ),
    Mutant(
        "the certificate that a caller names is passed on",
        f"{TRANSLATE}/http.py",
        "ForwardClientCertDetails.SANITIZE_SET",
        "ForwardClientCertDetails.APPEND_FORWARD",
        (
            unit(
                "translate",
                "test_listeners",
                "test_application_is_told_its_caller_by_its_sidecar_alone",
            ),
        ),
    ),
    Mutant(
        "a caller without a sidecar hears what is for sidecars",
        f"{TRANSLATE}/http.py",
        "filters=[failed, of_sidecar]",
        "filters=[failed, failed]",
        (
            unit(
                "translate",
                "test_listeners",
                "test_word_that_a_request_arrived_nowhere_is_said_to_sidecars_alone",
            ),
        ),
    ),
    Mutant(
        "a caller is forged with an underscore",
        f"{TRANSLATE}/routes.py",
        "request_headers_to_remove=_READ_AS_CALLER",
        "request_headers_to_remove=()",
        (
            unit(
                "translate",
                "test_routes",
                "test_names_that_some_applications_take_for_the_callers_are_taken_off",
            ),
        ),
    ),
    Mutant(
        "what an Envoy says of a request reaches the application",
        f"{TRANSLATE}/http.py",
        "suppress_envoy_headers=True",
        "suppress_envoy_headers=False",
        (
            unit(
                "translate",
                "test_listeners",
                "test_paths_are_judged_in_normal_form_and_nothing_is_added",
            ),
        ),
    ),
    Mutant(
        "the query is in the log",
        f"{TRANSLATE}/access_logs.py",
        "%PATH(NQ:PATH)%",
        "%REQ(:PATH)%",
        (unit("translate", "test_access_logs", "test_no_line_holds_a_header_or_a_query"),),
    ),
    Mutant(
        "lines are written for whoever says anything",
        "smi/compiler/access_log.py",
        "said == JSON)",
        "said is not None)",
        (
            unit(
                "compiler",
                "test_workloads",
                "test_access_log_of_another_format_is_none_and_its_author_is_told",
            ),
        ),
    ),
    Mutant(
        "pods are left out though nobody asked for it",
        "smi/compiler/outlier_detection.py",
        "        return None\n    said = dict(_DEFAULTS)",
        '        text = "max=50%"\n    said = dict(_DEFAULTS)',
        (
            unit(
                "compiler",
                "test_outlier_detection",
                "test_nobody_is_left_out_unless_it_is_asked_for",
            ),
        ),
    ),
    Mutant(
        "Envoy's own measures of outliers beside the one that was asked for",
        f"{TRANSLATE}/clusters.py",
        "        enforcing_success_rate=wrappers_pb2.UInt32Value(value=0),\n",
        "",
        (
            unit(
                "translate",
                "test_clusters",
                "test_endpoints_are_ejected_as_the_service_asks_and_for_failures_in_a_row_alone",
            ),
        ),
    ),
    Mutant(
        "an application is sent more streams at once than it takes",
        f"{TRANSLATE}/clusters.py",
        "max_concurrent_streams=streams",
        "max_concurrent_streams=None",
        (
            unit(
                "translate",
                "test_clusters",
                "test_no_application_is_sent_more_streams_than_any_takes",
            ),
        ),
    ),
    Mutant(
        "a pod that is leaving gets new connections beside those that stay",
        "smi/compiler/workloads.py",
        "ready=_serves(pod) and not is_leaving(pod)",
        "ready=_serves(pod)",
        (
            unit(
                "compiler",
                "test_services",
                "test_pod_that_is_leaving_gets_traffic_only_where_no_other_is_ready",
            ),
        ),
    ),
    Mutant(
        "a cluster that the control plane left without its endpoints never gets them",
        "backends/smi_envoy/xds/stream.py",
        "return state.awaited if TypeUrl.CLUSTER in state.subscriptions else endpoints.names",
        "return state.awaited",
        (
            unit(
                "xds",
                "test_stream",
                "test_client_that_asks_for_endpoints_before_clusters_gets_those_that_it_holds",
            ),
        ),
    ),
)
