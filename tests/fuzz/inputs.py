"""One input from one number: what a file may hold."""

import random
from typing import Any

from tests.fuzz.corpus import DOCUMENTS
from tests.fuzz.mutations import garbled, mutated
from tests.fuzz.writing import written

Document = dict[str, Any]


def made(rng: random.Random) -> bytes:
    """The bytes of a file: mostly one document with some mutations, sometimes worse."""
    chance = rng.random()
    if chance < 0.005:
        return _bomb(rng).encode()
    documents = [_document(rng) for _ in range(1 if chance < 0.9 else rng.randrange(2, 4))]
    if chance > 0.95:
        documents = [_listed(rng, documents)]
    data = written(rng, documents)
    return garbled(rng, data) if rng.random() < 0.15 else data


def _document(rng: random.Random) -> Document:
    return mutated(rng, rng.choice(DOCUMENTS), rng.choice((0, 1, 1, 1, 1, 2, 2, 3, 5)))


def _listed(rng: random.Random, items: list[Any]) -> Document:
    """A list of the documents, perhaps in a list; typed ones say once what their items are."""
    first = items[0] if isinstance(items[0], dict) else {}
    match rng.randrange(3):
        case 0:
            return {"apiVersion": "v1", "kind": "List", "items": items}
        case 1:
            inner = {"apiVersion": "v1", "kind": "List", "items": items}
            return {"apiVersion": "v1", "kind": "List", "items": [inner, 5, None]}
        case _:
            bare = [
                {k: v for k, v in item.items() if k not in {"apiVersion", "kind"}} for item in items
            ]
            kind = f"{first.get('kind')}List"
            return {"apiVersion": first.get("apiVersion"), "kind": kind, "items": bare}


def _bomb(rng: random.Random) -> str:
    """Text that is much more to whoever reads it than it is."""
    head = "apiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {name: a}\n"
    times = rng.choice((9, 12, 40))
    lists = "".join(
        f"l{n}: &l{n} [{', '.join([f'*l{n - 1}' if n else 'lol'] * 9)}]\n" for n in range(times)
    )
    maps = "".join(
        f"m{n}: &m{n} {{a: {f'*m{n - 1}' if n else '1'}, b: {f'*m{n - 1}' if n else '2'}}}\n"
        for n in range(times * 2)
    )
    merged = "".join(
        f"g{n}: &g{n} {{{f'<<: *g{n - 1}, ' if n else ''}k{n}: {'*l0' if n else '1'}}}\n"
        for n in range(times)
    )
    deep = rng.choice((99, 101, 2000, 100_000))
    return rng.choice(
        (
            head + lists,
            head + maps,
            head + lists.splitlines()[0] + "\n" + merged,
            head + "spec: " + "[" * deep,
            head + "spec: " + "{a: " * deep + "1" + "}" * deep,
            head + "spec:\n" + "".join(f"{' ' * n}a:\n" for n in range(min(deep, 2000))),
            head + "spec: " + "- " * min(deep, 2000) + "a",
            '{"a":' * deep + "1" + "}" * deep,
            "---\n" * min(deep, 2000),
            head + "x: " + "y" * 20_000,
            head + "".join(f"k{n}: {n}\n" for n in range(500)),
        )
    )
