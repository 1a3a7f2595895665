import { expect, test, type Request } from "./chiffon";

let shown: Request;

test.beforeAll(async ({ chiffon }) => {
  shown = await chiffon.until(await chiffon.ask("How full are the disks on nas?"), "completed");
});

test("a short id opens its request, and the whole one stands in the address then", async ({ chiffon, page }) => {
  await chiffon.signIn(page);
  await page.goto(chiffon.at(`requests/${shown.request_id.slice(-8)}?view=history`));
  await expect(page).toHaveURL(new RegExp(`/requests/${shown.request_id}\\?view=history$`));
  await expect(page.getByRole("heading", { level: 1, name: "How full are the disks on nas?" })).toBeVisible();
  await page.goto(chiffon.at("requests/0000ffff"));
  await expect(page.getByRole("alert")).toContainText(
    "no request’s id begins or ends with `0000ffff`".replace("’", "'"),
  );
  await page.goto(chiffon.at("requests/ffff"));
  await expect(page.getByRole("alert")).toContainText("too short for an id");
});

test("a time in the address that is none is told, with what would be one", async ({ chiffon, page }) => {
  await chiffon.signIn(page);
  for (const wrong of ["yesterday", "5", "2026-02-31T00:00"]) {
    await page.goto(chiffon.at(`requests?since=${wrong}`));
    await expect(page.getByRole("alert")).toContainText(`“${wrong}” in the address (since) is no time`);
    await expect(page.getByRole("alert")).toContainText("2026-11-29T05:00:00Z");
  }
  for (const right of ["week", "2025-11-29", "2025-11-29T05:00:00Z"]) {
    await page.goto(chiffon.at(`requests?since=${right}`));
    await expect(page.getByRole("link", { name: /disks on nas/ }).first()).toBeVisible();
    await expect(page.getByRole("alert")).toHaveCount(0);
  }
});

test("what turns the direction of text is shown by its number, also where it stands in the address", async ({
  chiffon,
  page,
}) => {
  await chiffon.signIn(page);
  await page.goto(chiffon.at(`requests?text=${encodeURIComponent("gnp\u202eexe.nothing")}`));
  await expect(page.getByText("Looked for: “gnp⟦U+202E⟧exe.nothing”")).toBeVisible();
  await page.goto(chiffon.at(`actions?text=${encodeURIComponent("gnp\u202eexe.nothing")}`));
  await expect(page.getByText("“gnp⟦U+202E⟧exe.nothing”")).toBeVisible();
  for (const place of ["questions", "actions"]) {
    await page.goto(chiffon.at(`${place}/${encodeURIComponent("gnp\u202eexe")}`));
    await expect(page.getByRole("main").getByText("gnp⟦U+202E⟧exe").first()).toBeVisible();
  }
});

test("an address that is no text is told about, with ways on", async ({ chiffon, page }) => {
  await chiffon.signIn(page);
  for (const place of ["actions/%F0%9F", "questions/%F0%9F", "requests/%F0%9F"]) {
    await page.goto(chiffon.at(place));
    await expect(page.getByRole("heading", { level: 1, name: "There is no such page" }), place).toBeVisible();
    await expect(page.getByRole("link").first(), place).toBeVisible();
  }
});
