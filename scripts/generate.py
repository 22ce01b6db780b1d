"""Writes the files that are generated from code; with --check, fails where one is stale.

docs/schemas/*.json from the models, README's command list from the CLI, ARCHITECTURE's layers from the import contract, the charts'
READMEs from their values, docs/errors.md from the catalogues of codes, docs/rules.md from the
rules, the pictures of docs/architecture from their texts, web/src/api/types.ts from the services' OpenAPI documents.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import click

from scaleproof.cli import CHAPTERS, cli
from scaleproof.rules.page import rules_page
from scaleproof.wiring import SCHEMA_NAMES, schema_of
from scripts.api_types import api_types
from scripts.chart_readme import chart_readme
from scripts.diagrams import drawn
from scripts.error_pages import error_page

PROJECT = Path(__file__).parent.parent


def command_list() -> str:
    """Every verb with its one line, by chapter."""
    lines = ["```"]
    for chapter, names in CHAPTERS.items():
        lines.append(f"{chapter}:")
        lines += [f"  scaleproof {name:<10} {cli.commands[name].get_short_help_str(100)}" for name in names]
    return "\n".join([*lines, "```"])


def layers() -> str:
    """The import contract, top down."""
    contract = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    return "\n".join(["```", *contract["layers"], "```"])


def between(text: str, name: str, content: str) -> str:
    """`text` with what stands between the markers of that name replaced."""
    begin, end = f"<!-- generated: {name} -->", "<!-- end -->"
    head, rest = text.split(begin, 1)
    return f"{head}{begin}\n{content}\n{end}{rest.split(end, 1)[1]}"


def generated() -> dict[Path, str]:
    """Every generated file with its content."""
    readme, architecture = PROJECT / "README.md", PROJECT / "ARCHITECTURE.md"
    files = {PROJECT / f"docs/schemas/{name}.schema.json": schema_of(name) for name in SCHEMA_NAMES}
    files[readme] = between(readme.read_text(), "commands", command_list())
    files[architecture] = between(architecture.read_text(), "layers", layers())
    files[PROJECT / "docs/errors.md"] = error_page(PROJECT)
    files[PROJECT / "docs/rules.md"] = rules_page()
    files[PROJECT / "web/src/api/types.ts"] = api_types()
    for chart in sorted((PROJECT / "charts").iterdir()):
        files[chart / "README.md"] = chart_readme(chart)
    for source in sorted((PROJECT / "docs/architecture").glob("*.dot")):
        files[source.with_suffix(".svg")] = drawn(source)
    return files


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a file is stale.")
def main(*, check: bool) -> None:
    """Write or check the generated files."""
    stale = [file for file, content in generated().items() if not file.exists() or file.read_text() != content]
    for file in stale:
        print(f"{'stale' if check else 'written'}: {file.relative_to(PROJECT)}")
        if not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(generated()[file])
    if check and stale:
        print("run `make generated`")
        sys.exit(1)


if __name__ == "__main__":
    main()
