"""The policy as a JSON patch (RFC 6902) against an autoscaler that is there: no more than what differs, and only where it is as it was.

Every value that the patch replaces or removes is tested first. RFC 6902 has no test for a member's absence: where one is added, the
object that gets it is tested as a whole. So a patch that meets an autoscaler which somebody has changed meanwhile fails, and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from scaleproof.report.outputs.destination import Destination, check_names, resources_note
from scaleproof.report.outputs.effective_autoscaler import FIELDS, effective_autoscaler
from scaleproof.report.outputs.output import Output
from scaleproof.spec.autoscaler_manifest import autoscaler_fields
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.policy import ServicePolicy

Operation = dict[str, Any]
_ABSENT: Final = object()


def json_patch(name: str, service: ServicePolicy, autoscaler: Mapping[str, Any], to: Destination) -> Output:
    """The patch as text, one operation a line; `[]` where the autoscaler already does what the policy says.

    `autoscaler` is a HorizontalPodAutoscaler of `autoscaling/v2`, as a manifest or as the API server shows it. Raises BadInputError
    where the service's name is none.
    """
    check_names([name])
    found = operations(autoscaler, service.autoscaling, tolerance=to.tolerance)
    lines = [f"  {json.dumps(operation, ensure_ascii=False)}" for operation in found]
    text = "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"
    notes = [resources_note(name, service), *to.lost_tolerance(name, service.autoscaling)]
    if not lines:
        notes.insert(0, f"{name}: the autoscaler already does what the policy says.")
    return Output({f"{name}-autoscaler.json": text}, tuple(notes))


def operations(autoscaler: Mapping[str, Any], spec: AutoscalingSpec, *, tolerance: bool) -> list[Operation]:
    """What turns this autoscaler into one that does what the policy says. Defaults and other spellings are no difference."""
    old, fields = dict(autoscaler["spec"]), autoscaler_fields(spec, tolerance=tolerance)
    before, after = effective_autoscaler(old), effective_autoscaler(fields)
    new = dict(old)
    for field in FIELDS:
        settled = _settled(old.get(field, _ABSENT), fields.get(field, _ABSENT), before[field], after[field])
        if settled is _ABSENT:
            new.pop(field, None)
        else:
            new[field] = settled
    return list(_operations("/spec", old, new, tested=False))


def _settled(old: Any, new: Any, old_effect: Any, new_effect: Any) -> Any:
    """`new`, but as it is written in `old` wherever both amount to the same."""
    if old_effect == new_effect:
        return old
    effects = (old_effect, new_effect)
    if isinstance(old, dict) and isinstance(new, dict) and all(isinstance(effect, dict) for effect in effects):
        parts = {
            key: _settled(old.get(key, _ABSENT), new.get(key, _ABSENT), old_effect.get(key), new_effect.get(key))
            for key in dict.fromkeys([*old, *new])
        }
        return {key: value for key, value in parts.items() if value is not _ABSENT}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [_settled(*item) for item in zip(old, new, old_effect, new_effect, strict=True)]
    return new


def _operations(path: str, old: Any, new: Any, *, tested: bool) -> Iterator[Operation]:
    """`tested`: something above has been tested as a whole, so nothing below it needs to be."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _of_members(path, old, new, tested=tested)
        return
    if not tested:
        yield _test(path, old)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        # The list was tested as a whole: the index means the element that it meant here.
        for index, items in enumerate(zip(old, new, strict=True)):
            yield from _operations(f"{path}/{index}", *items, tested=True)
    else:
        yield {"op": "replace", "path": path, "value": new}


def _of_members(path: str, old: dict[str, Any], new: dict[str, Any], *, tested: bool) -> Iterator[Operation]:
    added = [key for key in new if key not in old]
    if added and not tested:
        yield _test(path, old)
        tested = True
    for key, value in old.items():
        at = f"{path}/{_token(key)}"
        if key in new:
            yield from _operations(at, value, new[key], tested=tested)
            continue
        if not tested:
            yield _test(at, value)
        yield {"op": "remove", "path": at}
    for key in added:
        yield {"op": "add", "path": f"{path}/{_token(key)}", "value": new[key]}


def _test(path: str, value: Any) -> Operation:
    return {"op": "test", "path": path, "value": value}


def _token(key: str) -> str:
    """RFC 6901: `~` and `/` have a meaning in a path."""
    return key.replace("~", "~0").replace("/", "~1")
