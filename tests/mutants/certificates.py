"""Roots, SVIDs and trust domains."""

from tests.mutants.mutant import GRANTS, IDENTITIES, ROLLOVER, TRANSLATE, Mutant, unit

ALWAYS_TRUSTED = (
    "tests/property/test_rollover.py"
    "::test_no_two_proxies_with_valid_certificates_ever_distrust_each_other"
)

CERTIFICATES = (
    Mutant(
        "old root is distrusted before proxies show the new one",
        ROLLOVER,
        "seen, patience, old, (new, old))",
        "seen, patience, old, (new,))",
        (
            unit(
                "ca", "test_rollover", "test_new_root_does_not_issue_before_every_proxy_trusts_it"
            ),
            ALWAYS_TRUSTED,
        ),
    ),
    Mutant(
        "new root issues before every proxy trusts it",
        ROLLOVER,
        "return state if seen.late else replace(",
        "return replace(",
        (
            unit(
                "ca", "test_rollover", "test_new_root_does_not_issue_before_every_proxy_trusts_it"
            ),
            ALWAYS_TRUSTED,
        ),
    ),
    Mutant(
        "restarted in a rollover it takes nobody for everybody",
        "backends/smi_envoy/backend.py",
        "while not self._publishing and self._told is not None and self._advance(self._told):",
        "while not self._publishing and self._advance(self._told or 0):",
        (
            unit(
                "envoy",
                "test_backend",
                "test_restarted_in_a_rollover_it_waits_for_proxies_that_come_back",
            ),
        ),
    ),
    Mutant(
        "roots change while half a mesh has been told",
        "backends/smi_envoy/backend.py",
        "while not self._publishing and self._told is not None and self._advance(self._told):",
        "while self._told is not None and self._advance(self._told):",
        (
            unit(
                "envoy",
                "test_backend",
                "test_rollover_goes_on_when_the_mesh_under_way_is_told",
            ),
        ),
    ),
    Mutant(
        "proxies keep the certificates of the old root",
        "backends/smi_envoy/xds/secrets.py",
        "        self._svids.clear()",
        "        pass",
        (
            unit(
                "xds",
                "test_connection",
                "test_svid_that_is_to_be_another_is_awaited_like_any_change",
            ),
        ),
    ),
    Mutant(
        "requests go on over what a retired root opened",
        f"{TRANSLATE}/upstream_parts.py",
        "oldest, unmeshed = tls.oldest(world.trust), bool",
        'oldest, unmeshed = "", bool',
        (
            unit(
                "translate",
                "test_translator",
                "test_trust_that_changes_is_told_wherever_it_stands_and_nothing_else_is",
            ),
        ),
    ),
    Mutant(
        "alias of the trust domain is ignored",
        GRANTS,
        'ids |= spiffe_ids(read(("trust domains",)), ServiceIdentity(*name))',
        'ids |= spiffe_ids(read(("trust domains",))[:1], ServiceIdentity(*name))',
        (
            unit(
                "compiler",
                "test_access_rules",
                "test_alias_makes_the_same_callers_known_by_other_names_too",
            ),
            "tests/property/test_trust_domains.py::test_caller_is_judged_alike_by_each_of_its_names",
        ),
    ),
    Mutant(
        "alias grants what the trust domain does not",
        IDENTITIES,
        "if identity is None or identity.namespace != binding.key.namespace:",
        "if identity is None or identity.namespace != binding.key.namespace"
        " and trust_domain == own:",
        (unit("compiler", "test_access_rules", "test_alias_opens_no_other_namespace"),),
    ),
)
