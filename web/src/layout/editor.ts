import type { Api } from "../api/client";
import { asProblem, type Problem } from "../api/problem";
import type { Layout, LayoutDocument } from "../api/types";
import { sameDocument } from "./document";

export type Status = "saved" | "changed" | "saving";

/**
 * One open layout: the version it was loaded in, and what the user has made of it since. Changes stay here, whatever goes
 * wrong, until they are stored or the user gives them up.
 */
export class Editor {
  readonly isOwn: boolean;
  /** Called after every change of what is said here. */
  onChange: () => void = () => {};
  #base: Layout;
  #document: LayoutDocument;
  #saving = false;

  constructor(layout: Layout, userId: string) {
    this.#base = layout;
    this.#document = layout.document;
    this.isOwn = layout.owner_id === userId;
  }

  get id(): string {
    return this.#base.id;
  }

  get ownerId(): string {
    return this.#base.owner_id;
  }

  get name(): string {
    return this.#base.name;
  }

  get etag(): string {
    return this.#base.etag;
  }

  get document(): LayoutDocument {
    return this.#document;
  }

  /** As it was loaded or last stored: what the own changes are changes of. */
  get stored(): LayoutDocument {
    return this.#base.document;
  }

  get status(): Status {
    if (this.#saving) return "saving";
    return sameDocument(this.#document, this.#base.document) ? "saved" : "changed";
  }

  /** Whether something would be lost if the page were left now. */
  get isUnsaved(): boolean {
    return !sameDocument(this.#document, this.#base.document);
  }

  change(document: LayoutDocument): void {
    this.#document = document;
    this.onChange();
  }

  /** Store the changes, and perhaps another name; null, or why it did not work. Changes made meanwhile remain. */
  async save(api: Api, name = this.name): Promise<Problem | null> {
    const sent = this.#document;
    this.#saving = true;
    this.onChange();
    try {
      const stored = await api.saveLayout(this.id, { name, document: sent }, this.etag);
      this.#base = stored;
      // The server fills in what was left out; what has not been touched since takes that.
      if (this.#document === sent) this.#document = stored.document;
      return null;
    } catch (error) {
      const problem = asProblem(error);
      const { currentLayout } = problem;
      // An answer that was lost: what the server has is what it was sent the first time.
      if (currentLayout === null || currentLayout.name !== name || !sameDocument(currentLayout.document, sent)) return problem;
      this.#base = currentLayout;
      return null;
    } finally {
      this.#saving = false;
      this.onChange();
    }
  }

  /** Give the own changes up. */
  takeTheirs(current: Layout): void {
    this.#base = current;
    this.#document = current.document;
    this.onChange();
  }

  /** Keep the own changes, as changes of what is stored now: the next `save` replaces that. */
  keepMine(current: Layout): void {
    this.#base = current;
    this.onChange();
  }

  /** Take both sides' changes, as changes of what is stored now: the next `save` stores them. */
  merge(current: Layout, document: LayoutDocument): void {
    this.#base = current;
    this.#document = document;
    this.onChange();
  }
}
