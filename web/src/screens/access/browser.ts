const BROWSERS: [RegExp, string][] = [
  [/Edg\//, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox\//, "Firefox"],
  [/Chrom(e|ium)\//, "Chrome"],
  [/Safari\//, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
  [/Android/, "Android"],
  [/iPhone|iPad/, "iOS"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "macOS"],
  [/Linux|X11/, "Linux"],
];

/** `Firefox on Linux`: a browser, by what it calls itself. Many call themselves by the names of others, too: the first that fits counts. */
export function browserOf(agent: string): string {
  const find = (known: [RegExp, string][]) => known.find(([sign]) => sign.test(agent))?.[1];
  const browser = find(BROWSERS);
  if (browser === undefined) return agent === "" ? "a browser without a name" : agent;
  const system = find(SYSTEMS);
  return system === undefined ? browser : `${browser} on ${system}`;
}
