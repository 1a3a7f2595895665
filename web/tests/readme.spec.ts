import { join, resolve } from "node:path";

import { decision, EXAMPLE, expect, test } from "./chiffon";

test.use({ apart: "readme" });

/** The pictures of the README are taken here: with `UPDATE_DOCS=1` into docs/pictures, else beside those of the other screens. */
const FOLDER =
  process.env.UPDATE_DOCS === "1"
    ? resolve(import.meta.dirname, "../../docs/pictures")
    : resolve(import.meta.dirname, "../pictures/readme");

test("the pictures of the README show a plan and a run", async ({ chiffon, page }) => {
  const proposed = await chiffon.proposed(EXAMPLE);
  await chiffon.signIn(page);
  await page.setViewportSize({ width: 1280, height: 1240 });
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.goto(chiffon.at(`requests/${proposed.request_id}?view=change`));
  await expect(decision(page)).toBeEnabled();
  await page.screenshot({ path: join(FOLDER, "change.png") });
  await chiffon.approve(proposed);
  await chiffon.until(proposed.request_id, "completed");
  await page.goto(chiffon.at(`requests/${proposed.request_id}?view=run`));
  await expect(page.getByRole("region", { name: "Steps" })).toBeVisible();
  await page.screenshot({ path: join(FOLDER, "run.png") });
});
