"""What becomes of an API server's answers, and of a watch that breaks."""

from tests.mutants.mutant import Mutant, unit

_WATCHING = "smi/client/watching.py"
_FAILURES = "smi/client/failures.py"
_CALLS = "smi/client/calls.py"
_VIEW = "tests/property/test_watching.py::test_events_make_what_there_is_however_the_watch_breaks"


def _watching(test: str) -> str:
    return unit("client", "test_watching", test)


CLIENT = (
    Mutant(
        "object that went while nobody watched stays",
        _WATCHING,
        "if key not in now or now[key].uid != old.uid:",
        "if key in now and now[key].uid != old.uid:",
        (_watching("test_list_in_between_tells_the_difference"), _VIEW),
    ),
    Mutant(
        "object that was made anew is the one before",
        _WATCHING,
        "elif known.version != new.version:",
        "else:",
        (_watching("test_list_in_between_tells_the_difference"),),
    ),
    Mutant(
        "object of another uid is only changed",
        _WATCHING,
        "if known is None or known.uid != new.uid:",
        "if known is None:",
        (_watching("test_object_that_was_made_anew_is_another"), _VIEW),
    ),
    Mutant(
        "bookmark does not advance a watch",
        _WATCHING,
        "view.version = version_of(written) or view.version",
        'view.version = (version_of(written) if written.get("spec") else "") or view.version',
        (_watching("test_bookmark_is_not_told_and_the_version_goes_on"),),
    ),
    Mutant(
        "watch that is too old goes on from there for ever",
        _WATCHING,
        "if is_refused or view.quiet % _DOUBTFUL == 0:",
        "if view.quiet % _DOUBTFUL == 0:",
        (_watching("test_watch_that_is_refused_lists_anew"),),
    ),
    Mutant(
        "version that brings nothing is never doubted",
        _WATCHING,
        "if is_refused or view.quiet % _DOUBTFUL == 0:",
        "if is_refused:",
        (_watching("test_version_that_brings_nothing_again_and_again_is_doubted"),),
    ),
    Mutant(
        "silence of a collection that nobody touches is a failure",
        _WATCHING,
        "view.failures = 1 if lasted >= _LASTING else view.failures + 1",
        "view.failures += 1",
        (_watching("test_connection_that_lasted_was_no_failure"),),
    ),
    Mutant(
        "watch is longer than silence is borne",
        "smi/client/timeouts.py",
        "return max(1, int(self.idle * (4 + chance) / 6))",
        "return max(1, int(self.idle * (4 + chance) / 4))",
        (unit("client", "test_timeouts", "test_watch_ends_in_time_to_tell_silence_from_death"),),
    ),
    Mutant(
        "waits do not grow",
        _WATCHING,
        "FIRST_WAIT * 2 ** min(view.failures - 1, 10)",
        "FIRST_WAIT * 2 ** min(view.failures - 1, 0)",
        (_watching("test_waits_double_up_to_half_a_minute"),),
    ),
    Mutant(
        "object that cannot be read ends a list",
        "smi/client/objects.py",
        "except InvalidResource as error:",
        "except KeyError as error:",
        (
            unit("client", "test_objects", "test_object_that_cannot_be_read_hides_no_other"),
            _watching("test_object_that_cannot_be_read_is_told_and_ends_nothing"),
            _VIEW,
        ),
    ),
    Mutant(
        "call that may have been done is repeated",
        _FAILURES,
        "refused.retry_after if refused.code in {429, 503} else None",
        "refused.retry_after",
        (unit("client", "test_failures", "test_what_may_go_well_later_says_when"),),
    ),
    Mutant(
        "version of another history is waited for",
        _FAILURES,
        'if any(cause.get("reason") == "ResourceVersionTooLarge" for cause in refused.causes):',
        'if any(cause.get("reason") == "Unknown" for cause in refused.causes):',
        (
            unit(
                "client",
                "test_failures",
                "test_version_that_the_server_has_not_reached_asks_for_a_list",
            ),
        ),
    ),
    Mutant(
        "object without a name is its collection",
        _CALLS,
        'if not name:\n        raise InvalidRequest("an object has a name: say which")\n',
        "",
        (unit("client", "test_calls", "test_name_that_would_lead_elsewhere_is_refused"),),
    ),
    Mutant(
        "name leads to another path",
        _CALLS,
        'if name in {".", ".."} or "/" in name or "%" in name:',
        'if "%" in name:',
        (unit("client", "test_calls", "test_name_that_would_lead_elsewhere_is_refused"),),
    ),
    Mutant(
        "condition that holds as it did begins anew",
        "smi/client/status.py",
        'old.get("lastTransitionTime") if old.get("status") == holds else None',
        'old.get("lastTransitionTime") if old.get("status") == "" else None',
        (unit("client", "test_status", "test_condition_that_holds_as_it_did_keeps_its_time"),),
    ),
    Mutant(
        "kubeconfig that cannot be used is told with its tokens",
        "smi/client/cluster.py",
        'return re.sub(r"\\{.*\\}", "{...}", str(error), flags=re.DOTALL) or type(error).__name__',
        "return str(error) or type(error).__name__",
        (unit("client", "test_cluster", "test_kubeconfig_that_cannot_be_used_tells_no_secret"),),
    ),
)
