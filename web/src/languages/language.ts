import { asProblem, UNREACHABLE } from "../api/problem";
import type { Language as LanguageCode, StoredPreferences } from "../api/types";
import { de } from "./de";
import { en, type Texts } from "./en";

export type { LanguageCode };
export const LANGUAGES: Readonly<Record<LanguageCode, { name: string; texts: Texts }>> = {
  de: { name: "Deutsch", texts: de },
  en: { name: "English", texts: en },
};

/** The user's choice, else the first of the browser's languages that there is. */
export function languageOf(stored: StoredPreferences | null, wanted: readonly string[] = navigator.languages): LanguageCode {
  const asked = wanted.map((tag) => tag.slice(0, 2).toLowerCase());
  const known = asked.find((code): code is LanguageCode => Object.hasOwn(LANGUAGES, code));
  return stored?.preferences.language ?? known ?? "en";
}

/** The language with the browser's region, where it has one: 27/11/2026 in Britain, 11/27/2026 in the United States. */
export function localeOf(code: LanguageCode, wanted: readonly string[] = navigator.languages): string {
  return wanted.find((tag) => tag.slice(0, 2).toLowerCase() === code) ?? code;
}

/** What a user is told of an error. Throws what is no Problem. */
export function told(error: unknown, texts: Texts): string {
  const problem = asProblem(error);
  const { code } = problem;
  if (code === UNREACHABLE) return texts.problems.unreachable;
  if (Object.hasOwn(texts.problems, code)) {
    const text = texts.problems[code as keyof Texts["problems"]];
    if (typeof text === "string") return text;
  }
  return problem.isPassing ? texts.problems.passing : texts.problems.other;
}
