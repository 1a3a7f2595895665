import { expect, test, type Page } from "@playwright/test";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { violations } from "./axe";

const ROOT = resolve(import.meta.dirname, "../..");
let folder: string;

test.beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chiffon-docs-"));
  execFileSync(join(ROOT, "scripts/docs"), ["build", folder]);
});

test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (page: string): string => pathToFileURL(join(folder, page)).href;

/** What is asked of anybody but the folder. */
function elsewhere(page: Page): string[] {
  const asked: string[] = [];
  page.on("request", (request) => {
    if (!/^(file|data):/.test(request.url())) asked.push(request.url());
  });
  return asked;
}

for (const [words, title, heading] of [
  ["stale plan", /5107: Stale plan/, /5107/],
  ["high_risk_approvals", /policy\.high_risk_approvals/, /Configuration/],
  ["grafana", /Watch Chiffon/, /Watch Chiffon/],
] as const) {
  test(`the search finds the page about ${words}, with nothing but keys and the folder`, async ({ page }) => {
    const asked = elsewhere(page);
    await page.goto(at("operating.html"));
    await page.keyboard.press("/");
    await page.keyboard.type(words);
    await expect(page.getByRole("region", { name: "Found" }).getByRole("link", { name: title }).first()).toBeVisible();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { level: 1, name: heading })).toBeVisible();
    expect(asked).toEqual([]);
  });
}

for (const name of ["index.html", "operating.html", "configuration.html", "errors/5107.html"]) {
  test(`${name} of the documentation fits every size and theme`, async ({ page }) => {
    for (const [width, height] of [
      [1280, 800],
      [390, 844],
    ] as const) {
      for (const colorScheme of ["light", "dark"] as const) {
        const what = `${name} ${width} ${colorScheme}`;
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ colorScheme });
        await page.goto(at(name));
        await expect(page.getByRole("heading", { level: 1 }).first(), what).toBeVisible();
        const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(tooWide, `${what}: so many pixels are out of sight`).toBeLessThanOrEqual(0);
        expect(await violations(page), what).toEqual([]);
      }
    }
  });
}

test("a link that leads nowhere fails the build, and so does one to a part that is not there", () => {
  // The builder takes the tree that it lies in, so it gets one with two wrong links.
  const tree = mkdtempSync(join(tmpdir(), "chiffon-docs-tree-"));
  try {
    execFileSync("cp", [
      "-r",
      ...["docs", "playbooks", "config", "deploy", "README.md", "CONTRIBUTING.md"].map((name) => join(ROOT, name)),
      tree,
    ]);
    writeFileSync(
      join(tree, "CHANGELOG.md"),
      "# Changelog\n\n[a](docs/nowhere.md) [b](docs/operating.md#no-such-part)\n",
    );
    mkdirSync(join(tree, "target"));
    const built = spawnSync("node", [join(tree, "docs/site/build.mjs")], { encoding: "utf8" });
    expect(built.status, built.stderr).toBe(1);
    expect(built.stderr).toContain("CHANGELOG.md: docs/nowhere.md leads nowhere");
    expect(built.stderr).toContain("docs/operating.md#no-such-part names no part of docs/operating.md");
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
});
