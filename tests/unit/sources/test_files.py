import io
import os
from pathlib import Path

import pytest

from smi.errors import InvalidResource
from smi.k8s.resource import NamespacedName
from smi.model.diagnostic import Diagnostic, Severity
from smi.sources import files
from smi.sources.files import DirectoryWatch, Loaded


def account(*names: str) -> str:
    head = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: "
    return "---\n".join(f"{head}{name}\n" for name in names)


def names(loaded: Loaded) -> list[str]:
    return [manifest.resource.key.name for manifest in loaded.all()]


def messages(found: tuple[object, ...]) -> list[str]:
    return [str(problem) for problem in found]


BROKEN = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: 5\n"


class TestRead:
    def test_a_file_is_read_whatever_its_name(self, tmp_path: Path) -> None:
        file = tmp_path / "shop.txt"
        file.write_text(account("a", "b"))
        assert names(files.read(file)) == ["a", "b"]

    def test_a_directory_is_read_at_all_depths_in_order(self, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "c.json").write_text(
            '{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "c"}}'
        )
        (tmp_path / "b.yml").write_text(account("b"))
        (tmp_path / "a.yaml").write_text(account("a"))
        (tmp_path / "README.md").write_text("no manifest")
        loaded = files.read(str(tmp_path))
        assert names(loaded) == ["a", "b", "c"]
        assert [Path(file).name for file in loaded.manifests] == ["a.yaml", "b.yml", "c.json"]

    def test_what_is_hidden_is_left_out(self, tmp_path: Path) -> None:
        (tmp_path / "..data").mkdir()
        for file in (tmp_path / "..data" / "a.yaml", tmp_path / ".b.yaml"):
            file.write_text(account("x"))
        assert names(files.read(tmp_path)) == []

    def test_a_dash_is_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loaded = files.read("-", stdin=io.StringIO(account("a")))
        assert list(loaded.manifests) == ["<stdin>"]
        monkeypatch.setattr("sys.stdin", io.StringIO(account("b")))
        assert names(files.read("-")) == ["b"]

    def test_a_file_that_is_not_there_is_a_problem(self, tmp_path: Path) -> None:
        file = tmp_path / "a.yaml"
        assert messages(files.read(file).problems) == [
            f"{file}: cannot be read: No such file or directory"
        ]

    def test_bytes_that_are_no_text_are_a_problem(self, tmp_path: Path) -> None:
        file = tmp_path / "a.yaml"
        file.write_bytes(b"\xff\xfe\x00")
        assert messages(files.read(file).problems) == [
            f"{file}: cannot be read: it is not text in UTF-8"
        ]

    def test_a_byte_order_mark_is_no_character(self, tmp_path: Path) -> None:
        file = tmp_path / "a.yaml"
        file.write_bytes(b"\xef\xbb\xbf" + account("a").encode())
        assert names(files.read(file)) == ["a"]

    def test_an_object_that_is_in_two_places_counts_where_it_is_first(self, tmp_path: Path) -> None:
        first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
        first.write_text(account("x"))
        second.write_text(account("z", "x"))
        loaded = files.read(tmp_path)
        assert names(loaded) == ["x", "z"]
        (problem,) = messages(loaded.problems)
        assert problem == (
            f"{second}:6: ServiceAccount default/x: is also in {first}:1, and that one counts; "
            "remove one of the two"
        )

    def test_ignored_objects_are_counted_over_all_files(self, tmp_path: Path) -> None:
        for name in ("a.yaml", "b.yaml"):
            (tmp_path / name).write_text("apiVersion: v1\nkind: Secret\n")
        assert files.read(tmp_path).ignored == {"v1 Secret": 2}


def test_text_is_read_without_a_file() -> None:
    manifests, problems = files.read_text(f"{account('a')}---\n{BROKEN}", "shop.yaml")
    assert [manifest.file for manifest in manifests] == ["shop.yaml"]
    assert messages(problems) == [
        'shop.yaml:9: ServiceAccount: metadata.name: should be text, not 5; put it in quotes: "5"'
    ]


