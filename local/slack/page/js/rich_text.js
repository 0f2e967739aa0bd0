/** The `rich_text` block: sections, lists, quotes and preformatted text made of styled elements. */
import { datePattern } from "./dates.js";
import { h } from "./dom.js";
import { channelMention, emojiNode, groupMention, link, userMention, withBreaks } from "./mrkdwn.js";

/** @param {Block} block @param {Names} names @returns {Node[]} */
export function richText(block, names) {
  return (block.elements ?? []).map((/** @type {Block} */ part) => PARTS[part.type]?.(part, names) ?? document.createTextNode(""));
}

const PARTS = /** @type {Record<string, (part: Block, names: Names) => Node>} */ ({
  rich_text_section: (part, names) => h("div", { class: "rich-section" }, spans(part, names)),
  rich_text_quote: (part, names) => h("blockquote", null, spans(part, names)),
  rich_text_preformatted: (part, names) => h("pre", { class: "code-block" }, spans(part, names)),
  rich_text_list: (part, names) =>
    h(
      part.style === "ordered" ? "ol" : "ul",
      { class: `rich-list depth-${Math.min(4, part.indent ?? 0)}`, start: part.style === "ordered" && part.offset ? part.offset + 1 : null },
      (part.elements ?? []).map((/** @type {Block} */ item) => h("li", null, spans(item, names))),
    ),
});

/** @param {Block} part @param {Names} names @returns {Node[]} */
function spans(part, names) {
  return (part.elements ?? []).flatMap((/** @type {Block} */ element) => styled(SPANS[element.type]?.(element, names) ?? [], element.style));
}

const SPANS = /** @type {Record<string, (element: Block, names: Names) => Node[]>} */ ({
  text: (element) => withBreaks(String(element.text)),
  link: (element) => [link(element.url, [document.createTextNode(element.text || element.url)])],
  emoji: (element) => [emojiNode(element.name) ?? document.createTextNode(`:${element.name}:`)],
  user: (element, names) => [userMention(element.user_id, names)],
  usergroup: (element, names) => [groupMention(element.usergroup_id, names)],
  channel: (element, names) => [channelMention(element.channel_id, names)],
  broadcast: (element) => [h("span", { class: "mention" }, `@${element.range}`)],
  date: (element) => [h("time", { title: element.fallback ?? null }, datePattern(element.timestamp, element.format ?? "{date}"))],
  color: (element) => [document.createTextNode(element.value ?? "")],
});

/** @param {Node[]} nodes @param {Record<string, boolean> | undefined} style @returns {Node[]} */
function styled(nodes, style) {
  const tags = /** @type {const} */ ([["code", "code"], ["strike", "s"], ["italic", "em"], ["bold", "strong"]]);
  return tags.reduce((inner, [name, tag]) => (style?.[name] ? [h(tag, null, inner)] : inner), nodes);
}
