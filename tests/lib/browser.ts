/**
 * A real Chromium, driven over its own protocol (Chrome DevTools Protocol) by a pipe: it needs no
 * port, so that it may run in any network namespace.
 *
 * @module
 */

import { until } from "./process.ts";

const CHROMIUM = "/usr/bin/chromium";
/** Nothing that a browser does by itself on the network, and no sandbox: labs run as root. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-extensions",
  "--disable-sync",
  "--no-first-run",
  "--no-default-browser-check",
  "--mute-audio",
  "--hide-scrollbars",
  "--remote-debugging-pipe",
];

// deno-lint-ignore no-explicit-any
type Message = any;

export interface BrowserOptions {
  /** Words before the command, such as those that enter a namespace. */
  readonly wrapper?: readonly string[];
  /** A directory of its own, which it fills. */
  readonly profile: string;
}

/** A browser with one page. */
export class Browser {
  /** Addresses of all that the page has asked for. */
  readonly requests: string[] = [];
  /** What the page has complained about: exceptions, and what its policy forbids. */
  readonly complaints: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting = new Map<number, PromiseWithResolvers<Message>>();
  readonly #reading: Promise<void>;
  readonly #profile: string;
  #last = 0;
  #session: string | undefined;

  private constructor({ wrapper = [], profile }: BrowserOptions) {
    // It reads at descriptor 3 and writes at 4.
    const argv = [
      ...wrapper,
      "sh",
      "-c",
      'exec "$0" "$@" 3<&0 4>&1 >/dev/null',
      CHROMIUM,
      ...FLAGS,
      `--user-data-dir=${profile}`,
      "about:blank",
    ];
    this.#profile = profile;
    // What it writes in a home, whatever its profile, goes there, too.
    Deno.mkdirSync(profile, { recursive: true, mode: 0o700 });
    this.#child = new Deno.Command(argv[0]!, {
      args: argv.slice(1),
      env: { HOME: profile },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  static async start(options: BrowserOptions): Promise<Browser> {
    const browser = new Browser(options);
    try {
      await browser.#attach();
    } catch (error) {
      // Nobody else knows it, to end it.
      await browser.close();
      throw error;
    }
    return browser;
  }

  /** To its page. */
  async #attach(): Promise<void> {
    const targets = await until("the browser has a page", async () => {
      const { targetInfos } = await this.send("Target.getTargets");
      return targetInfos.find((one: Message) => one.type === "page");
    }, 30_000);
    const { sessionId } = await this.send("Target.attachToTarget", {
      targetId: targets.targetId,
      flatten: true,
    });
    this.#session = sessionId;
    for (const part of ["Page", "Runtime", "Network", "Log"]) await this.send(`${part}.enable`);
  }

  /** Sends a command. @throws {Error} what the browser says of it */
  async send(method: string, params: Record<string, unknown> = {}): Promise<Message> {
    const id = ++this.#last;
    const answer = Promise.withResolvers<Message>();
    this.#waiting.set(id, answer);
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    const text = JSON.stringify({ id, method, params, ...session });
    await this.#input.write(new TextEncoder().encode(`${text}\0`));
    const { result, error } = await answer.promise;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /** Opens a page, and waits until its script has run. */
  async open(url: string): Promise<void> {
    // What is asked too early is asked of the page before.
    await this.evaluate("window.before = true");
    const { errorText } = await this.send("Page.navigate", { url });
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
    const loaded = "window.before === undefined && document.readyState === 'complete'";
    await this.until("the page is loaded", loaded);
  }

  /** The value of an expression in the page; promises are waited for. @throws {Error} */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails: thrown } = await this.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (thrown !== undefined) throw new Error(thrown.exception?.description ?? thrown.text);
    return result.value as T;
  }

  /** Waits until an expression in the page is true; where it is not, what the page shows is said. */
  async until(what: string, expression: string, timeoutMs = 15_000): Promise<void> {
    await until(
      what,
      async () => {
        if (await this.evaluate<boolean>(`Boolean(${expression})`)) return true;
        const top = "document.querySelector('dialog[open]') ?? document.body";
        throw new Error(await this.evaluate(`(${top}).innerText.slice(0, 3000)`));
      },
      timeoutMs,
      50,
    );
  }

  /** The system's colours, and the size of the window. */
  async look(
    { dark = false, width, height }: { dark?: boolean; width: number; height: number },
  ): Promise<void> {
    const value = dark ? "dark" : "light";
    const features = [{ name: "prefers-color-scheme", value }];
    await this.send("Emulation.setEmulatedMedia", { features });
    const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
    await this.send("Emulation.setDeviceMetricsOverride", metrics);
  }

  /** Presses and lets go of a key, such as `Tab`, `Enter`, `Escape`. */
  async press(key: string): Promise<void> {
    const codes: Record<string, number> = { Tab: 9, Enter: 13, Escape: 27 };
    const code = codes[key] ?? key.toUpperCase().charCodeAt(0);
    const text = key === "Enter" ? "\r" : key.length === 1 ? key : undefined;
    const about = { key, code: key, windowsVirtualKeyCode: code };
    const type = text === undefined ? "rawKeyDown" : "keyDown";
    await this.send("Input.dispatchKeyEvent", { type, ...about, ...(text && { text }) });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...about });
  }

  /** Types text where the focus is. */
  async type(text: string): Promise<void> {
    await this.send("Input.insertText", { text });
  }

  /** A picture of the window, or of the whole page, as PNG. */
  async picture(whole = false): Promise<Uint8Array> {
    const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: whole });
    return Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  }

  /** Ends it, and all that it has started; its profile is gone then. */
  async close(): Promise<void> {
    this.#session = undefined;
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    void this.send("Browser.close").catch(() => undefined);
    await this.#child.status;
    clearTimeout(late);
    await this.#reading;
    await this.#input.close().catch(() => undefined);
    // Some of its processes end after it, and write as long as they live.
    await until("the browser's profile is gone", () => {
      try {
        Deno.removeSync(this.#profile, { recursive: true });
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      return true;
    }, 10_000);
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#child.stdout) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\0");
      rest = parts.pop()!;
      for (const part of parts) this.#take(JSON.parse(part));
    }
    for (const { reject } of this.#waiting.values()) reject(new Error("The browser has ended"));
  }

  #take(message: Message): void {
    const { id, method, params } = message;
    if (id !== undefined) {
      this.#waiting.get(id)?.resolve(message);
      this.#waiting.delete(id);
    } else if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    else if (method === "Runtime.exceptionThrown") {
      this.complaints.push(params.exceptionDetails.exception?.description ?? "an exception");
    } else if (method === "Log.entryAdded" && params.entry.level === "error") {
      this.complaints.push(`${params.entry.text} ${params.entry.url ?? ""}`);
    }
  }
}
