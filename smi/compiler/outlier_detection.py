"""When clients of a Service leave a pod out that keeps failing, as an annotation of it says."""

import re
from collections.abc import Callable
from typing import Final

from smi.compiler.findings import Findings
from smi.k8s import core_v1
from smi.model.service import OutlierDetection

ANNOTATION: Final = "smi-mesh.io/outlier-detection"

_DEFAULTS: Final = {"consecutive-5xx": 5.0, "interval": 10.0, "ejection": 30.0, "max": 50.0}
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0}
_LONGEST: Final = 3600.0
_MOST_FAILURES: Final = 1_000_000


def outlier_detection(service: core_v1.Service, findings: Findings) -> OutlierDetection | None:
    """What the annotation of `service` asks for; none, and a finding, where it is malformed."""
    text = service.metadata.annotations.get(ANNOTATION)
    if text is None:
        return None
    said = dict(_DEFAULTS)
    problem = "" if text.strip() else "it is empty"
    for part in text.split(",") if text.strip() else ():
        key, _, value = (word.strip() for word in part.partition("="))
        number = _READ[key](value) if key in _READ else None
        if number is None:
            problem = f"{part.strip()!r} is not understood"
            break
        said[key] = number
    if problem:
        findings.error(
            f"metadata.annotations.{ANNOTATION}",
            "OutlierDetectionMalformed",
            f"{problem}, and no pod is ever left out; write any of consecutive-5xx=5, interval=10s,"
            " ejection=30s, max=50%, separated by commas",
        )
        return None
    return OutlierDetection(
        failures=round(said["consecutive-5xx"]),
        interval_ms=round(said["interval"] * 1000),
        ejection_ms=round(said["ejection"] * 1000),
        most_percent=round(said["max"]),
    )


def _count(text: str) -> float | None:
    if not re.fullmatch(r"[0-9]{1,7}", text):
        return None
    return float(text) if 1 <= int(text) <= _MOST_FAILURES else None


def _duration(text: str) -> float | None:
    found = re.fullmatch(r"([0-9]{1,7})(ms|s|m)", text)
    if found is None:
        return None
    seconds = int(found[1]) * _SECONDS[found[2]]
    return seconds if 0 < seconds <= _LONGEST else None


def _percentage(text: str) -> float | None:
    found = re.fullmatch(r"([0-9]{1,3})%", text)
    return float(found[1]) if found and 1 <= int(found[1]) <= 100 else None


_READ: Final[dict[str, Callable[[str], float | None]]] = {
    "consecutive-5xx": _count,
    "interval": _duration,
    "ejection": _duration,
    "max": _percentage,
}
