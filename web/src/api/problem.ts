import type { Layout, ProblemDocument, StoredPreferences } from "./types";

/** What an error is told as to a user when no problem document came: nobody answered. */
export const UNREACHABLE = "unreachable";

/** An answer that is an error. `code` is what the page branches on (docs/errors.md). */
export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly document: Partial<ProblemDocument>;

  constructor(code: string, status: number, document: Partial<ProblemDocument> = {}) {
    super(`${code} (${status})`);
    this.code = code;
    this.status = status;
    this.document = document;
  }

  /** Of an answer that is not a success. Proxies may answer something else than a problem document. */
  static async of(response: Response): Promise<Problem> {
    try {
      const document = (await response.json()) as Partial<ProblemDocument>;
      return new Problem(document.code ?? `http_${response.status}`, response.status, document);
    } catch {
      return new Problem(`http_${response.status}`, response.status);
    }
  }

  /** Whether it is nobody's mistake, and the same request may succeed later. */
  get isPassing(): boolean {
    return this.code === UNREACHABLE || this.status >= 500 || this.status === 429 || this.status === 408;
  }

  /** What is stored now, of a lost race over a layout. */
  get currentLayout(): Layout | null {
    return this.code === "changed_meanwhile" ? (this.document.conflict?.current as unknown as Layout) : null;
  }

  /** The same of preferences. */
  get currentPreferences(): StoredPreferences | null {
    return this.code === "changed_meanwhile" ? (this.document.conflict?.current as unknown as StoredPreferences) : null;
  }
}

/** Whatever was thrown, as a Problem; a mistake of this program is thrown on. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  throw error;
}
