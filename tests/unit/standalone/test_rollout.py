from uuid import UUID

from smi.k8s.resource import NamespacedName
from smi.standalone.addressing import Machine
from smi.standalone.plan import Plan, make_plan
from smi.standalone.rollout import Standing, Steps, next_steps
from tests.fakes.manifests import deployment

A, B, C = (NamespacedName("shop", f"front-{index}") for index in range(3))


def plan(replicas: int, args: tuple[str, ...] = (), previous: Plan = Plan()) -> Plan:  # noqa: B008
    machine = Machine("127.1.1", UUID(int=1), lambda *_: True)
    written = deployment("front", replicas=replicas, args=args)
    return make_plan([written], {}, machine, previous)[0]


PLAN = plan(3)
NEW = PLAN.replicas[A].digest, PLAN.replicas[B].digest, PLAN.replicas[C].digest


def pod(digest: str, *, ready: bool = True, ending: bool = False) -> Standing:
    return Standing(digest, ready, ending)


def test_what_does_not_run_is_started() -> None:
    assert next_steps(PLAN, {}) == Steps((A, B, C), ())


def test_what_runs_as_planned_is_left_alone() -> None:
    running = {A: pod(NEW[0]), B: pod(NEW[1]), C: pod(NEW[2])}
    assert next_steps(PLAN, running) == Steps((), ())


def test_what_is_not_planned_is_stopped_at_once() -> None:
    running = {A: pod(NEW[0]), B: pod(NEW[1]), C: pod(NEW[2])}
    assert next_steps(plan(1), running) == Steps((), (B, C))


def test_ready_pods_of_an_owner_are_replaced_one_at_a_time() -> None:
    running = {A: pod("old"), B: pod("old"), C: pod("old")}
    assert next_steps(PLAN, running) == Steps((), (A,))


def test_the_next_waits_until_the_first_is_ready_again() -> None:
    assert next_steps(PLAN, {B: pod("old"), C: pod("old")}) == Steps((A,), ())
    starting = {A: pod(NEW[0], ready=False), B: pod("old"), C: pod("old")}
    assert next_steps(PLAN, starting) == Steps((), ())
    assert next_steps(PLAN, starting | {A: pod(NEW[0])}) == Steps((), (B,))


def test_a_pod_that_does_not_serve_is_replaced_without_waiting() -> None:
    running = {A: pod("old", ready=False), B: pod("old"), C: pod("old", ready=False)}
    assert next_steps(PLAN, running) == Steps((), (A, C))


def test_a_pod_that_ends_is_neither_stopped_twice_nor_started_yet() -> None:
    running = {A: pod("old", ready=False, ending=True), B: pod("old"), C: pod("old")}
    assert next_steps(PLAN, running) == Steps((), ())


ONE = plan(1, ("-v",), previous=plan(1))
ONE_NEW, ONE_STANDBY = ONE.replicas[A].digest, ONE.standbys[B].digest


def test_only_pod_is_replaced_when_its_standby_serves() -> None:
    old, standby = pod("old"), pod(ONE_STANDBY)
    assert next_steps(ONE, {A: old}) == Steps((B,), ())
    assert next_steps(ONE, {A: old, B: pod(ONE_STANDBY, ready=False)}) == Steps((), ())
    assert next_steps(ONE, {A: old, B: standby}) == Steps((), (A,))
    ending = pod("old", ready=False, ending=True)
    assert next_steps(ONE, {A: ending, B: standby}) == Steps((), ())
    assert next_steps(ONE, {B: standby}) == Steps((A,), ())
    assert next_steps(ONE, {A: pod(ONE_NEW, ready=False), B: standby}) == Steps((), ())
    assert next_steps(ONE, {A: pod(ONE_NEW), B: standby}) == Steps((), (B,))
    assert next_steps(ONE, {A: pod(ONE_NEW)}) == Steps((), ())


def test_only_pod_that_does_not_serve_needs_no_standby() -> None:
    assert next_steps(ONE, {A: pod("old", ready=False)}) == Steps((), (A,))


def test_standby_of_an_edit_before_serves_until_the_pod_does_unless_it_never_did() -> None:
    assert next_steps(ONE, {A: pod("old"), B: pod("older")}) == Steps((), (A,))
    assert next_steps(ONE, {A: pod("old"), B: pod("older", ready=False)}) == Steps((), (B,))
    assert next_steps(ONE, {A: pod(ONE_NEW), B: pod("older")}) == Steps((), (B,))


def test_standby_becomes_the_second_pod_of_a_deployment_that_grows() -> None:
    running = {A: pod(ONE_NEW, ready=False), B: pod(ONE_STANDBY)}
    grown = plan(2, ("-v",), previous=ONE)
    assert grown.standbys == {}
    assert next_steps(grown, running) == Steps((), ())
