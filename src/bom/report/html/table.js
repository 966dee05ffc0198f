// A long table: some rows at a time, searched, filtered by columns, sorted.

const ROWS = [25, 100, 500]; // of a page
const LISTED = 5; // of a list in a cell
const FEW = 6; // rows that nobody searches
const SEVERITIES = ["critical", "high", "medium", "low", "info", "none", "unknown"];

class LongTable {
  constructor(holder) {
    this.name = holder.dataset.of;
    const { caption, search, columns, rows } = read(`${this.name}-data`);
    Object.assign(this, { holder, caption, columns, rows });
    this.words = [];
    this.chosen = columns.map(() => "");
    this.sorted = null;
    this.first = 0;
    this.many = ROWS[0];
    this.found = rows;
    this.texts = null;
    this.largest = columns.map((column, at) =>
      column.kind === "share" ? rows.reduce((most, row) => Math.max(most, row[at]), 1) : 0,
    );
    this.build(search);
    this.show();
  }

  build(search) {
    this.input = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
    this.input.addEventListener("input", later(120, () => this.search(this.input.value)));
    const controls = make(
      "div",
      { class: "controls", role: "search", "aria-label": this.caption },
      make("label", { class: "wide" }, search, this.input),
    );
    this.selects = this.columns.map((column, at) => {
      if (!column.choose) return null;
      const select = this.select(column, at);
      controls.append(make("label", {}, column.title, select));
      return select;
    });
    this.clear = make("button", { type: "button", class: "button", onclick: () => this.reset() }, "Show all");
    controls.append(this.clear);
    this.status = make("p", { class: "status", role: "status" });
    this.heads = this.columns.map((column, at) =>
      make(
        "th",
        { scope: "col", class: this.numeric(at) ? "number" : null, "data-title": column.title },
        make("button", { type: "button", onclick: () => this.sort(at) }, column.title),
      ),
    );
    this.body = make("tbody");
    this.previous = make("button", { type: "button", class: "button", onclick: () => this.turn(-1) }, "Previous");
    this.next = make("button", { type: "button", class: "button", onclick: () => this.turn(1) }, "Next");
    this.place = make("span");
    this.pages = make(
      "nav",
      { class: "pages", "aria-label": `Pages of ${this.caption.toLowerCase()}` },
      this.previous,
      this.place,
      this.next,
      make(
        "label",
        {},
        "Rows ",
        make(
          "select",
          { onchange: (event) => this.lengthen(Number(event.target.value)) },
          ...ROWS.map((rows) => make("option", { value: String(rows) }, String(rows))),
        ),
      ),
    );
    this.table = make(
      "table",
      {},
      make("caption", { class: "hidden-label" }, this.caption),
      make("thead", {}, make("tr", {}, ...this.heads)),
      this.body,
    );
    const scroll = make("div", { class: "scroll", role: "group", "aria-label": this.caption, tabindex: "0" }, this.table);
    controls.hidden = this.rows.length <= FEW;
    this.holder.append(controls, this.status, scroll, this.pages);
  }

  numeric(at) {
    return this.columns[at].kind === "number" || this.columns[at].kind === "share";
  }

  select(column, at) {
    const counts = new Map();
    for (const row of this.rows) for (const value of this.values(row, at)) counts.set(value, (counts.get(value) || 0) + 1);
    const values = [...counts.keys()].sort(column.kind === "severity" ? bySeverity : byName);
    return make(
      "select",
      { onchange: (event) => this.choose(at, event.target.value) },
      make("option", { value: "" }, "all"),
      ...values.map((value) => make("option", { value }, `${value} (${counts.get(value).toLocaleString("en")})`)),
    );
  }

  values(row, at) {
    const cell = row[at];
    if (Array.isArray(cell)) return new Set(cell);
    return [this.text(cell, at)].filter((text) => text !== "");
  }

  text(cell, at) {
    if (cell === null) return "";
    if (Array.isArray(cell)) return cell.join(", ");
    if (this.columns[at].kind === "node" && typeof cell === "number") return labelOf(cell);
    return String(cell);
  }

  // --- what is asked for ---

  search(text) {
    this.words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.narrow();
  }

  choose(at, value) {
    this.chosen[at] = value;
    if (this.selects[at].value !== value) this.selects[at].value = value;
    this.narrow();
  }

  reset() {
    this.input.value = "";
    this.words = [];
    this.chosen = this.columns.map(() => "");
    for (const select of this.selects) if (select !== null) select.value = "";
    this.narrow();
    this.input.focus();
  }

  // Shows only the rows of one value, and leads there.
  only(at, value) {
    this.reset();
    this.choose(at, value);
    this.holder.closest("section").scrollIntoView();
    this.selects[at].focus({ preventScroll: true });
  }

