// Everything on the page is made here from names and texts; nothing is ever read as markup.

const find = (selector) => document.querySelector(selector);

/** Make an element: attributes (functions and `style` as properties), which may be left out, then what is inside it. */
const make = (name, ...inside) => fill(document.createElement(name), inside);
const draw = (name, ...inside) => fill(document.createElementNS("http://www.w3.org/2000/svg", name), inside);
const button = (attributes, ...inside) => make("button", { type: "button", ...attributes }, ...inside);

function fill(element, inside) {
  const attributes = inside[0]?.constructor === Object ? inside.shift() : {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "style") Object.assign(element.style, value);
    else if (typeof value === "function") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...inside.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false));
  return element;
}

/** A table in a box of its own that scrolls sideways. */
const table = (name, head, rows, foot) =>
  make("div", { class: "scroll" }, make("table", { class: name }, make("thead", head), make("tbody", rows), foot));
const section = (title, ...inside) => make("section", make("h3", title), ...inside);

/** A text from a dataset or a model: isolated, in its own direction, with what was searched for marked. */
function said(text, query = "", name = "span", attributes = {}) {
  return make(name, { dir: "auto", ...attributes, class: `said ${attributes.class ?? ""}` }, marked(text, query));
}

const MOST_MARKS = 500;

function marked(text, query) {
  const low = folded(text);
  if (!query || low.length !== text.length) return [text]; // folding changed lengths: places would be wrong
  const parts = [];
  let from = 0;
  for (let at = low.indexOf(query); at >= 0 && parts.length < MOST_MARKS; at = low.indexOf(query, from)) {
    parts.push(text.slice(from, at), make("mark", text.slice(at, at + query.length)));
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
  const box = make("div", said(`${text.slice(0, shown)} …`, query, name, attributes));
  const onclick = () => box.replaceChildren(said(text, query, name, attributes));
  box.append(button({ class: "more", onclick }, `Show all ${whole(text.length)} characters`));
  return box;
}

// Numbers as people read them. What is absent is a dash, never 0.

const DASH = "–";
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const whole = (value) => (isNumber(value) ? Math.round(value).toLocaleString("en") : DASH);
const score = (value, digits = 2) => (isNumber(value) ? value.toFixed(digits) : DASH);
const tight = (value) => score(value).replace(/^0\.00$/, "0").replace(/^0\./, ".").replace(/^1\.00$/, "1");
const seconds = (value) => (!isNumber(value) ? DASH : `${value < 10 ? value.toFixed(1) : whole(value)} s`);
const share = (value) => (isNumber(value) ? `${(100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0)}%` : DASH);
const many = (count, one) => `${whole(count)} ${count === 1 ? one : `${one}s`}`;
const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);
const meanOf = (things, of) => mean(things.map(of).filter(isNumber));

function spread(values) {
  if (values.length < 2) return null;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/** [1, 4, 5, 6] as "1, 4–6". */
function runList(runs) {
  const parts = [];
  for (const run of [...runs].sort((a, b) => a - b)) {
    const last = parts.at(-1);
    if (last && last[1] === run - 1) last[1] = run;
    else parts.push([run, run]);
  }
  const part = ([from, to]) => (from === to ? from : to === from + 1 ? `${from}, ${to}` : `${from}–${to}`);
  return parts.map(part).join(", ");
}

const moment = (time) =>
  isNumber(time) ? new Date(time * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }) : DASH;

const LOOKS_LIKE_JSON = /^\s*[[{]/;

/** JSON spread over lines where the text is JSON, else the text. */
function readable(text) {
  if (!LOOKS_LIKE_JSON.test(text) || text.length > 200000) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
