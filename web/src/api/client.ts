import { Problem } from "./problem";
import { send, type Session } from "./session";
import type {
  Layout,
  LayoutDraft,
  LayoutPage,
  LayoutSummary,
  Preferences,
  Shares,
  StoredPreferences,
  StoredShares,
} from "./types";

const LAYOUTS = "/api/v1/dashboard/layouts";
const PREFERENCES = "/api/v1/dashboard/preferences";
/** Of a 401 that a fresh token cures. */
const RENEWABLE = ["token_expired", "unauthenticated"];

/** The calls that this page makes. Each throws a Problem for anything but a success. */
export class Api {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** A GET of any service, for widgets. */
  get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.#call<T>("GET", path, signal === undefined ? {} : { signal });
  }

  /** Every layout, without documents. */
  async layouts(of: "mine" | "shared"): Promise<LayoutSummary[]> {
    const found: LayoutSummary[] = [];
    let after: string | null = null;
    do {
      const page: LayoutPage = await this.get(`${LAYOUTS}?of=${of}&limit=100${after === null ? "" : `&after=${after}`}`);
      found.push(...page.layouts);
      after = page.next_after;
    } while (after !== null);
    return found;
  }

  layout(id: string): Promise<Layout> {
    return this.get(`${LAYOUTS}/${id}`);
  }

  addLayout(draft: LayoutDraft): Promise<Layout> {
    return this.#call("POST", LAYOUTS, { body: draft });
  }

  saveLayout(id: string, draft: LayoutDraft, etag: string): Promise<Layout> {
    return this.#call("PUT", `${LAYOUTS}/${id}`, { body: draft, etag });
  }

  deleteLayout(id: string, etag: string): Promise<void> {
    return this.#call("DELETE", `${LAYOUTS}/${id}`, { etag });
  }

  shares(id: string): Promise<StoredShares> {
    return this.get(`${LAYOUTS}/${id}/shares`);
  }

  saveShares(id: string, shares: Shares, etag: string): Promise<StoredShares> {
    return this.#call("PUT", `${LAYOUTS}/${id}/shares`, { body: shares, etag });
  }

  preferences(): Promise<StoredPreferences> {
    return this.get(PREFERENCES);
  }

  savePreferences(preferences: Preferences, etag: string): Promise<StoredPreferences> {
    return this.#call("PUT", PREFERENCES, { body: preferences, etag });
  }

  async #call<T>(method: string, path: string, more: { body?: unknown; etag?: string; signal?: AbortSignal }): Promise<T> {
    let response = await this.#once(method, path, more, await this.#session.token());
    if (response.status === 401) {
      const problem = await Problem.of(response);
      if (!RENEWABLE.includes(problem.code)) throw problem;
      // Once: a token that is refused as soon as it was issued is no matter of time.
      response = await this.#once(method, path, more, await this.#session.renew());
    }
    if (!response.ok) throw await Problem.of(response);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  #once(
    method: string,
    path: string,
    more: { body?: unknown; etag?: string; signal?: AbortSignal },
    token: string,
  ): Promise<Response> {
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    if (more.etag !== undefined) headers["if-match"] = more.etag;
    const init: RequestInit = { method, headers };
    if (more.body !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(more.body);
    }
    if (more.signal !== undefined) init.signal = more.signal;
    return send(path, init);
  }
}
