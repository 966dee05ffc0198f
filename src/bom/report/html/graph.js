// The dependency graph around one component: on its left what needs it, on its right what it needs.
// The boxes are buttons in lists, so keyboards and screen readers have the same graph; the lines
// between them are drawn behind.

const COLUMN = 12; // boxes of a level, until more are asked for
const MATCHES = 30;

class Graph {
  constructor(holder) {
    this.holder = holder;
    this.node = 0;
    this.depth = 1;
    this.limits = new Map();
    this.build();
    this.show();
    new ResizeObserver(() => this.lines()).observe(this.view);
  }

  build() {
    const map = make("div");
    this.holder.append(map);
    const linked = graph.needs.some((needs) => needs.length > 0);
    this.map = linked && graph.names.length >= FEWEST ? new GraphMap(map, (node) => this.go(node)) : null;
    this.finder = new Finder((node) => this.go(node));
    const depth = make(
      "select",
      { onchange: (event) => this.deepen(Number(event.target.value)) },
      ...[1, 2, 3].map((level) => make("option", { value: String(level) }, counted(level, "level"))),
    );
    const home = make("button", { type: "button", class: "button", onclick: () => this.go(0) }, "To the artifact");
    this.status = make("p", { class: "status", role: "status" });
    this.trail = make("ol", { class: "trail", "aria-label": "Why it is here: the shortest way from the artifact" });
    this.view = make("div", { class: "graph" });
    this.facts = make("div");
    this.holder.append(
      make("div", { class: "controls" }, this.finder.label, make("label", {}, "Show", depth), home),
      this.status,
      this.trail,
      this.view,
      this.facts,
    );
  }

  // Focuses a component from elsewhere on the page, and leads there.
  lead(node) {
    this.go(node);
    this.holder.closest("section").scrollIntoView();
  }

  go(node) {
    this.node = node;
    this.limits.clear();
    this.show();
    this.here.focus({ preventScroll: true });
  }

  deepen(depth) {
    this.depth = depth;
    this.show();
  }

  // The nodes by level, each once, starting from the middle.
  levels(edges, side) {
    const seen = new Set([this.node]);
    const levels = [];
    let from = [this.node];
    for (let level = 1; level <= this.depth; level++) {
      const all = [];
      for (const node of from) {
        for (const other of edges[node]) {
          if (!seen.has(other)) {
            seen.add(other);
            all.push(other);
          }
        }
      }
      if (all.length === 0) break;
      const limit = this.limits.get(`${side}${level}`) || COLUMN;
      from = all.slice(0, limit);
      levels.push({ key: `${side}${level}`, shown: from, rest: all.length - from.length, level, limit });
    }
    return levels;
  }

  show() {
    const needs = this.levels(graph.needs, "needs");
    const neededBy = this.levels(graph.neededBy, "by");
    this.boxes = new Map();
    this.here = this.box(this.node, 0);
    const middle = make("div", { class: "level" }, make("div", { class: "title" }, "shown"), make("ul", {}, make("li", {}, this.here)));
    this.row = make(
      "div",
      { class: "levels" },
      ...neededBy.reverse().map((level) => this.level(level, level.level === 1 ? "needed by" : "which is needed by")),
      middle,
      ...needs.map((level) => this.level(level, level.level === 1 ? "needs" : "which needs")),
    );
    this.svg = drawn("svg", { "aria-hidden": "true", width: "0", height: "0" });
    this.row.prepend(this.svg);
    this.view.replaceChildren(this.row);
    const direct = [graph.needs[this.node].length, graph.neededBy[this.node].length];
    this.status.textContent = `${labelOf(this.node)} needs ${counted(direct[0], "component")} and is needed by ${counted(direct[1], "component")}.`;
    this.showTrail();
    this.showFacts();
    this.lines();
    if (this.map !== null) this.map.focus(this.node);
  }

  level(level, title) {
    const column = level.key.startsWith("by") ? -level.level : level.level;
    const items = level.shown.map((node) => make("li", {}, this.box(node, column)));
    if (level.rest > 0) {
      const more = make("button", { type: "button", class: "node more" }, `${level.rest.toLocaleString("en")} more`);
      more.addEventListener("click", () => {
        this.limits.set(level.key, level.limit + 50);
        this.show();
        const next = level.shown.length;
        const lists = this.view.querySelectorAll(`[data-level="${level.key}"] .node`);
        if (lists[next]) lists[next].focus();
      });
      items.push(make("li", {}, more));
    }
    return make(
      "div",
      { class: "level", "data-level": level.key },
      make("div", { class: "title", id: `level-${level.key}` }, title),
      make("ul", { "aria-labelledby": `level-${level.key}` }, ...items),
    );
  }

  // `column`: from the middle, to the left below 0.
  box(node, column) {
    const here = column === 0;
    const classes = ["node", here ? "here" : "", graph.flagged.has(node) ? "flagged" : ""];
    const version = graph.versions[node];
    const box = make(
      "button",
      { type: "button", class: classes.filter(Boolean).join(" "), "aria-current": here ? "true" : null },
      graph.names[node],
      version ? " " : null,
      version ? make("small", {}, version) : null,
      graph.flagged.has(node) ? make("span", { class: "hidden-label" }, ", has known vulnerabilities") : null,
    );
    if (!here) box.addEventListener("click", () => this.go(node));
    this.boxes.set(node, { box, column });
    return box;
  }

