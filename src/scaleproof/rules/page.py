"""docs/rules.md, from the catalogue."""

from __future__ import annotations

from scaleproof.rules.catalogue import ALL, FAMILIES

_HEAD = """# Rules

What `scaleproof lint` looks for: settings that break under load, found in the files alone. Each rule says nothing where the facts it needs
are not given: rules about a calibration need one, rules about Deployments, quotas or nodes need `--manifests`. An **error** ends in exit
code 1; a warning or a note does not. The last chapter is what `scaleproof check` adds ([ci.md](ci.md)).

A rule that is meant to be broken is named in `platform.yaml`, with the reason:

```yaml
check:
  ignore:
    single-replica: the report service runs at night, and nobody waits for it
```

This page is generated from the rules themselves (`src/scaleproof/rules`); ids are never renamed.
"""


def rules_page() -> str:
    """Markdown with a final newline: every rule with its meaning and its fix, by family."""
    blocks = [_HEAD.rstrip(), f"{len(ALL)} rules:"]
    for family, rules in FAMILIES.items():
        blocks.append(f"## {family}")
        blocks += [f"### `{rule.id}` ({rule.severity})\n\n**{rule.title}.** {rule.why}\n\n*Fix:* {rule.fix}." for rule in rules]
    return "\n\n".join(blocks) + "\n"
