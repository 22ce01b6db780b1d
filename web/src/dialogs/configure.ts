import { h } from "../dom";
import type { LanguageCode } from "../languages/language";
import type { Texts } from "../languages/en";
import type { Field, Widget } from "../widget";
import { KINDS, nameOf } from "../widgets";
import { ask, checkbox, labelled, linesOf } from "./dialog";

/** The form of a widget's configuration, made of its kind's fields; the changed widget, or null. */
export function askConfiguration(widget: Widget, language: LanguageCode, texts: Texts): Promise<Widget | null> {
  const kind = KINDS.get(widget.kind);
  const title = h("input", { type: "text", maxlength: 80, value: widget.title ?? "", autocomplete: "off" });
  const values: Record<string, unknown> = { ...widget };
  const inputs = (kind?.fields ?? []).map((field) => inputOf(field as Field<Record<string, unknown>>, values, language));
  return ask<Widget>(
    {
      title: texts.dialogs.configureTitle(nameOf(widget, language)),
      body: [
        labelled(texts.dialogs.widgetTitle, title, texts.dialogs.widgetTitleHint(kind?.name[language] ?? widget.kind)),
        ...inputs.map((input) => input.element),
      ],
      actions: [
        {
          label: texts.dialogs.apply,
          look: "primary",
          run: () => {
            const read = Object.fromEntries(inputs.map((input) => [input.name, input.read()]));
            return { ...widget, ...read, title: title.value.trim() || null } as Widget;
          },
        },
      ],
      cancel: texts.dialogs.cancel,
    },
    texts,
  );
}

interface Input {
  name: string;
  element: HTMLElement;
  read: () => unknown;
}

function inputOf(field: Field<Record<string, unknown>>, values: Record<string, unknown>, language: LanguageCode): Input {
  const { name } = field;
  const label = field.label[language];
  const value = values[name];
  if (field.type === "boolean") {
    const input = h("input", { type: "checkbox", checked: value === true });
    return { name, element: checkbox(label, input), read: () => input.checked };
  }
  if (field.type === "number") {
    const input = h("input", {
      type: "number",
      min: field.least,
      max: field.most,
      step: 1,
      required: true,
      value: Number(value),
    });
    return { name, element: labelled(label, input, `${field.least} – ${field.most}`), read: () => input.valueAsNumber };
  }
  if (field.type === "names") {
    const input = h("textarea", { rows: 3 }, (value as string[]).join("\n"));
    return { name, element: labelled(label, input, field.hint[language]), read: () => linesOf(input.value) };
  }
  const input = h("textarea", { rows: 6, maxlength: field.longest }, String(value));
  return { name, element: labelled(label, input), read: () => input.value };
}
