from uuid import UUID

from smi.k8s import core_v1
from smi.k8s.meta_v1 import ObjectMeta
from smi.standalone.addressing import Machine, detours


def pod(port: int) -> core_v1.Pod:
    container = core_v1.Container(name="main", ports=(core_v1.ContainerPort(container_port=port),))
    return core_v1.Pod(
        metadata=ObjectMeta(name="web-0", namespace="shop"),
        spec=core_v1.PodSpec(containers=(container,)),
    )


def inbound(port: int, *busy: range) -> int:
    machine = Machine("127.81.4", UUID(int=1), lambda _, n: not any(n in taken for taken in busy))
    found = detours({"127.81.4.1": pod(port)}, [], machine, {})
    return found[pod(port).key][port].inbound


def test_a_sidecar_listens_on_the_port_of_its_pod() -> None:
    assert inbound(8080) == 8080


def test_a_port_that_needs_root_moves_up() -> None:
    assert inbound(80) == 40080


def test_a_port_that_sidecars_keep_for_themselves_moves_up() -> None:
    assert inbound(15001) == 45001


def test_a_port_that_somebody_holds_moves_to_the_next() -> None:
    assert inbound(8080, range(8080, 8083)) == 8083


def test_where_all_above_are_held_one_below_is_taken() -> None:
    assert inbound(60000, range(60000, 65536)) == 40000
