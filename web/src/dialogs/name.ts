import { h } from "../dom";
import type { Texts } from "../languages/en";
import { ask, labelled } from "./dialog";

/** Ask for a layout's name, and do with it what `run` does; null where it was closed. */
export function askName<T>(
  title: string,
  submit: string,
  name: string,
  run: (name: string) => Promise<T>,
  texts: Texts,
): Promise<T | null> {
  const input = h("input", { type: "text", required: true, maxlength: 80, value: name, autocomplete: "off", autofocus: true });
  return ask<T>(
    {
      title,
      body: [labelled(texts.dialogs.name, input)],
      actions: [{ label: submit, look: "primary", run: () => run(input.value.trim()) }],
      cancel: texts.dialogs.cancel,
    },
    texts,
  );
}
