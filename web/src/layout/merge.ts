/** One layout out of two that were made of the same: what only one side has changed of a widget is kept. Pure. */

import type { LayoutDocument, Place } from "../api/types";
import type { Widget } from "../widget";
import { COLUMNS, inOneOrder, inReadingOrder, overlap, SCREENS, type Screen, withRoom } from "./document.ts";

export type Side = "mine" | "theirs";

/** A widget that both sides have changed, each in another way; null where that side has removed it. */
export interface Contested {
  id: string;
  mine: Widget | null;
  theirs: Widget | null;
}

/** A widget with where it stands: what is changed, or not, as a whole. */
interface Standing {
  widget: Widget;
  places: Partial<Record<Screen, Place>>;
}

/** The widgets about which somebody has to be asked, in the order in which they are read. */
export function contested(base: LayoutDocument, mine: LayoutDocument, theirs: LayoutDocument): Contested[] {
  const [before, here, there] = [standing(base), standing(mine), standing(theirs)];
  return idsOf(mine, theirs, base)
    .filter((id) => {
      const [was, own, other] = [before.get(id), here.get(id), there.get(id)];
      return !same(own, other) && !same(own, was) && !same(other, was);
    })
    .map((id) => ({ id, mine: here.get(id)?.widget ?? null, theirs: there.get(id)?.widget ?? null }));
}

/**
 * Both sides' changes in one document. Of a contested widget, `chosen` says whose is taken; without a choice, mine.
 * Where two widgets would now lie upon each other, the one that I have changed goes where there is room.
 */
export function merged(
  base: LayoutDocument,
  mine: LayoutDocument,
  theirs: LayoutDocument,
  chosen: ReadonlyMap<string, Side> = new Map(),
): LayoutDocument {
  const [before, here, there] = [standing(base), standing(mine), standing(theirs)];
  const sideOf = (id: string): Side => {
    if (same(here.get(id), before.get(id))) return "theirs";
    if (same(there.get(id), before.get(id))) return "mine";
    return chosen.get(id) ?? "mine";
  };
  const kept = idsOf(theirs, mine).flatMap((id) => {
    const side = sideOf(id);
    const found = (side === "mine" ? here : there).get(id);
    return found === undefined ? [] : [{ ...found, side }];
  });
  // Theirs first: what is stored stays where somebody else sees it.
  const inTurn = [...kept.filter(({ side }) => side === "theirs"), ...kept.filter(({ side }) => side === "mine")];
  const grids = { ...theirs.grids };
  for (const screen of SCREENS) {
    grids[screen] = inReadingOrder(
      inTurn.reduce<Place[]>((placed, { places }) => {
        const place = places[screen];
        if (place === undefined) return placed;
        const isFree = !placed.some((other) => overlap(other, place));
        return [...placed, isFree ? place : { widget: place.widget, ...withRoom(placed, place, COLUMNS[screen]) }];
      }, []),
    );
  }
  return { ...theirs, widgets: kept.map(({ widget }) => widget), grids };
}

function standing(document: LayoutDocument): Map<string, Standing> {
  const found = new Map<string, Standing>(document.widgets.map((widget) => [widget.id, { widget, places: {} }]));
  for (const screen of SCREENS) {
    for (const place of document.grids[screen]) {
      const its = found.get(place.widget);
      if (its !== undefined) its.places[screen] = place;
    }
  }
  return found;
}

/** Each id once. */
function idsOf(...documents: LayoutDocument[]): string[] {
  return [...new Set(documents.flatMap((document) => document.widgets.map(({ id }) => id)))];
}

function same(one: Standing | undefined, other: Standing | undefined): boolean {
  return inOneOrder(one ?? null) === inOneOrder(other ?? null);
}
