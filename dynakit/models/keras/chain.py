"""Which layers a model of Keras has, and in which order: from its config alone.

The weights of a file stand in the order of their names, or of nothing; order and activations are in the config.  A
layer is a name here, whatever it is: nothing is imported or run for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ...errors import ArtifactError, InputError

MOST_LAYERS = 1000
DEEPEST = 20  # levels of lists and dictionaries within what a layer says of its inputs


class Entry(NamedTuple):
    """One layer as the config has it."""

    kind: str  # the name of its class
    name: str
    config: dict[str, Any]
    key: str  # of its weights within a .keras file
    wrapped: bool = False  # by TimeDistributed

    @property
    def called(self) -> str:
        """How messages name it."""
        return f"layer {self.name!r} ({self.kind})"


def chain(config: Any, where: str) -> list[Entry]:
    """The layers of a Sequential model, or of a functional one whose layers hear each other one after another.

    Raises ArtifactError for what is no config, InputError for a model of another kind.
    """
    kind, content = _pair(config, where)
    if kind not in ("Sequential", "Functional", "Model"):
        raise InputError(f"{where} holds a {kind}, and only Sequential and functional models of Keras are read")
    layers = content.get("layers") if isinstance(content, dict) else content  # Keras before 2.2.3 had the bare list
    if not isinstance(layers, list) or not 0 < len(layers) <= MOST_LAYERS:
        raise ArtifactError(f"{where} has no list of 1 to {MOST_LAYERS} layers in its config")
    entries = list(_entries(layers, where))
    return entries if kind == "Sequential" else _in_order(entries, layers, where)


def _pair(value: Any, where: str) -> tuple[str, Any]:
    """Class name and config of a model or a layer."""
    if not isinstance(value, dict) or not isinstance(value.get("class_name"), str):
        raise ArtifactError(f"{where} has a config that is none of Keras: class_name is missing")
    return value["class_name"], value.get("config")


def _entries(layers: list[Any], where: str) -> Iterator[Entry]:
    counts: dict[str, int] = {}
    for layer in layers:
        kind, config = _pair(layer, where)
        base = _snake(kind)
        key = base if base not in counts else f"{base}_{counts[base]}"
        counts[base] = counts.get(base, 0) + 1
        if not isinstance(config, dict):
            raise ArtifactError(f"{where} has a layer ({kind}) without a config")
        kind, name = _own(kind, layer), str(config.get("name", key))[:100]
        wrapped = kind == "TimeDistributed"
        if wrapped:
            inner, config = _pair(config.get("layer"), where)
            if not isinstance(config, dict):
                raise ArtifactError(f"{where} has a layer ({inner}) without a config")
            kind = _own(inner, layer)
        yield Entry(kind, name, config, key, wrapped)


def _own(kind: str, layer: dict[str, Any]) -> str:
    """The name of a class of Keras; that of a class of somebody else's with what shows that it is."""
    module, registered = layer.get("module"), layer.get("registered_name")
    if module is not None and not re.match(r"(tf_|tensorflow\.)?keras\b", str(module)):
        return f"{str(module)[:100]}.{kind}"
    return kind if registered in (None, layer["class_name"]) else str(registered)[:100]


def _snake(name: str) -> str:
    """The name that Keras gives to the weights of a class."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _in_order(entries: list[Entry], layers: list[Any], where: str) -> list[Entry]:
    """The layers of a functional model from its input on; InputError where they branch or meet."""
    by_name = {str(layer.get("name", entry.name)): entry for layer, entry in zip(layers, entries)}
    above: dict[str, str] = {}
    first: list[str] = []
    for layer, name in zip(layers, by_name):
        heard = sorted(set(_heard(layer.get("inbound_nodes"), DEEPEST)))
        if len(heard) > 1 or (heard and (heard[0] in above or heard[0] not in by_name)):
            raise InputError(f"{where} is a model whose layers are no chain: {by_name[name].called} hears {heard[:5]}")
        if heard:
            above[heard[0]] = name
        else:
            first.append(name)
    if len(by_name) != len(entries) or len(first) != 1:
        raise InputError(f"{where} is a model whose layers are no chain: it has {len(first)} inputs")
    order = first
    while order[-1] in above and len(order) < len(entries):
        order = [*order, above[order[-1]]]
    if len(order) != len(entries):
        raise InputError(f"{where} is a model whose layers are no chain: {order[-1]!r} is heard by none")
    return [by_name[name] for name in order]


def _heard(node: Any, depth: int) -> Iterator[str]:
    """The names of the layers that one takes its inputs from: in triples (name, node, which output)."""
    if depth and isinstance(node, dict):
        node = list(node.values())
    if not depth or not isinstance(node, list):
        return
    if len(node) >= 3 and isinstance(node[0], str) and all(type(n) is int for n in node[1:3]):
        yield node[0] if node[2] == 0 else f"{node[0]}, output {node[2]}"
    for part in node:
        yield from _heard(part, depth - 1)
