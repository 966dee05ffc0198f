// Puts the page together. What is printed is everything, not a page of it.

if (graph !== null) parts.set("graph", new Graph(document.getElementById("graph-view")));
const tables = [...document.querySelectorAll(".long-table")].map((holder) => new LongTable(holder));
for (const table of tables) parts.set(table.name, table);
addEventListener("beforeprint", () => tables.forEach((table) => table.show(true)));
addEventListener("afterprint", () => tables.forEach((table) => table.show()));
