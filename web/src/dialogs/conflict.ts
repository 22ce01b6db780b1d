import type { Layout, LayoutDocument } from "../api/types";
import { h } from "../dom";
import { LANGUAGES, type LanguageCode, localeOf } from "../languages/language";
import { COLUMNS, differences, MOST_WIDGETS, type Screen } from "../layout/document";
import { type Contested, contested, merged, type Side } from "../layout/merge";
import { nameOf } from "../widgets";
import { type Action, ask, choice, labelled } from "./dialog";
import type { Widget } from "../widget";

/** Show both versions of a layout, and let the user choose: one of them, or what both make together; null: later. */
export function askConflict(
  base: LayoutDocument,
  mine: LayoutDocument,
  current: Layout,
  screen: Screen,
  language: LanguageCode,
): Promise<Side | LayoutDocument | null> {
  const { texts } = LANGUAGES[language];
  const when = new Intl.DateTimeFormat(localeOf(language), { dateStyle: "medium", timeStyle: "medium" }).format(
    new Date(current.updated_at),
  );
  const { conflictTitle, conflictText, conflictMine, conflictTheirs, keepMine, takeTheirs, merge, later } = texts.dialogs;
  const choices = new Map(
    contested(base, mine, current.document).map((each) => [
      each,
      choice(
        [
          ["mine", keepMine],
          ["theirs", takeTheirs],
        ],
        "mine",
      ),
    ]),
  );
  const together = () => {
    const chosen = new Map([...choices].map(([{ id }, select]) => [id, select.value as Side]));
    return merged(base, mine, current.document, chosen);
  };
  // With one more widget than a layout may have, the server would only refuse it.
  const fits = together().widgets.length <= MOST_WIDGETS;
  const both: Action<Side | LayoutDocument>[] = fits ? [{ label: merge, look: "primary", run: together }] : [];
  return ask<Side | LayoutDocument>(
    {
      title: conflictTitle,
      body: [
        h("p", {}, conflictText),
        h(
          "div",
          { class: "versions" },
          version(conflictMine, mine, screen, language),
          version(conflictTheirs(when), current.document, screen, language),
        ),
        differenceList(mine, current.document, language),
        fits ? questions(choices, language) : null,
      ],
      actions: [{ label: takeTheirs, run: () => "theirs" }, { label: keepMine, run: () => "mine" }, ...both],
      cancel: later,
      wide: true,
    },
    texts,
  );
}

/** A small picture of a layout. */
function version(title: string, document: LayoutDocument, screen: Screen, language: LanguageCode): HTMLElement {
  const names = new Map(document.widgets.map((widget) => [widget.id, nameOf(widget, language)]));
  const boxes = document.grids[screen].map((place) => {
    const box = h("li", {}, names.get(place.widget) ?? place.widget);
    box.style.gridColumn = `${place.x + 1} / span ${place.width}`;
    box.style.gridRow = `${place.y + 1} / span ${place.height}`;
    return box;
  });
  const picture = h("ul", { class: "picture" }, ...boxes);
  picture.style.gridTemplateColumns = `repeat(${COLUMNS[screen]}, 1fr)`;
  const nothing = h("p", { class: "quiet" }, LANGUAGES[language].texts.dialogs.noWidgets);
  return h("section", {}, h("h3", {}, title), boxes.length > 0 ? picture : nothing);
}

function differenceList(mine: LayoutDocument, theirs: LayoutDocument, language: LanguageCode): HTMLElement {
  const { onlyMine, onlyTheirs, different, sameWidgets } = LANGUAGES[language].texts.dialogs;
  const found = differences(mine, theirs);
  const lines = (widgets: Widget[], what: string) =>
    widgets.map((widget) => h("li", {}, `${nameOf(widget, language)}: ${what}`));
  const all = [...lines(found.added, onlyMine), ...lines(found.missing, onlyTheirs), ...lines(found.changed, different)];
  return all.length > 0 ? h("ul", { class: "differences" }, ...all) : h("p", {}, sameWidgets);
}

/** What merging has to know: whose version of each widget that both have changed. */
function questions(choices: ReadonlyMap<Contested, HTMLSelectElement>, language: LanguageCode): HTMLElement {
  const { mergeText, contestedTitle, removedByMe, removedByThem } = LANGUAGES[language].texts.dialogs;
  if (choices.size === 0) return h("p", {}, mergeText);
  const fields = [...choices].map(([{ mine, theirs }, select]) => {
    const hint = mine === null ? removedByMe : theirs === null ? removedByThem : null;
    const widget = mine ?? theirs;
    return labelled(widget === null ? "" : nameOf(widget, language), select, hint);
  });
  return h("fieldset", {}, h("legend", {}, contestedTitle), ...fields);
}
