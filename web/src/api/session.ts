import { asProblem, Problem, UNREACHABLE } from "./problem";
import type { AccessToken, Credentials, ProviderList, Role } from "./types";

const SESSIONS = "/api/v1/identity/sessions";
const PROVIDERS = "/api/v1/identity/oidc";
/** The token is renewed so long before its end: a request that is on its way still finds it good. */
const EARLY_SECONDS = 30;
/** After an attempt that nobody answered. The answer alone may be lost: identity takes the same cookie again for ten seconds. */
const AGAIN_SECONDS = 5;

/** Sends a request. Throws a Problem where nobody answers. */
export async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(UNREACHABLE, 0);
  }
}

/** Where else one may sign in, and where that begins: links, not calls. Nowhere, where that cannot be found out. */
export async function providers(returnTo: string): Promise<{ name: string; address: string }[]> {
  try {
    const response = await send(PROVIDERS, {});
    if (!response.ok) return [];
    const { providers: names } = (await response.json()) as ProviderList;
    const query = `return_to=${encodeURIComponent(returnTo)}`;
    return names.map((name) => ({ name, address: `${PROVIDERS}/${encodeURIComponent(name)}/start?${query}` }));
  } catch (error) {
    asProblem(error);
    return [];
  }
}

/**
 * Who is signed in. The access token lives in this object alone; the refresh token in a cookie that no script reads.
 * Tabs renew independently of each other: identity gives each a sibling (docs/jwt.md).
 */
export class Session {
  /** Called when the session is over and somebody has to sign in again. */
  onEnd: () => void = () => {};
  #token: AccessToken | null = null;
  #renewing: Promise<string> | null = null;
  #timer = 0;

  /** As text, as the services spell it. */
  get userId(): string {
    return this.#token === null ? "" : String(this.#token.user_id);
  }

  get roles(): Role[] {
    return this.#token?.roles ?? [];
  }

  /** The access token. Throws a Problem where there is none to be had. */
  async token(): Promise<string> {
    return this.#token?.access_token ?? (await this.renew());
  }

  /** Throws a Problem. */
  async signIn(credentials: Credentials): Promise<void> {
    const response = await send(SESSIONS, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(credentials),
    });
    if (!response.ok) throw await Problem.of(response);
    this.#keep((await response.json()) as AccessToken);
  }

  /** A new access token by the cookie; who asks meanwhile waits for the same one. Throws a Problem. */
  renew(): Promise<string> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  /** Even where the server cannot be reached, this page forgets. Throws a Problem. */
  async signOut(): Promise<void> {
    this.#forget();
    const response = await send(`${SESSIONS}/current`, { method: "DELETE" });
    if (!response.ok) throw await Problem.of(response);
  }

  async #renew(): Promise<string> {
    const response = await send(`${SESSIONS}/refresh`, { method: "POST" });
    if (response.ok) {
      return this.#keep((await response.json()) as AccessToken);
    }
    const problem = await Problem.of(response);
    if (problem.code === "session_ended") {
      this.#forget();
      this.onEnd();
    }
    throw problem;
  }

  #keep(token: AccessToken): string {
    this.#token = token;
    this.#renewIn(Math.max(token.expires_in - EARLY_SECONDS, token.expires_in / 2));
    return token.access_token;
  }

  #renewIn(seconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      this.renew().catch((error: unknown) => {
        if (error instanceof Problem && error.isPassing) this.#renewIn(AGAIN_SECONDS);
      });
    }, seconds * 1000);
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#token = null;
  }
}
