import type { Api } from "../api/client";
import { asProblem, type Problem } from "../api/problem";
import type { Session } from "../api/session";
import type { Layout, Preferences, StoredPreferences } from "../api/types";
import { askKind } from "../dialogs/add_widget";
import { askConfiguration } from "../dialogs/configure";
import { askLeave, confirmDelete } from "../dialogs/confirm";
import { askConflict } from "../dialogs/conflict";
import { askName } from "../dialogs/name";
import { askPreferences } from "../dialogs/preferences";
import { askShares } from "../dialogs/share";
import { h, icon } from "../dom";
import { LANGUAGES, type LanguageCode, languageOf, localeOf, told } from "../languages/language";
import type { Texts } from "../languages/en";
import { EMPTY, MOST_WIDGETS, withConfiguration, withoutWidget, withPlaces, withWidget } from "../layout/document";
import { Editor } from "../layout/editor";
import { nameOf } from "../widgets";
import { Banner } from "./banner";
import { Bar, type Lists } from "./bar";
import { Board } from "./board";
import { currentScreen, onScreenChange } from "./screen";
import { signInAgain } from "./sign_in";
import type { Widget } from "../widget";

/** The page of somebody who has signed in. Resolves when that person has signed out. */
export class App {
  readonly #session: Session;
  readonly #api: Api;
  readonly #stored: { preferences: StoredPreferences };
  readonly #lists: Lists = { mine: [], shared: [] };
  readonly #life = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  #language: LanguageCode;
  #texts: Texts;
  #editor: Editor | null = null;
  #bar!: Bar;
  #banner!: Banner;
  #board!: Board;
  #live!: HTMLElement;
  #nothing!: HTMLElement;
  #screen = currentScreen();
  #isSigningIn = false;

  /** Load what is there, then show it. Throws a Problem. */
  static async start(session: Session, api: Api): Promise<App> {
    const [preferences, mine, shared] = await Promise.all([api.preferences(), api.layouts("mine"), api.layouts("shared")]);
    const app = new App(session, api, preferences, { mine, shared });
    await app.#openFirst();
    return app;
  }

