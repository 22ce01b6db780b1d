import type { Screen } from "../layout/document";

const TABLET = matchMedia("(min-width: 40rem)");
const DESKTOP = matchMedia("(min-width: 64rem)");

/** The kind of screen, by the width of the window. */
export function currentScreen(): Screen {
  if (DESKTOP.matches) return "desktop";
  return TABLET.matches ? "tablet" : "phone";
}

/** Called when it has become another one. Ends with `signal`. */
export function onScreenChange(changed: () => void, signal: AbortSignal): void {
  for (const query of [TABLET, DESKTOP]) query.addEventListener("change", changed, { signal });
}
