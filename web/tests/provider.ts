import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { resolve } from "node:path";

/** A real OpenID Connect provider on another site than Chiffon's. */
export class Provider {
  private constructor(
    readonly issuer: string,
    readonly process: ChildProcessWithoutNullStreams,
  ) {}

  static async begin(chiffon: string): Promise<Provider> {
    const page = `${chiffon}/ui/signin`;
    const process = spawn("node", [resolve(import.meta.dirname, "provider.mjs"), page, page]);
    let complaints = "";
    process.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
    for await (const line of createInterface(process.stdout)) return new Provider(line, process);
    throw new Error(`the provider did not start: ${complaints}`);
  }

  async people(people: Record<string, { name?: string; groups: string[] }>): Promise<void> {
    await fetch(`${this.issuer}/test/people`, { method: "POST", body: JSON.stringify(people) });
  }

  async end(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.stdin.end();
    this.process.kill("SIGKILL");
    await ended;
  }
}
