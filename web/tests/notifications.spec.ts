import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { violations } from "./axe";
import { Chiffon, DEVELOPED, expect, test } from "./chiffon";
import { Server } from "./server";

test.skip(DEVELOPED !== undefined, "it needs a configuration of its own");

test("the page says where people are told what, tries it for real, and shows what is held", async ({ page }) => {
  test.setTimeout(180_000);
  let status = 204;
  const came: string[] = [];
  const receiver = createServer((request, answer) => {
    let text = "";
    request.on("data", (part: Buffer) => (text += part.toString()));
    request.on("end", () => {
      came.push((JSON.parse(text) as { type: string }).type);
      answer.writeHead(status).end();
    });
  });
  await new Promise<void>((done) => receiver.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/secret/path`;
  const server = await Server.begin(({ folder }) => {
    writeFileSync(join(folder, "ops.secret"), "a secret of the tests");
    return Promise.resolve(`[[notifications.channels]]
name = "ops"
kind = "webhook"
url = "${url}"
secret_file = "${join(folder, "ops.secret")}"
digest = "2h"
urgent = ["agent_lost"]
quiet = { from = "22:00", to = "22:01", time_zone = "Europe/Berlin" }
`);
  });
  try {
    const chiffon = new Chiffon(server);
    await chiffon.proposed();
    await chiffon.signIn(page);
    await page.goto(chiffon.at("operations"));
    const told = page.getByRole("region", { name: "Notifications" });
    for (const words of [
      "for several people",
      "gathered for 2h; keeps still 22:00 to 22:01 Europe/Berlin",
      "at once: agent lost, high risk",
      "nothing was sent yet",
      "1 held",
    ])
      await expect(told).toContainText(words);
    await expect(told, "an address may be a secret").not.toContainText("secret/path");
    await told.getByText("What was to be told lately").click();
    await expect(told.getByRole("listitem").last()).toContainText("held, to be told in");

    await told.getByRole("button", { name: "Send a test to ops" }).click();
    await expect(told.getByRole("status")).toHaveText("Its receiver has taken a message.");
    expect(came).toEqual(["notification.test"]);
    status = 500;
    await told.getByRole("button", { name: "Send a test to ops" }).click();
    await expect(told.getByRole("alert")).toContainText("HTTP 500");
    for (const width of [1280, 390]) {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.setViewportSize({ width, height: 844 });
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.screenshot({ path: `pictures/notifications-${width}-${colorScheme}.png`, fullPage: true });
        const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect.soft(tooWide, `${width}: so many pixels are out of sight`).toBeLessThanOrEqual(0);
        expect.soft(await violations(page), `${width} ${colorScheme}`).toEqual([]);
      }
    }

    const walt = await page.context().browser()?.newContext();
    const his = await walt?.newPage();
    if (his === undefined) throw new Error("no page");
    await chiffon.signIn(his, "walt", "viewer");
    await his.goto(chiffon.at("operations"));
    await expect(his.getByRole("heading", { name: "Health" })).toBeVisible();
    await expect(his.getByRole("region", { name: "Notifications" })).toHaveCount(0);
    await walt?.close();
  } finally {
    await server.end();
    receiver.close();
  }
});
