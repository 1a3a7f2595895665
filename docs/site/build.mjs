// Builds the documentation's site from what stands in docs/: `node build.mjs FOLDER`. A link that leads nowhere, in a page or to a part of
// one, fails the build. Nothing of the site comes from another host, and it works from a folder as from a server.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, resolve } from "node:path";
import MarkdownIt from "markdown-it";
import MiniSearch from "minisearch";

const ROOT = resolve(import.meta.dirname, "../..");
const OUT = resolve(process.argv[2] ?? join(ROOT, "target/docs-site"));
const read = (path) => readFileSync(join(ROOT, path), "utf8");
const pagesIn = (folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .sort()
    .map((name) => `${folder}/${name}`);

const errors = pagesIn("docs/errors");
/** Each section's pages, by their paths in the repository. What is made here has a text of its own. */
const SECTIONS = {
  Start: ["README.md", "docs/how-to/first-ten-minutes.md", "docs/how-to/the-page.md"],
  "How to": pagesIn("docs/how-to").filter((path) => !/first-ten-minutes|the-page/.test(path)).concat("playbooks/README.md"),
  Operating: ["docs/operating.md", "docs/post-mortem.md"],
  Reference: ["docs/verbs.md", "docs/configuration.md", "docs/metrics.md", "docs/errors.md"],
  "How it works": ["docs/ARCHITECTURE.md", "docs/reliability.md", "docs/state-machines.md", "docs/protocol.md", "docs/benchmarks.md"],
  Project: ["CONTRIBUTING.md", "CHANGELOG.md"],
};
const MADE = { "docs/configuration.md": configuration, "docs/errors.md": errorIndex };
const paths = [...Object.values(SECTIONS).flat(), ...errors];
const addresses = new Map(paths.map((path) => [path, path === "README.md" ? "index.html" : path.replace(/^docs\//, "").replace(/\.md$/, ".html")]));

/** Every configuration key with its default and its meaning, as config/default.toml has them. */
function configuration() {
  let [section, words, text] = ["", [], "# Configuration\n\nEvery key, its default and its meaning, as `config/default.toml` has them. "];
  text += "[Operating](operating.md#configuration) says where values come from.\n";
  for (const line of read("config/default.toml").split("\n")) {
    const [, comment] = /^# ?(.*)$/.exec(line) ?? [];
    const [, header] = /^\[(.+)\]$/.exec(line) ?? [];
    const [, key, value] = /^(\w+) = (.*)$/.exec(line) ?? [];
    if (comment !== undefined) words.push(comment.trim());
    if (header !== undefined) text += `\n## ${(section = header)}\n\n`;
    if (key !== undefined) text += `\n### ${section}.${key}\n\nDefault: \`${value}\`\n\n${words.join(" ").replace(/</g, "&lt;")}\n`;
    if (comment === undefined) words = [];
  }
  return text;
}

function errorIndex() {
  const rows = errors.map((path) => {
    const [, code, title] = /^# (\d+): (.*)/.exec(read(path)) ?? fail(`${path} does not begin with its code and title`);
    return `| [${code}](errors/${code}.md) | ${title} |`;
  });
  return `# Errors\n\nEvery error has a code; \`chiffon explain CODE\` prints its page.\n\n| code | |\n|---|---|\n${rows.join("\n")}\n`;
}

function fail(text) {
  throw new Error(text);
}

/** The anchor of a heading, as git hosts make them. */
const slug = (text) => text.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");

const markdown = new MarkdownIt({ html: false, linkify: false });
const problems = [];
const files = new Set();

/** Reads a page: its title, its parts and what stands in them, with links still as they are written. */
function parse(path) {
  const source = (MADE[path]?.() ?? read(path)).replace(/^<!--.*?-->\n?/gms, "");
  const tokens = markdown.parse(source, {});
  const [anchors, parts, seen] = [new Map(), [], new Map()];
  tokens.forEach((token, at) => {
    if (token.type === "heading_open") {
      const title = tokens[at + 1].children.map((child) => child.content).join("");
      const times = seen.get(slug(title)) ?? 0;
      seen.set(slug(title), times + 1);
      const id = times === 0 ? slug(title) : `${slug(title)}-${times}`;
      token.attrSet("id", id);
      anchors.set(id, title);
      parts.push({ id, title, level: Number(token.tag[1]), text: [] });
    } else if (parts.length > 0 && (token.type === "inline" || token.type === "fence")) {
      parts.at(-1).text.push(token.content);
    }
  });
  return { path, tokens, anchors, parts, title: parts[0]?.title ?? fail(`${path} has no heading`) };
}

const pages = new Map(paths.map((path) => [path, parse(path)]));

/** Where a link of a page leads on the site. */
function lead(page, href) {
  if (/^(https?|mailto):/.test(href)) return href;
  const [file, anchor] = href.split("#");
  const target = file === "" ? page.path : posix.normalize(posix.join(posix.dirname(page.path), decodeURI(file))).replace(/\/$/, "");
  const from = dirname(addresses.get(page.path));
  const known = target === "docs/errors" ? "docs/errors.md" : target;
  if (pages.has(known)) {
    if (anchor && !pages.get(known).anchors.has(anchor)) problems.push(`${page.path}: ${href} names no part of ${known}`);
    return posix.relative(from, addresses.get(known)) + (anchor ? `#${anchor}` : "");
  }
  if (target.startsWith("..") || !existsSync(join(ROOT, target))) {
    problems.push(`${page.path}: ${href} leads nowhere`);
    return href;
  }
  // A folder of the repository is no page: it stays a name.
  if (statSync(join(ROOT, target)).isDirectory()) return undefined;
  files.add(target);
  return posix.relative(from, `files/${target}`);
}

function link(page, tokens) {
  const left = [];
  for (const token of tokens) {
    if (token.type === "link_open") {
      const to = lead(page, token.attrGet("href"));
      left.push(to === undefined);
      if (to === undefined) [token.tag, token.attrs] = ["span", null];
      else token.attrSet("href", to);
    } else if (token.type === "link_close" && left.pop()) token.tag = "span";
    else if (token.type === "image") token.attrSet("src", lead(page, token.attrGet("src")) ?? fail(`${page.path}: a folder is no picture`));
    // What is wider than a phone is moved by itself, also with keys.
    else if (token.type === "fence") token.attrSet("tabindex", "0");
    if (token.children) link(page, token.children);
  }
}
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
markdown.renderer.rules.fence = (tokens, at) => `<pre tabindex="0"><code>${escaped(tokens[at].content)}</code></pre>\n`;
markdown.renderer.rules.table_open = () => '<div class="table" tabindex="0" role="region" aria-label="Table"><table>\n';
markdown.renderer.rules.table_close = () => "</table></div>\n";

function navigation(page, up) {
  const item = (path) => {
    const here = path === page.path ? ' aria-current="page"' : "";
    return `<li><a href="${up}${addresses.get(path)}"${here}>${escaped(pages.get(path).title)}</a></li>`;
  };
  return Object.entries(SECTIONS)
    .map(([name, list]) => `<h2>${name}</h2><ul>${list.map(item).join("")}</ul>`)
    .join("");
}

rmSync(OUT, { recursive: true, force: true });
for (const page of pages.values()) {
  link(page, page.tokens);
  const address = addresses.get(page.path);
  const up = "../".repeat(address.split("/").length - 1);
  const body = markdown.renderer.render(page.tokens, markdown.options, {});
  mkdirSync(dirname(join(OUT, address)), { recursive: true });
  writeFileSync(
    join(OUT, address),
    `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>${escaped(page.title)}${page.title === "Chiffon" ? "" : " · Chiffon"}</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="${up}site.css"></head>
<body data-up="${up}"><a class="skip" href="#text">To the text</a>
<header><a class="home" href="${up}index.html">Chiffon</a>
<form role="search"><label for="search">Search</label><input id="search" type="search" autocomplete="off" placeholder="press /"></form></header>
<section id="found" aria-live="polite" aria-label="Found" hidden></section>
<div class="columns"><details class="menu" open><summary>All pages</summary><nav aria-label="Pages">${navigation(page, up)}</nav></details>
<main id="text" tabindex="-1">${body}</main></div>
<script src="${up}minisearch.js"></script><script src="${up}search-index.js"></script><script src="${up}site.js"></script></body></html>
`,
  );
}
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
for (const file of files) {
  mkdirSync(dirname(join(OUT, "files", file)), { recursive: true });
  cpSync(join(ROOT, file), join(OUT, "files", file));
}
const search = new MiniSearch({ fields: ["title", "page", "text"], storeFields: ["title", "page", "address"] });
search.addAll(
  [...pages.values()].flatMap((page) =>
    page.parts.map((part) => {
      const address = `${addresses.get(page.path)}#${part.id}`;
      return { id: address, address, title: part.title, page: page.title, text: part.text.join("\n") };
    }),
  ),
);
writeFileSync(join(OUT, "search-index.js"), `window.searchIndex = ${JSON.stringify(JSON.stringify(search))};\n`);
cpSync(join(import.meta.dirname, "node_modules/minisearch/dist/umd/index.js"), join(OUT, "minisearch.js"));
for (const name of ["site.css", "site.js"]) cpSync(join(import.meta.dirname, name), join(OUT, name));
console.error(`docs: ${pages.size} pages in ${relative(process.cwd(), OUT) || OUT}`);
