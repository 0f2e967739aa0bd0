/**
 * Slack's mrkdwn, read into nodes. There is no step in which text is treated as HTML, so there is nothing to escape
 * and nothing to inject: whatever is not understood stays visible text.
 */
import { datePattern } from "./dates.js";
import { h } from "./dom.js";
import { emoji, emojiName } from "./emoji.js";
import { DRAWN_PATTERN, drawnEmoji } from "./emoji_icons.js";

const INLINE = new RegExp(
  [
    "`(?<code>[^`\\n]+)`",
    "<(?<angle>[^<>\\n]+)>",
    "(?<bare>https?:\\/\\/[^\\s<>|`]+[^\\s<>|`.,;:!?)\\]'\"*_~])",
    "(?<![\\w*])\\*(?!\\s)(?<bold>[^*\\n]+?)(?<!\\s)\\*(?![\\w*])",
    "(?<![\\w_])_(?!\\s)(?<italic>[^_\\n]+?)(?<!\\s)_(?![\\w_])",
    "(?<![\\w~])~(?!\\s)(?<strike>[^~\\n]+?)(?<!\\s)~(?![\\w~])",
    ":(?<emoji>[a-z0-9_+'-]+):",
  ].join("|"),
  "g",
);

const SAFE_ADDRESS = /^(https?:|mailto:)/i;
const ITEM = /^(\s*)(?:([•◦▪-])|(\d+)\.)\s+(.*)$/;

/** Undoes the three escapes Slack texts carry. @param {string} text */
function unescape(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** The beginning of a text, on one line of at most `most` characters. @param {string} text @param {number} most */
export function excerpt(text, most) {
  const line = unescape(text).replace(/\s+/g, " ").trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

/** Reads a whole mrkdwn text: code fences, quotes, lists, lines. @param {string} text @param {Names} names @returns {Node[]} */
export function mrkdwn(text, names) {
  return text.split(/```/).flatMap((part, index, parts) => {
    const closed = index % 2 === 1 && index < parts.length - 1;
    if (closed) return [h("pre", { class: "code-block" }, unescape(part.replace(/^\n|\n$/g, "")))];
    const open = index % 2 === 1 ? "```" + part : part;
    // A fence is a block of its own: the line breaks that set it apart are not shown as empty lines.
    const start = index > 0 ? open.replace(/^ *\n?/, "") : open;
    return lines(index < parts.length - 1 ? start.replace(/\n? *$/, "") : start, names);
  });
}

/** Neighbouring lines of a quote or list form one block. @param {string} text @param {Names} names @returns {Node[]} */
function lines(text, names) {
  const nodes = /** @type {Node[]} */ ([]);
  const all = text ? text.split("\n") : [];
  for (let at = 0, afterBlock = true; at < all.length; ) {
    const kind = kindOf(all[at]);
    let end = at + 1;
    while (kind !== "text" && end < all.length && kindOf(all[end]) === kind) end += 1;
    if (kind === "quote") nodes.push(quote(all.slice(at, end), names));
    else if (kind === "list") nodes.push(list(all.slice(at, end), names));
    else nodes.push(...(afterBlock ? [] : [h("br")]), ...inline(all[at], names));
    afterBlock = kind !== "text";
    at = end;
  }
  return nodes;
}

/** @param {string} line */
function kindOf(line) {
  if (/^(&gt;|>)/.test(line)) return "quote";
  return ITEM.test(line) ? "list" : "text";
}

/** @param {string[]} rows @param {Names} names */
function quote(rows, names) {
  const inner = rows.map((row) => row.replace(/^(&gt;|>) ?/, ""));
  return h("blockquote", null, inner.map((row, at) => [at > 0 && h("br"), inline(row, names)]));
}

/** @param {string[]} rows @param {Names} names */
function list(rows, names) {
  return h(
    "div",
    { class: "list", role: "list" },
    rows.map((row) => {
      const [, indent, bullet, number, rest] = /** @type {RegExpMatchArray} */ (row.match(ITEM));
      const mark = number ? `${number}.` : bullet === "-" ? "•" : bullet;
      const depth = Math.min(3, Math.floor(indent.length / 2));
      return h("div", { class: `list-item depth-${depth}`, role: "listitem" }, h("span", { class: "list-mark" }, mark), h("span", null, inline(rest, names)));
    }),
  );
}

/** Reads one line of mrkdwn. @param {string} text @param {Names} names */
function inline(text, names) {
  return tokens(text, INLINE, (match) => token(match, names), withDrawnEmoji);
}

/**
 * Cuts a text into nodes: `found` makes one of each match of the pattern, `between` those of the text around them.
 *
 * @param {string} text
 * @param {RegExp} pattern
 * @param {(match: RegExpExecArray) => Node} found
 * @param {(text: string) => Node[]} between
 * @returns {Node[]}
 */
export function tokens(text, pattern, found, between) {
  const nodes = /** @type {Node[]} */ ([]);
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > at) nodes.push(...between(text.slice(at, match.index)));
    nodes.push(found(match));
    at = match.index + match[0].length;
  }
  return at < text.length ? [...nodes, ...between(text.slice(at))] : nodes;
}

