/** What happens to a layout's document when somebody edits it. Pure: each function returns a new document. */

import type { Grids, LayoutDocument, Place } from "../api/types";
import type { Widget } from "../widget";

export type Screen = keyof Grids;
export type Size = { width: number; height: number };
export const SCREENS: readonly Screen[] = ["phone", "tablet", "desktop"];
/** As services/dashboard/layout_document.py has them. */
export const COLUMNS: Readonly<Record<Screen, number>> = { phone: 2, tablet: 6, desktop: 12 };
export const MOST_ROWS = 200;
export const MOST_WIDGETS = 40;
export const TALLEST = 50;

export const EMPTY: LayoutDocument = { version: 2, widgets: [], grids: { phone: [], tablet: [], desktop: [] } };

/** With one more widget, on every screen where there is room first. */
export function withWidget(document: LayoutDocument, widget: Widget, sizes: Readonly<Record<Screen, Size>>): LayoutDocument {
  const grids = { ...document.grids };
  for (const screen of SCREENS) {
    grids[screen] = [...grids[screen], { widget: widget.id, ...withRoom(grids[screen], sizes[screen], COLUMNS[screen]) }];
  }
  return { ...document, widgets: [...document.widgets, widget], grids };
}

/** Without this widget; the others stay where they are. */
export function withoutWidget(document: LayoutDocument, id: string): LayoutDocument {
  const grids = { ...document.grids };
  for (const screen of SCREENS) grids[screen] = grids[screen].filter((place) => place.widget !== id);
  return { ...document, widgets: document.widgets.filter((widget) => widget.id !== id), grids };
}

/** With another configuration of one widget. */
export function withConfiguration(document: LayoutDocument, changed: Widget): LayoutDocument {
  return { ...document, widgets: document.widgets.map((widget) => (widget.id === changed.id ? changed : widget)) };
}

/** With other places on one screen, from top to bottom: that is the order in which the page is read. */
export function withPlaces(document: LayoutDocument, screen: Screen, places: Place[]): LayoutDocument {
  return { ...document, grids: { ...document.grids, [screen]: inReadingOrder(places) } };
}

export function inReadingOrder(places: readonly Place[]): Place[] {
  return places.toSorted((one, other) => one.y - other.y || one.x - other.x);
}

/** Whether two documents say the same, in whatever order. */
export function sameDocument(one: LayoutDocument, other: LayoutDocument): boolean {
  return canonical(one) === canonical(other);
}

function canonical(document: LayoutDocument): string {
  const widgets = document.widgets.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const grids = SCREENS.map((screen) => inReadingOrder(document.grids[screen]));
  return inOneOrder([widgets, grids]);
}

/** As JSON, with the members of each object in the order of their names. */
export function inOneOrder(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    each !== null && typeof each === "object" && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : each,
  );
}

/** What two versions of a layout differ in, by widget. */
export function differences(
  mine: LayoutDocument,
  theirs: LayoutDocument,
): { added: Widget[]; missing: Widget[]; changed: Widget[] } {
  const inTheirs = new Map(theirs.widgets.map((widget) => [widget.id, widget]));
  const inMine = new Set(mine.widgets.map((widget) => widget.id));
  return {
    added: mine.widgets.filter((widget) => !inTheirs.has(widget.id)),
    missing: theirs.widgets.filter((widget) => !inMine.has(widget.id)),
    changed: mine.widgets.filter((widget) => {
      const other = inTheirs.get(widget.id);
      return other !== undefined && inOneOrder(other) !== inOneOrder(widget);
    }),
  };
}

/** The first place, from top to bottom, where something of this size lies upon nothing. */
export function withRoom(places: readonly Place[], wanted: Size, columns: number): Omit<Place, "widget"> {
  const size = { width: Math.min(wanted.width, columns), height: wanted.height };
  const below = Math.max(0, ...places.map((place) => place.y + place.height));
  for (let y = 0; y < below; y++) {
    for (let x = 0; x + size.width <= columns; x++) {
      if (!places.some((place) => overlap(place, { x, y, ...size }))) return { x, y, ...size };
    }
  }
  return { x: 0, y: below, ...size };
}

export function overlap(one: Omit<Place, "widget">, other: Omit<Place, "widget">): boolean {
  return (
    one.x < other.x + other.width &&
    other.x < one.x + one.width &&
    one.y < other.y + other.height &&
    other.y < one.y + one.height
  );
}
