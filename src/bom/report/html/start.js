// Puts the page together. What is printed is everything: all rows, and nothing folded.

if (graph !== null) parts.set("graph", new Graph(document.getElementById("graph-view")));
const tables = [...document.querySelectorAll(".long-table")].map((holder) => new LongTable(holder));
for (const table of tables) parts.set(table.name, table);

let opened = [];
addEventListener("beforeprint", () => {
  tables.forEach((table) => table.show(true));
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const details of opened) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
  tables.forEach((table) => table.show());
});

// The menu says which section is read.
const links = new Map([...document.querySelectorAll(".menu a")].map((link) => [link.getAttribute("href").slice(1), link]));
const seen = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(target.id)?.setAttribute("aria-current", "true");
    }
  },
  { rootMargin: "-20% 0px -75% 0px" },
);
for (const section of document.querySelectorAll("section")) seen.observe(section);
