import type { Layout, LayoutDocument } from "../api/types";
import { h } from "../dom";
import { LANGUAGES, type LanguageCode, localeOf } from "../languages/language";
import { COLUMNS, differences, type Screen } from "../layout/document";
import { nameOf } from "../widgets";
import { ask } from "./dialog";
import type { Widget } from "../widget";

/** Show both versions of a layout, and let the user choose; null: later. */
export function askConflict(
  mine: LayoutDocument,
  current: Layout,
  screen: Screen,
  language: LanguageCode,
): Promise<"mine" | "theirs" | null> {
  const { texts } = LANGUAGES[language];
  const when = new Intl.DateTimeFormat(localeOf(language), { dateStyle: "medium", timeStyle: "medium" }).format(
    new Date(current.updated_at),
  );
  const { conflictTitle, conflictText, conflictMine, conflictTheirs, keepMine, takeTheirs, later } = texts.dialogs;
  return ask<"mine" | "theirs">(
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
      ],
      actions: [
        { label: takeTheirs, run: () => "theirs" },
        { label: keepMine, look: "primary", run: () => "mine" },
      ],
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
