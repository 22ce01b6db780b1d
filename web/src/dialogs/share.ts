import type { Api } from "../api/client";
import type { Role, StoredShares } from "../api/types";
import { h } from "../dom";
import type { Texts } from "../languages/en";
import { ask, checkbox, labelled, linesOf } from "./dialog";

const ROLES: readonly Role[] = ["customer", "staff", "admin"];

/** Whom a layout is shared with; true where that was stored. Roles can be named by staff and admins alone. */
export async function askShares(
  api: Api,
  layoutId: string,
  stored: StoredShares,
  roles: readonly Role[],
  texts: Texts,
): Promise<boolean> {
  const { shareTitle, shareText, shareUsers, shareUsersHint, shareRoles, shareSubmit, cancel } = texts.dialogs;
  const users = h("textarea", { rows: 4, autofocus: true }, stored.shares.users.join("\n"));
  const boxes = ROLES.map((role) => ({
    role,
    input: h("input", { type: "checkbox", checked: stored.shares.roles.includes(role) }),
  }));
  const mayNameRoles = roles.some((role) => role !== "customer");
  const choices = h(
    "fieldset",
    {},
    h("legend", {}, shareRoles),
    ...boxes.map(({ role, input }) => checkbox(texts.roles[role], input)),
  );
  const share = async () => {
    const named = mayNameRoles ? boxes.filter(({ input }) => input.checked).map(({ role }) => role) : [];
    await api.saveShares(layoutId, { users: linesOf(users.value), roles: named }, stored.etag);
    return true;
  };
  return (
    (await ask(
      {
        title: shareTitle,
        body: [h("p", {}, shareText), labelled(shareUsers, users, shareUsersHint), mayNameRoles ? choices : null],
        actions: [{ label: shareSubmit, look: "primary", run: share }],
        cancel,
      },
      texts,
    )) ?? false
  );
}
