import { expect, test as base, type Locator, type Page } from "@playwright/test";
import { setTimeout as sleep } from "node:timers/promises";

import type { components } from "../src/api/schema";
import { Server } from "./server";

type Schemas = components["schemas"];
export type Request = Schemas["RequestAnswer"];
export type Role = Schemas["Role"];

/**
 * The page's address while it is being developed, such as `http://127.0.0.1:5173/ui/`: a development server that passes calls on to the port
 * in `CHIFFON_PORT`. Without it, the page is the one that the binary serves, and one signs in by a link.
 */
export const DEVELOPED = process.env.CHIFFON_PAGE;

export const EXAMPLE = "Deploy Kuma Uptime to nas and add our existing portals";
/** What the button that approves the example begins with. */
const EFFECT = /^Deploy Kuma/i;

/** A Chiffon, and what tests do with it beside the page. */
export class Chiffon {
  readonly #tokens = new Map<string, string>();

  constructor(readonly server: Server) {}

  get page(): string {
    return DEVELOPED ?? `${this.server.url}/ui/`;
  }

  async call<T>(method: string, path: string, body?: unknown, token: string = this.server.adminToken): Promise<T> {
    const answer = await fetch(this.server.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** A token of somebody of this name, who is made where there is none. `operator` is there from the start. */
  async token(name: string, role: Role): Promise<string> {
    if (name === "operator") return this.server.adminToken;
    const known = this.#tokens.get(name);
    if (known !== undefined) return known;
    const { token } = await this.call<Schemas["CreatedToken"]>("POST", "/tokens", { name, role, label: "tests" });
    this.#tokens.set(name, token);
    return token;
  }

  /** An address that signs in once. */
  async link(name: string = "operator", role: Role = "admin"): Promise<string> {
    const token = await this.token(name, role);
    return (await this.call<{ url: string }>("POST", "/login-links", {}, token)).url;
  }

  /** Signs in, and is on the first screen then. */
  async signIn(page: Page, name: string = "operator", role: Role = "admin"): Promise<void> {
    if (DEVELOPED === undefined) {
      await page.goto(await this.link(name, role));
    } else {
      await page.context().setExtraHTTPHeaders({ authorization: `Bearer ${await this.token(name, role)}` });
      await page.goto(DEVELOPED);
    }
    await expect(page.getByRole("navigation", { name: "Places" })).toBeVisible();
  }

  async ask(text: string, name: string = "operator", role: Role = "requester"): Promise<string> {
    const asked = await this.call<{ request_id: string }>("POST", "/request", { text }, await this.token(name, role));
    return asked.request_id;
  }

  /** Waits until a request is in one of these states. */
  async until(id: string, ...states: string[]): Promise<Request> {
    for (const until = Date.now() + 60_000; ; await sleep(150)) {
      const request = await this.call<Request>("GET", `/request/${id}`);
      if (states.includes(request.status)) return request;
      if (Date.now() > until) throw new Error(`request ${id} is ${request.status}, not ${states.join(" or ")}`);
    }
  }

  /** A request that somebody asked for and that waits for an approver. */
  async proposed(text: string = EXAMPLE, name?: string): Promise<Request> {
    return this.until(await this.ask(text, name), "awaiting_approval");
  }

  async approve({ request_id, plan }: Request): Promise<void> {
    await this.call("POST", "/approve", { request_id, plan_sha256: plan?.sha256, decision: "approve" });
  }

  /** Says something to a request, such as what should change about its plan. */
  async say(id: string, text: string): Promise<void> {
    await this.call("POST", `/request/${id}/messages`, { text });
  }

  async cancel(id: string): Promise<void> {
    await this.call("POST", `/cancel/${id}`, {});
  }

  /** Where a screen is. */
  at(path: string): string {
    return new URL(path, this.page).href;
  }
}

/** The button that approves the example, where one decides. */
export function decision(page: Page): Locator {
  return page.getByRole("region", { name: "Decide" }).getByRole("button", { name: EFFECT });
}

/** A button that has only just come counts no click yet: so long one looks first. */
export const LOOKS = 1_500;

/** Approves the example, as somebody does who has looked at it. */
export async function approve(page: Page): Promise<void> {
  const button = decision(page);
  await expect(button).toBeEnabled();
  await page.waitForTimeout(LOOKS);
  await button.click();
}

export const test = base.extend<{ keepsLog: void }, { apart: string; chiffon: Chiffon }>({
  // Files that name themselves here have a Chiffon of their own; all others share one.
  apart: ["", { option: true, scope: "worker" }],
  chiffon: [
    async ({ apart: _ }, use) => {
      const server = await Server.begin();
      try {
        await use(new Chiffon(server));
      } finally {
        await server.end();
      }
    },
    { scope: "worker", timeout: 120_000 },
  ],
  keepsLog: [
    async ({ chiffon }, use, info) => {
      await use();
      if (info.status !== info.expectedStatus) await info.attach("chiffon.log", { body: chiffon.server.log });
    },
    { auto: true },
  ],
});

export { expect };
