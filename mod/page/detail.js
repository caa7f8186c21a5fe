/**
 * The window with all that the agent says of one thing.
 *
 * @module
 */

import { byId, el, setText } from "./dom.js";
import { ask } from "./feed.js";
import { makeServers } from "./lists.js";

/** Between two looks at what is shown, milliseconds. */
const PERIOD = 2_000;
/** Entries of a list that are shown. */
const MOST = 100;

export class Detail {
  #dialog = byId("detail");
  #body = byId("detail-body");
  #servers;
  #shown = null;
  #text = "";
  #asked = { find: "", offset: 0 };
  #timer = 0;
  #failed;

  /** @param now the agent's clock @param failed is told what went wrong */
  constructor(now, failed) {
    this.#failed = failed;
    this.#servers = makeServers(now, (find, offset) => {
      this.#asked = { find, offset };
      void this.#look();
    });
    byId("detail-servers").append(this.#servers.element);
    byId("detail-close").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => {
      clearInterval(this.#timer);
      this.#shown = null;
    });
  }

  open(kind, name) {
    this.#shown = { kind, name };
    this.#text = "";
    this.#asked = { find: "", offset: 0 };
    setText(byId("detail-title"), name);
    this.#body.replaceChildren();
    byId("detail-servers").hidden = kind !== "virtual_server";
    this.#servers.showPage([], 0, 0);
    this.#dialog.showModal();
    void this.#look();
    this.#timer = setInterval(() => {
      if (!document.hidden) void this.#look();
    }, PERIOD);
  }

  async #look() {
    const shown = this.#shown;
    if (shown === null) return;
    try {
      const { kind, name } = shown;
      const [object, servers] = await Promise.all([
        ask("/object.json", { type: kind, name }),
        kind === "virtual_server" ? ask("/servers.json", { name, ...this.#asked }) : null,
      ]);
      if (this.#shown !== shown) return;
      if (servers !== null) this.#servers.showPage(servers.servers, servers.count, servers.offset);
      const text = JSON.stringify(object);
      // What is read or selected stays as long as it says the same.
      if (text !== this.#text) this.#body.replaceChildren(factsOf(object));
      this.#text = text;
    } catch (error) {
      this.#failed(error);
    }
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
