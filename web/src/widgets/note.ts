import { h } from "../dom";
import { defineWidget } from "../widget";

export default defineWidget({
  kind: "note",
  name: { en: "Note", de: "Notiz" },
  defaults: { text: "" },
  sizes: { phone: { width: 2, height: 3 }, tablet: { width: 3, height: 3 }, desktop: { width: 3, height: 3 } },
  fields: [{ name: "text", type: "text", longest: 4000, label: { en: "Text", de: "Text" } }],
  render(element, { text }) {
    element.append(h("p", { class: "note" }, text));
  },
});
