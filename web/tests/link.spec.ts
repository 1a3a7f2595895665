import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { violations } from "./axe";
import { Chiffon, decision, DEVELOPED, expect, LOOKS, test } from "./chiffon";
import { Server } from "./server";

test.skip(DEVELOPED !== undefined, "it needs a configuration of its own");

interface Notice {
  data: { title: string; url: string };
}

/** Takes notifications, as a program on somebody's phone does. */
async function receiver(): Promise<{ url: string; next: () => Promise<Notice>; end: () => void }> {
  const came: Notice[] = [];
  const waits: ((notice: Notice) => void)[] = [];
  const server = createServer((request, answer) => {
    let text = "";
    request.on("data", (part: Buffer) => (text += part.toString()));
    request.on("end", () => {
      const notice = JSON.parse(text) as Notice;
      const wait = waits.shift();
      if (wait === undefined) came.push(notice);
      else wait(notice);
      answer.writeHead(204).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    next: () => {
      const first = came.shift();
      return first === undefined ? new Promise((done) => waits.push(done)) : Promise.resolve(first);
    },
    end: () => void server.close(),
  };
}

test("somebody else approves from a telephone, by the link of a notification", async ({ browser }) => {
  test.setTimeout(240_000);
  const phone = await receiver();
  const server = await Server.begin(({ folder, url }) => {
    writeFileSync(join(folder, "phone.secret"), "a secret of the tests");
    return Promise.resolve(`[http]
public_url = "${url}"

[policy]
self_approval = false

[[notifications.channels]]
name = "phone"
kind = "webhook"
url = "${phone.url}"
secret_file = "${join(folder, "phone.secret")}"
person = "ann"
notices = ["approval_needed"]
`);
  });
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  try {
    const chiffon = new Chiffon(server);
    await chiffon.token("ann", "approver");
    const request = await chiffon.proposed();
    const { data } = await phone.next();
    expect(data.title).toContain("Approval needed");
    expect(data.url).toMatch(/\/ui\/decide\/[0-9a-f-]{36}#code=cha_/);

    const page = await context.newPage();
    await page.goto(data.url);
    await expect(page, "the code stands in no history").toHaveURL(/\/ui\/decide\/[0-9a-f-]{36}$/);
    await expect(page.getByText("Opening it approves nothing")).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Show me the plan" }).click();

    await expect(page).toHaveURL(new RegExp(`/requests/${request.request_id}`));
    await expect(decision(page)).toBeEnabled();
    await expect(page.getByText("services:").first(), "the diff is there").toBeVisible();
    expect(await violations(page)).toEqual([]);
    await page.screenshot({ path: "pictures/link-390.png", fullPage: true });
    expect((await chiffon.call<{ status: string }>("GET", `/request/${request.request_id}`)).status).toBe(
      "awaiting_approval",
    );
    await page.waitForTimeout(LOOKS);
    await decision(page).click();
    await chiffon.until(request.request_id, "completed");

    const again = await (await browser.newContext()).newPage();
    await again.goto(data.url);
    await again.getByRole("button", { name: "Show me the plan" }).click();
    await expect(again.getByText("each works once")).toBeVisible();
    await again.context().close();
  } finally {
    await context.close();
    await server.end();
    phone.end();
  }
});
