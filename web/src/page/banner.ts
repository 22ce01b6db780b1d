import { h, iconButton } from "../dom";
import type { Texts } from "../languages/en";

const SECONDS = 4;

/** Messages above the page: errors stay until they are closed, everything else goes by itself. */
export class Banner {
  readonly element = h("div", { class: "banner" });
  readonly #texts: Texts;
  #timer = 0;

  constructor(texts: Texts) {
    this.#texts = texts;
  }

  /** What went wrong, and perhaps a way to try again. */
  error(text: string, again: (() => void) | null = null): void {
    const retry = again === null ? null : h("button", { type: "button", onclick: again }, this.#texts.board.retry);
    const close = iconButton("close", this.#texts.dialogs.close, () => this.clear());
    this.#show(h("div", { class: "message message-error", role: "alert" }, h("p", {}, text), retry, close));
  }

  /** What went well. */
  tell(text: string): void {
    this.#show(h("div", { class: "message", role: "status" }, h("p", {}, text)));
    this.#timer = window.setTimeout(() => this.clear(), SECONDS * 1000);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.element.replaceChildren();
  }

  #show(message: HTMLElement): void {
    this.clear();
    this.element.append(message);
  }
}
