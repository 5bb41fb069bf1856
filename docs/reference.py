"""Write the reference of the public rooms to a directory, from their docstrings.

    python docs/reference.py build/docs

Ends with 1, and says what, if anything public has no docstring, a docstring names something that is
not there, a link leads nowhere, or pdoc warns.
"""

import pkgutil
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pdoc
import pdoc.doc
import pdoc.render

import smi

# What is not for programs that use the library: commands, the mesh on one machine, how a room does
# its work.
PRIVATE = (
    r"smi\.(cli|fields|problems|standalone|webhook)\b",
    r"smi\.(access|specs|split|metrics)\.(?!v\d|readings$)",
    r"smi\.compiler\.(?!compile$|state$)",
    r"smi\.decision\.(?!decide$|request$)",
    r"smi\.sources\.(?!files$)",
    r"smi\.client\.(calls|connection|failures)$",
    r"smi\.k8s\.(crd|document|quantity|shape|stash|wording)$",
)
_NAME = re.compile(r"`(smi(?:\.\w+)+)`")


class _Page(HTMLParser):
    """What a page is linked by, and where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            if name == "href" and value and tag == "a":
                self.links.add(value)


def public() -> list[str]:
    """The modules that the reference is of."""
    every = [smi.__name__, *(m.name for m in pkgutil.walk_packages(smi.__path__, "smi."))]
    return [name for name in every if not any(re.match(private, name) for private in PRIVATE)]


def undocumented(names: list[str]) -> Iterator[str]:
    """What has no docstring, or one that names something that is not there."""
    for module in (pdoc.doc.Module(import_module(name)) for name in names):
        for doc in (module, *_members(module)):
            is_told = isinstance(doc, pdoc.doc.Variable) or doc.docstring
            if not is_told:
                yield f"{doc.fullname} has no docstring"
            for name in _NAME.findall(doc.docstring):
                if not _is_there(name):
                    yield f"{doc.fullname} names {name}, which is not there"


def dangling(directory: Path) -> Iterator[str]:
    """The links between the pages of a directory that lead nowhere."""
    pages = {file: _Page(file.read_text()) for file in directory.rglob("*.html")}
    for file, page in pages.items():
        for link in sorted(page.links):
            path, _, anchor = link.partition("#")
            target = (file.parent / path).resolve() if path else file
            if ":" in path:
                continue
            if target not in pages or (anchor and anchor not in pages[target].anchors):
                yield f"{file.relative_to(directory)}: {link} leads nowhere"


def write(names: list[str], directory: Path) -> None:
    """The pages; a warning of pdoc is an error."""
    pdoc.render.configure(docformat="google", footer_text=f"smi-mesh {smi.__version__}")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        # Not pdoc.pdoc: of a package that exports names it leaves out the modules.
        modules = {name: pdoc.doc.Module(import_module(name)) for name in names}
        pages = {f"{_path(name)}.html": _page(name, modules) for name in names}
        pages["index.html"] = pdoc.render.html_index(modules)
        pages["search.js"] = pdoc.render.search_index(modules)
    for name, text in pages.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)


def _page(name: str, modules: dict[str, pdoc.doc.Module]) -> str:
    return pdoc.render.html_module(modules[name], modules)


def _members(holder: pdoc.doc.Namespace) -> Iterator[pdoc.doc.Doc]:
    for member in holder.own_members:
        if not member.name.startswith("_"):
            yield member
            if isinstance(member, pdoc.doc.Class):
                yield from _members(member)


def _is_there(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def _path(name: str) -> str:
    return name.replace(".", "/")


def main(directory: Path) -> int:
    """The exit code."""
    directory = directory.resolve()
    shutil.rmtree(directory, ignore_errors=True)
    names = public()
    write(names, directory)
    wrong = [*undocumented(names), *dangling(directory)]
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(names)} modules in {directory.name}/index.html")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
