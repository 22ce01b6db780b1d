/** What editing does to a document. Run by Node itself, which takes the types away. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  COLUMNS,
  differences,
  EMPTY,
  inReadingOrder,
  sameDocument,
  SCREENS,
  withConfiguration,
  withoutWidget,
  withPlaces,
  withWidget,
} from "../src/layout/document.ts";

const SIZE = { width: 3, height: 2 };
const SIZES = { phone: SIZE, tablet: SIZE, desktop: SIZE };
const note = (id: string, text = "") => ({ kind: "note" as const, id, title: null, text });
const withNotes = (...ids: string[]) => ids.reduce((document, id) => withWidget(document, note(id), SIZES), EMPTY);

test("a widget is placed on every screen, no wider than that is", () => {
  const { grids } = withNotes("a");
  assert.deepEqual(grids.phone, [{ widget: "a", x: 0, y: 0, width: COLUMNS.phone, height: 2 }]);
  assert.deepEqual(grids.desktop, [{ widget: "a", x: 0, y: 0, width: 3, height: 2 }]);
});

test("the next one goes where there is room first, and no two overlap", () => {
  const { grids } = withNotes("a", "b", "c", "d", "e");
  assert.deepEqual(
    grids.desktop.map(({ x, y }) => [x, y]),
    [
      [0, 0],
      [3, 0],
      [6, 0],
      [9, 0],
      [0, 2],
    ],
  );
  for (const screen of SCREENS) {
    const cells = grids[screen].flatMap(({ x, y, width, height }) =>
      Array.from({ length: width * height }, (_, cell) => `${x + (cell % width)},${y + Math.floor(cell / width)}`),
    );
    assert.equal(new Set(cells).size, cells.length, screen);
  }
});

test("a gap that somebody left is filled", () => {
  const gap = withPlaces(withNotes("a", "b"), "desktop", [
    { widget: "a", x: 0, y: 0, width: 3, height: 2 },
    { widget: "b", x: 0, y: 4, width: 12, height: 2 },
  ]);
  assert.deepEqual(withWidget(gap, note("c"), SIZES).grids.desktop[2], { widget: "c", x: 3, y: 0, width: 3, height: 2 });
});

test("what is removed is gone from every screen, and the others stay", () => {
  const { widgets, grids } = withoutWidget(withNotes("a", "b"), "a");
  assert.deepEqual(
    widgets.map(({ id }) => id),
    ["b"],
  );
  for (const screen of SCREENS)
    assert.deepEqual(
      grids[screen].map(({ widget }) => widget),
      ["b"],
    );
});

test("documents are the same in whatever order they say it", () => {
  const one = withNotes("a", "b");
  const other = { ...one, widgets: one.widgets.toReversed(), grids: { ...one.grids, tablet: one.grids.tablet.toReversed() } };
  assert.ok(sameDocument(one, other));
  assert.ok(sameDocument(one, { ...one, widgets: [{ text: "", title: null, id: "a", kind: "note" }, note("b")] }));
  assert.ok(!sameDocument(one, withConfiguration(one, note("b", "Milk"))));
});

test("the order of reading is from the top, then from the left", () => {
  const places = [
    [3, 0],
    [0, 2],
    [0, 0],
  ].map(([x, y], index) => ({ widget: String(index), x: x ?? 0, y: y ?? 0, width: 1, height: 1 }));
  assert.deepEqual(
    inReadingOrder(places).map(({ widget }) => widget),
    ["2", "0", "1"],
  );
});

test("two versions differ by widget", () => {
  const mine = withConfiguration(withNotes("a", "b"), note("b", "Milk"));
  const { added, missing, changed } = differences(mine, withNotes("b", "c"));
  assert.deepEqual(
    [added, missing, changed].map((found) => found.map(({ id }) => id)),
    [["a"], ["c"], ["b"]],
  );
});