class TestLoad:
    def test_sound_manifests_make_a_state(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text(account("a"))
        state = files.load(tmp_path)
        assert [key.name for key in state.resources] == [NamespacedName("default", "a")]

    def test_all_problems_are_raised_at_once(self, tmp_path: Path) -> None:
        for name in ("a.yaml", "b.yaml"):
            (tmp_path / name).write_text(BROKEN)
        with pytest.raises(InvalidResource) as caught:
            files.load(tmp_path)
        assert [Path(p.file or "").name for p in caught.value.problems] == ["a.yaml", "b.yaml"]


class TestLocate:
    def diagnostic(self, name: str) -> Diagnostic:
        return Diagnostic(
            severity=Severity.WARNING,
            kind="ServiceAccount",
            name=NamespacedName("default", name),
            field="metadata.name",
            reason="Unused",
            message="nobody uses it",
        )

    def test_a_diagnostic_of_an_object_gets_its_place(self) -> None:
        manifests, _ = files.read_text(account("a", "b"), "shop.yaml")
        (located,) = files.located([self.diagnostic("b")], manifests)
        assert (located.file, located.line) == ("shop.yaml", 9)
        assert list(files.located([located], ())) == [located]
        assert list(files.located([located], manifests)) == [located]

    def test_a_diagnostic_of_an_unwritten_object_stays_as_it_is(self) -> None:
        manifests, _ = files.read_text(account("a"), "shop.yaml")
        (same,) = files.located([self.diagnostic("c")], manifests)
        assert same == self.diagnostic("c")


class Folder:
    """A directory whose files get a new time stamp with every edit, however fast the test is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.watch = DirectoryWatch(path)
        self._time = 1_000_000_000

    def write(self, name: str, text: str) -> None:
        file = self.path / name
        file.write_text(text)
        self._time += 1
        os.utime(file, ns=(self._time, self._time))

    def settle(self) -> files.Update:
        """The update that a second look confirms."""
        assert self.watch.poll() is None
        update = self.watch.poll()
        assert update is not None
        return update

    def take(self) -> files.Update:
        update = self.watch.poll()
        assert update is not None
        return update


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


class TestDirectoryWatch:
    def test_the_first_poll_says_everything_at_once(self, folder: Folder) -> None:
        folder.write("a.yaml", account("a"))
        folder.write("b.yaml", BROKEN)
        update = folder.take()
        assert names(update.loaded) == ["a"]
        assert len(update.reported) == 1
        assert [Path(file).name for file in update.changed] == ["a.yaml", "b.yaml"]

    def test_an_empty_directory_is_an_answer_too(self, folder: Folder) -> None:
        assert names(folder.take().loaded) == []
        assert folder.watch.poll() is None

    def test_new_files_and_good_edits_count_at_once(self, folder: Folder) -> None:
        folder.write("a.yaml", account("a"))
        folder.take()
        folder.write("b.yaml", account("b"))
        assert names(folder.take().loaded) == ["a", "b"]
        folder.write("a.yaml", account("a", "c"))
        update = folder.take()
        assert names(update.loaded) == ["a", "c", "b"]
        assert [Path(file).name for file in update.changed] == ["a.yaml"]
        assert folder.watch.poll() is None

    def test_a_deleted_file_takes_its_objects_along(self, folder: Folder) -> None:
        folder.write("a.yaml", account("a"))
        folder.take()
        (folder.path / "a.yaml").unlink()
        assert names(folder.settle().loaded) == []

    def test_a_file_that_an_editor_replaces_is_never_gone(self, folder: Folder) -> None:
        folder.write("a.yaml", account("a"))
        folder.take()
        for _ in range(2):
            (folder.path / "a.yaml").rename(folder.path / "a.yaml~")
            assert folder.watch.poll() is None
            folder.write("a.yaml", account("a"))
            assert folder.watch.poll() is None

    def test_an_invalid_edit_keeps_the_last_good_objects(self, folder: Folder) -> None:
        folder.write("a.yaml", account("a", "b"))
        folder.take()
        folder.write("a.yaml", f"{account('a', 'c')}---\n{BROKEN}")
        update = folder.settle()
        assert names(update.loaded) == ["a", "b"]
        assert [(p.line, p.field) for p in update.reported] == [(14, "metadata.name")]
        folder.write("a.yaml", account("a", "c"))
        update = folder.settle()
        assert names(update.loaded) == ["a", "c"]
        assert update.loaded.problems == ()

    def test_a_file_that_was_never_good_counts_with_its_good_part(self, folder: Folder) -> None:
        folder.write("a.yaml", f"{account('a')}---\n{BROKEN}")
        assert names(folder.take().loaded) == ["a"]
        folder.write("a.yaml", f"{account('a', 'b')}---\n{BROKEN}")
        assert names(folder.settle().loaded) == ["a", "b"]

    def test_a_new_invalid_file_is_looked_at_twice(self, folder: Folder) -> None:
        folder.take()
        folder.write("a.yaml", BROKEN)
        assert len(folder.settle().reported) == 1

    def test_a_half_written_edit_is_never_seen(self, folder: Folder) -> None:
        folder.write("a.yaml", account("a", "b"))
        folder.take()
        folder.write("a.yaml", "")
        assert folder.watch.poll() is None
        folder.write("a.yaml", account("a", "b")[:30])
        assert folder.watch.poll() is None
        folder.write("a.yaml", account("a", "b", "c"))
        assert names(folder.take().loaded) == ["a", "b", "c"]

    def test_a_problem_is_reported_once_for_each_text(self, folder: Folder) -> None:
        folder.write("a.yaml", BROKEN)
        assert len(folder.take().reported) == 1
        folder.write("a.yaml", BROKEN)
        assert folder.watch.poll() is None
        folder.write("a.yaml", BROKEN + "# again\n")
        assert len(folder.settle().reported) == 1
        folder.write("b.yaml", account("b"))
        update = folder.take()
        assert update.reported == ()
        assert len(update.loaded.problems) == 1

    def test_an_object_that_a_new_file_repeats_is_reported(self, folder: Folder) -> None:
        folder.write("b.yaml", account("x"))
        folder.take()
        folder.write("a.yaml", account("x"))
        update = folder.take()
        (reported,) = update.reported
        assert reported.file == str(folder.path / "b.yaml")
        assert [manifest.file for manifest in update.loaded.all()] == [str(folder.path / "a.yaml")]

    def test_one_file_can_be_watched(self, folder: Folder) -> None:
        watch = DirectoryWatch(str(folder.path / "a.yaml"))
        update = watch.poll()
        assert update is not None
        assert names(update.loaded) == []
        folder.write("a.yaml", account("a"))
        update = watch.poll()
        assert update is not None
        assert names(update.loaded) == ["a"]
