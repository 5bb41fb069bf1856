import pytest

from smi.k8s import core_v1
from smi.model.service import OutlierDetection
from tests.objects import compiled, service

ANNOTATION = "smi-mesh.io/outlier-detection"


def asked(text: str | None) -> core_v1.Service:
    """A Service with the annotation."""
    written = service("web")
    assert isinstance(written, core_v1.Service)
    annotations = {} if text is None else {ANNOTATION: text}
    metadata = written.metadata.model_copy(update={"annotations": annotations})
    return written.model_copy(update={"metadata": metadata})


def test_nobody_is_left_out_unless_it_is_asked_for() -> None:
    (found,) = compiled(asked(None)).mesh.services.values()
    assert found.outliers is None


@pytest.mark.parametrize(
    ("text", "outliers"),
    [
        ("consecutive-5xx=3", OutlierDetection(3, 10_000, 30_000, 50)),
        ("max=100%, interval=500ms", OutlierDetection(5, 500, 30_000, 100)),
        ("consecutive-5xx=1,interval=1s,ejection=2m,max=1%", OutlierDetection(1, 1000, 120_000, 1)),
    ],
)
def test_what_is_not_said_is_as_the_documentation_says(
    text: str, outliers: OutlierDetection
) -> None:
    found = compiled(asked(text))
    assert [s.outliers for s in found.mesh.services.values()] == [outliers]
    assert found.diagnostics == ()


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", "it is empty"),
        ("yes", "'yes'"),
        ("max=50%,", "''"),
        ("consecutive-5xx=0", "'consecutive-5xx=0'"),
        ("consecutive-5xx=-1", "'consecutive-5xx=-1'"),
        ("consecutive-5xx=1000001", "'consecutive-5xx=1000001'"),
        ("interval=10", "'interval=10'"),
        ("interval=0s", "'interval=0s'"),
        ("ejection=61m", "'ejection=61m'"),
        ("max=50", "'max=50'"),
        ("max=101%", "'max=101%'"),
        ("interval=1s, unknown=2", "'unknown=2'"),
    ],
)
def test_what_is_malformed_leaves_nobody_out_and_is_told(text: str, quoted: str) -> None:
    found = compiled(asked(text))
    assert [s.outliers for s in found.mesh.services.values()] == [None]
    (said,) = (d for d in found.diagnostics if d.reason == "OutlierDetectionMalformed")
    assert (said.severity, said.field) == ("error", f"metadata.annotations.{ANNOTATION}")
    assert said.message.startswith(f"{quoted} ") or said.message.startswith(f"{quoted},")
