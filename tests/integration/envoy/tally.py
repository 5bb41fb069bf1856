"""What a run of the differential test asked, and what disagreed."""

from collections import Counter
from dataclasses import dataclass, field

from smi.decision.decide import Decision
from smi.decision.request import Request
from smi.model.service import AppProtocol
from tests import adversary
from tests.integration.envoy.stage import Way


@dataclass(slots=True)
class Tally:
    """Owns the counts of a whole run, by kind and name."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many requests were judged."""
        return self.counts["requests", "all"]

    def note(self, request: Request, decision: Decision, way: Way) -> None:
        """Count one request."""
        self.counts["requests", "all"] += 1
        self.counts["verdict", str(decision.verdict)] += 1
        self.counts["mode", str(decision.mode)] += 1
        self.counts["protocol", str(request.protocol)] += 1
        self.counts["way", way.name if way.nameable else f"{way.name}, not nameable"] += 1
        self.counts["source", _kind(request.source)] += 1
        if way.name == "door":
            self.counts["declared", f"{way.speaks}, spoken {request.protocol}"] += 1
        if way.carries_bytes(request):
            self.counts["carried", "HTTP as bytes"] += 1
        if decision.protocol is not request.protocol:
            self.counts["carried", "HTTP as bytes, as declared"] += 1
        if way.speaks is AppProtocol.HTTP and not request.is_http:
            self.counts["carried", "bytes to HTTP"] += 1
        if request.is_http:
            self.counts["method", request.method] += 1
        reasons = {str(d.judgement.reason) for d in decision.destinations} or {"unavailable"}
        self.counts.update(("reason", reason) for reason in reasons)
        self.counts.update(("adversary", name) for name in adversary.classes(request))
        if decision.split is not None:
            self.counts["split", "yes"] += 1

    def of(self, what: str) -> dict[str, int]:
        """The counts of one kind."""
        return {name: count for (kind, name), count in sorted(self.counts.items()) if kind == what}

    def table(self) -> str:
        """All counts, a line a kind."""
        kinds = dict.fromkeys(kind for kind, _ in self.counts)
        return "\n".join(f"{kind:10} {self.of(kind)}" for kind in kinds)


def _kind(source: str) -> str:
    """How a question names its source."""
    if source.startswith("spiffe://"):
        return "SPIFFE ID"
    return {"none": "none", "pod": "pod"}.get(source.partition("/")[0], "account")
