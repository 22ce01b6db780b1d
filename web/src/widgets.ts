import type { LanguageCode } from "./languages/language";
import type { Kind, Widget, WidgetKind } from "./widget";

const FILES = import.meta.glob<WidgetKind>("./widgets/*.ts", { eager: true, import: "default" });

/** Every kind there is a file for. */
export const KINDS: ReadonlyMap<Kind, WidgetKind> = new Map(Object.values(FILES).map((each) => [each.kind, each]));

/** What a widget is called: its own title, or its kind in the user's language. */
export function nameOf(widget: Widget, language: LanguageCode): string {
  return widget.title ?? KINDS.get(widget.kind)?.name[language] ?? widget.kind;
}
