import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test, type Chiffon } from "./chiffon";

const LINES = 1_000_000;

test.use({ apart: "log" });

/** A task that has ended, whose log is made this long. */
async function longLog(chiffon: Chiffon): Promise<{ request: string; task: string }> {
  const request = await chiffon.ask("How full are the disks on nas?");
  const { tasks } = await chiffon.until(request, "completed");
  const task = tasks.find(({ purpose }) => purpose !== "preview")?.task_id ?? "";
  const database = readFileSync(join(chiffon.server.folder, "database.url"), "utf8").trim();
  const sql = `
    INSERT INTO execution_logs (created_at, task_id, attempt, seq, at, kind, host, name, text)
    SELECT a.created_at, a.task_id, a.attempt, a.stored_seq + i, now(), 'task_ok', 'nas', 'Look', 'looked at place ' || i
    FROM task_attempts a, generate_series(1, ${LINES}) i
    WHERE a.task_id = '${task}';
    UPDATE task_attempts
    SET stored_seq = stored_seq + ${LINES}, last_seq = last_seq + ${LINES}
    WHERE task_id = '${task}';`;
  execFileSync("psql", ["--quiet", "--set", "ON_ERROR_STOP=1", database, "--command", sql]);
  return { request, task };
}

declare global {
  interface Window {
    /** Milliseconds from the click to the frame that shows lines of a log. */
    opened: Promise<number>;
  }
}

/** Runs in the page: a test that looks from outside looks now and then, and would measure that. */
function watchOpening(): void {
  window.opened = new Promise((done) => {
    document.addEventListener(
      "click",
      ({ timeStamp }) => {
        const seen = new MutationObserver(() => {
          if (document.querySelector(".log-line") === null) return;
          seen.disconnect();
          requestAnimationFrame(() => setTimeout(() => done(Math.round(performance.now() - timeStamp))));
        });
        seen.observe(document.body, { childList: true, subtree: true });
      },
      { capture: true, once: true },
    );
  });
}

test("a log of a million lines is opened, gone through, searched and linked to", async ({ chiffon, page }) => {
  test.setTimeout(240_000);
  const { request } = await longLog(chiffon);
  await chiffon.signIn(page);
  await page.goto(chiffon.at(`requests/${request}?view=history`));
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.evaluate(watchOpening);
  await page.getByRole("link", { name: /^Run/ }).click();
  const log = page.getByRole("log");
  await expect(log.getByText("looked at place 1", { exact: true })).toBeVisible();
  console.log(`first lines of ${LINES}: ${await page.evaluate(() => window.opened)} ms after the click`);

  const before = await page.evaluate(() => document.querySelectorAll("*").length);
  await page.getByRole("button", { name: "Go to the end" }).click();
  await expect(log.getByText(`looked at place ${LINES}`, { exact: true })).toBeVisible();
  const after = await page.evaluate(() => document.querySelectorAll("*").length);
  expect(after, "only what is seen is in the page").toBeLessThan(before + 500);

  await page.getByLabel("Search in the log").fill("place 777777");
  await page.keyboard.press("Enter");
  await expect(log.getByText("looked at place 777777", { exact: true })).toBeVisible({ timeout: 120_000 });

  const found = log.locator(".log-line", { hasText: "looked at place 777777" });
  const link = await found.getByRole("link").first().getAttribute("href");
  await page.goto(new URL(link ?? "", page.url()).href);
  await expect(log.locator('[aria-current="true"]')).toContainText("looked at place 777777");
});
