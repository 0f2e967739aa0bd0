// Everything on the page is made here from names and texts; nothing is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";
const find = (selector) => document.querySelector(selector);

/** Set attributes (functions: properties), then put `inside` (texts, nodes, lists of them, null) into `element`. */
function fill(element, attributes, inside) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...inside.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false));
  return element;
}
const make = (name, attributes, ...inside) => fill(document.createElement(name), attributes, inside);
const draw = (name, attributes, ...inside) => fill(document.createElementNS(SVG, name), attributes, inside);

/** A text from a dataset or a model: isolated, in its own direction, with what was searched for marked. */
function said(text, query = "", name = "span", attributes = {}) {
  return make(name, { dir: "auto", ...attributes, class: `said ${attributes.class ?? ""}` }, marked(text, query));
}

const MOST_MARKS = 500;

function marked(text, query) {
  if (!query) return [text];
  const low = folded(text);
  if (low.length !== text.length) return [text]; // folding changed lengths: places would be wrong
  const parts = [];
  let from = 0;
  for (let at = low.indexOf(query); at >= 0 && parts.length < MOST_MARKS; at = low.indexOf(query, from)) {
    parts.push(text.slice(from, at), make("mark", null, text.slice(at, at + query.length)));
    from = at + query.length;
  }
  return [...parts, text.slice(from)];
}

const folded = (text) => text.toLowerCase();

const LONG = 4000;

/** A text that may be a megabyte: its beginning, and a button for the rest. */
function long(text, query, name, attributes) {
  if (text.length <= LONG * 1.25) return said(text, query, name, attributes);
  const found = query ? folded(text).indexOf(query) : -1;
  const shown = Math.max(LONG, found < 0 ? 0 : Math.min(found + LONG, 20 * LONG));
  const box = make("div", null, said(`${text.slice(0, shown)} …`, query, name, attributes));
  const open = () => box.replaceChildren(said(text, query, name, attributes));
  box.append(
    make("button", { type: "button", class: "more", onclick: open }, `Show all ${whole(text.length)} characters`),
  );
  return box;
}
