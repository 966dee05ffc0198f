"use strict";
// What the page's parts share: making elements, reading the page's data. Text is only ever set as
// text (textContent, setAttribute): the page's policy forbids to make HTML out of it.

const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function drawn(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function read(identifier) {
  const holder = document.getElementById(identifier);
  return holder === null ? null : JSON.parse(holder.textContent);
}

function later(wait, run) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, wait);
  };
}

const counted = (count, one, more) => `${count.toLocaleString("en")} ${count === 1 ? one : more || `${one}s`}`;
const byName = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;

// The graph's nodes: names, versions, and who needs whom, both ways.
const graph = read("graph-data");
if (graph !== null) {
  graph.neededBy = graph.names.map(() => []);
  graph.needs.forEach((needs, node) => needs.forEach((other) => graph.neededBy[other].push(node)));
  graph.flagged = new Set(graph.flagged);
}
const labelOf = (node) => (graph.versions[node] ? `${graph.names[node]} ${graph.versions[node]}` : graph.names[node]);

// Every part of the page that others ask to do something, by name.
const parts = new Map();
