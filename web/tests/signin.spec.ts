import { DEVELOPED, expect, test } from "./chiffon";

test.skip(DEVELOPED !== undefined, "a development server is signed in already");

test("a link signs in once, and says so the second time", async ({ chiffon, page, browser }) => {
  const link = await chiffon.link();
  await page.goto(link);
  await expect(page.getByRole("navigation", { name: "Places" })).toBeVisible();
  await expect(page, "the code is nowhere in the address").not.toHaveURL(/code=/);
  await page.reload();
  await expect(page.getByRole("navigation", { name: "Places" }), "the browser stays signed in").toBeVisible();

  const stranger = await browser.newContext();
  const second = await stranger.newPage();
  await second.goto(link);
  await expect(second.getByRole("alert"), "a used link is refused in words").toContainText(/link/i);
  await expect(second.getByRole("heading", { name: "Sign in to Chiffon" })).toBeVisible();
  await expect(second.getByText("chiffon login", { exact: true }), "and the way to another one is shown").toBeVisible();
  await stranger.close();
});

test("another link works in the window that has refused one, and asks before it signs somebody else out", async ({
  chiffon,
  page,
}) => {
  const used = await chiffon.link();
  await chiffon.call("POST", "/session", { code: used.split("#code=")[1] });
  await page.goto(used);
  await expect(page.getByRole("alert")).toContainText("each works once");
  await page.goto(await chiffon.link("ann", "approver"));
  await expect(page.getByRole("button", { name: /ann/ })).toBeVisible();

  await page.goto(await chiffon.link("bea", "requester"));
  await expect(page.getByText("You are signed in as ann")).toBeVisible();
  await page.getByRole("button", { name: "Sign in with the link" }).click();
  await expect(page.getByRole("button", { name: /bea/ })).toBeVisible();
});

test("an address leads to places of this page only", async ({ chiffon, page }) => {
  for (const to of [
    "https://evil.example",
    "//evil.example",
    "javascript:alert(1)",
    "/ui/../docs",
    "/ui/signin?to=/ui/",
  ]) {
    await page.goto(chiffon.at(`signin?to=${encodeURIComponent(to)}`));
    await page.getByLabel(/token/i).fill(chiffon.server.adminToken);
    await page.getByRole("button", { name: "Sign in with the token" }).click();
    await expect(page, to).toHaveURL(chiffon.page);
    await expect(page.getByRole("navigation", { name: "Places" })).toBeVisible();
    await page.context().clearCookies();
  }
  await chiffon.signIn(page);
  for (const path of ["requests?status=[1,2]", 'requests?text={"a":1}', 'audit?chain={"a":1}', '?text={"a":1}']) {
    await page.goto(chiffon.at(path));
    await expect(page.getByRole("heading", { level: 1 }), path).not.toContainText("can’t be shown");
  }
});

test("a token signs in, and a wrong one is refused in words", async ({ chiffon, page }) => {
  await page.goto(chiffon.at("signin"));
  const field = page.getByLabel(/token/i);
  await field.fill("chf_thisisnone");
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await field.fill(await chiffon.token("ann", "approver"));
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await expect(page.getByRole("button", { name: /ann/ })).toBeVisible();
});

test("a password signs in, is replaced where somebody else has chosen it, and is changed in Access", async ({
  chiffon,
  page,
}) => {
  const [given, own, next] = ["trombone under glass", "a lamp in every window", "nine green bottles"] as const;
  await chiffon.call("PUT", "/people/dora/password", { password: given, role: "requester" });
  const enter = async (password: string) => {
    await page.goto(chiffon.at("signin"));
    await page.getByLabel("Name").fill("dora");
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
  };
  await enter("not the password");
  await expect(page.getByRole("alert")).toContainText("the name or the password is wrong");
  await enter(given);
  await expect(page.getByRole("status")).toContainText("Choose one of your own");
  await expect(page.getByRole("alert"), "it is no failure").toHaveCount(0);
  await page.getByLabel("A new password of your own").fill(own);
  await page.getByLabel("The same again").fill(next);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByLabel("The same again"), "what was not meant is not taken").toBeVisible();
  await page.getByLabel("The same again").fill(own);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("button", { name: /dora/ })).toBeVisible();

  await page.goto(chiffon.at("access"));
  await page.getByRole("button", { name: "Change your password…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Present password").fill("not the password");
  await dialog.getByLabel("New password").fill(next);
  await dialog.getByRole("button", { name: "Change it" }).click();
  await expect(dialog.getByRole("alert")).toContainText("the present password is wrong");
  await dialog.getByLabel("Present password").fill(own);
  await dialog.getByRole("button", { name: "Change it" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("button", { name: "dora requester" }), "this browser stays signed in").toBeVisible();
  await page.context().clearCookies();
  await enter(own);
  await expect(page.getByRole("alert")).toBeVisible();
  await enter(next);
  await expect(page.getByRole("button", { name: /dora/ })).toBeVisible();
});

test("who manages tokens sets a password for somebody else", async ({ chiffon, page }) => {
  await chiffon.signIn(page);
  await page.goto(chiffon.at("access"));
  await page.getByRole("button", { name: "Set somebody’s password…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("For").fill("emil");
  await dialog.getByLabel("New password").fill("trombone under glass");
  await dialog.getByRole("button", { name: "Set it" }).click();
  await expect(dialog.getByRole("alert")).toContainText("`emil` is new here");
  await dialog.getByLabel("Who is new here, as").selectOption("viewer");
  await dialog.getByRole("button", { name: "Set it" }).click();
  await expect(dialog).toHaveCount(0);
  const refused = await fetch(`${chiffon.server.url}/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "emil", password: "trombone under glass" }),
  });
  expect(((await refused.json()) as { code: number }).code).toBe(5036);
});

test("who is not signed in gets to where they wanted to go once they are", async ({ chiffon, page }) => {
  await page.goto(chiffon.at("requests?text=disks"));
  await expect(page).toHaveURL(/\/ui\/signin/);
  await page.getByLabel(/token/i).fill(chiffon.server.adminToken);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await expect(page).toHaveURL(/\/ui\/requests\?text=disks/);
  await expect(page.getByRole("heading", { level: 1, name: "Requests" })).toBeVisible();
});

test("who signs out is out, also with the back button and in other windows", async ({ chiffon, page, context }) => {
  await chiffon.signIn(page);
  const other = await context.newPage();
  await other.goto(chiffon.at("inbox"));
  await expect(other.getByRole("heading", { level: 1, name: "Inbox" })).toBeVisible();
  await page.goto(chiffon.at("requests"));
  await page.getByRole("button", { name: /operator/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/ui\/signin/);
  await page.goBack();
  await expect(page).toHaveURL(/\/ui\/signin/);
  await expect(other, "the other window notices").toHaveURL(/\/ui\/signin/);
});
