import type { Role } from "../api/types";
import type { LanguageCode } from "../languages/language";
import type { Texts } from "../languages/en";
import type { WidgetKind } from "../widget";
import { KINDS } from "../widgets";
import { ask } from "./dialog";

/** Which kind of widget to add, among those the user may; null: none. */
export function askKind(roles: readonly Role[], language: LanguageCode, texts: Texts): Promise<WidgetKind | null> {
  const allowed = [...KINDS.values()].filter(
    (kind) => kind.roles === undefined || kind.roles.some((role) => roles.includes(role)),
  );
  allowed.sort((one, other) => one.name[language].localeCompare(other.name[language], language));
  return ask<WidgetKind>(
    {
      title: texts.dialogs.addTitle,
      body: [],
      actions: allowed.map((kind) => ({ label: kind.name[language], run: () => kind })),
      cancel: texts.dialogs.cancel,
      tiles: true,
    },
    texts,
  );
}
