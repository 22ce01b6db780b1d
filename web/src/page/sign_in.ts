import { providers, type Session } from "../api/session";
import { h, icon } from "../dom";
import { ask, labelled } from "../dialogs/dialog";
import { told } from "../languages/language";
import type { Texts } from "../languages/en";

function inputs(texts: Texts) {
  const email = h("input", { type: "email", required: true, autocomplete: "username", autofocus: true });
  const password = h("input", { type: "password", required: true, autocomplete: "current-password" });
  return { email, password, fields: [labelled(texts.signIn.email, email), labelled(texts.signIn.password, password)] };
}

/** The page where somebody signs in. Resolves when that is done. */
export function signInPage(session: Session, texts: Texts): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { email, password, fields } = inputs(texts);
  const error = h("p", { class: "error", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: "primary" }, texts.signIn.submit);
  const form = h("form", { class: "card" }, h("h1", {}, icon("grid"), texts.signIn.title), ...fields, error, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    error.hidden = true;
    session
      .signIn({ email: email.value.trim(), password: password.value })
      .then(resolve)
      .catch((problem: unknown) => {
        error.textContent = told(problem, texts);
        error.hidden = false;
        password.select();
      })
      .finally(() => {
        button.disabled = false;
      });
  });
  document.body.replaceChildren(h("main", { class: "sign-in" }, form));
  void providers(location.pathname).then((found) =>
    form.append(...found.map(({ name, address }) => h("a", { class: "button", href: address }, texts.signIn.with(name)))),
  );
  email.focus();
  return promise;
}

/** The same over a page that has something to lose. */
export async function signInAgain(session: Session, texts: Texts): Promise<void> {
  const { email, password, fields } = inputs(texts);
  const run = () => session.signIn({ email: email.value.trim(), password: password.value });
  await ask(
    {
      title: texts.signIn.title,
      body: [h("p", {}, texts.signIn.again), ...fields],
      actions: [{ label: texts.signIn.submit, look: "primary", run }],
      cancel: null,
    },
    texts,
  );
}
