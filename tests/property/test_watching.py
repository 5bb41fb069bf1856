"""Whatever breaks a watch, who applies its events knows what there is."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smi import access
from smi.client.objects import R, listed
from smi.client.watching import Broken, Change, Event, View, step
from smi.errors import Expired, Unavailable
from smi.k8s.resource import NamespacedName

NAMES = st.sampled_from(("a", "b", "c"))
# What is done, and whether the watch is there to see it.
EDITS = st.lists(
    st.tuples(
        st.sampled_from(("write", "spoil", "delete", "renew", "bookmark")), NAMES, st.booleans()
    )
)


@dataclass
class _Server:
    """A collection that counts its versions, as an API server does."""

    version: int = 0
    there: dict[str, dict[str, Any]] = field(default_factory=dict)

    def _written(self, name: str, uid: str, account: object) -> dict[str, Any]:
        return {
            "metadata": {"name": name, "uid": uid, "resourceVersion": str(self.version)},
            "spec": {"schemes": {"serviceAccount": account}},
        }

    def edit(self, what: str, name: str) -> dict[str, Any] | None:
        """The event of an edit; None where there is nothing to edit."""
        self.version += 1
        old = self.there.get(name)
        if what == "bookmark":
            return {
                "type": "BOOKMARK",
                "object": {"metadata": {"resourceVersion": str(self.version)}},
            }
        if what in {"delete", "renew"}:
            if old is None:
                return None
            del self.there[name]
            gone = {**old, "metadata": {**old["metadata"], "resourceVersion": str(self.version)}}
            if what == "renew":
                # Nobody sees the deletion of one that comes back while the watch is broken.
                self.there[name] = self._written(name, f"u{self.version}", "web")
            return {"type": "DELETED", "object": gone}
        uid = old["metadata"]["uid"] if old else f"u{self.version}"
        new = self._written(name, uid, "web" if what == "write" else 7)
        self.there[name] = new
        return {"type": "MODIFIED" if old else "ADDED", "object": new}

    def listed(self) -> dict[str, Any]:
        return {
            "metadata": {"resourceVersion": str(self.version)},
            "items": list(self.there.values()),
        }


def applied(knows: dict[NamespacedName, object], events: list[Event[R]]) -> None:
    for event in events:
        if event.change is Change.DELETED:
            del knows[event.key]
        else:
            assert (event.key in knows) == (event.change is Change.MODIFIED)
            knows[event.key] = event.value


@given(EDITS)
def test_events_make_what_there_is_however_the_watch_breaks(
    edits: list[tuple[str, str, bool]],
) -> None:
    server, view = _Server(), View(access.IdentityBinding)
    knows: dict[NamespacedName, object] = {}

    def lists() -> None:
        now = listed(access.IdentityBinding, server.listed())
        applied(knows, step(view, now))
        assert knows == {one.key: one.value for one in now.found}

    lists()
    for what, name, is_seen in edits:
        happened = server.edit(what, name)
        if is_seen and what != "renew":
            if not view.version:
                lists()
            elif happened is not None:
                applied(knows, step(view, happened))
        else:
            applied(knows, step(view, Broken(Expired("too old"))))
    applied(knows, step(view, Broken(Unavailable("refused"))))
    lists()
