import type { Page } from "@playwright/test";
import { readFile } from "node:fs/promises";

import { expect, test, type Request } from "./chiffon";

test.use({ apart: "questions" });

const DONE = "Deploy Kuma Uptime to nas on port 3011";
const WHAT_CHANGED = "What changed where, for whom, and in which commit?";
const WHO_ASKS = "Who asks for what, and what becomes of it?";

let done: Request;

test.beforeAll(async ({ chiffon }) => {
  const proposed = await chiffon.proposed(DONE);
  await chiffon.approve(proposed);
  done = await chiffon.until(proposed.request_id, "completed");
});

function heading(page: Page, name: string) {
  return page.getByRole("heading", { level: 1, name });
}

/** What a click leaves as a file. */
async function fileBehind(page: Page, link: string): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: link, exact: true }).click(),
  ]);
  return readFile(await download.path(), "utf8");
}

test("a question is found by keys, answered, asked about another time, and taken along as a file", async ({
  chiffon,
  page,
}) => {
  await chiffon.signIn(page);

  await test.step("find it by keys", async () => {
    await expect(page.getByRole("textbox", { name: /what should be done/i })).toBeFocused();
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog")).toContainText("go to Questions");
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await page.keyboard.press("g");
    await page.keyboard.press("q");
    await expect(heading(page, "Questions")).toBeVisible();
    await expect(page).toHaveTitle("Questions · Chiffon");
    const list = page.getByRole("list", { name: "Questions", exact: true });
    await expect(list.getByRole("listitem")).toHaveCount(18);
    const wanted = list.getByRole("link", { name: new RegExp(WHAT_CHANGED.replace("?", "\\?")) });
    for (let presses = 0; presses < 5; presses += 1) await page.keyboard.press("j");
    await expect(wanted).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(heading(page, WHAT_CHANGED)).toBeVisible();
    await expect(page).toHaveTitle(`${WHAT_CHANGED} · Chiffon`);
  });

  const table = page.getByRole("table", { name: WHAT_CHANGED });
  await test.step("see the row", async () => {
    const row = table
      .getByRole("row")
      .filter({ hasText: done.request_id.slice(-8) })
      .first();
    await expect(row.getByRole("link", { name: "nas", exact: true })).toHaveAttribute("href", "/ui/requests?host=nas");
    await expect(row.getByRole("link", { name: "operator" })).toHaveAttribute("href", "/ui/requests?who=operator");
    await expect(row.getByRole("cell").first().locator("time")).toHaveAttribute("title", /20\d\d/);
    await expect(page.getByRole("status").filter({ hasText: /\d+ rows? from/ })).toBeVisible();
  });

  await test.step("ask about another time", async () => {
    const period = page.getByRole("search", { name: "Period" });
    await period.getByRole("link", { name: "the last 7 days" }).click();
    await expect(page).toHaveURL(/last=7d/);
    await expect(period.getByRole("link", { name: "the last 7 days" })).toHaveAttribute("aria-current", /./);
    await expect(table.getByRole("row").nth(1)).toBeVisible();

    await period.getByLabel("From").fill("2025-01-01");
    await period.getByLabel("To").fill("2025-01-02");
    await period.getByRole("button", { name: "Show" }).click();
    await expect(page).toHaveURL(/from=2025-01-01&to=2025-01-02/);
    await expect(page.getByText(/There was nothing between 1 Jan 2025.* and 3 Jan 2025/)).toBeVisible();
    await expect(table).toHaveCount(0);
    await page.getByRole("link", { name: "Ask about the last 90 days" }).click();
    await expect(table.getByRole("row").nth(1)).toBeVisible();
  });

  await test.step("ask again", async () => {
    const asked = page.waitForResponse((response) => response.url().includes("/questions/what-changed?"));
    await page.getByRole("button", { name: "Ask again" }).click();
    expect((await asked).status()).toBe(200);
    await expect(table.getByRole("row").nth(1)).toBeVisible();
  });

  await test.step("take it along", async () => {
    const [head = "", ...rows] = (await fileBehind(page, "CSV")).trim().split("\n");
    expect(head).toBe("finished_at,host,title,changes,requested_by,commit,request_id");
    expect(rows.some((row) => row.includes(",nas,") && row.endsWith(done.request_id))).toBe(true);
    const json = JSON.parse(await fileBehind(page, "JSON")) as { name: string; rows: unknown[][] };
    expect(json.name).toBe("what-changed");
    expect(json.rows).toHaveLength(rows.length);
  });

  await test.step("see its SQL", async () => {
    await page.getByText(/^The SQL of this answer/).click();
    await expect(page.getByRole("group", { name: "The SQL of this answer" })).toContainText("FROM changes_by_host");
  });

  await test.step("go on to the request by keys", async () => {
    await page.getByRole("heading", { level: 1 }).click();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(new RegExp(`/requests/${done.request_id}`));
  });
});

