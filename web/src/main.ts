// Before the page's own: these override it, and its pictures are data: addresses, which the policy refuses.
import "gridstack/dist/gridstack.min.css";
import "./styles/page.css";
import "./styles/widgets.css";
import { Api } from "./api/client";
import { asProblem } from "./api/problem";
import { Session } from "./api/session";
import { h } from "./dom";
import { LANGUAGES, languageOf, told } from "./languages/language";
import { App } from "./page/app";
import { signInPage } from "./page/sign_in";

const session = new Session();
const api = new Api(session);

/** By the cookie of an earlier visit, else by signing in. */
async function signIn(): Promise<void> {
  try {
    await session.token();
  } catch (error) {
    if (asProblem(error).isPassing) throw error;
    const language = languageOf(null);
    document.documentElement.lang = language;
    await signInPage(session, LANGUAGES[language].texts);
  }
}

/** Show that nothing can be shown, until it can. */
async function unavailable(error: unknown): Promise<void> {
  const { texts } = LANGUAGES[languageOf(null)];
  const { promise, resolve } = Promise.withResolvers<void>();
  const button = h("button", { type: "button", class: "primary", onclick: () => resolve() }, texts.board.retry);
  const card = h("div", { class: "card" }, h("h1", {}, texts.product), h("p", { role: "alert" }, told(error, texts)), button);
  document.body.replaceChildren(h("main", { class: "sign-in" }, card));
  await promise;
}

for (;;) {
  try {
    await signIn();
    const app = await App.start(session, api);
    await app.done;
  } catch (error) {
    await unavailable(error);
  }
}
