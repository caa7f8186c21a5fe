/**
 * The page's script with as much of a document as it touches, and a clock that is moved by hand:
 * what it does when the agent is silent, wants a token, or has forgotten something.
 *
 * @module
 */

import { statusPage } from "../../../mod/page/mod.ts";

const HTML = new TextDecoder().decode(statusPage().body);

/** An element: what is in it, and who listens. */
export class Element {
  hidden = false;
  open = false;
  disabled = false;
  value = "";
  parentElement: Element | null = null;
  readonly isConnected = true;
  readonly clientWidth = 900;
  readonly dataset: Record<string, string> = {};
  readonly attributes = new Map<string, string>();
  readonly #listeners = new Map<string, (event: unknown) => void>();
  #children: (Element | string)[] = [];

  constructor(readonly tag: string, private readonly focused: (element: Element) => void) {}

  get children(): Element[] {
    return this.#children.filter((one) => one instanceof Element);
  }

  get childNodes(): (Element | string)[] {
    return [...this.#children];
  }

  get textContent(): string {
    return this.#children.map((one) => one instanceof Element ? one.textContent : one).join("");
  }

  set textContent(text: string) {
    this.#children = [text];
  }

  get firstElementChild(): Element | null {
    return this.children[0] ?? null;
  }

  get nextElementSibling(): Element | null {
    const all = this.parentElement!.children;
    return all[all.indexOf(this) + 1] ?? null;
  }

  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }

  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }

  append(...more: (Element | string)[]): void {
    for (const one of more) this.insertBefore(one, null);
  }

  replaceChildren(...children: (Element | string)[]): void {
    this.#children = [];
    this.append(...children);
  }

  insertBefore(one: Element | string, next: Element | null): void {
    if (one instanceof Element) {
      one.remove();
      one.parentElement = this;
    }
    const at = next === null ? this.#children.length : this.#children.indexOf(next);
    this.#children.splice(at, 0, one);
  }

  remove(): void {
    const parent = this.parentElement;
    if (parent !== null) parent.#children = parent.#children.filter((one) => one !== this);
  }

  /** This one or the first in it that is so. */
  find(wanted: (element: Element) => boolean): Element | undefined {
    if (wanted(this)) return this;
    for (const one of this.children) {
      const found = one.find(wanted);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  addEventListener(name: string, listener: (event: unknown) => void): void {
    this.#listeners.set(name, listener);
  }

  /** Something happens to it. */
  happens(name: string): void {
    this.#listeners.get(name)?.({ preventDefault: () => undefined });
  }

  focus(): void {
    this.focused(this);
  }

  closest(): null {
    return null;
  }

  querySelectorAll(): [] {
    return [];
  }

  showModal(): void {
    this.open = true;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.happens("close");
  }
}

/** What the agent says: its code and text. */
export type Answer = (url: URL, token: string) => { readonly code: number; readonly text: string };

interface Timer {
  at: number;
  readonly every: number | null;
  readonly act: () => void;
}

/** The page as a browser shows it that asks `agent`. */
export function openPage(agent: Answer) {
  const time = { now: 1_777_636_800_000 };
  const timers = new Map<number, Timer>();
  let last = 0;
  const set = (act: () => void, ms: number, every: number | null) => {
    timers.set(++last, { at: time.now + ms, every, act });
    return last;
  };
  const elements = new Map<string, Element>();
  const page = {
    hidden: false,
    title: "",
    activeElement: undefined as Element | undefined,
    documentElement: undefined as Element | undefined,
    addEventListener: () => undefined,
    createElement: (tag: string) => new Element(tag, (one) => page.activeElement = one),
    createElementNS: (_: string, tag: string) => page.createElement(tag),
    getElementById(id: string): Element {
      const known = elements.get(id);
      if (known !== undefined) return known;
      const [tag] = new RegExp(`<[a-z][^>]* id="${id}"[^>]*>`).exec(HTML)!;
      const made = page.createElement(id);
      made.hidden = / hidden/.test(tag);
      elements.set(id, made);
      return made;
    },
  };
  page.activeElement = page.documentElement = page.createElement("html");
  const asked: string[] = [];
  const fetch = async (path: string, { headers }: { headers: Record<string, string> }) => {
    asked.push(path);
    // Not before who opens the page has it.
    await Promise.resolve();
    const token = (headers.Authorization ?? "").replace("Bearer ", "");
    const { code, text } = agent(new URL(path, "http://agent"), token);
    const json = () => Promise.resolve(JSON.parse(text));
    return { status: code, ok: code === 200, text: () => Promise.resolve(text), json };
  };
  const stored = new Map<string, string>();
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  };
  const globals = {
    document: page,
    fetch,
    sessionStorage: storage,
    localStorage: storage,
    location: { reload: () => undefined },
    innerWidth: 1000,
    matchMedia: () => ({ matches: false, addEventListener: () => undefined }),
    addEventListener: () => undefined,
    performance: { now: () => time.now },
    AbortSignal: { timeout: () => undefined },
    Date: class extends Date {
      static override now = () => time.now;
    },
    setTimeout: (act: () => void, ms: number) => set(act, ms, null),
    setInterval: (act: () => void, ms: number) => set(act, ms, ms),
    clearTimeout: (timer: number) => void timers.delete(timer),
  };
  const [, script = ""] = /<script type="module">(.*?)<\/script>/s.exec(HTML)!;
  new Function(...Object.keys(globals), script)(...Object.values(globals));
  return {
    time,
    asked,
    document: page,
    id: (name: string) => page.getElementById(name),
    text: (name: string) => page.getElementById(name).textContent,
    /** Lets time go on, and what is due happen. */
    async pass(ms: number): Promise<void> {
      const end = time.now + ms;
      for (;;) {
        // All that is waited for has its answer already.
        await new Promise((resolve) => setTimeout(resolve, 0));
        const [next] = [...timers].sort(([, a], [, b]) => a.at - b.at);
        if (next === undefined || next[1].at > end) break;
        const [id, timer] = next;
        time.now = Math.max(time.now, timer.at);
        if (timer.every === null) timers.delete(id);
        else timer.at += timer.every;
        timer.act();
      }
      time.now = end;
    },
  };
}