test("an answer is sorted by a column, drawn in words and bars, and its order can be sent to somebody", async ({
  chiffon,
  page,
}) => {
  await chiffon.until(await chiffon.ask("How full are the disks on nas?", "zoe"), "completed");
  await chiffon.signIn(page);
  await page.goto(chiffon.at("questions/who-asks?last=24h"));
  const table = page.getByRole("table", { name: WHO_ASKS });
  const people = table.getByRole("row").getByRole("cell").first();
  const head = table.getByRole("columnheader", { name: "Person" });
  await head.getByRole("button").click();
  await expect(head).toHaveAttribute("aria-sort", "ascending");
  await expect(people).toHaveText("operator");
  await head.getByRole("button").click();
  await expect(head).toHaveAttribute("aria-sort", "descending");
  await expect(people).toHaveText("zoe");
  await expect(page).toHaveURL(/last=24h&sort=-person/);
  await page.reload();
  await expect(people).toHaveText("zoe");

  const bars = page.getByRole("list", { name: "Completed, Failed, Rejected by person" });
  await expect(bars.getByRole("listitem").filter({ hasText: "zoe" })).toContainText("1 completed");
});

test("runs by day are drawn, and the drawing is told in words", async ({ chiffon, page }) => {
  await chiffon.signIn(page);
  await page.goto(chiffon.at("questions/runs-by-day?last=7d"));
  const drawing = page.getByRole("img", { name: /Lines from .*Runs at most [1-9]\d* on/ });
  await expect(drawing).toBeVisible();
  await expect(drawing.locator("canvas")).toBeVisible();
  await expect(page.getByRole("table").getByRole("row")).not.toHaveCount(0);
});

test("a period that is none, a question that is none, and an answer that takes too long are told in words", async ({
  chiffon,
  page,
}) => {
  await chiffon.signIn(page);
  for (const [search, says] of [
    ["last=fortnight", /“fortnight” in the address is no period.*24h, 7d, 30d, 90d/],
    ["from=yesterday", /“yesterday” in the address \(from\) is no date/],
    ["to=2026-02-31", /“2026-02-31” in the address \(to\) is no date/],
    ["from=2026-03-05&to=2026-03-01", /ends before it begins: from 2026-03-05 to 2026-03-01/],
  ] as const) {
    await page.goto(chiffon.at(`questions/who-asks?${search}`));
    await expect(page.getByRole("alert")).toContainText(says);
    await expect(page.getByRole("table")).toHaveCount(0);
  }
  await page.getByRole("link", { name: "Ask about the last 30 days" }).click();
  await expect(page.getByRole("table", { name: WHO_ASKS })).toBeVisible();

  // In the words of the server.
  await page.goto(chiffon.at("questions/who-asks?from=2100-01-01"));
  await expect(page.getByRole("alert")).toContainText("since");

  await page.goto(chiffon.at("questions/why-not"));
  await expect(page.getByText("None is called “why-not”.")).toBeVisible();

  // Nothing here is so old that it would take long: the refusal is the server's, as its page documents it.
  await page.route("**/questions/who-asks?*", (route) =>
    route.fulfill({
      status: 422,
      contentType: "application/problem+json",
      body: JSON.stringify({
        code: 5151,
        status: 422,
        title: "The question takes too long",
        message: "`who-asks` was not answered within 15 s; ask about a shorter time (`since`, `until`)",
        trace_id: "0",
        details: {},
      }),
    }),
  );
  await page.goto(chiffon.at("questions/who-asks"));
  await expect(page.getByRole("alert")).toContainText("not answered within 15 s");
  const shorter = page.getByRole("main").getByRole("link", { name: "Ask about the last 7 days" });
  await expect(shorter).toBeVisible();
  await expect(page.getByRole("link", { name: "Ask about the last 90 days" })).toHaveCount(0);
  await page.unrouteAll();
  await shorter.click();
  await expect(page.getByRole("table", { name: WHO_ASKS })).toBeVisible();
});

