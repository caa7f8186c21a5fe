/**
 * A list of any length, a page of it at a time: sorted, searched, brought up to date without losing
 * the place of whoever works with the keyboard.
 *
 * @module
 */

import { select } from "./model.js";
import { el, setClass, setText } from "./dom.js";

const SIZE = 25;
/** Which list a label belongs to. */
let tables = 0;

/**
 * Columns are `{ title, text(row), class, look(row), sort(row), press(row) }`: `look` is a class of
 * a pill around the text, `press` makes the text a button.
 */
export class Table {
  element;
  #columns;
  #keyOf;
  #textOf;
  #title;
  #rows = [];
  #wish;
  #lines = new Map();
  #body = el("tbody");
  #heads;
  #find;
  #pager;
  #place = el("span", { class: "quiet" });
  #count = el("span", { class: "quiet" });
  #buttons;
  #empty;
  #page;

  /**
   * `ask`: the rows are a page of what somebody else has searched, and it is asked for another one
   * by `ask(find, offset)`.
   */
  constructor(
    {
      title,
      level = "h2",
      columns,
      keyOf,
      textOf,
      by = null,
      descending = false,
      size = SIZE,
      ask = null,
      empty = "Nothing is found.",
    },
  ) {
    this.#columns = columns;
    this.#keyOf = keyOf;
    this.#textOf = textOf;
    this.#title = title;
    this.#wish = { find: "", by, descending, page: 0, size };
    this.ask = ask;
    const id = `table-${++tables}`;
    this.#find = el("input", {
      type: "search",
      id: `${id}-find`,
      placeholder: "Search",
      "aria-label": `Search: ${title}`,
      spellcheck: "false",
    });
    this.#find.addEventListener("input", () => this.#change({ find: this.#find.value, page: 0 }));
    this.#heads = columns.map((column) => this.#head(column));
    this.#buttons = ["Back", "Further"].map((name, i) => {
      const button = el("button", { type: "button", "aria-label": `${name}: ${title}` }, name);
      button.addEventListener(
        "click",
        () => this.#change({ page: this.#page + (i === 0 ? -1 : 1) }),
      );
      return button;
    });
    this.#pager = el("div", { class: "pager" }, this.#buttons[0], this.#place, this.#buttons[1]);
    this.#empty = el("p", { class: "quiet", hidden: true }, empty);
    const head = el("thead", {}, el("tr", {}, ...this.#heads));
    const bar = el(
      "div",
      { class: "bar" },
      el(level, { id: `${id}-title` }, title),
      this.#count,
      el("span", { class: "grow" }),
      this.#find,
      this.#pager,
    );
    const scroll = el("div", {
      class: "scroll",
      tabindex: "0",
      role: "region",
      "aria-labelledby": `${id}-title`,
    }, el("table", { "aria-labelledby": `${id}-title` }, head, this.#body));
    this.element = el("section", { "aria-labelledby": `${id}-title` }, bar, scroll, this.#empty);
    this.#page = 0;
  }

  /** @param note beside the title */
  show(rows, note = "") {
    this.#rows = rows;
    setText(this.#count, note);
    this.#render();
  }

  /** Shows another list of somebody else's, of which nothing is searched yet. */
  clear() {
    this.#find.value = "";
    this.#wish.find = "";
    this.showPage([], 0, 0);
  }

  /** Of a list that somebody else pages. */
  showPage(rows, count, offset) {
    this.#rows = rows;
    this.#asked = { count, offset };
    this.#render();
  }

  #asked = { count: 0, offset: 0 };

  #change(wish) {
    Object.assign(this.#wish, wish);
    if (this.ask !== null) {
      this.ask(this.#wish.find, Math.max(0, this.#wish.page) * this.#wish.size);
    } else this.#render();
  }

  #head(column) {
    const head = el("th", { scope: "col", class: column.class ?? null });
    if (column.sort === undefined) {
      head.append(column.title);
      return head;
    }
    const button = el("button", { type: "button" }, column.title);
    button.addEventListener("click", () => {
      const { by, descending } = this.#wish;
      // Up, down, and back to what is wrong first.
      if (by !== column.sort) this.#change({ by: column.sort, descending: false, page: 0 });
      else if (!descending) this.#change({ descending: true, page: 0 });
      else this.#change({ by: null, descending: false, page: 0 });
    });
    head.append(button);
    return head;
  }

  #render() {
    const { size, by, descending } = this.#wish;
    const { rows, count, page, pages } = this.ask === null
      ? select(this.#rows, this.#textOf, this.#wish)
      : {
        rows: this.#rows.slice(0, size),
        count: this.#asked.count,
        page: Math.floor(this.#asked.offset / size),
        pages: Math.max(1, Math.ceil(this.#asked.count / size)),
      };
    this.#page = this.#wish.page = page;
    this.#columns.forEach((column, i) => {
      if (column.sort === undefined) return;
      const order = by !== column.sort ? "none" : descending ? "descending" : "ascending";
      if (this.#heads[i].getAttribute("aria-sort") !== order) {
        this.#heads[i].setAttribute("aria-sort", order);
      }
    });
    setText(
      this.#place,
      `${count === 0 ? 0 : page * size + 1}–${Math.min(count, (page + 1) * size)} of ${count}`,
    );
    const searched = this.#wish.find !== "";
    this.#pager.hidden = pages < 2;
    this.#find.hidden = !searched && pages < 2 && count < 8;
    this.#buttons[0].disabled = page === 0;
    this.#buttons[1].disabled = page >= pages - 1;
    this.#empty.hidden = count > 0;
    this.#place.parentElement.setAttribute("aria-label", `Pages: ${this.#title}`);
    this.#fill(rows);
  }

  /** Lines stay the same elements as long as they are shown: focus and selection stay with them. */
  #fill(rows) {
    const wanted = new Set();
    let next = this.#body.firstElementChild;
    const focused = document.activeElement;
    for (const row of rows) {
      const key = this.#keyOf(row);
      wanted.add(key);
      let line = this.#lines.get(key);
      if (line === undefined) this.#lines.set(key, line = this.#line());
      this.#update(line, row);
      if (line.element === next) next = next.nextElementSibling;
      else this.#body.insertBefore(line.element, next);
    }
    for (const [key, { element }] of this.#lines) {
      if (wanted.has(key)) continue;
      element.remove();
      this.#lines.delete(key);
    }
    if (focused !== document.activeElement && focused.isConnected) {
      focused.focus({ preventScroll: true });
    }
  }

  #line() {
    const line = { row: null, cells: [], element: el("tr") };
    this.#columns.forEach((column, i) => {
      const cell = el(i === this.#headed ? "th" : "td", {
        class: column.class ?? null,
        ...(i === this.#headed ? { scope: "row" } : {}),
      });
      let holder = cell;
      if (column.press !== undefined) {
        holder = el("button", { type: "button", class: "link" });
        holder.addEventListener("click", () => column.press(line.row));
        cell.append(holder);
      } else if (column.look !== undefined) {
        holder = el("span");
        cell.append(holder);
      }
      line.cells.push(holder);
      line.element.append(cell);
    });
    return line;
  }

  get #headed() {
    return this.#columns.findIndex((column) => column.head === true);
  }

  #update(line, row) {
    line.row = row;
    this.#columns.forEach((column, i) => {
      setText(line.cells[i], column.text(row));
      if (column.look !== undefined) setClass(line.cells[i], column.look(row));
    });
  }
}
