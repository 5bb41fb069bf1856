"""What a proxy proves itself with."""

from tests.mutants.mutant import TRANSLATE, Mutant, unit

PODS = "backends/smi_envoy/pod_tokens.py"
TOKENS = "backends/smi_envoy/ca/tokens.py"
BOUND = "test_token_is_bound_to_the_account_that_is_there_now"

PROOFS = (
    Mutant(
        "token of an account that was deleted and created anew",
        PODS,
        "return _account_uid(workload) == identity.service_account_uid",
        "return True",
        (unit("envoy", "test_backend", BOUND),),
    ),
    Mutant(
        "account created anew keeps its token",
        PODS,
        "known[:2] != (workload.uid, account) or",
        "known.pod != workload.uid or",
        (unit("envoy", "test_backend", BOUND),),
    ),
    Mutant(
        "stream outlives its account",
        f"{TRANSLATE}/translator.py",
        "return pod.uid, pod.account_uid",
        'return pod.uid, ""',
        (
            unit(
                "translate",
                "test_translator",
                "test_pod_whose_account_was_made_anew_has_to_prove_itself_again",
            ),
        ),
    ),
    Mutant(
        "account without its uid",
        "smi/compiler/workloads.py",
        'account_uid=account.metadata.uid if account else "",',
        "",
        (
            unit(
                "compiler", "test_workloads", "test_workload_knows_which_account_object_it_runs_as"
            ),
        ),
    ),
    Mutant(
        "token of any audience",
        TOKENS,
        "        audience=audience,\n        options={",
        "        audience=None,\n        options={",
        (unit("ca", "test_tokens", "test_token_with_wrong_claims_is_refused_with_the_reason"),),
    ),
    Mutant(
        "token chooses its algorithm",
        TOKENS,
        "algorithms=[_ALGORITHM],",
        "algorithms=[jwt.get_unverified_header(token)['alg']],",
        (unit("ca", "test_tokens", "test_token_does_not_choose_its_algorithm"),),
    ),
)