test("a table with long heads and texts is whole on a small screen", async ({ chiffon, page }) => {
  const [since, until] = ["2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z"];
  const columns = [
    "finished_at",
    "request",
    "requested_by",
    "until_planned_seconds",
    "preview_and_approval_seconds",
    "run_seconds",
    "whole_seconds",
    "request_id",
  ];
  const rows = [["2026-01-02T03:04:05Z", DONE, "operator", 1.4, 8054.3, 62.1, 8117.8, done.request_id]];
  await chiffon.signIn(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.route("**/questions/where-time-goes?*", (route) =>
    route.fulfill({ json: { name: "where-time-goes", since, until, columns, rows, more: false, sql: "SELECT 1" } }),
  );
  await page.goto(chiffon.at("questions/where-time-goes"));
  const table = page.locator(".questions-table");
  await expect(table.getByRole("row")).toHaveCount(2);
  expect(await table.evaluate((box) => box.scrollWidth - box.clientWidth)).toBeLessThanOrEqual(0);
});

test("an answer of more rows than are told says so, long texts are cut, and nothing hides in them", async ({
  chiffon,
  page,
}) => {
  const [since, until] = ["2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z"];
  const hostile = `<img src=x onerror=alert(1)> \u202egnp\u00ad\u{e0041}.exe ${"on and on ".repeat(60)}the end`;
  const rows = Array.from({ length: 1_000 }, (_, index) => [
    "2026-01-02T03:04:05Z",
    `host-${index}`,
    "files.copy",
    "failed",
    index === 0 ? 4101 : null,
    index === 0 ? hostile : "it failed",
    "agent-1",
    done.request_id,
  ]);
  const columns = ["finished_at", "host", "action", "status", "code", "message", "agent_id", "request_id"];
  await chiffon.signIn(page);
  await page.route("**/questions/what-failed?*", (route) =>
    route.fulfill({ json: { name: "what-failed", since, until, columns, rows, more: true, sql: "SELECT 1" } }),
  );
  await page.goto(chiffon.at("questions/what-failed"));
  await expect(page.getByRole("status").filter({ hasText: "more than 1,000 rows" })).toBeVisible();
  const table = page.getByRole("table");
  const first = table.getByRole("row").nth(1);
  await expect(first).toContainText("<img src=x onerror=alert(1)> ⟦U+202E⟧gnp⟦U+00AD⟧⟦U+E0041⟧.exe");
  await expect(first).not.toContainText("the end");
  await first.getByRole("button", { name: /^Show all \d+ characters/ }).click();
  await expect(first).toContainText("the end");
  await expect(first.getByRole("link", { name: "4101" })).toHaveAttribute("href", "/docs/errors/4101");
  await expect(table.getByRole("row")).toHaveCount(201);
  await page.getByRole("button", { name: "Show 200 more of 800" }).click();
  await expect(table.getByRole("row")).toHaveCount(401);
});
