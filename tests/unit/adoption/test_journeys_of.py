"""A locustfile that Locust takes, whatever the document calls its things."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.adoption.journeys_of import TAKEN, locustfile_text
from scaleproof.adoption.openapi import Argument, Operation, api_of

CATALOGUE = Path(__file__).parent / "fixtures/catalogue.openapi.yaml"


@pytest.fixture
def text():
    api = api_of(CATALOGUE.read_text(), "catalogue.openapi.yaml")
    return locustfile_text({"catalogue": api.operations}, origin=api.origin)


def test_safe_operations_are_tasks_and_others_are_comments(text):
    visitor = ast.parse(text).body[-1]
    assert visitor.name == "CatalogueVisitor"
    assert [each.name for each in visitor.body if isinstance(each, ast.FunctionDef)] == [
        "list_products",
        "get_product",
        "do_run",
    ]
    assert "    # POST /api/catalogue/products may change data, so it is not sent." in text
    assert (
        '    #     self.client.post("/api/catalogue/products", json={"name": "Mug", "price": 4.5}, name="POST /api/catalogue/products")'
        in text
    )
    assert "    # GET /api/catalogue/old is deprecated, so it is not sent." in text


def test_examples_are_drawn_from(text):
    assert (
        'self.client.get("/api/catalogue/products?sort=" + self.random.choice(("newest", "price")), name="/api/catalogue/products")'
        in text
    )
    assert '"/api/catalogue/products/" + self.random.choice(("MUG%201", "BAG%2F2"))' in text
    assert "# guess: category: the document has no example" in text


def test_a_comment_that_is_taken_away_is_a_task(text):
    """What stands in comments is code: from the decorator on, all of it."""
    lines = [
        line for line in text.splitlines() if line.startswith("    # ") and "is not sent" not in line and "token" not in line
    ]
    code = "\n".join(line.replace("    # ", "    ", 1) for line in lines if "default_headers" not in line)
    found = ast.parse("class Visitor:\n" + code).body[0]
    assert [each.name for each in found.body] == [
        "add_product",
        "remove_product",
        "post_api_catalogue_products_product_id_reviews",
        "old_list",
    ]


def test_locust_takes_it(text, tmp_path):
    file = tmp_path / "locustfile.py"
    file.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "scaleproof.load.inspect_locustfile", str(file)], capture_output=True, text=True, check=True
    )
    (journey,) = json.loads(done.stdout.splitlines()[-1])["journeys"]
    tasks = {task["name"]: (task["weight"], task["service"]) for task in journey["tasks"]}
    assert tasks == {"list_products": (1, "catalogue"), "get_product": (2, "catalogue"), "do_run": (2, "catalogue")}


def test_the_names_that_a_user_has_already_are_known():
    script = "from scaleproof.load import JourneyUser; print([name for name in dir(JourneyUser) if not name.startswith('_')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(ast.literal_eval(done.stdout.splitlines()[-1])) <= TAKEN


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)
PLACES = st.sampled_from(["path", "query", "header"])
ARGUMENTS = st.builds(Argument, NAMES, PLACES, st.lists(NAMES, min_size=1, max_size=3).map(tuple), st.booleans())
OPERATIONS = st.builds(
    Operation,
    st.sampled_from(["GET", "POST"]),
    NAMES.map(lambda name: "/" + "".join(name.split())),
    NAMES,
    NAMES,
    st.lists(ARGUMENTS, max_size=3).map(tuple),
    VALUES,
    st.booleans(),
    st.booleans(),
)


class Session:
    """A client that keeps what it was asked for."""

    def __init__(self):
        self.asked = []

    def get(self, url, **options):
        self.asked.append((url, options))


@given(st.lists(OPERATIONS, min_size=1, max_size=4), NAMES)
def test_hostile_names_stay_text(operations, origin):
    """Whatever is in a document: the file is Python, has as many tasks as there are safe operations, and asks one address each."""
    text = locustfile_text({"shop": [*operations, Operation("GET", "/last")]}, origin=origin)
    visitor = ast.parse(text).body[-1]
    methods = [each for each in visitor.body if isinstance(each, ast.FunctionDef)]
    assert len(methods) == sum(each.is_safe and not each.is_deprecated for each in operations) + 1
    assert len({each.name for each in methods}) == len(methods)
    user = SimpleNamespace(client=Session(), random=SimpleNamespace(choice=lambda values: values[-1]))
    for method in methods:
        method.decorator_list = []
        space: dict[str, object] = {}
        exec(compile(ast.Module([method], []), "f", "exec"), space)
        space[method.name](user)
    for url, options in user.client.asked:
        assert url.startswith("/")
        assert url.isascii()
        assert " " not in url
        assert isinstance(options["name"], str)
