"""YAML that every reader reads alike: whatever YAML 1.1 or 1.2 may take for something else than text is quoted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

_PLAIN: Final = re.compile(r"[A-Za-z]([A-Za-z0-9._/-]|:(?=[A-Za-z]))*|[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi|Ei)")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What YAML 1.1, which Kubernetes and Helm still read, takes for no text; YAML 1.2 does so for the last three only."""
_WIDE: Final = 1_000_000


class _Representer(RoundTripRepresenter):
    """A class of its own: representers are registered by class, and others must keep theirs."""


def _text(representer: RoundTripRepresenter, text: str) -> Any:
    plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


def _null(representer: RoundTripRepresenter, _: None) -> Any:
    # Written out: an empty value looks like something forgotten, and here it means "remove what is there".
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(str, _text)
_Representer.add_representer(type(None), _null)


def to_yaml(document: dict[str, Any], comments: Iterable[str] = ()) -> str:
    """One document in block style, keys in their order, below a line a comment."""
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.width = _WIDE
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    out.writelines(f"# {_one_line(comment)}\n" for comment in comments)
    # Sharing is written out: an anchor is not what a person would write.
    yaml.dump(_unshared(document), out)
    return out.getvalue()


def _one_line(text: str) -> str:
    """A comment ends with its line, so nothing in it may end one."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def _unshared(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _unshared(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_unshared(value) for value in node]
    return node
