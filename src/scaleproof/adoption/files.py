"""The text of the files that an adoption writes. The same objects give the same bytes."""

from __future__ import annotations

from typing import Final

from scaleproof.adoption.journeys_of import locustfile_text
from scaleproof.adoption.platform_of import Adopted
from scaleproof.adoption.yaml_text import yaml_text
from scaleproof.spec.stack_file import POLICY_KEY

_GUESSES: Final = "What is marked `guess:` was in no source: put what you know better, and take the mark away."


def platform_text(adopted: Adopted) -> str:
    """platform.yaml."""
    head = ("What runs, what it promises, and the load it must hold. Written by `scaleproof init`.", _GUESSES)
    return yaml_text(adopted.platform, adopted.reasons.comments("platform"), head=head)


def stack_text(adopted: Adopted, stack: str) -> str:
    """Pulumi.<stack>.yaml."""
    head = (f"Stack `{stack}`. Written by `scaleproof init`; `scaleproof tune` edits it in place and keeps comments.", _GUESSES)
    inside = ("config", POLICY_KEY)
    comments = {(*inside, *field): texts for field, texts in adopted.reasons.comments("policy").items()}
    return yaml_text({"config": {POLICY_KEY: adopted.policy}}, comments, head=head)


def journeys_text(adopted: Adopted, origin: str) -> str:
    """A locustfile for what the users of its services ask for."""
    return locustfile_text(adopted.operations, origin=origin)
