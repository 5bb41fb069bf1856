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
        "None if shares else ONE_REQUEST",
        "None",
        (
            unit(
                "translate",
                "test_clusters",
                "test_connection_to_an_application_carries_one_request_of_http1",
            ),
        ),
    ),
)
