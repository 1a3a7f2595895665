/** What an error that is stored with a request says. */
export function errorText(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { message } = error as { message?: unknown };
  return typeof message === "string" && message !== "" ? message : undefined;
}
