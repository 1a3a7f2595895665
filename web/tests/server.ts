import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ROOT = resolve(import.meta.dirname, "../..");
const BINARY = resolve(import.meta.dirname, "..", process.env.CHIFFON_BINARY ?? "../target/debug/chiffon");
const START_WITHIN = 90_000;

/** A whole Chiffon of its own: database, bus, agents and the demo host, in a folder that goes with it. */
export class Server {
  readonly folder: string;
  log = "";
  #config: string[] = [];
  #process: ChildProcess | undefined;

  private constructor(readonly port: number) {
    this.folder = mkdtempSync(join(tmpdir(), "chiffon-page-"));
    // The database runs as somebody else where root starts it, and has to find its way into the folder.
    chmodSync(this.folder, 0o755);
  }

  /** `configure` is told the address and the folder, and gives the text of a configuration file. */
  static async begin(configure?: (server: Server) => Promise<string>): Promise<Server> {
    const server = new Server(Number(process.env.CHIFFON_PORT ?? (await freePort())));
    try {
      if (configure !== undefined) {
        const file = join(server.folder, "chiffon.toml");
        writeFileSync(file, await configure(server));
        server.#config = ["--config", file];
      }
      await server.start();
    } catch (error) {
      await server.end();
      throw error;
    }
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get adminToken(): string {
    return readFileSync(join(this.folder, "admin.token"), "utf8").trim();
  }

  async start(): Promise<void> {
    rmSync(join(this.folder, "url"), { force: true });
    const process = spawn(
      BINARY,
      ["up", "--data-dir", this.folder, "--listen", `127.0.0.1:${this.port}`, "--bus", "memory", ...this.#config],
      { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#process = process;
    for (const stream of [process.stdout, process.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (this.log += text));
    process.on("error", (error) => (this.log += `${BINARY} could not be started: ${error.message}\n`));
    const until = Date.now() + START_WITHIN;
    while (!(await this.#ready())) {
      if (Date.now() > until || process.exitCode !== null) throw new Error(`Chiffon did not start:\n${this.log}`);
      await sleep(100);
    }
  }

  async stop(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined || process.exitCode !== null) return;
    const ended = new Promise((done) => process.once("exit", done));
    process.kill("SIGTERM");
    await ended;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The file with the address is written last, when the agents are there, too. */
  async #ready(): Promise<boolean> {
    if (!existsSync(join(this.folder, "url"))) return false;
    const answer = await fetch(`${this.url}/health/ready`).catch(() => undefined);
    return answer?.ok === true;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
