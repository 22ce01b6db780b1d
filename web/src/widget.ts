/** What a widget is. A file in `widgets/` that exports one by default is all that a new kind needs. */

import type { Api } from "./api/client";
import type { LayoutDocument, Role } from "./api/types";
import type { LanguageCode } from "./languages/language";
import type { Screen, Size } from "./layout/document";

/** One of a layout, with its configuration. */
export type Widget = LayoutDocument["widgets"][number];
export type Kind = Widget["kind"];
/** A widget of one kind, without what all have. */
export type Configuration<K extends Kind> = Omit<Extract<Widget, { kind: K }>, "id" | "kind" | "title">;

/** One input of the configuration's form. `name` is the member of the configuration; labels are by language. */
export type Field<C> = { name: keyof C & string; label: Readonly<Record<LanguageCode, string>> } & (
  | { type: "number"; least: number; most: number }
  | { type: "boolean" }
  | { type: "text"; longest: number }
  | { type: "names"; hint: Readonly<Record<LanguageCode, string>> }
);

/** What a widget may use besides its configuration. */
export interface Surroundings {
  api: Api;
  language: LanguageCode;
  /** For dates and numbers: the language as it is written where the user is. */
  locale: string;
  /** An ISO 4217 code: how amounts are labelled. */
  currency: string;
  /** Aborted when the widget is drawn anew or removed. */
  signal: AbortSignal;
}

/** Told when the widget's size or the colours have changed; a widget that CSS lays out needs neither. */
export interface Drawn {
  redraw: () => void;
}

export interface WidgetKind<K extends Kind = Kind> {
  kind: K;
  name: Readonly<Record<LanguageCode, string>>;
  /** Of a widget that is added. */
  defaults: Configuration<K>;
  sizes: Readonly<Record<Screen, Size>>;
  fields: readonly Field<Configuration<K>>[];
  /** How old what is shown may get before it is asked for again; without: for ever. */
  freshSeconds?: number;
  /** Only users with one of these roles may add it; without: everybody. */
  roles?: readonly Role[];
  /** Fill the element. A Problem that is thrown is shown in the widget's place. */
  render(
    element: HTMLElement,
    configuration: Configuration<K>,
    surroundings: Surroundings,
  ): Promise<Drawn | void> | Drawn | void;
}

/** For the type alone. */
export function defineWidget<K extends Kind>(widget: WidgetKind<K>): WidgetKind<K> {
  return widget;
}
