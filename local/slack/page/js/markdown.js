/** The `markdown` block: standard Markdown (headings, emphasis, links, lists, tables, quotes, code), read into nodes. */
import { h } from "./dom.js";
import { emojiNode, link, tokens, withDrawnEmoji } from "./mrkdwn.js";

const INLINE = new RegExp(
  [
    "`(?<code>[^`\\n]+)`",
    "!?\\[(?<label>[^\\]\\n]*)\\]\\((?<address>[^)\\s]+)\\)",
    "\\*\\*(?<bold>.+?)\\*\\*",
    "__(?<bold2>.+?)__",
    "~~(?<strike>.+?)~~",
    "\\*(?!\\s)(?<italic>[^*\\n]+?)\\*",
    "(?<![\\w_])_(?!\\s)(?<italic2>[^_\\n]+?)_(?![\\w_])",
    "(?<bare>https?:\\/\\/[^\\s<>]+[^\\s<>.,;:!?)\\]'\"*_~])",
    ":(?<emoji>[a-z0-9_+'-]+):",
  ].join("|"),
  "g",
);

const HEADING = /^(#{1,6})\s+(.*)$/;
const ITEM = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

/** @param {string} text @returns {Node[]} */
export function markdown(text) {
  const rows = text.replaceAll("\r\n", "\n").split("\n");
  const nodes = /** @type {Node[]} */ ([]);
  for (let at = 0; at < rows.length; ) {
    const [node, next] = block(rows, at);
    if (node) nodes.push(node);
    at = next;
  }
  return nodes;
}

/** Reads the block that starts at row `at`. @param {string[]} rows @param {number} at @returns {[Node | null, number]} the node and the row after it */
function block(rows, at) {
  const row = rows[at];
  if (!row.trim()) return [null, at + 1];
  if (row.trimStart().startsWith("```")) return fence(rows, at);
  const heading = row.match(HEADING);
  if (heading) return [h("div", { class: `md-heading md-h${heading[1].length}`, role: "heading", "aria-level": heading[1].length + 2 }, inline(heading[2])), at + 1];
  if (RULE.test(row)) return [h("hr"), at + 1];
  if (row.includes("|") && TABLE_RULE.test(rows[at + 1] ?? "") && rows[at + 1].includes("-")) return table(rows, at);
  if (row.startsWith(">")) return quote(rows, at);
  if (ITEM.test(row)) return list(rows, at);
  return paragraph(rows, at);
}

/** @param {string[]} rows @param {number} at @param {(row: string) => boolean} belongs @returns {number} */
function endOf(rows, at, belongs) {
  let end = at;
  while (end < rows.length && belongs(rows[end])) end += 1;
  return end;
}

/** @param {string[]} rows @param {number} at @returns {[Node, number]} */
function fence(rows, at) {
  const end = endOf(rows, at + 1, (row) => !row.trimStart().startsWith("```"));
  return [h("pre", { class: "code-block" }, rows.slice(at + 1, end).join("\n")), end + 1];
}

/** @param {string[]} rows @param {number} at @returns {[Node, number]} */
function quote(rows, at) {
  const end = endOf(rows, at, (row) => row.startsWith(">"));
  const inner = rows.slice(at, end).map((row) => row.replace(/^> ?/, ""));
  return [h("blockquote", null, markdown(inner.join("\n"))), end];
}

/** @param {string[]} rows @param {number} at @returns {[Node, number]} */
function paragraph(rows, at) {
  const special = (/** @type {string} */ row) => HEADING.test(row) || ITEM.test(row) || row.startsWith(">") || row.trimStart().startsWith("```");
  const end = Math.max(at + 1, endOf(rows, at, (row) => row.trim() !== "" && !special(row)));
  return [h("p", null, rows.slice(at, end).map((row, index) => [index > 0 && h("br"), inline(row)])), end];
}

/** @param {string[]} rows @param {number} at @returns {[Node, number]} */
function list(rows, at) {
  const depth = indentOf(rows[at]);
  const end = endOf(rows, at, (row) => row.trim() !== "" && (indentOf(row) > depth || ITEM.test(row)) && indentOf(row) >= depth);
  const ordered = /^\s*\d/.test(rows[at]);
  const items = /** @type {string[][]} */ ([]);
  for (const row of rows.slice(at, end)) {
    const item = row.match(ITEM);
    if (item && indentOf(row) === depth) items.push([item[3]]);
    else items.at(-1)?.push(row.slice(Math.min(indentOf(row), depth + 2)));
  }
  const start = Number.parseInt(rows[at].trim(), 10);
  return [h(ordered ? "ol" : "ul", ordered && start !== 1 ? { start } : null, items.map(listItem)), end];
}

/** @param {string[]} rows */
function listItem([first, ...rest]) {
  return h("li", null, inline(first), rest.length > 0 && markdown(rest.join("\n")));
}

/** @param {string} row */
function indentOf(row) {
  return row.length - row.trimStart().length;
}

/** @param {string[]} rows @param {number} at @returns {[Node, number]} */
function table(rows, at) {
  const align = cellsOf(rows[at + 1]).map((cell) => (cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "left"));
  const end = endOf(rows, at + 2, (row) => row.includes("|"));
  const line = (/** @type {string} */ tag) => (/** @type {string} */ row) =>
    h("tr", null, cellsOf(row).map((cell, column) => h(tag, { class: `align-${align[column] ?? "left"}` }, inline(cell))));
  const body = h("table", { class: "table" }, h("thead", null, line("th")(rows[at])), h("tbody", null, rows.slice(at + 2, end).map(line("td"))));
  return [h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table" }, body), end];
}

/** @param {string} row */
function cellsOf(row) {
  return row.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
}

/** @param {string} text @returns {Node[]} */
function inline(text) {
  return tokens(text, INLINE, token, withDrawnEmoji);
}

/** @param {RegExpExecArray} match @returns {Node} */
function token(match) {
  const found = match.groups ?? {};
  const bold = found.bold ?? found.bold2;
  const italic = found.italic ?? found.italic2;
  if (found.code) return h("code", null, found.code);
  if (found.address) return link(found.address, inline(found.label || found.address));
  if (bold) return h("strong", null, inline(bold));
  if (italic) return h("em", null, inline(italic));
  if (found.strike) return h("s", null, inline(found.strike));
  if (found.bare) return link(found.bare, [document.createTextNode(found.bare)]);
  return emojiNode(found.emoji) ?? document.createTextNode(match[0]);
}
