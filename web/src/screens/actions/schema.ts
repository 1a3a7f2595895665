/** One parameter (or a field inside of one), as people read it. */
export interface Parameter {
  name: string;
  depth: number;
  required: boolean;
  type: string;
  /** As JSON; undefined where there is none. */
  standard: string | undefined;
  rules: string[];
  description: string;
}

type Fields = Record<string, unknown>;

const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Deeper than this, a schema is told by its type only. */
const DEEPEST = 4;

export function parametersOf(schema: unknown, depth: number = 0): Parameter[] {
  if (depth > DEEPEST) return [];
  const of = fields(schema);
  const required = new Set(list(of.required));
  return Object.entries(fields(of.properties)).flatMap(([name, value]) => {
    const one = fields(value);
    const inside = one.properties === undefined ? fields(one.items) : one;
    return [
      {
        name,
        depth,
        required: required.has(name),
        type: typeOf(one),
        standard: "default" in one ? told(one.default) : undefined,
        rules: rulesOf(one),
        description: typeof one.description === "string" ? one.description : "",
      },
      ...parametersOf(inside, depth + 1),
    ];
  });
}

function typeOf(of: Fields): string {
  if (Array.isArray(of.enum)) return `one of ${of.enum.map(told).join(", ")}`;
  if ("const" in of) return told(of.const);
  if (of.format === "inventory-host") return "a host";
  const type = Array.isArray(of.type)
    ? of.type.map(String).join(" or ")
    : typeof of.type === "string"
      ? of.type
      : "any";
  if (type === "array") {
    const items = fields(of.items);
    return `list of ${typeof items.title === "string" ? items.title.toLowerCase() : typeOf(items)}`;
  }
  if (type === "object" && typeof of.title === "string") return of.title.toLowerCase();
  return typeof of.format === "string" ? `${type}, ${of.format}` : type;
}

/** Each rule that a value must keep, in a few words; what has no words here stands as it is. */
export function rulesOf(of: Fields, whose: string = ""): string[] {
  const rules: string[] = [];
  const say = (name: string, words: (value: string) => string) => {
    if (of[name] !== undefined) rules.push(`${whose}${words(told(of[name]))}`);
  };
  if (of.secret === true) rules.push("secret: never shown");
  if (typeof of.accepts === "string") rules.push(`may be filled with ${of.accepts} that another step finds`);
  if (of.risk === true) rules.push("only as you say it, never from what a step finds");
  say("minimum", (least) => `at least ${least}`);
  say("exclusiveMinimum", (least) => `more than ${least}`);
  say("maximum", (most) => `at most ${most}`);
  say("exclusiveMaximum", (most) => `less than ${most}`);
  say("multipleOf", (part) => `a multiple of ${part}`);
  say("minLength", (least) => (least === "1" ? "not empty" : `at least ${least} characters`));
  say("maxLength", (most) => `at most ${most} characters`);
  say("minItems", (least) => `at least ${least}`);
  say("maxItems", (most) => `at most ${most}`);
  if (of.uniqueItems === true) rules.push("none twice");
  say("pattern", (pattern) => `fits ${pattern}`);
  const not = fields(of.not);
  if ("const" in not) rules.push(`${whose}not ${told(not.const)}`);
  else say("not", (what) => `not ${what}`);
  for (const name of ["oneOf", "anyOf", "allOf"]) say(name, (what) => `${name} ${what}`);
  const items = fields(of.items);
  if (of.items !== undefined && items.properties === undefined) rules.push(...rulesOf(items, "each: "));
  return rules;
}

/** What counts for several parameters together. */
export function togetherOf(schema: unknown): string[] {
  const of = fields(schema);
  const choices = list(of.oneOf).map((one) => list(fields(one).required).join(" and "));
  const any = list(of.anyOf).map((one) => list(fields(one).required).join(" and "));
  const rules: string[] = [];
  if (choices.length > 0 && choices.every((choice) => choice !== ""))
    rules.push(`Exactly one of: ${choices.join("; ")}.`);
  if (any.length > 0 && any.every((choice) => choice !== "")) rules.push(`At least one of: ${any.join("; ")}.`);
  for (const [name, needed] of Object.entries(fields(of.dependentRequired)))
    rules.push(`${name} only with ${list(needed).join(" and ")}.`);
  for (const [name, then] of Object.entries(fields(of.dependentSchemas))) {
    const needed = list(fields(then).required);
    rules.push(needed.length > 0 ? `${name} only with ${needed.join(" and ")}.` : `With ${name}: ${told(then)}`);
  }
  return rules;
}

function told(value: unknown): string {
  return typeof value === "string" ? (value === "" ? "empty" : value) : JSON.stringify(value);
}
