"""What a stream sends, and what it waits for."""

from tests.mutants.mutant import XDS, Mutant, unit

TURNS = (
    Mutant(
        "endpoints that changed back hold a stream's gate shut",
        f"{XDS}/stream.py",
        "intersection(sent.versions) - found.again",
        "intersection(sent.versions) - found.due",
        (
            unit(
                "xds",
                "test_stream",
                "test_endpoints_that_changed_back_before_their_answer_hold_nothing_up",
            ),
            unit(
                "xds",
                "test_stream",
                "test_removal_after_a_reconnect_waits_for_no_endpoints_that_have_arrived",
            ),
        ),
    ),
    Mutant(
        "endpoints that a client let go count as arrived",
        f"{XDS}/stream.py",
        "found.names.intersection(sent.versions) - found.again",
        "frozenset(sent.versions) - found.again",
        (
            unit(
                "xds",
                "test_stream",
                "test_routes_wait_for_the_endpoints_that_a_client_asks_for_anew",
            ),
        ),
    ),
    Mutant(
        "requests are answered with the names from before a change",
        f"{XDS}/connection.py",
        "            if now < self._coalesce_until:\n                return\n",
        "            while self._inbox:\n"
        "                self._step(self._inbox.popleft())\n"
        "            if now < self._coalesce_until:\n"
        "                return\n",
        (
            unit(
                "xds",
                "test_connection",
                "test_request_that_comes_while_a_change_waits_is_answered_with_it",
            ),
        ),
    ),
    Mutant(
        "a cluster loses its endpoints before the routes to it",
        f"{XDS}/turn.py",
        "if not packed.is_empty or name not in sub.held",
        "if name or name not in sub.held",
        (
            unit(
                "xds",
                "test_stream",
                "test_cluster_is_left_without_endpoints_or_trust_after_the_routes_to_it_went",
            ),
        ),
    ),
    Mutant(
        "endpoints that a new cluster waits for are held back if they are none",
        f"{XDS}/turn.py",
        "if not packed.is_empty or name not in sub.held or name in sub.again",
        "if not packed.is_empty or name not in sub.held",
        (
            unit(
                "xds",
                "test_stream",
                "test_cluster_that_no_route_leaves_loses_its_endpoints_at_once",
            ),
        ),
    ),
    Mutant(
        "trust in nobody goes out like any other",
        f"{XDS}/resources.py",
        "return NOBODY.encode() in message",
        "return False",
        (
            unit(
                "xds",
                "test_stream",
                "test_cluster_is_left_without_endpoints_or_trust_after_the_routes_to_it_went",
            ),
        ),
    ),
)
