import { asProblem, type Problem } from "../api/problem";
import type { Place } from "../api/types";
import { h, icon, iconButton } from "../dom";
import { told, LANGUAGES } from "../languages/language";
import type { Drawn, Surroundings, Widget } from "../widget";
import { KINDS, nameOf } from "../widgets";
import { TALLEST } from "../layout/document";

export type Given = Omit<Surroundings, "signal">;

/** One widget on the grid: its head, by which it is moved, and what its kind draws. */
export class Frame {
  readonly element: HTMLElement;
  readonly header: HTMLElement;
  widget: Widget;
  readonly #given: Given;
  readonly #editable: boolean;
  readonly #actions: { configure: () => void; remove: () => void };
  readonly #content = h("div", { class: "widget-content" });
  readonly #observer = new ResizeObserver(() => {
    this.#drawn?.redraw();
    this.#letScroll();
  });
  #drawn: Drawn | null = null;
  /** Of what is shown, and of what is on its way. */
  #life = new AbortController();
  #next = new AbortController();
  #timer = 0;

  constructor(
    widget: Widget,
    place: Place,
    given: Given,
    editable: boolean,
    actions: { configure: () => void; remove: () => void },
  ) {
    this.widget = widget;
    this.#given = given;
    this.#editable = editable;
    this.#actions = actions;
    this.header = h("header", { class: "widget-header" });
    if (editable) {
      this.header.tabIndex = 0;
      this.header.setAttribute("role", "group");
      this.header.setAttribute("aria-describedby", "move-help");
    }
    const card = h("section", { class: "grid-stack-item-content widget" }, this.header, this.#content);
    this.element = h(
      "div",
      {
        class: "grid-stack-item",
        "gs-id": widget.id,
        "gs-x": place.x,
        "gs-y": place.y,
        "gs-w": place.width,
        "gs-h": place.height,
        "gs-max-h": TALLEST,
      },
      card,
    );
    this.#observer.observe(this.#content);
    this.draw();
  }

  get name(): string {
    return nameOf(this.widget, this.#given.language);
  }

  /** What overflows can be scrolled by keys, once it has the focus; what does not is no stop on the way. */
  #letScroll(): void {
    const overflows =
      this.#content.scrollHeight > this.#content.clientHeight || this.#content.scrollWidth > this.#content.clientWidth;
    this.#content.toggleAttribute("tabindex", overflows);
    if (overflows) this.#content.tabIndex = 0;
  }

  /** Everything anew: after another configuration, or in other colours. What was there stays until the new is. */
  draw(): void {
    const { texts } = LANGUAGES[this.#given.language];
    this.header.replaceChildren(h("h2", {}, this.name));
    this.element.firstElementChild?.setAttribute("aria-label", this.name);
    if (this.#editable) {
      this.header.setAttribute("aria-label", texts.board.handle(this.name));
      this.header.append(
        iconButton("gear", texts.board.configure(this.name), this.#actions.configure),
        iconButton("close", texts.board.remove(this.name), this.#actions.remove),
      );
    }
    void this.#fill();
  }

  remove(): void {
    clearTimeout(this.#timer);
    this.#next.abort();
    this.#life.abort();
    this.#observer.disconnect();
  }

  async #fill(): Promise<void> {
    this.#next.abort();
    const next = new AbortController();
    this.#next = next;
    const { texts } = LANGUAGES[this.#given.language];
    if (this.#content.childElementCount === 0) this.#content.append(h("p", { class: "quiet loading" }, texts.board.loading));
    this.#content.ariaBusy = "true";
    const body = h("div", { class: "widget-body" });
    let drawn: Drawn | null = null;
    let shown: HTMLElement = body;
    let isFinal = false;
    const kind = KINDS.get(this.widget.kind);
    try {
      drawn = (await kind?.render(body, this.widget, { ...this.#given, signal: next.signal })) ?? null;
    } catch (error) {
      if (next.signal.aborted) return;
      const problem = asProblem(error);
      shown = this.#problem(problem);
      isFinal = !problem.isPassing;
    }
    if (next.signal.aborted) return;
    this.#life.abort();
    this.#life = next;
    this.#content.replaceChildren(shown);
    // Only now: a chart that is in the page knows how large it may be.
    this.#drawn = drawn;
    this.#drawn?.redraw();
    this.#content.ariaBusy = null;
    this.#letScroll();
    if (kind?.freshSeconds !== undefined && !isFinal) this.#fillIn(kind.freshSeconds);
  }

  /** Again after a while; a page that nobody looks at asks for nothing until somebody does. */
  #fillIn(seconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      if (document.visibilityState === "visible") void this.#fill();
      else document.addEventListener("visibilitychange", () => void this.#fill(), { once: true, signal: this.#life.signal });
    }, seconds * 1000);
  }

  #problem(problem: Problem): HTMLElement {
    const { texts } = LANGUAGES[this.#given.language];
    const again = problem.isPassing ? h("button", { type: "button", onclick: () => this.draw() }, texts.board.retry) : null;
    return h("div", { class: "widget-problem" }, icon("warning"), h("p", {}, told(problem, texts)), again);
  }
}
