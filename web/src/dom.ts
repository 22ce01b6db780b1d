/** Elements without templates: text is only ever text. */

type Attributes = Record<string, string | number | boolean | ((event: never) => void) | null>;
type Child = Node | string | null;

/** An element. `on…` are listeners; true and false are attributes that are there or not; null is left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  add: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  gear: "M4 7h10M18 7h2M4 17h2M10 17h10M14 4v6M6 14v6",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  account: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 20c1-4 4.5-5 8-5s7 1 8 5",
  save: "M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6",
  grid: "M4 4h7v9H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 15h7v5H4z",
  warning: "M12 4l9 16H3zM12 10v4M12 17h.01",
} as const;

/** A picture that says nothing a label does not say. */
export function icon(name: keyof typeof ICONS): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows a picture alone; the label is its name and its tooltip. */
export function iconButton(
  name: keyof typeof ICONS,
  label: string,
  onclick: () => void,
  more: Attributes = {},
): HTMLButtonElement {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...more }, icon(name));
}
