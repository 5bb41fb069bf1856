"""Real Envoys, `decide` and a naive reading of the objects say the same of every request."""

import pytest

from smi.decision.judge import Verdict
from smi.model.inbound import Mode
from tests import adversary, samples
from tests.conftest import DEFAULT_SEED
from tests.integration.envoy.differential import Extent, Run
from tests.integration.envoy.tally import Tally

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(600)]

MESHES, REQUESTS = 10, 5000
EXTENT = Extent(questions=410, edits=4, questions_after_edit=65)
SPLITS = 3
SHAPES = {
    "leaf called by name",
    "several",
    "fell to the root",
    "whole",
    "by matches",
    "BackendNotFound",
    "PortMismatch",
    "NoReadyEndpoints",
    "0 destinations",
    "1 destinations",
    "2 destinations",
    "3 destinations",
    "the root among them",
    "another root among them",
    "pods behind two",
    "more than 32 bits",
}
BEHIND = {"unmeshed", "half-meshed", "half-meshed, split", "no pod"}
REASONS = {
    "Allowed",
    "NoPolicy",
    "SourceNotListed",
    "ProtocolNotGranted",
    "PortNotGranted",
    "RouteNotGranted",
    "NoIdentity",
    "BadRequest",
    "EscapedSlash",
    "unavailable",
    "Permissive",
    "NoSidecar",
}


async def test_envoy_decide_and_the_naive_reading_agree(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    tally, seeds = Tally(), tuple(range(seed, seed + MESHES))
    for number in seeds:
        await Run(number, EXTENT, tally).play()
    with capsys.disabled():
        print(f"\nseeds {seeds}\n{tally.table()}")  # noqa: T201 - a run says what it was about
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.counts["verdict", "allow"] >= 0.3 * tally.total
    if seed == DEFAULT_SEED:  # of chance nothing is asked that it may not give
        assert tally.total >= REQUESTS
        _assert_everything_occurs(tally)


def _assert_everything_occurs(tally: Tally) -> None:
    assert set(tally.of("reason")) == REASONS
    assert set(tally.of("verdict")) == set(Verdict)
    assert set(tally.of("mode")) == set(Mode)
    assert set(tally.of("source")) == {"none", "pod", "account", "SPIFFE ID"}
    ways = {"plain", "bare", "pod", "tunnel by CONNECT", "door by CONNECT"}
    assert ways <= set(tally.of("way"))
    assert set(tally.of("behind")) >= BEHIND
    assert set(tally.of("method")) >= set(samples.SENT_METHODS)
    assert set(tally.of("protocol")) == {"http", "h2", "tcp"}
    assert set(tally.of("adversary")) == set(adversary.CLASSES)
    assert set(tally.of("carried")) == {
        "HTTP as bytes",
        "HTTP as bytes, as declared",
        "bytes to HTTP",
    }
    assert len(tally.of("declared")) == 3 * 3  # whatever is declared, whatever is spoken
    assert sum(tally.of("shares").values()) >= SPLITS
    assert set(tally.of("split")) == SHAPES
