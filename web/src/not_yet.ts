import { Problem } from "./api/problem";

/** For widgets whose endpoint does not exist yet: the widget says so. */
export function notYet(): never {
  throw new Problem("not_yet", 404);
}
