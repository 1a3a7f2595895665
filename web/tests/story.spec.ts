import { approve, decision, EXAMPLE, expect, LOOKS, test } from "./chiffon";

test.use({ apart: "story" });

test("ask, look at the plan and its diff, approve, watch it run, and find it again", async ({ chiffon, page }) => {
  await chiffon.signIn(page);

  await test.step("ask", async () => {
    await page.getByRole("textbox", { name: /what should be done/i }).fill(EXAMPLE);
    await page.getByRole("button", { name: /^Ask/ }).click();
  });

  await test.step("watch the planning", async () => {
    const card = page
      .getByRole("list", { name: /asked just now/i })
      .getByRole("listitem")
      .first();
    await expect(card).toContainText(EXAMPLE);
    await expect(card.getByText(/awaiting approval/i)).toBeVisible({ timeout: 60_000 });
    await card.getByRole("link", { name: /look at the plan/i }).click();
  });

  await test.step("see the plan and what it would change", async () => {
    await expect(page.getByRole("heading", { level: 1, name: EXAMPLE })).toBeVisible();
    await expect(page.getByText("Find portals on nas").first()).toBeVisible();
    await expect(page.getByText(/medium risk/i).first()).toBeVisible();
    await expect(page.getByText(/image: louislam\/uptime-kuma/).first(), "the diff is real").toBeVisible();
  });

  await test.step("approve exactly this plan", async () => {
    await approve(page);
  });

  await test.step("watch the run", async () => {
    const main = page.getByRole("main");
    await expect(main.getByText(/^\W*completed$/i).first()).toBeVisible({ timeout: 60_000 });
    await expect(decision(page), "there is nothing left to approve").toHaveCount(0);
    await expect(main.getByText(/Write the compose file/).first(), "the log tells what was done").toBeVisible();
  });

  for (const [filter, value, inUrl] of [
    ["Host", "nas", /host=nas/],
    ["Asked by", "operator", /who=operator/],
    ["Words", "portals", /text=portals/],
  ] as const) {
    await test.step(`find it by ${filter}`, async () => {
      await page.getByRole("navigation", { name: "Places" }).getByRole("link", { name: "Requests" }).click();
      await expect(page.getByRole("heading", { level: 1, name: "Requests" })).toBeVisible();
      const field = page.getByLabel(filter, { exact: true });
      await field.fill(value);
      await field.press("Enter");
      await expect(page).toHaveURL(inUrl);
      await expect(page.getByRole("main").getByRole("link", { name: EXAMPLE })).toBeVisible();
    });
  }

  await test.step("and nothing by what it is not about", async () => {
    await page.goto(chiffon.at("requests?text=surelynobodyaskedforthis"));
    await expect(page.getByText(/no request fits/i)).toBeVisible();
    await expect(page.getByRole("main").getByRole("link", { name: EXAMPLE })).toHaveCount(0);
  });
});

test("the same with nothing but keys", async ({ chiffon, page }) => {
  await chiffon.signIn(page);
  const field = page.getByRole("textbox", { name: /what should be done/i });
  await expect(field).toBeFocused();
  await page.keyboard.type("Deploy Kuma Uptime to nas on port 3009");
  await page.keyboard.press("Enter");
  const card = page
    .getByRole("list", { name: /asked just now/i })
    .getByRole("listitem")
    .first();
  await expect(card.getByText(/awaiting approval/i)).toBeVisible({ timeout: 60_000 });
  await page.keyboard.press("Escape");
  await page.keyboard.press("g");
  await page.keyboard.press("i");
  await expect(page.getByRole("heading", { level: 1, name: "Inbox" })).toBeVisible();
  await expect(page.getByRole("main").getByRole("link", { name: /port 3009/ })).toBeVisible();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: /port 3009/ })).toBeVisible();
  await expect(page.getByRole("region", { name: "Decide" })).toBeVisible();
  await page.keyboard.press("a");
  const first = page.getByRole("region", { name: "Decide" }).getByRole("button").first();
  await expect(first).toBeFocused();
  await page.waitForTimeout(LOOKS);
  await page.keyboard.press("Enter");
  await expect(
    page
      .getByRole("main")
      .getByText(/^\W*completed$/i)
      .first(),
  ).toBeVisible({ timeout: 60_000 });
});

test("a double click asks once, and what was not sent is still there later", async ({ chiffon, page }) => {
  await chiffon.signIn(page, "dora", "requester");
  const field = page.getByRole("textbox", { name: /what should be done/i });
  await field.fill("How full are the disks on nas, please?");
  const calls: string[] = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/request")) calls.push(request.url());
  });
  await page.getByRole("button", { name: "Ask for this" }).dblclick();
  await expect(page.getByRole("list", { name: /asked just now/i }).getByRole("listitem")).toHaveCount(1);
  expect(calls).toHaveLength(1);
  await expect(page.getByRole("alert")).toHaveCount(0);

  await field.fill("half a sentence");
  await page.getByRole("link", { name: "Requests" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Requests" })).toBeVisible();
  await page.reload();
  await page.getByRole("link", { name: "Ask", exact: true }).click();
  await expect(field).toHaveValue("half a sentence");
});
