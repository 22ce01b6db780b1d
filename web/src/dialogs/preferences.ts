import type { Preferences, Theme } from "../api/types";
import { LANGUAGES, type LanguageCode } from "../languages/language";
import type { Texts } from "../languages/en";
import { ask, choice, labelled } from "./dialog";

const CURRENCIES = ["EUR", "USD", "GBP", "CHF"];
const SYSTEM = "system";

/** What the user prefers; `run` stores it. */
export function askPreferences(
  now: Preferences,
  run: (changed: Partial<Preferences>) => Promise<void>,
  texts: Texts,
): Promise<true | null> {
  const themes = (["system", "light", "dark"] as const).map((theme) => [theme, texts.dialogs.themes[theme]] as const);
  const codes = Object.keys(LANGUAGES) as LanguageCode[];
  const theme = choice<Theme>(themes, now.theme);
  const language = choice<LanguageCode | typeof SYSTEM>(
    [[SYSTEM, texts.dialogs.languageSystem], ...codes.map((code) => [code, LANGUAGES[code].name] as const)],
    now.language ?? SYSTEM,
  );
  const known = CURRENCIES.includes(now.currency) ? CURRENCIES : [now.currency, ...CURRENCIES];
  const currency = choice(
    known.map((code) => [code, code] as const),
    now.currency,
  );
  const save = async (): Promise<true> => {
    await run({
      theme: theme.value as Theme,
      language: language.value === SYSTEM ? null : (language.value as LanguageCode),
      currency: currency.value,
    });
    return true;
  };
  return ask<true>(
    {
      title: texts.dialogs.preferencesTitle,
      body: [
        labelled(texts.dialogs.theme, theme),
        labelled(texts.dialogs.language, language),
        labelled(texts.dialogs.currency, currency),
      ],
      actions: [{ label: texts.bar.save, look: "primary", run: save }],
      cancel: texts.dialogs.cancel,
    },
    texts,
  );
}
