"""Which of the manifests that somebody edits come into force, and which wait to be mended."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from smi.compiler.compile import compile as compiled
from smi.compiler.state import MeshWide, collect, resource_key
from smi.compiler.workloads import Controller
from smi.k8s import core_v1
from smi.k8s.resource import Resource
from smi.model.diagnostic import Diagnostic, Severity
from smi.sources.files import located
from smi.sources.manifests import Manifest, unknown_fields
from smi.standalone.addressing import Machine
from smi.standalone.plan import Plan, loopback, make_plan, running_pod

Files = Mapping[str, tuple[Manifest, ...]]
"""The manifests of each file."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What is in force. `held` says what keeps files out of it, whose last good state stays.

    `wide` is what holds whatever the files say.
    """

    files: Files = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    findings: tuple[Diagnostic, ...] = ()
    held: tuple[Diagnostic, ...] = ()
    wide: MeshWide = field(default_factory=MeshWide)

    def resources(self) -> tuple[Resource, ...]:
        """All objects in force but the pods and what stands for pods: the plan has those."""
        every = _resources(self.files)
        return tuple(r for r in every if not isinstance(r, Controller | core_v1.Pod))


def accepted(files: Files, machine: Machine, before: Accepted) -> Accepted:
    """`files` in force in the place of `before`.

    A changed file that brings an error which was not there before is held: its objects stay as
    they were, until the file is mended or what it lacks comes from another file. The first files
    are never held for what the mesh lacks, since there is nothing to stay.
    """
    old_errors = {_subject(d) for d in before.findings if d.severity is Severity.ERROR}
    candidate = dict(files)
    held: list[Diagnostic] = []
    while True:
        plan, findings = _judged(candidate, machine, before)
        new = [
            finding
            for finding in findings
            if finding.severity is Severity.ERROR
            and _subject(finding) not in old_errors
            and finding.file is not None
            and candidate[finding.file] != before.files.get(finding.file, ())
        ]
        if not new or not before.files:
            return Accepted(candidate, plan, findings, tuple(held), before.wide)
        held += new
        for finding in new:
            candidate[str(finding.file)] = before.files.get(str(finding.file), ())


def _judged(
    files: Files, machine: Machine, before: Accepted
) -> tuple[Plan, tuple[Diagnostic, ...]]:
    """The plan for `files`, and all that is to be said about them."""
    manifests = tuple(manifest for file in files.values() for manifest in file)
    directories = {resource_key(m.resource): m.file.rpartition("/")[0] or "." for m in manifests}
    plan, found = make_plan(_resources(files), directories, machine, before.plan)
    pods = [running_pod(replica, ready=True) for replica in plan.replicas.values()]
    loopbacks = {name: loopback(replica, plan) for name, replica in plan.replicas.items()}
    others = [m.resource for m in manifests if not isinstance(m.resource, Controller)]
    state = collect([*others, *pods], loopbacks, *before.wide)
    findings = (*unknown_fields(manifests), *found, *compiled(state).diagnostics)
    return plan, tuple(located(findings, manifests))


def _resources(files: Files) -> tuple[Resource, ...]:
    return tuple(manifest.resource for file in files.values() for manifest in file)


def _subject(diagnostic: Diagnostic) -> Diagnostic:
    """The finding wherever it is written, so that it is the same one when its line moves."""
    return replace(diagnostic, file=None, line=None)
