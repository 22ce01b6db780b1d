import type { LayoutSummary } from "../api/types";
import { h, icon } from "../dom";
import type { Editor } from "../layout/editor";
import type { Texts } from "../languages/en";

export interface BarEvents {
  open: (id: string) => void;
  newLayout: () => void;
  addWidget: () => void;
  save: () => void;
  rename: () => void;
  share: () => void;
  remove: () => void;
  preferences: () => void;
  signOut: () => void;
}

export interface Lists {
  mine: LayoutSummary[];
  shared: LayoutSummary[];
}

/** The bar on top: which layout, what can be done with it, and whether it is saved. */
export class Bar {
  readonly element: HTMLElement;
  readonly #texts: Texts;
  readonly #select: HTMLSelectElement;
  readonly #status = h("p", { class: "status", role: "status" });
  readonly #add: HTMLButtonElement;
  readonly #save: HTMLButtonElement;
  readonly #more: HTMLElement;

  constructor(texts: Texts, events: BarEvents) {
    this.#texts = texts;
    const { bar } = texts;
    this.#select = h("select", { "aria-label": bar.layout, onchange: () => events.open(this.#select.value) });
    this.#add = h(
      "button",
      { type: "button", title: bar.addWidget, onclick: events.addWidget },
      icon("add"),
      h("span", {}, bar.addWidget),
    );
    this.#save = h(
      "button",
      {
        type: "button",
        class: "primary",
        title: bar.save,
        "aria-keyshortcuts": "Control+S",
        onclick: () => {
          if (this.#save.ariaDisabled !== "true") events.save();
        },
      },
      icon("save"),
      h("span", {}, bar.save),
    );
    this.#more = menu("more", bar.more, [
      [bar.rename, events.rename],
      [bar.share, events.share],
      [bar.remove, events.remove],
    ]);
    const account = menu("account", bar.account, [
      [bar.preferences, events.preferences],
      [bar.signOut, events.signOut],
    ]);
    const newLayout = h(
      "button",
      { type: "button", title: bar.newLayout, onclick: events.newLayout },
      icon("grid"),
      h("span", {}, bar.newLayout),
    );
    this.element = h(
      "header",
      { class: "bar" },
      h("h1", {}, icon("grid"), h("span", {}, texts.product)),
      h("div", { class: "bar-layout" }, this.#select, this.#more),
      this.#status,
      h("div", { class: "bar-actions" }, newLayout, this.#add, this.#save, account),
    );
  }

  /** Show what is. */
  update(lists: Lists, editor: Editor | null): void {
    const { bar, status } = this.#texts;
    const group = (label: string, layouts: readonly LayoutSummary[]) =>
      layouts.length === 0
        ? null
        : h(
            "optgroup",
            { label },
            ...layouts.map(({ id, name }) => h("option", { value: id, selected: id === editor?.id }, name)),
          );
    const groups = [group(bar.mine, lists.mine), group(bar.shared, lists.shared)].filter((each) => each !== null);
    this.#select.replaceChildren(...(groups.length > 0 ? groups : [h("option", { value: "" }, bar.none)]));
    this.#select.disabled = groups.length === 0;
    const own = editor?.isOwn ?? false;
    this.#add.hidden = this.#save.hidden = this.#more.hidden = !own;
    this.#save.ariaDisabled = String(editor?.status !== "changed");
    const text = editor === null ? "" : own ? status[editor.status] : status.readOnly(editor.ownerId);
    // A status that is written anew is read out anew.
    if (this.#status.textContent !== text) this.#status.textContent = text;
    this.#status.dataset["status"] = own ? (editor?.status ?? "") : "readonly";
  }
}

/** A button that unfolds actions. Folds by Escape, by a choice, and when focus or pointer go elsewhere. */
function menu(picture: "more" | "account", label: string, items: readonly (readonly [string, () => void])[]): HTMLElement {
  const list = h("ul", { hidden: true });
  const button = h(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": label,
      title: label,
      "aria-expanded": "false",
      onclick: () => fold(!list.hidden),
    },
    icon(picture),
  );
  const fold = (folded: boolean) => {
    list.hidden = folded;
    button.ariaExpanded = String(!folded);
  };
  for (const [text, action] of items) {
    const choose = () => {
      fold(true);
      button.focus();
      action();
    };
    list.append(h("li", {}, h("button", { type: "button", onclick: choose }, text)));
  }
  const element = h("div", { class: "menu" }, button, list);
  element.addEventListener("focusout", (event) => {
    if (!(event.relatedTarget instanceof Node && element.contains(event.relatedTarget))) fold(true);
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || list.hidden) return;
    fold(true);
    button.focus();
  });
  return element;
}
