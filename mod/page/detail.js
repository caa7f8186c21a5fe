/**
 * The window with all that the agent says of one thing.
 *
 * @module
 */

import { byId, el, setText } from "./dom.js";
import { ask, TokenWanted } from "./feed.js";
import { makeServers } from "./lists.js";

/** Between two looks at what is shown, milliseconds. */
const PERIOD = 2_000;
/** Entries of a list that are shown. */
const MOST = 100;

export class Detail {
  #dialog = byId("detail");
  #body = byId("detail-body");
  #said = byId("detail-said");
  #servers;
  #shown = null;
  #text = "";
  #asked = { find: "", offset: 0 };
  #timer = 0;
  #refused;

  /** @param now the agent's clock @param refused is told that the agent wants a token */
  constructor(now, refused) {
    this.#refused = refused;
    this.#servers = makeServers(now, (find, offset) => {
      this.#asked = { find, offset };
      void this.#look();
    });
    byId("detail-servers").append(this.#servers.element);
    byId("detail-close").addEventListener("click", () => this.close());
    this.#dialog.addEventListener("close", () => {
      // It is told late: another thing may be shown by then.
      if (!this.#dialog.open) this.#forget();
    });
  }

  open(kind, name) {
    this.#shown = { kind, name };
    this.#text = "";
    this.#asked = { find: "", offset: 0 };
    setText(byId("detail-title"), name);
    setText(this.#said, "");
    this.#body.replaceChildren();
    byId("detail-servers").hidden = kind !== "virtual_server";
    this.#servers.clear();
    this.#dialog.showModal();
    void this.#look();
  }

  close() {
    this.#forget();
    this.#dialog.close();
  }

  #forget() {
    clearTimeout(this.#timer);
    this.#shown = null;
  }

  /** Asks now, and again a while after the answer: a slow agent is not asked twice at once. */
  async #look() {
    clearTimeout(this.#timer);
    const [shown, asked] = [this.#shown, this.#asked];
    if (shown === null) return;
    // Another thing, or another page of it, was asked for meanwhile: that has its own answer.
    const late = () => this.#shown !== shown || this.#asked !== asked;
    try {
      if (!document.hidden) await this.#ask(shown, asked, late);
      if (!late()) setText(this.#said, "");
    } catch (error) {
      if (late()) return;
      if (error instanceof TokenWanted) return this.#refused();
      setText(this.#said, `This may be old: ${error.message}`);
    }
    if (!late()) this.#timer = setTimeout(() => this.#look(), PERIOD);
  }

  async #ask({ kind, name }, asked, late) {
    const [object, servers] = await Promise.all([
      ask("/object.json", { type: kind, name }),
      kind === "virtual_server" ? ask("/servers.json", { name, ...asked }) : null,
    ]);
    if (late()) return;
    if (servers !== null) {
      // Of fewer servers than there were the page is behind the end.
      if (servers.servers.length === 0 && servers.count > 0) this.#asked = { ...asked, offset: 0 };
      this.#servers.showPage(servers.servers, servers.count, servers.offset);
      if (late()) return void this.#look();
    }
    const text = JSON.stringify(object);
    // What is read or selected stays as long as it says the same.
    if (text !== this.#text) this.#body.replaceChildren(factsOf(object));
    this.#text = text;
  }
}

/** Keys and values as a list, one inside the other. */
export function factsOf(object) {
  const list = el("dl", { class: "facts panel" });
  for (const [key, value] of Object.entries(object)) {
    list.append(el("dt", {}, key.replaceAll("_", " ")), el("dd", {}, valueOf(value)));
  }
  return list;
}

function valueOf(value) {
  if (value === null) return "–";
  if (Array.isArray(value)) {
    if (value.length === 0) return "none";
    if (value.every((one) => typeof one !== "object" || one === null)) {
      return value.slice(0, MOST).join(", ");
    }
    return el("div", {}, ...value.slice(0, MOST).map((one) => valueOf(one)));
  }
  if (typeof value === "object") {
    return Object.keys(value).length === 0 ? "none" : factsOf(value);
  }
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}
