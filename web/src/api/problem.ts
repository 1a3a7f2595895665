import { plainly } from "./plainly";
import type { components } from "./schema";

export type Details = components["schemas"]["ProblemDetails"];

/** A call that was refused or failed, in the words of the server: which thing, where, and what to do next. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(readonly details: Details) {
    super(details.message);
  }

  get code(): number {
    return this.details.code;
  }

  /** A field of `details`, where it is a text. */
  text(name: string): string | undefined {
    const details = this.details.details as Record<string, unknown> | null;
    const value = details?.[name];
    return typeof value === "string" ? value : undefined;
  }

  /** A field of `details`, where it is a list of texts. */
  texts(name: string): string[] {
    const value = (this.details.details as Record<string, unknown> | null)?.[name];
    return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
  }
}

/** The server was not reached, or something before it has answered. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";

  constructor(cause: string) {
    super(`Chiffon does not answer (${cause}). Nothing is lost: what runs goes on, and this page goes on by itself.`);
  }
}

const UNAUTHENTICATED = 401;

/** What somebody who was signed in no longer is. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof Problem && error.details.status === UNAUTHENTICATED;
}

/** The problem that an answer tells. */
export async function problemOf(answer: Response): Promise<Error> {
  const type = answer.headers.get("content-type") ?? "";
  if (!type.startsWith("application/problem+json")) return new Unreachable(`status ${answer.status}`);
  return new Problem(JSON.parse(plainly(await answer.text())) as Details);
}
