/** The `table` block, and the plain rows of a `data_table`. */
import { h } from "./dom.js";
import { richText } from "./richtext.js";

/** @typedef {import("./types.js").Block} Block */
/** @typedef {import("./types.js").Names} Names */

/**
 * The first row is the header, as in Slack. Columns with numbers line up on the right unless told otherwise.
 *
 * @param {Block} block
 * @param {Names} names
 * @returns {HTMLElement}
 */
export function tableBlock(block, names) {
  const [head = [], ...rows] = /** @type {Block[][]} */ (block.rows ?? []);
  const caption = typeof block.caption === "string" ? block.caption : block.caption?.text;
  return h(
    "div",
    { class: "table-scroll", tabindex: "0", role: "region", "aria-label": caption ?? "Table" },
    h(
      "table",
      { class: "table" },
      caption && h("caption", null, caption),
      h("thead", null, h("tr", null, head.map((cell, at) => cellNode("th", cell, at, block, names)))),
      h("tbody", null, rows.map((row) => h("tr", null, row.map((cell, at) => cellNode("td", cell, at, block, names))))),
    ),
  );
}

/** @param {"th" | "td"} tag @param {Block} cell @param {number} column @param {Block} block @param {Names} names */
function cellNode(tag, cell, column, block, names) {
  const settings = block.column_settings?.[column] ?? {};
  const align = settings.align ?? (cell?.type === "raw_number" ? "right" : "left");
  const wrap = settings.is_wrapped ? " wrapped" : "";
  const content = cell?.type === "rich_text" ? richText(cell, names) : String(cell?.text ?? cell?.value ?? "");
  return h(tag, { class: `align-${align}${wrap}`, scope: tag === "th" ? "col" : null }, content);
}
