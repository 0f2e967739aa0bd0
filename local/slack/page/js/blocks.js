/** Block Kit: one function per kind of block; a kind this page does not know says so instead of vanishing. */
import { openPicture } from "./dialog.js";
import { h } from "./dom.js";
import { actionElement } from "./elements.js";
import { icon } from "./icons.js";
import { inputBlock } from "./inputs.js";
import { markdown } from "./markdown.js";
import { textObject } from "./mrkdwn.js";
import { richText } from "./rich_text.js";

/** @param {Block[]} blocks @param {BlockContext} context @returns {HTMLElement[]} */
export function renderBlocks(blocks, context) {
  const seen = /** @type {Record<string, number>} */ ({});
  return blocks.map((block) => {
    const nth = (seen[block.type] = (seen[block.type] ?? 0) + 1);
    const content = KINDS[block.type]?.(block, context) ?? unknown(block);
    // Keyed by its place among its kind: a line put in above a picture does not make the picture load again.
    return h("div", { class: `block block-${block.type}`, "data-key": `${block.type}/${nth}` }, content);
  });
}

/** @type {Record<string, (block: Block, context: BlockContext) => any>} */
const KINDS = {
  section,
  header: (block, context) => h("h3", { class: `block-header-text level-${block.level ?? 2}` }, textObject(block.text, context.names)),
  divider: () => h("hr"),
  context: (block, context) => h("div", { class: "context" }, block.elements.map((/** @type {Block} */ element) => contextElement(element, context))),
  actions: (block, context) =>
    h("div", { class: "actions" }, block.elements.map((/** @type {Block} */ element) => actionElement(block, element, context) ?? unknown(element))),
  image,
  input: inputBlock,
  markdown: (block) => h("div", { class: "markdown" }, markdown(block.text)),
  rich_text: (block, context) => h("div", { class: "rich-text" }, richText(block, context.names)),
  table,
  data_table: table,
  alert: (block, context) => h("div", { class: `alert ${block.level ?? "info"}`, role: "note" }, icon("alert"), h("div", { class: "mrkdwn" }, textObject(block.text, context.names))),
};

/** @param {Block} block */
function unknown(block) {
  return h("p", { class: "unknown-block" }, `A block of type ${block.type} cannot be shown here.`);
}

/** @param {Block} block @param {BlockContext} context */
function section(block, context) {
  const body = h(
    "div",
    { class: "section-body" },
    block.text && h("div", { class: "mrkdwn" }, textObject(block.text, context.names)),
    block.fields && h("div", { class: "fields" }, block.fields.map((/** @type {Block} */ field) => h("div", { class: "section-field mrkdwn" }, textObject(field, context.names)))),
  );
  if (!block.accessory) return body;
  const accessory = block.accessory.type === "image" ? thumbnail(block.accessory, context) : actionElement(block, block.accessory, context);
  const wide = ["checkboxes", "radio_buttons"].includes(block.accessory.type);
  return h("div", { class: `section-with-accessory${wide ? " below" : ""}` }, body, h("div", { class: "accessory" }, accessory ?? unknown(block.accessory)));
}

/** @param {Block} element @param {BlockContext} context */
function contextElement(element, context) {
  if (element.type !== "image") return h("span", { class: "mrkdwn" }, textObject(element, context.names));
  return h("img", { class: "context-image", src: imageAddress(element, context), alt: element.alt_text });
}

/** @param {Block} element @param {BlockContext} context */
function thumbnail(element, context) {
  return h("img", { class: "thumbnail", src: imageAddress(element, context), alt: element.alt_text });
}

/** Where an image block's picture is: its own address, or the workspace's file. @param {Block} block @param {BlockContext} context @returns {string | null} */
function imageAddress(block, context) {
  const file = block.slack_file;
  if (!file) return /^(https?:|data:image\/)/i.test(block.image_url ?? "") ? block.image_url : null;
  const id = file.id ?? (file.url ?? "").match(/\b(F[A-Z0-9]{6,})\b/)?.[1];
  if (!id) return file.url ?? null;
  // Always by this page's own origin: the permalink may name another host, and would then not load.
  return `/files/${encodeURIComponent(id)}`;
}

/** @param {Block} block @param {BlockContext} context */
function image(block, context) {
  const known = context.files?.find((file) => file.id === block.slack_file?.id);
  return figure(
    { src: imageAddress(block, context), alt: block.alt_text, title: block.title?.text, width: known?.original_w, height: known?.original_h },
    block.title ? textObject(block.title, context.names) : [],
  );
}

/**
 * A picture with its title, enlarged by a click; where it cannot be loaded its alt text is shown instead.
 *
 * @param {{src: string | null, alt: string, title?: string, width?: number, height?: number}} picture
 * @param {Node[]} title
 */
export function figure(picture, title) {
  const open = () => picture.src && openPicture({ src: picture.src, alt: picture.alt, title: picture.title });
  const failed = (/** @type {any} */ event) => event.currentTarget.closest("figure")?.classList.add("broken");
  const loaded = (/** @type {any} */ event) => event.currentTarget.closest("figure")?.classList.remove("broken");
  return h(
    "figure",
    { class: "picture" },
    title.length > 0 && h("figcaption", null, title),
    h(
      "button",
      { class: "picture-button", type: "button", "aria-label": `Enlarge: ${picture.alt || picture.title || "picture"}`, onclick: open },
      h("img", { src: picture.src, alt: picture.alt, width: picture.width ?? null, height: picture.height ?? null, onerror: failed, onload: loaded }),
    ),
    h("p", { class: "picture-missing" }, `The picture could not be loaded. ${picture.alt}`),
  );
}

/** The first row is the header, as in Slack. Columns with numbers line up on the right unless told otherwise. @param {Block} block @param {BlockContext} context */
function table(block, { names }) {
  const [head = [], ...rows] = /** @type {Block[][]} */ (block.rows);
  const { caption } = block;
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
  const align = settings.align ?? (cell.type === "raw_number" ? "right" : "left");
  const wrap = settings.is_wrapped ? " wrapped" : "";
  const content = cell.type === "rich_text" ? richText(cell, names) : String(cell.text ?? cell.value ?? "");
  return h(tag, { class: `align-${align}${wrap}`, scope: tag === "th" ? "col" : null }, content);
}
