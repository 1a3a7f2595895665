/** `$0.00`, `$0.0042`: small sums keep the digits that tell them from nothing. */
export function money(usd: number): string {
  if (usd > 0 && usd < 0.01) return `$${usd.toFixed(4)}`;
  return `$${usd.toFixed(2)}`;
}

/** `1 step`, `3 steps`. */
export function count(size: number, one: string, many: string = `${one}s`): string {
  return `${size.toLocaleString()} ${size === 1 ? one : many}`;
}

/** `nas`, `nas and web1`, `nas, web1 and 4 more`. */
export function named(names: string[], most: number = 3): string {
  if (names.length === 0) return "no host";
  if (names.length > most) return `${names.slice(0, most - 1).join(", ")} and ${names.length - most + 1} more`;
  const last = names.at(-1) ?? "";
  return names.length === 1 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

/** The end of an id, by which people and the command line call it. */
export function short(id: string): string {
  return id.slice(-8);
}

/** So many first characters, with a sign that there are more. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most).trimEnd()}…`;
}
