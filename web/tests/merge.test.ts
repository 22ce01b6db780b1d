/** Two who have changed the same layout: what only one has changed is kept, what both have changed is asked. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { LayoutDocument } from "../src/api/types.ts";
import {
  EMPTY,
  inReadingOrder,
  overlap,
  sameDocument,
  SCREENS,
  withConfiguration,
  withoutWidget,
  withPlaces,
  withWidget,
} from "../src/layout/document.ts";
import { contested, merged } from "../src/layout/merge.ts";

const SIZE = { width: 3, height: 2 };
const SIZES = { phone: SIZE, tablet: SIZE, desktop: SIZE };
const note = (id: string, text = "") => ({ kind: "note" as const, id, title: null, text });
const added = (document: LayoutDocument, ...ids: string[]) =>
  ids.reduce((all, id) => withWidget(all, note(id), SIZES), document);
const told = (document: LayoutDocument, id: string, text: string) => withConfiguration(document, note(id, text));
const moved = (document: LayoutDocument, id: string, x: number, y: number) =>
  withPlaces(
    document,
    "desktop",
    document.grids.desktop.map((place) => (place.widget === id ? { ...place, x, y } : place)),
  );
const textsOf = (document: LayoutDocument) =>
  Object.fromEntries(document.widgets.map((widget) => [widget.id, widget.kind === "note" ? widget.text : ""]));
const ids = (found: { id: string }[]) => found.map(({ id }) => id);

function assertWhole(document: LayoutDocument): void {
  const known = document.widgets.map(({ id }) => id).toSorted();
  for (const screen of SCREENS) {
    const places = document.grids[screen];
    assert.deepEqual(places.map(({ widget }) => widget).toSorted(), known, screen);
    assert.deepEqual(places, inReadingOrder(places));
    places.forEach((one, index) => places.slice(index + 1).forEach((other) => assert.ok(!overlap(one, other), screen)));
  }
}

const BASE = added(EMPTY, "a", "b", "c");

test("changes to different widgets are both kept", () => {
  const [mine, theirs] = [told(BASE, "a", "my words"), told(BASE, "b", "their words")];
  assert.deepEqual(contested(BASE, mine, theirs), []);
  assert.deepEqual(textsOf(merged(BASE, mine, theirs)), { a: "my words", b: "their words", c: "" });
});

test("what each has added is there, and none lies upon another", () => {
  const [mine, theirs] = [added(BASE, "mine"), added(BASE, "theirs")];
  const both = merged(BASE, mine, theirs);
  assert.deepEqual(Object.keys(textsOf(both)).toSorted(), ["a", "b", "c", "mine", "theirs"]);
  assertWhole(both);
  const at = (document: LayoutDocument, id: string) => document.grids.desktop.find(({ widget }) => widget === id);
  assert.deepEqual(at(both, "theirs"), at(theirs, "theirs"), "what is stored stays where it is");
  assert.notDeepEqual(at(both, "mine"), at(mine, "mine"));
});

test("what one has removed and the other has not touched is gone, from either side", () => {
  const [mine, theirs] = [withoutWidget(BASE, "a"), told(BASE, "b", "their words")];
  assert.deepEqual(textsOf(merged(BASE, mine, theirs)), { b: "their words", c: "" });
  assert.deepEqual(textsOf(merged(BASE, theirs, mine)), { b: "their words", c: "" });
});

test("a widget that both have changed is asked about, and the answer counts", () => {
  const [mine, theirs] = [told(BASE, "a", "my words"), told(told(BASE, "a", "their words"), "b", "more of theirs")];
  assert.deepEqual(contested(BASE, mine, theirs), [{ id: "a", mine: note("a", "my words"), theirs: note("a", "their words") }]);
  const by = (side: "mine" | "theirs") => textsOf(merged(BASE, mine, theirs, new Map([["a", side]])));
  assert.deepEqual(by("mine"), { a: "my words", b: "more of theirs", c: "" });
  assert.deepEqual(by("theirs"), { a: "their words", b: "more of theirs", c: "" });
});

test("removed by one and changed by the other is asked about", () => {
  const [mine, theirs] = [withoutWidget(BASE, "a"), told(BASE, "a", "their words")];
  assert.deepEqual(contested(BASE, mine, theirs), [{ id: "a", mine: null, theirs: note("a", "their words") }]);
  assert.deepEqual(textsOf(merged(BASE, mine, theirs, new Map([["a", "mine"]]))), { b: "", c: "" });
  assert.equal(textsOf(merged(BASE, mine, theirs, new Map([["a", "theirs"]])))["a"], "their words");
});

test("moved to different places is asked about; moved by one is moved", () => {
  const [mine, theirs] = [moved(BASE, "a", 0, 10), moved(BASE, "a", 9, 10)];
  assert.deepEqual(ids(contested(BASE, mine, theirs)), ["a"]);
  const other = told(BASE, "b", "their words");
  assert.deepEqual(contested(BASE, mine, other), []);
  const both = merged(BASE, mine, other);
  assert.deepEqual(
    both.grids.desktop.find(({ widget }) => widget === "a"),
    { widget: "a", x: 0, y: 10, ...SIZE },
  );
  assert.equal(textsOf(both)["b"], "their words");
});

test("the same change on both sides is no question, in whatever order its members are", () => {
  const theirs = told(BASE, "a", "words");
  const mine = withConfiguration(BASE, { text: "words", title: null, id: "a", kind: "note" });
  assert.deepEqual(contested(BASE, mine, theirs), []);
  assert.ok(sameDocument(merged(BASE, mine, theirs), theirs));
});

test("where only one side has changed anything, its version comes out", () => {
  const changed = moved(withoutWidget(added(told(BASE, "a", "words"), "d"), "b"), "c", 6, 20);
  assert.ok(sameDocument(merged(BASE, changed, BASE), changed));
  assert.ok(sameDocument(merged(BASE, BASE, changed), changed));
});

test("of random changes none is lost, none is made up, and the result is whole", () => {
  let state = 7;
  const random = (below: number) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  const changed = (document: LayoutDocument, side: string): LayoutDocument => {
    for (let count = random(5); count > 0; count--) {
      const one = document.widgets[random(Math.max(1, document.widgets.length))]?.id;
      const what = random(4);
      if (what === 0 || one === undefined) document = added(document, `${side}${random(1_000_000)}`);
      else if (what === 1) document = withoutWidget(document, one);
      else if (what === 2) document = told(document, one, `${side}${random(100)}`);
      else document = moved(document, one, random(10), 100 + random(50) * 2);
    }
    return document;
  };
  for (let round = 0; round < 500; round++) {
    const base = added(EMPTY, "a", "b", "c", "d", "e");
    const [mine, theirs] = [changed(base, "mine"), changed(base, "theirs")];
    // Two of one side may be moved upon each other here, which no page does.
    const both = merged(base, mine, theirs);
    assertWhole(both);
    const asked = new Set(ids(contested(base, mine, theirs)));
    const [before, here, there, after] = [textsOf(base), textsOf(mine), textsOf(theirs), textsOf(both)];
    for (const id of new Set([before, here, there, after].flatMap((each) => Object.keys(each)))) {
      const wanted = asked.has(id) ? here[id] : here[id] === before[id] ? there[id] : here[id];
      assert.equal(after[id], wanted, `${round}: ${id}`);
    }
  }
});
