import { h } from "../dom";
import type { Texts } from "../languages/en";
import { ask } from "./dialog";

/** Whether a layout is really to be deleted; `run` does it. */
export async function confirmDelete(name: string, run: () => Promise<void>, texts: Texts): Promise<boolean> {
  const { deleteTitle, deleteText, cancel } = texts.dialogs;
  const action = {
    label: texts.dialogs.delete,
    look: "danger" as const,
    run: async () => {
      await run();
      return true;
    },
  };
  return (await ask({ title: deleteTitle, body: [h("p", {}, deleteText(name))], actions: [action], cancel }, texts)) ?? false;
}

/** What becomes of unsaved changes before something else is opened; null: nothing is opened. */
export function askLeave(name: string, texts: Texts): Promise<"save" | "discard" | null> {
  const { leaveTitle, leaveText, discard, saveFirst, cancel } = texts.dialogs;
  return ask<"save" | "discard">(
    {
      title: leaveTitle,
      body: [h("p", {}, leaveText(name))],
      actions: [
        { label: discard, look: "danger", run: () => "discard" },
        { label: saveFirst, look: "primary", run: () => "save" },
      ],
      cancel,
    },
    texts,
  );
}
