// The whole graph at a glance: a dot for each component, in blocks by its distance from the artifact.
// A picture to point at; whatever it shows can be had from the graph below it, by keyboard as well.

const HIGH = 260; // pixels
const HEAD = 26; // of them above the blocks
const DOT = 18; // at most, with the room around it
const LEGEND = "Each dot is a component; the further to the right, the more steps from the artifact.";
const FEWEST = 8; // nodes that are worth a map

class GraphMap {
  constructor(holder, chosen) {
    this.chosen = chosen;
    this.node = 0;
    this.over = -1;
    this.levels = byDistance();
    this.edges = graph.needs.reduce((sum, needs) => sum + needs.length, 0);
    this.canvas = make("canvas", { class: "map", role: "img", "aria-label": this.described() });
    this.told = make("p", { class: "status", "aria-hidden": "true" });
    holder.append(this.canvas, this.told);
    this.pen = this.canvas.getContext("2d");
    this.base = make("canvas");
    this.canvas.addEventListener("mousemove", (event) => this.point(this.at(event)));
    this.canvas.addEventListener("mouseleave", () => this.point(-1));
    this.canvas.addEventListener("click", (event) => {
      const node = this.at(event);
      if (node >= 0) this.chosen(node);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.place());
    new ResizeObserver(() => this.place()).observe(this.canvas);
    this.point(-1);
  }

  described() {
    const reached = this.levels.filter((level) => level.distance >= 0);
    const told = reached.slice(1).map((level) => `${level.nodes.length.toLocaleString("en")} at ${counted(level.distance, "step")}`);
    const apart = this.levels.length > reached.length ? `; ${this.levels.at(-1).nodes.length.toLocaleString("en")} that nothing leads to` : "";
    return `Map of the graph, by distance from the artifact: ${told.join(", ") || "nothing"}${apart}.`;
  }

  // Where each dot is: columns of dots, level after level, as large as the room allows.
  place() {
    const width = this.canvas.clientWidth;
    if (width === 0) return;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(HIGH * ratio);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const gap = Math.min(48, width / (3 * this.levels.length));
    const rows = (size) => Math.floor((HIGH - HEAD) / size);
    const wide = (size) =>
      this.levels.reduce((sum, level) => sum + Math.ceil(level.nodes.length / rows(size)) * size, gap * (this.levels.length - 1));
    let size = DOT;
    while (size > 2 && wide(size) > width) size -= size > 6 ? 1 : 0.5;
    this.size = size;
    const room = (width - wide(size)) / Math.max(1, this.levels.length - 1);
    const apart = gap + Math.min(room, 40);
    const whole = wide(size) + (apart - gap) * (this.levels.length - 1);
    this.places = new Array(graph.names.length);
    let left = Math.max(0, (width - whole) / 2);
    for (const level of this.levels) {
      const columns = Math.ceil(level.nodes.length / rows(size));
      const high = Math.ceil(level.nodes.length / columns);
      const top = HEAD + (HIGH - HEAD - high * size) / 2;
      level.middle = left + (columns * size) / 2;
      level.nodes.forEach((node, number) => {
        this.places[node] = [left + (Math.floor(number / high) + 0.5) * size, top + ((number % high) + 0.5) * size];
      });
      left += columns * size + apart;
    }
    this.drawBase();
    this.draw();
  }

  // All of it, on a canvas that is not shown: what is pointed at is drawn over a copy.
  drawBase() {
    const pen = this.base.getContext("2d");
    const ratio = devicePixelRatio || 1;
    this.base.width = this.canvas.width;
    this.base.height = this.canvas.height;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.strokeStyle = colour("--edge");
    pen.globalAlpha = Math.max(0.05, Math.min(0.6, 5 / Math.sqrt(this.edges)));
    pen.beginPath();
    graph.needs.forEach((needs, node) => needs.forEach((other) => this.line(pen, node, other)));
    pen.stroke();
    pen.globalAlpha = 1;
    const [plain, bad] = [colour("--edge"), colour("--bad")];
    this.places.forEach((_, node) => this.dot(pen, node, this.radius(), graph.flagged.has(node) ? bad : plain));
    this.label(pen);
  }

  label(pen) {
    pen.fillStyle = colour("--dim");
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "center";
    let taken = -Infinity;
    for (const level of this.levels) {
      const label = level.distance < 0 ? "apart" : level.distance === 0 ? "artifact" : String(level.distance);
      const half = pen.measureText(label).width / 2;
      const middle = Math.min(Math.max(level.middle, half), this.canvas.clientWidth - half);
      if (middle - half < taken + 4) continue;
      pen.fillText(label, middle, 14);
      taken = middle + half;
    }
  }

  draw() {
    if (this.places === undefined) return;
    const pen = this.pen;
    pen.save();
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.drawImage(this.base, 0, 0);
    pen.restore();
    for (const [node, ink] of [[this.node, colour("--accent")], [this.over, colour("--ink")]]) {
      if (node < 0) continue;
      pen.strokeStyle = ink;
      pen.beginPath();
      graph.needs[node].forEach((other) => this.line(pen, node, other));
      graph.neededBy[node].forEach((other) => this.line(pen, other, node));
      pen.stroke();
      this.dot(pen, node, Math.max(5, this.radius() * 1.3), ink);
    }
  }

  radius() {
    return Math.max(0.8, this.size * 0.3);
  }

  line(pen, node, other) {
    const [x, y] = this.places[node];
    const [to, down] = this.places[other];
    const half = (to - x) / 2;
    pen.moveTo(x, y);
    pen.bezierCurveTo(x + half, y, to - half, down, to, down);
  }

  dot(pen, node, radius, ink) {
    const [x, y] = this.places[node];
    pen.fillStyle = ink;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.fill();
  }

  // The dot under the pointer, -1 where there is none.
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let nearest = -1;
    let best = Math.max(6, this.size / 2) ** 2;
    this.places.forEach(([left, top], node) => {
      const distance = (left - x) ** 2 + (top - y) ** 2;
      if (distance <= best) [nearest, best] = [node, distance];
    });
    return nearest;
  }

  point(node) {
    this.told.textContent = node < 0 ? LEGEND + (graph.flagged.size > 0 ? " Red: known vulnerabilities." : "") : labelOf(node);
    if (node === this.over) return;
    this.over = node;
    this.canvas.classList.toggle("pointing", node >= 0);
    this.draw();
  }

  focus(node) {
    this.node = node;
    this.draw();
  }
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The nodes by how many steps they are from the artifact, and those that no way leads to.
function byDistance() {
  const seen = new Set([0]);
  const levels = [];
  for (let nodes = [0]; nodes.length > 0; ) {
    levels.push({ distance: levels.length, nodes });
    const next = [];
    for (const node of nodes) {
      for (const other of graph.needs[node]) {
        if (!seen.has(other)) {
          seen.add(other);
          next.push(other);
        }
      }
    }
    nodes = next;
  }
  const apart = graph.names.map((_, node) => node).filter((node) => !seen.has(node));
  if (apart.length > 0) levels.push({ distance: -1, nodes: apart });
  return levels;
}
