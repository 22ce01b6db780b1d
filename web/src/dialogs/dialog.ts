import { h } from "../dom";
import { told } from "../languages/language";
import type { Texts } from "../languages/en";

let numbers = 0;

/** One button at the foot of a dialog. `run` may throw a Problem: it is shown, and the dialog stays open. */
export interface Action<T> {
  label: string;
  /** `primary` is also what Enter does. */
  look?: "primary" | "danger";
  run: () => T | Promise<T>;
}

export interface Question<T> {
  title: string;
  body: (Node | null)[];
  actions: Action<T>[];
  /** The label of the button that closes it without an answer; null: it cannot be closed. */
  cancel: string | null;
  wide?: boolean;
  /** The actions are what there is to choose from, not what is done with what the dialog holds. */
  tiles?: boolean;
}

/** Show a dialog; what the chosen action made, or null where it was closed. Focus goes back to where it was. */
export function ask<T>(question: Question<T>, texts: Texts): Promise<T | null> {
  const { promise, resolve } = Promise.withResolvers<T | null>();
  const heading = h("h2", { id: `dialog-${++numbers}` }, question.title);
  const error = h("p", { class: "error", role: "alert", hidden: true });
  const before = document.activeElement;

  const run = async (action: Action<T>) => {
    error.hidden = true;
    dialog.ariaBusy = "true";
    try {
      close(await action.run());
    } catch (problem) {
      error.textContent = told(problem, texts);
      error.hidden = false;
    } finally {
      dialog.ariaBusy = null;
    }
  };
  const close = (answer: T | null) => {
    dialog.close();
    dialog.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    resolve(answer);
  };
  const buttons = question.actions.map((action) =>
    h(
      "button",
      action.look === "primary"
        ? { type: "submit", class: "primary" }
        : { type: "button", class: action.look ?? null, onclick: () => void run(action) },
      action.label,
    ),
  );
  const cancel = question.cancel === null ? null : h("button", { type: "button", onclick: () => close(null) }, question.cancel);
  const tiles = question.tiles ? h("div", { class: "tiles" }, ...buttons) : null;
  const footer = h("footer", {}, cancel, ...(question.tiles ? [] : buttons));
  const form = h("form", { novalidate: true }, heading, ...question.body, tiles, error, footer);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = question.actions.find((action) => action.look === "primary");
    if (form.reportValidity() && first !== undefined) void run(first);
  });
  const dialog = h("dialog", { "aria-labelledby": heading.id, class: question.wide ? "wide" : null }, form);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (question.cancel !== null) close(null);
  });
  document.body.append(dialog);
  dialog.showModal();
  return promise;
}

/** A labelled input, with a hint below. */
export function labelled(text: string, input: HTMLElement, hint: string | null = null): HTMLElement {
  input.id = `input-${++numbers}`;
  if (hint === null) return h("div", { class: "field" }, h("label", { for: input.id }, text), input);
  input.setAttribute("aria-describedby", `${input.id}-hint`);
  return h("div", { class: "field" }, h("label", { for: input.id }, text), input, h("small", { id: `${input.id}-hint` }, hint));
}

/** A checkbox with its label beside it. */
export function checkbox(text: string, input: HTMLInputElement): HTMLElement {
  return h("label", { class: "check" }, input, text);
}

/** A choice of few. */
export function choice<T extends string>(options: readonly (readonly [T, string])[], chosen: T): HTMLSelectElement {
  return h("select", {}, ...options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
}

/** The lines of a text that say something. */
export function linesOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((line) => line !== ""))];
}