/** @param {string} text */
function plain(text) {
  return document.createTextNode(unescape(text));
}

/** Plain text in which the emoji that this page draws itself are drawn. @param {string} text */
export function withDrawnEmoji(text) {
  return tokens(text, DRAWN_PATTERN, ([character]) => drawnEmoji(character, emojiName(character)), (rest) => [plain(rest)]);
}

/** Text with its line breaks. @param {string} text @returns {Node[]} */
export function withBreaks(text) {
  return text.split("\n").flatMap((row, at) => (at ? [h("br"), ...withDrawnEmoji(row)] : withDrawnEmoji(row)));
}

/** @param {RegExpExecArray | RegExpMatchArray} match @param {Names} names @returns {Node} */
function token(match, names) {
  const found = match.groups ?? {};
  if (found.code) return h("code", null, unescape(found.code));
  if (found.angle) return angle(found.angle, names) ?? plain(match[0]);
  if (found.bare) return anchor(unescape(found.bare), [plain(found.bare)]);
  if (found.bold) return h("strong", null, inline(found.bold, names));
  if (found.italic) return h("em", null, inline(found.italic, names));
  if (found.strike) return h("s", null, inline(found.strike, names));
  return emojiNode(found.emoji) ?? plain(match[0]);
}

/** What is between < and >: a mention, a date, a link; anything else is just text. @param {string} body @param {Names} names @returns {Node | null} */
function angle(body, names) {
  const cut = body.indexOf("|");
  const [target, label] = cut < 0 ? [body, ""] : [body.slice(0, cut), body.slice(cut + 1)];
  if (target.startsWith("@")) return userMention(target.slice(1), names, label);
  if (target.startsWith("#")) return channelMention(target.slice(1), names, label);
  if (target.startsWith("!date^")) return dateNode(target, label);
  if (target.startsWith("!subteam^")) return groupMention(target.slice("!subteam^".length), names, label);
  if (target.startsWith("!")) return h("span", { class: "mention" }, `@${target.slice(1).split("^")[0]}`);
  if (SAFE_ADDRESS.test(target)) return link(unescape(target), label ? inline(label, names) : [plain(target.replace(/^mailto:/, ""))]);
  return null;
}

/** @param {string} address @param {Node[]} label */
function anchor(address, label) {
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label);
}

/** A link to an http, https or mailto address; with any other scheme only its label is shown. @param {string} address @param {Node[]} label */
export function link(address, label) {
  return SAFE_ADDRESS.test(address) ? anchor(address, label) : h("span", null, label);
}

/** @param {string} id @param {Names} names @param {string} [label] */
export function userMention(id, names, label = "") {
  return h("span", { class: "mention" }, `@${names.user(id)?.name ?? (label.replace(/^@/, "") || id)}`);
}

/** @param {string} id @param {Names} names @param {string} [label] */
export function channelMention(id, names, label = "") {
  const channel = names.channel(id);
  const text = `#${channel?.name ?? (label || id)}`;
  return channel ? h("a", { class: "mention", href: `#/${channel.name}`, "data-channel": channel.name }, text) : h("span", { class: "mention" }, text);
}

/** @param {string} id @param {Names} names @param {string} [label] */
export function groupMention(id, names, label = "") {
  return h("span", { class: "mention" }, `@${names.usergroup(id)?.handle ?? (label.replace(/^@/, "") || id)}`);
}

/** @param {string} target @param {string} fallback */
function dateNode(target, fallback) {
  const [, stamp, pattern = "{date}", address] = target.split("^");
  const seconds = Number(stamp);
  if (!Number.isFinite(seconds)) return plain(fallback);
  const text = datePattern(seconds, unescape(pattern));
  return address ? link(unescape(address), [document.createTextNode(text)]) : h("time", { title: unescape(fallback) || null }, text);
}

/** @param {string} name @returns {Node | null} */
export function emojiNode(name) {
  const character = emoji(name);
  return character ? drawnEmoji(character, name.replaceAll("_", " ")) : null;
}

/** A text object of Block Kit: mrkdwn or plain text (where only emoji names are special). @param {Block | undefined} text @param {Names} names @returns {Node[]} */
export function textObject(text, names) {
  if (!text?.text) return [];
  return text.type === "mrkdwn" ? mrkdwn(text.text, names) : plainText(text.text, text.emoji !== false);
}

/** @param {string} text @param {boolean} [withEmoji] @returns {Node[]} */
export function plainText(text, withEmoji = true) {
  const parts = withEmoji ? text.split(/(:[a-z0-9_+'-]+:)/) : [text];
  return parts.filter(Boolean).flatMap((part) => {
    const found = part.length > 2 && part.startsWith(":") ? emojiNode(part.slice(1, -1)) : null;
    return found ? [found] : withBreaks(part);
  });
}