  narrow() {
    if (this.words.length > 0 && this.texts === null) {
      this.texts = this.rows.map((row) => row.map((cell, at) => this.text(cell, at)).join("\n").toLowerCase());
    }
    const filters = this.chosen.map((value, at) => [at, value]).filter(([, value]) => value !== "");
    this.found = this.rows.filter(
      (row, number) =>
        this.words.every((word) => this.texts[number].includes(word)) &&
        filters.every(([at, value]) => (Array.isArray(row[at]) ? row[at].includes(value) : this.text(row[at], at) === value)),
    );
    this.first = 0;
    this.order();
    this.show();
  }

  sort(at) {
    const descending =
      this.sorted !== null && this.sorted.at === at ? !this.sorted.descending : this.numeric(at);
    this.sorted = { at, descending };
    this.heads.forEach((head, number) => {
      if (number === at) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    this.first = 0;
    this.order();
    this.show();
  }

  order() {
    if (this.sorted === null) return;
    const { at, descending } = this.sorted;
    const compare = this.numeric(at) ? (one, two) => one - two : this.columns[at].kind === "severity" ? bySeverity : byName;
    const keyed = this.found.map((row) => [this.numeric(at) ? row[at] : this.text(row[at], at), row]);
    keyed.sort(descending ? (one, two) => compare(two[0], one[0]) : (one, two) => compare(one[0], two[0]));
    this.found = keyed.map(([, row]) => row);
  }

  lengthen(rows) {
    this.many = rows;
    this.first -= this.first % rows;
    this.show();
  }

  turn(pages) {
    const first = this.first + pages * this.many;
    if (first < 0 || first >= this.found.length) return;
    this.first = first;
    this.show();
    this.table.scrollIntoView({ block: "nearest" });
  }

  // --- what is shown ---

  // `all`: for paper, with nothing folded.
  show(all = false) {
    this.whole = all;
    const shown = all ? this.found : this.found.slice(this.first, this.first + this.many);
    this.body.replaceChildren(...shown.map((row) => this.row(row)));
    const total = this.rows.length.toLocaleString("en");
    const found = this.found.length;
    this.status.textContent =
      found === this.rows.length ? counted(found, "row") : `${found.toLocaleString("en")} of ${total} rows`;
    this.clear.hidden = this.words.length === 0 && this.chosen.every((value) => value === "");
    this.pages.hidden = found <= ROWS[0];
    this.place.textContent = `Page ${this.first / this.many + 1} of ${Math.max(1, Math.ceil(found / this.many)).toLocaleString("en")}`;
    // aria-disabled instead of disabled: a button that has the focus keeps it
    this.previous.setAttribute("aria-disabled", String(this.first === 0));
    this.next.setAttribute("aria-disabled", String(this.first + this.many >= found));
  }

  row(row) {
    return make(
      "tr",
      {},
      ...row.map((cell, at) =>
        make(at === 0 ? "th" : "td", { scope: at === 0 ? "row" : null, class: this.numeric(at) ? "number" : null }, this.cell(cell, at, row)),
      ),
    );
  }

  cell(cell, at, row) {
    const { kind, filters } = this.columns[at];
    if (kind === "node" && typeof cell === "number") {
      return make("button", { type: "button", class: "link", onclick: () => parts.get("graph").lead(cell) }, labelOf(cell));
    }
    if (filters !== "") {
      const [table, column] = filters.split(":");
      return make("button", { type: "button", class: "link", onclick: () => parts.get(table).only(Number(column), cell) }, cell);
    }
    if (kind === "severity") {
      const mood = cell === "critical" || cell === "high" ? "bad" : cell === "medium" ? "warn" : "";
      return make("span", { class: `pill ${mood}` }, cell);
    }
    if (kind === "code") return make("code", {}, cell);
    if (kind === "share") return this.share(cell, at);
    if (Array.isArray(cell) && cell.length > LISTED && !this.whole) return folded(cell);
    if (kind === "number") return cell === null ? "" : cell.toLocaleString("en");
    const text = this.text(cell, at);
    return at === 0 && text.trim() === "" ? "(blank)" : text; // a row's heading is never empty
  }

  share(cell, at) {
    const width = ((100 * cell) / this.largest[at]).toFixed(2);
    return make(
      "span",
      { class: "share" },
      cell.toLocaleString("en"),
      drawn(
        "svg",
        { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
        drawn("rect", { class: "track", width: "100", height: "8" }),
        drawn("rect", { class: "share", width, height: "8" }),
      ),
    );
  }
}

const bySeverity = (one, two) => SEVERITIES.indexOf(one) - SEVERITIES.indexOf(two);

// A long list is made when it is opened.
function folded(texts) {
  const details = make("details", {}, make("summary", {}, `${texts[0]} and ${(texts.length - 1).toLocaleString("en")} more`));
  details.addEventListener(
    "toggle",
    () => details.append(make("ul", {}, ...texts.map((text) => make("li", {}, text)))),
    { once: true },
  );
  return details;
}
