"""Manifests in files: read once, loaded as a state, or watched while somebody edits them."""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TextIO

from smi.compiler.state import ClusterState, ResourceKey, collect, resource_key
from smi.errors import InvalidResource, Problem
from smi.model.diagnostic import Diagnostic
from smi.sources.manifests import Contents, Manifest, contents

_NO_TEXT = "cannot be read: it is not text in UTF-8"
_SUFFIXES = {".yaml", ".yml", ".json"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What all files say. An object that is in two places counts where it is first."""

    manifests: Mapping[str, tuple[Manifest, ...]]
    problems: tuple[Problem, ...]
    ignored: Mapping[str, int]
    measurements: tuple[Manifest, ...] = ()

    def all(self) -> tuple[Manifest, ...]:
        """The manifests of all files, in the order of files and of lines."""
        return tuple(manifest for file in self.manifests.values() for manifest in file)

    @property
    def left_out(self) -> str:
        """The objects that mean nothing to a mesh, as text: `2 v1 ConfigMap, 1 v1 Secret`."""
        return ", ".join(f"{count} {kind}" for kind, count in sorted(self.ignored.items()))


def emptiness(path: Path, loaded: Loaded) -> str:
    """What to say where `loaded`, read from `path`, has no objects."""
    if loaded.ignored:
        return f"{path}: holds nothing that a mesh reads, only {loaded.left_out}"
    return f"{path}: no Kubernetes manifests (*.yaml, *.yml, *.json)"


def load(path: str | Path) -> ClusterState:
    """The state that the manifests in `path` make; see `read`.

    Raises InvalidResource with every problem of every file, if there is any.
    """
    loaded = read(path)
    if loaded.problems:
        raise InvalidResource(loaded.problems)
    return collect(manifest.resource for manifest in loaded.all())


def read(path: str | Path, stdin: TextIO | None = None) -> Loaded:
    """The manifests of a file, of a directory, or of `stdin` where `path` is `-`.

    A directory is searched at all depths for *.yaml, *.yml and *.json; hidden files and
    directories are left out. What cannot be read is a problem: this never raises.
    """
    if str(path) == "-":
        return _join({"<stdin>": _piped(stdin or sys.stdin)})
    return _join({str(file): _contents(file, _text(file)) for file in _files(Path(path))})


def _piped(stdin: TextIO) -> Contents:
    try:
        return contents(stdin.read(), "<stdin>")
    except UnicodeDecodeError:
        return Contents(problems=(Problem("<stdin>", None, "", "", "", _NO_TEXT),))


def read_text(text: str, file: str) -> tuple[tuple[Manifest, ...], tuple[Problem, ...]]:
    """The objects that `text` holds, and what is wrong with the rest; `file` is its name."""
    loaded = _join({file: contents(text, file)})
    return loaded.all(), loaded.problems


def located(
    diagnostics: Iterable[Diagnostic], manifests: Iterable[Manifest]
) -> Iterator[Diagnostic]:
    """Each of `diagnostics` with file, line and field as written, if its object is there."""
    found: dict[ResourceKey, Manifest] = {}
    for manifest in manifests:
        found.setdefault(resource_key(manifest.resource), manifest)
    for diagnostic in diagnostics:
        written = found.get(ResourceKey(diagnostic.kind, diagnostic.name))
        if written is None or diagnostic.file is not None:
            yield diagnostic
        else:
            yield placed(diagnostic, written)


def placed(diagnostic: Diagnostic, manifest: Manifest) -> Diagnostic:
    """The diagnostic, which is about `manifest`, with file, line and field as written there."""
    field, line = manifest.field_of(diagnostic.field), manifest.line_of(diagnostic.field)
    return replace(diagnostic, field=field, file=manifest.file, line=line)


def _files(path: Path) -> tuple[Path, ...]:
    if not path.is_dir():
        return (path,)
    return tuple(sorted(file for file in _walk(path) if file.is_file()))


def _walk(path: Path) -> Iterator[Path]:
    for directory, below, names in os.walk(path):
        # A mounted ConfigMap has its files twice, once below the hidden `..data`; and nobody wants
        # to wait for all that is in a `.git` or a `.venv`.
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and Path(name).suffix in _SUFFIXES:
                yield Path(directory, name)


def _text(file: Path) -> str | Problem:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        message = _NO_TEXT
    return Problem(str(file), None, "", "", "", message)


def _contents(file: Path, text: str | Problem) -> Contents:
    if isinstance(text, Problem):
        return Contents(problems=(text,))
    return contents(text, str(file))


def _join(files: Mapping[str, Contents]) -> Loaded:
    first: dict[ResourceKey, Manifest] = {}
    problems = [problem for file in files.values() for problem in file.problems]
    manifests: dict[str, tuple[Manifest, ...]] = {}
    ignored: Counter[str] = Counter()
    for name, file in files.items():
        for manifest in file.manifests:
            other = first.setdefault(resource_key(manifest.resource), manifest)
            if other is not manifest:
                problems.append(_duplicate(manifest, other))
        kept = (m for m in file.manifests if first[resource_key(m.resource)] is m)
        manifests[name] = tuple(kept)
        ignored.update(file.ignored)
    measurements = tuple(found for file in files.values() for found in file.measurements)
    return Loaded(manifests, tuple(problems), ignored, measurements)


def _duplicate(manifest: Manifest, first: Manifest) -> Problem:
    kind, name = resource_key(manifest.resource)
    message = f"is also in {first.file}:{first.line}, and that one counts; remove one of the two"
    return Problem(manifest.file, manifest.line, kind, str(name), "", message)


class _Stamp(NamedTuple):
    """What tells a changed file from an unchanged one without reading it."""

    mtime_ns: int
    size: int
    inode: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it counts; `sound` unless its objects are only the good part of a text."""

    stamp: _Stamp
    text: str | Problem
    contents: Contents
    sound: bool


@dataclass(frozen=True, slots=True)
class Update:
    """What holds after a change: `changed` files, and the problems that they have brought."""

    loaded: Loaded
    changed: tuple[str, ...]
    reported: tuple[Problem, ...]


class DirectoryWatch:
    """The manifests below a path while somebody edits them.

    Owns what it last read of each file and holds nothing open. An invalid edit leaves the file's
    last good objects in force. Bad news waits for a second poll: a text with problems, with
    objects gone, or a file that is not there may be an edit that is only half written.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._seen: dict[str, _Seen] = {}
        self._doubted: dict[str, _Stamp | None] = {}
        self._loaded: Loaded | None = None

    def poll(self) -> Update | None:
        """What holds now, if that changed since the last call; the first call always answers."""
        stamps = _stamps(self._path)
        names = sorted(stamps.keys() | self._seen.keys())
        changed = tuple(name for name in names if self._take(name, stamps.get(name)))
        if self._loaded is not None and not changed:
            return None
        loaded = _join({name: self._seen[name].contents for name in sorted(self._seen)})
        known = self._loaded.problems if self._loaded else ()
        self._loaded = loaded
        reported = (p for p in loaded.problems if p.file in changed or p not in known)
        return Update(loaded, changed, tuple(reported))

    def _take(self, name: str, stamp: _Stamp | None) -> bool:
        """Make the file count as it now is; whether that says anything new."""
        seen = self._seen.get(name)
        if seen and seen.stamp == stamp:
            self._doubted.pop(name, None)
            return False
        if stamp is None:
            if self._doubts(name, stamp):
                return False
            del self._seen[name]
            return True
        text = _text(Path(name))
        if seen and seen.text == text:
            self._doubted.pop(name, None)
            self._seen[name] = replace(seen, stamp=stamp)
            return False
        fresh = _contents(Path(name), text)
        if (fresh.problems or _lost(seen, fresh)) and self._doubts(name, stamp):
            return False
        self._doubted.pop(name, None)
        self._seen[name] = _after(seen, stamp, text, fresh)
        return True

    def _doubts(self, name: str, stamp: _Stamp | None) -> bool:
        """Whether bad news of a file is to wait: only once, and not before anything holds."""
        if self._loaded is None or self._doubted.get(name, ()) == stamp:
            self._doubted.pop(name, None)
            return False
        self._doubted[name] = stamp
        return True


def _stamps(path: Path) -> dict[str, _Stamp]:
    stamps: dict[str, _Stamp] = {}
    for file in _files(path):
        with suppress(OSError):  # it went away since it was listed
            stat = file.stat()
            stamps[str(file)] = _Stamp(stat.st_mtime_ns, stat.st_size, stat.st_ino)
    return stamps


def _lost(seen: _Seen | None, fresh: Contents) -> bool:
    had = {resource_key(m.resource) for m in seen.contents.manifests} if seen else set()
    return not had <= {resource_key(m.resource) for m in fresh.manifests}


def _after(seen: _Seen | None, stamp: _Stamp, text: str | Problem, fresh: Contents) -> _Seen:
    if fresh.problems and seen and seen.sound:
        return _Seen(stamp, text, replace(seen.contents, problems=fresh.problems), sound=True)
    return _Seen(stamp, text, fresh, sound=not fresh.problems)
