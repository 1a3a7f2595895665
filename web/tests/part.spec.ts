import { violations } from "./axe";
import { expect, LOOKS, test } from "./chiffon";

test.use({ apart: "part" });

test("a step is left out with its box, and never runs", async ({ chiffon, page }) => {
  const { request_id: id, plan } = await chiffon.proposed("install htop on nas and deploy kuma to nas on port 3021");
  expect(plan?.steps.length).toBeGreaterThan(1);
  await chiffon.signIn(page);
  await page.goto(chiffon.at(`requests/${id}?view=change`));
  const bar = page.getByRole("region", { name: "Decide" });
  const box = page.getByRole("checkbox", { name: /^Run step 1/ });
  await box.focus();
  await page.keyboard.press("Space");
  await expect(box).not.toBeChecked();
  const approve = bar.getByRole("button", { name: /, leave out 1 step$/ });
  await expect(approve).toBeEnabled();
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.screenshot({ path: `pictures/part-${width}-${colorScheme}.png`, fullPage: true });
      const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect.soft(tooWide, `${width}: so many pixels are out of sight`).toBeLessThanOrEqual(0);
      expect.soft(await violations(page), `${width} ${colorScheme}`).toEqual([]);
    }
  }
  await page.waitForTimeout(LOOKS);
  await approve.click();
  const done = await chiffon.until(id, "completed");
  const first = done.plan?.steps[0] as unknown as { step_id: string };
  const left = done.tasks.find((task) => task.step_id === first.step_id && task.purpose === "apply");
  expect([left?.status, left?.output]).toEqual(["skipped", "left out by operator at approval"]);
  const card = page
    .getByRole("listitem")
    .filter({ has: page.locator("h3", { hasText: String((first as unknown as { title: string }).title) }) });
  await page.goto(chiffon.at(`requests/${id}?view=change`));
  await expect(card).toContainText("Left out by operator at approval");
  await expect(card).toContainText("does not run");
  await page.goto(chiffon.at(`requests/${id}?view=run`));
  await expect(page.getByText("left out by operator at approval").first()).toBeVisible();
  await page.screenshot({ path: "pictures/part-run.png", fullPage: true });
  // Before anything has begun, the first that will run is shown, and not the one that never will.
  const waits = (task: (typeof done.tasks)[number]) =>
    task.status === "skipped" || task.purpose !== "apply"
      ? task
      : { ...task, status: "waiting", started_at: null, finished_at: null };
  await page.route(`**/request/${id}`, (route) =>
    route.fulfill({ json: { ...done, status: "running", finished_at: null, tasks: done.tasks.map(waits) } }),
  );
  await page.reload();
  const kept = done.tasks.find((task) => task.purpose === "apply" && task.status !== "skipped");
  await expect(page.locator(".run-title[aria-pressed=true]")).toHaveText(String(kept?.title));
});

test("with all boxes empty nothing can be approved", async ({ chiffon, page }) => {
  const { request_id: id, plan } = await chiffon.proposed("install htop on nas and deploy kuma to nas on port 3022");
  await chiffon.signIn(page);
  await page.goto(chiffon.at(`requests/${id}?view=change`));
  const boxes = page.getByRole("checkbox", { name: /^Run step/ });
  await expect(boxes).toHaveCount(plan?.steps.length ?? 0);
  for (const box of await boxes.all()) await box.uncheck();
  const bar = page.getByRole("region", { name: "Decide" });
  await expect(bar.getByText("nothing would run: keep a step, or reject the plan")).toBeVisible();
  await expect(bar.locator(".decide-primary")).toBeDisabled();
  await chiffon.cancel(id);
});