  // A line for each edge between boxes of neighbouring levels.
  lines() {
    const whole = this.row.getBoundingClientRect();
    const at = new Map();
    for (const [node, { box, column }] of this.boxes) {
      const { left, right, top, height } = box.getBoundingClientRect();
      at.set(node, { column, left: left - whole.left, right: right - whole.left, middle: top + height / 2 - whole.top });
    }
    const paths = [];
    for (const [node, from] of at) {
      for (const other of graph.needs[node]) {
        const to = at.get(other);
        if (to === undefined || to.column !== from.column + 1) continue;
        const half = Math.min(40, (to.left - from.right) / 2);
        paths.push(
          drawn("path", {
            d: `M${from.right} ${from.middle}C${from.right + half} ${from.middle} ${to.left - half} ${to.middle} ${to.left} ${to.middle}`,
          }),
        );
      }
    }
    // a wide graph goes beyond its box, and is scrolled
    this.svg.setAttribute("width", String(Math.max(whole.width, ...[...at.values()].map((box) => box.right))));
    this.svg.setAttribute("height", String(whole.height));
    this.svg.replaceChildren(...paths);
  }

  showTrail() {
    const way = this.way();
    this.trail.replaceChildren(
      ...(way.length < 3 ? [] : way).map((node) =>
        make("li", {}, node === this.node ? labelOf(node) : make("button", { type: "button", class: "link", onclick: () => this.go(node) }, labelOf(node))),
      ),
    );
    this.trail.hidden = way.length < 3;
  }

  // The shortest way to the shown component from the artifact.
  way() {
    const before = new Map([[0, -1]]);
    let from = [0];
    while (from.length > 0 && !before.has(this.node)) {
      const next = [];
      for (const node of from) {
        for (const other of graph.needs[node]) {
          if (!before.has(other)) {
            before.set(other, node);
            next.push(other);
          }
        }
      }
      from = next;
    }
    const way = [];
    for (let node = before.has(this.node) ? this.node : -1; node !== -1; node = before.get(node)) way.unshift(node);
    return way;
  }

  showFacts() {
    const list = make("dl");
    for (const [name, value] of graph.details[this.node]) {
      list.append(make("dt", {}, name), make("dd", {}, /^(purl|layer|[A-Z0-9-]+ ?of|SHA|MD5|BLAKE)/.test(name) ? make("code", {}, value) : value));
    }
    this.facts.replaceChildren(make("h3", {}, labelOf(this.node)), list);
  }
}

// A field with suggestions, as the ARIA Authoring Practices have it: a combobox with a listbox.
class Finder {
  constructor(chosen) {
    this.chosen = chosen;
    this.names = null;
    this.found = [];
    this.at = -1;
    this.list = make("ul", { class: "matches", id: "graph-matches", role: "listbox", "aria-label": "Components found", hidden: true });
    this.input = make("input", {
      type: "search",
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      "aria-expanded": "false",
      "aria-autocomplete": "list",
      "aria-controls": "graph-matches",
    });
    const label = make("label", {}, "Find a component in the graph", this.input);
    this.label = make("div", { class: "wide found" }, label, this.list);
    this.input.addEventListener("input", () => this.look());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => this.close());
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const item = event.target.closest("li");
      if (item !== null) this.take(Number(item.dataset.number));
    });
  }

  look() {
    const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (this.names === null) this.names = graph.names.map((_, node) => labelOf(node).toLowerCase());
    this.found = [];
    if (words.length > 0) {
      const all = [];
      this.names.forEach((name, node) => {
        if (words.every((word) => name.includes(word))) all.push(node);
      });
      // what begins with the word stands first, then the shorter
      const rank = (node) => (this.names[node].startsWith(words[0]) ? 0 : 1000) + this.names[node].length;
      this.found = all.sort((one, two) => rank(one) - rank(two)).slice(0, MATCHES);
    }
    this.at = this.found.length > 0 ? 0 : -1;
    this.show();
  }

  show() {
    this.list.replaceChildren(
      ...this.found.map((node, number) =>
        make("li", { role: "option", id: `match-${number}`, "data-number": String(number), "aria-selected": String(number === this.at) }, labelOf(node)),
      ),
    );
    const open = this.found.length > 0;
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
    if (this.at >= 0) {
      this.input.setAttribute("aria-activedescendant", `match-${this.at}`);
      this.list.children[this.at].scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && this.found.length > 0) {
      event.preventDefault();
      this.at = (this.at + step + this.found.length) % this.found.length;
      this.show();
    } else if (event.key === "Enter" && this.at >= 0) {
      event.preventDefault();
      this.take(this.at);
    } else if (event.key === "Escape") this.close();
  }

  take(number) {
    const node = this.found[number];
    this.input.value = "";
    this.close();
    this.chosen(node);
  }

  close() {
    this.found = [];
    this.at = -1;
    this.show();
  }
}
