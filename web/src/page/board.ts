import { GridStack, type GridStackNode } from "gridstack";
import type { LayoutDocument, Place } from "../api/types";
import { h } from "../dom";
import { LANGUAGES } from "../languages/language";
import { COLUMNS, inReadingOrder, MOST_ROWS, type Screen, TALLEST } from "../layout/document";
import { Frame, type Given } from "./frame";
import type { Widget } from "../widget";

const ROW_PIXELS = 64;
const GAP_PIXELS = 8;
const STEPS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export interface BoardEvents {
  moved: (places: Place[]) => void;
  configure: (widget: Widget) => void;
  remove: (widget: Widget) => void;
  announce: (text: string) => void;
}

/** The widgets of a layout on the grid of one kind of screen. gridstack moves them; what it decides is reported as places. */
export class Board {
  readonly element = h("div", { class: "board" });
  readonly #given: Given;
  readonly #events: BoardEvents;
  readonly #frames = new Map<string, Frame>();
  #grid: GridStack | null = null;
  #screen: Screen = "desktop";
  #isLoading = false;

  constructor(given: Given, events: BoardEvents) {
    this.#given = given;
    this.#events = events;
  }

  /** Show a document from scratch. */
  show(document: LayoutDocument, screen: Screen, editable: boolean): void {
    this.clear();
    this.#screen = screen;
    const widgets = new Map(document.widgets.map((widget) => [widget.id, widget]));
    const frames = inReadingOrder(document.grids[screen]).flatMap((place) => {
      const widget = widgets.get(place.widget);
      return widget === undefined ? [] : [this.#frame(widget, place, editable)];
    });
    const list = h("div", { class: `grid-stack columns-${COLUMNS[screen]}` }, ...frames.map((frame) => frame.element));
    this.element.replaceChildren(list);
    this.#isLoading = true;
    this.#grid = GridStack.init(
      {
        column: COLUMNS[screen],
        cellHeight: ROW_PIXELS,
        margin: GAP_PIXELS,
        maxRow: MOST_ROWS,
        minRow: 1,
        // Widgets stay where they were put: the same document is shown the same each time.
        mode: "float",
        staticGrid: !editable,
        animate: !matchMedia("(prefers-reduced-motion: reduce)").matches,
        draggable: { handle: ".widget-header" },
        resizable: { handles: "e,se,s,sw,w" },
        alwaysShowResizeHandle: "mobile",
      },
      list,
    );
    this.#isLoading = false;
    this.#grid?.on("change", () => this.#report());
  }

  /** One more widget, where the document places it. */
  add(widget: Widget, place: Place): void {
    const frame = this.#frame(widget, place, true);
    this.#isLoading = true;
    this.#grid?.el.append(frame.element);
    this.#grid?.makeWidget(frame.element);
    this.#isLoading = false;
    frame.element.scrollIntoView({ block: "nearest" });
    frame.header.focus();
  }

  remove(id: string): void {
    const frame = this.#frames.get(id);
    if (frame === undefined) return;
    frame.remove();
    this.#frames.delete(id);
    this.#isLoading = true;
    this.#grid?.removeWidget(frame.element);
    this.#isLoading = false;
    // Focus would be lost with the button that was pressed.
    this.#frames.values().next().value?.header.focus();
  }

  configure(widget: Widget): void {
    const frame = this.#frames.get(widget.id);
    if (frame === undefined) return;
    frame.widget = widget;
    frame.draw();
    frame.header.focus();
  }

  /** In other colours. */
  redraw(): void {
    for (const frame of this.#frames.values()) frame.draw();
  }

  clear(): void {
    for (const frame of this.#frames.values()) frame.remove();
    this.#frames.clear();
    this.#grid?.destroy();
    this.#grid = null;
    this.element.replaceChildren();
  }

  #frame(widget: Widget, place: Place, editable: boolean): Frame {
    const frame = new Frame(widget, place, this.#given, editable, {
      configure: () => this.#events.configure(frame.widget),
      remove: () => this.#events.remove(frame.widget),
    });
    if (editable) frame.header.addEventListener("keydown", (event) => this.#key(event, frame));
    this.#frames.set(widget.id, frame);
    return frame;
  }

  /** Arrows move, with Shift they resize: a column or a row each time. */
  #key(event: KeyboardEvent, frame: Frame): void {
    const step = STEPS[event.key];
    if (event.target !== frame.header || step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const before = placeOf(nodeOf(frame));
    const [x, y] = step;
    const columns = COLUMNS[this.#screen];
    if (event.shiftKey) {
      const w = Math.min(Math.max(before.width + x, 1), columns - before.x);
      this.#grid?.update(frame.element, { w, h: Math.min(Math.max(before.height + y, 1), TALLEST, MOST_ROWS - before.y) });
    } else {
      this.#grid?.update(frame.element, {
        x: Math.min(Math.max(before.x + x, 0), columns - before.width),
        y: Math.min(Math.max(before.y + y, 0), MOST_ROWS - before.height),
      });
    }
    const after = placeOf(nodeOf(frame));
    const { texts } = LANGUAGES[this.#given.language];
    if (JSON.stringify(after) === JSON.stringify(before)) this.#events.announce(texts.board.blocked(frame.name));
    else if (event.shiftKey) this.#events.announce(texts.board.resized(frame.name, after.width, after.height));
    else this.#events.announce(texts.board.moved(frame.name, after.x + 1, after.y + 1));
    frame.element.scrollIntoView({ block: "nearest" });
  }

  #report(): void {
    if (this.#isLoading || this.#grid === null) return;
    this.#events.moved([...this.#frames.values()].map((frame) => placeOf(nodeOf(frame))));
  }
}

function nodeOf(frame: Frame): GridStackNode {
  return (frame.element as HTMLElement & { gridstackNode?: GridStackNode }).gridstackNode ?? {};
}

function placeOf(node: GridStackNode): Place {
  return { widget: node.id ?? "", x: node.x ?? 0, y: node.y ?? 0, width: node.w ?? 1, height: node.h ?? 1 };
}