  private constructor(session: Session, api: Api, preferences: StoredPreferences, lists: Lists) {
    this.#session = session;
    this.#api = api;
    this.#stored = { preferences };
    this.#lists = lists;
    this.#language = languageOf(preferences);
    this.#texts = LANGUAGES[this.#language].texts;
    this.#build();
    const { signal } = this.#life;
    onScreenChange(() => this.#screenChanged(), signal);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#board.redraw(), { signal });
    window.addEventListener("beforeunload", (event) => this.#editor?.isUnsaved && event.preventDefault(), { signal });
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    session.onEnd = () => void this.#signInAgain();
  }

  /** Resolves when the user has signed out. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** Everything on the page, in the user's language and colours. */
  #build(): void {
    const { theme, currency } = this.#stored.preferences.preferences;
    document.documentElement.lang = this.#language;
    document.documentElement.dataset["theme"] = theme;
    document.title = this.#texts.product;
    this.#banner = new Banner(this.#texts);
    this.#live = h("div", { class: "visually-hidden", "aria-live": "polite" });
    this.#nothing = h("div", { class: "nothing", hidden: true });
    this.#bar = new Bar(this.#texts, {
      open: (id) => void this.#guarded(() => this.#leaveAndOpen(id)),
      newLayout: () => void this.#guarded(() => this.#newLayout()),
      addWidget: () => void this.#guarded(() => this.#addWidget()),
      save: () => void this.#guarded(() => this.#save()),
      rename: () => void this.#guarded(() => this.#rename()),
      share: () => void this.#guarded(() => this.#share()),
      remove: () => void this.#guarded(() => this.#delete()),
      preferences: () => void this.#guarded(() => this.#preferences()),
      signOut: () => void this.#guarded(() => this.#signOut()),
    });
    this.#board = new Board(
      { api: this.#api, language: this.#language, locale: localeOf(this.#language), currency },
      {
        moved: (places) => this.#change((editor) => withPlaces(editor.document, this.#screen, places)),
        configure: (widget) => void this.#guarded(() => this.#configure(widget)),
        remove: (widget) => this.#remove(widget),
        announce: (text) => this.#announce(text),
      },
    );
    document.body.replaceChildren(
      this.#bar.element,
      this.#banner.element,
      h("main", { "aria-label": this.#texts.board.widgets }, this.#nothing, this.#board.element),
      h("p", { id: "move-help", hidden: true }, this.#texts.board.moveHelp),
      this.#live,
    );
    this.#show();
  }

  /** The whole open layout from scratch. */
  #show(): void {
    const editor = this.#editor;
    if (editor === null) this.#board.clear();
    else {
      editor.onChange = () => this.#update();
      this.#board.show(editor.document, this.#screen, editor.isOwn);
    }
    this.#update();
  }

  #update(): void {
    this.#bar.update(this.#lists, this.#editor);
    const { board, bar } = this.#texts;
    const editor = this.#editor;
    document.title = `${editor?.isUnsaved ? "• " : ""}${editor === null ? "" : `${editor.name} – `}${this.#texts.product}`;
    this.#nothing.hidden = editor !== null && editor.document.widgets.length > 0;
    if (this.#nothing.hidden) return;
    const [title, text] = editor === null ? [board.welcome, board.welcomeText] : [board.empty, board.emptyText];
    const readOnly = editor !== null && !editor.isOwn;
    const run = editor === null ? () => this.#newLayout() : () => this.#addWidget();
    const button = h(
      "button",
      { type: "button", class: "primary", onclick: () => void this.#guarded(run) },
      icon("add"),
      editor === null ? bar.newLayout : bar.addWidget,
    );
    this.#nothing.replaceChildren(
      ...(readOnly ? [h("p", {}, board.emptyReadOnly)] : [icon("grid"), h("h2", {}, title), h("p", {}, text), button]),
    );
  }

  /** Whatever goes wrong is said. */
  async #guarded(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#banner.error(told(error, this.#texts));
    }
  }

  async #openFirst(): Promise<void> {
    const known = [...this.#lists.mine, ...this.#lists.shared].map(({ id }) => id);
    const last = this.#stored.preferences.preferences.open_layout;
    const first = last !== null && known.includes(last) ? last : known[0];
    if (first !== undefined) await this.#guarded(() => this.#open(first));
  }

  async #open(id: string): Promise<void> {
    this.#opened(await this.#api.layout(id));
  }

  #opened(layout: Layout): void {
    this.#banner.clear();
    this.#editor = new Editor(layout, this.#session.userId);
    this.#show();
    if (this.#stored.preferences.preferences.open_layout === layout.id) return;
    // A convenience: where it cannot be stored, nobody is told.
    this.#prefer({ open_layout: layout.id }).catch(asProblem);
  }

  async #leaveAndOpen(id: string): Promise<void> {
    if (await this.#mayLeave()) await this.#open(id);
    else this.#update();
  }

  /** Whether nothing would be lost, or the user gives it up. */
  async #mayLeave(): Promise<boolean> {
    const editor = this.#editor;
    if (editor === null || !editor.isUnsaved) return true;
    const answer = await askLeave(editor.name, this.#texts);
    if (answer === "save") {
      await this.#save();
      return !editor.isUnsaved;
    }
    return answer === "discard";
  }

  async #newLayout(): Promise<void> {
    if (!(await this.#mayLeave())) return;
    const { bar, dialogs } = this.#texts;
    const add = (name: string) => this.#api.addLayout({ name, document: EMPTY });
    const layout = await askName(bar.newLayout, dialogs.create, "", add, this.#texts);
    if (layout === null) {
      this.#update();
      return;
    }
    this.#lists.mine.push(layout);
    this.#opened(layout);
  }

  async #rename(): Promise<void> {
    const editor = this.#editor;
    if (editor === null) return;
    const rename = async (name: string) => {
      const problem = await editor.save(this.#api, name);
      if (problem !== null && problem.code !== "changed_meanwhile") throw problem;
      return problem ?? true;
    };
    const answer = await askName(this.#texts.dialogs.renameTitle, this.#texts.dialogs.ok, editor.name, rename, this.#texts);
    if (answer === null) return;
    if (answer === true) this.#saved(editor);
    else await this.#conflict(editor, answer);
  }

  async #delete(): Promise<void> {
    const editor = this.#editor;
    if (editor === null) return;
    if (!(await confirmDelete(editor.name, () => this.#api.deleteLayout(editor.id, editor.etag), this.#texts))) return;
    this.#lists.mine = this.#lists.mine.filter(({ id }) => id !== editor.id);
    this.#editor = null;
    this.#show();
    await this.#openFirst();
  }

  async #share(): Promise<void> {
    const editor = this.#editor;
    if (editor === null) return;
    const stored = await this.#api.shares(editor.id);
    if (await askShares(this.#api, editor.id, stored, this.#session.roles, this.#texts))
      this.#banner.tell(this.#texts.sharedNow);
  }

  async #addWidget(): Promise<void> {
    const editor = this.#editor;
    if (editor === null) return;
    if (editor.document.widgets.length >= MOST_WIDGETS) {
      this.#banner.error(this.#texts.board.full(MOST_WIDGETS));
      return;
    }
    const kind = await askKind(this.#session.roles, this.#language, this.#texts);
    if (kind === null) return;
    const widget = { ...kind.defaults, kind: kind.kind, id: crypto.randomUUID(), title: null } as Widget;
    this.#change(() => withWidget(editor.document, widget, kind.sizes));
    const place = editor.document.grids[this.#screen].find((each) => each.widget === widget.id);
    if (place !== undefined) this.#board.add(widget, place);
    this.#announce(this.#texts.board.added(nameOf(widget, this.#language)));
  }

  async #configure(widget: Widget): Promise<void> {
    const changed = await askConfiguration(widget, this.#language, this.#texts);
    if (changed === null) return;
    this.#change((editor) => withConfiguration(editor.document, changed));
    this.#board.configure(changed);
  }

  #remove(widget: Widget): void {
    this.#change((editor) => withoutWidget(editor.document, widget.id));
    this.#board.remove(widget.id);
    if (!this.#nothing.hidden) this.#nothing.querySelector("button")?.focus();
    this.#announce(this.#texts.board.removed(nameOf(widget, this.#language)));
  }

  #change(changed: (editor: Editor) => Editor["document"]): void {
    if (this.#editor?.isOwn) this.#editor.change(changed(this.#editor));
  }

  async #save(): Promise<void> {
    const editor = this.#editor;
    if (editor?.status !== "changed") return;
    const problem = await editor.save(this.#api);
    if (problem === null) this.#saved(editor);
    else if (problem.currentLayout !== null) await this.#conflict(editor, problem);
    else this.#notSaved(problem);
  }

  #saved(editor: Editor): void {
    const listed = this.#lists.mine.find(({ id }) => id === editor.id);
    if (listed !== undefined) listed.name = editor.name;
    // The status says so already.
    this.#banner.clear();
    this.#update();
  }

  #notSaved(problem: Problem): void {
    const again = () => void this.#guarded(() => this.#save());
    this.#banner.error(this.#texts.problems.unsaved(told(problem, this.#texts)), again);
  }

  /** Somebody else was faster: which version is to stay. Undecided, the own changes remain, not saved. */
  async #conflict(editor: Editor, problem: Problem): Promise<void> {
    const current = problem.currentLayout;
    if (current === null) return;
    const answer = await askConflict(editor.stored, editor.document, current, this.#screen, this.#language);
    if (answer === null) {
      this.#notSaved(problem);
    } else if (answer === "theirs") {
      editor.takeTheirs(current);
      this.#saved(editor);
      this.#show();
    } else if (answer === "mine") {
      editor.keepMine(current);
      await this.#save();
    } else {
      editor.merge(current, answer);
      this.#show();
      // What came out may be what is stored already.
      if (editor.isUnsaved) await this.#save();
      else this.#saved(editor);
    }
  }

  async #preferences(): Promise<void> {
    const changed = await askPreferences(this.#stored.preferences.preferences, (wanted) => this.#prefer(wanted), this.#texts);
    if (changed === null) return;
    this.#language = languageOf(this.#stored.preferences);
    this.#texts = LANGUAGES[this.#language].texts;
    this.#board.clear();
    this.#build();
  }

  /** Change some preferences. Another device may have changed others: these stay. Throws a Problem. */
  async #prefer(wanted: Partial<Preferences>): Promise<void> {
    const { preferences, etag } = this.#stored.preferences;
    try {
      this.#stored.preferences = await this.#api.savePreferences({ ...preferences, ...wanted }, etag);
    } catch (error) {
      const current = asProblem(error).currentPreferences;
      if (current === null) throw error;
      this.#stored.preferences = await this.#api.savePreferences({ ...current.preferences, ...wanted }, current.etag);
    }
  }

  async #signInAgain(): Promise<void> {
    const { userId } = this.#session;
    const before = this.#stored.preferences.user_id;
    // Several requests may find at once that the session is over.
    if (userId !== "" || this.#isSigningIn) return;
    this.#isSigningIn = true;
    await signInAgain(this.#session, this.#texts);
    this.#isSigningIn = false;
    this.#banner.clear();
    // Somebody else must not go on with what was somebody's.
    if (this.#session.userId !== before) this.#end();
    else this.#board.redraw();
  }

  async #signOut(): Promise<void> {
    if (!(await this.#mayLeave())) return;
    await this.#session.signOut();
    this.#end();
  }

  #end(): void {
    this.#life.abort();
    this.#session.onEnd = () => {};
    this.#board.clear();
    this.#done.resolve();
  }

  #screenChanged(): void {
    const screen = currentScreen();
    if (screen === this.#screen) return;
    this.#screen = screen;
    this.#show();
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (document.querySelector("dialog") === null) void this.#guarded(() => this.#save());
  }

  #announce(text: string): void {
    this.#live.textContent = text;
  }
}
