/** One message in a list, and lists of messages with a line for each new day. */
import { api } from "./api.js";
import { sizeOf } from "./attachments.js";
import { avatar, displayName } from "./avatars.js";
import { figure, renderBlocks } from "./blocks.js";
import { clock, dateOf, dayAndClock, dayKey, dayName, fullTime } from "./dates.js";
import { h } from "./dom.js";
import { icon, iconButton } from "./icons.js";
import { openMenu } from "./menu.js";
import { excerpt, mrkdwn, plainText } from "./mrkdwn.js";
import { notify } from "./notices.js";
import { clickHandler } from "./element_clicks.js";
import { isReply } from "./unread.js";

/** @typedef {{store: Store, channel: Channel, place: "channel" | "thread", all: Message[]}} Setting */

/** What an attachment's named colours stand for. */
const COLOURS = /** @type {Record<string, string>} */ ({ good: "#2f7d4f", warning: "#c77d0a", danger: "#c8143f" });

/** Messages of one author within this many seconds stand under one name. */
const GROUPED_WITHIN = 300;

/**
 * The items of a message list: messages, and a line wherever a new day or the unread part begins.
 *
 * @param {Message[]} messages oldest first
 * @param {Setting} setting
 * @param {number} newFrom ts after which messages are new to the reader; Infinity for none
 * @returns {Item[]}
 */
export function messageItems(messages, setting, newFrom = Infinity) {
  const items = /** @type {Item[]} */ ([]);
  let before = /** @type {Message | undefined} */ (undefined);
  let marked = /** @type {boolean} */ (false);
  for (const message of messages) {
    const newDay = !before || dayKey(before.ts) !== dayKey(message.ts);
    const isNew = !marked && Number(message.ts) > newFrom && message.user !== setting.store.me?.id && !message.is_ephemeral;
    if (newDay && setting.place === "channel") items.push(line(`day/${dayKey(message.ts)}`, dayName(message.ts), "day"));
    if (isNew) items.push(line("new", "New", "new"));
    marked ||= isNew;
    items.push(item(message, setting, newDay || isNew ? undefined : before));
    before = message;
  }
  return items;
}

/** @param {string} key @param {string} text @param {string} kind @returns {Item} */
function line(key, text, kind) {
  return { key, signature: text, build: () => h("div", { class: `line ${kind}`, role: "separator", "aria-label": text }, h("span", null, text)) };
}

/** @param {Message} message @param {Setting} setting @param {Message | undefined} before @returns {Item} */
function item(message, setting, before) {
  const grouped = belongsTo(message, before);
  const parent = setting.place === "channel" && isReply(message) ? setting.all.find((one) => one.ts === message.thread_ts) : undefined;
  const open = setting.place === "channel" && setting.store.route.thread === message.ts;
  const signature = JSON.stringify([message, grouped, parent?.text, open, setting.store.generation, setting.store.me?.id, setting.channel.id]);
  return { key: message.ts, signature, build: () => messageNode(message, setting, grouped, parent) };
}

/** @param {Message} message @param {Message | undefined} before */
function belongsTo(message, before) {
  if (!before || message.is_ephemeral || before.is_ephemeral || before.user !== message.user || isReply(message) !== isReply(before)) return false;
  return Number(message.ts) - Number(before.ts) < GROUPED_WITHIN && !(before.reply_count && before.blocks?.length);
}

/** @param {Message} message @param {Setting} setting @param {boolean} grouped @param {Message} [parent] @returns {HTMLElement} */
function messageNode(message, setting, grouped, parent) {
  const { store } = setting;
  const author = store.users.get(message.user);
  const isOpen = setting.place === "channel" && store.route.thread === message.ts;
  const time = h("time", { class: "message-time", title: fullTime(message.ts), datetime: dateOf(message.ts).toISOString() }, clock(message.ts));
  return h(
    "article",
    {
      class: `message${grouped ? " grouped" : ""}${message.is_ephemeral ? " ephemeral" : ""}${isOpen ? " open" : ""}`,
      "data-ts": message.ts,
      // A tap gives it the focus, which is what shows its tools where nothing hovers.
      tabindex: "-1",
      "aria-label": `${displayName(author)} at ${clock(message.ts)}`,
    },
    h("div", { class: "message-gutter" }, grouped ? time : avatar(author)),
    h(
      "div",
      { class: "message-body" },
      message.is_ephemeral && h("div", { class: "message-note" }, icon("eye"), "Only visible to you"),
      !grouped && h("div", { class: "message-head" }, h("span", { class: "message-author" }, displayName(author)), author?.is_bot && h("span", { class: "badge" }, "APP"), time),
      parent && repliedTo(parent, message, setting),
      contentNode(message, setting),
      message.is_ephemeral && h("button", { class: "link-button dismiss", type: "button", onclick: () => store.dismiss(message.ts) }, "Dismiss"),
      setting.place === "thread" && isReply(message) && message.reply_broadcast && h("div", { class: "message-note" }, `Also sent to #${setting.channel.name}`),
      setting.place === "channel" && Boolean(message.reply_count) && threadLink(message, store),
    ),
    !message.is_ephemeral && toolbar(message, setting),
  );
}

/** @param {Message} parent @param {Message} message @param {Setting} setting */
function repliedTo(parent, message, { store, channel }) {
  const href = store.linkTo({ channel: channel.name, thread: message.thread_ts });
  return h("div", { class: "message-note" }, "replied to a thread: ", h("a", { href }, excerpt(parent.text, 80) || "a message"));
}

/** @param {Message} message @param {Setting} setting */
function contentNode(message, { store, channel }) {
  const files = message.files ?? [];
  /** @type {BlockContext} */
  const context = { names: store.names, act: clickHandler(store, { channel: channel.id, messageTs: message.ts }), values: store.valuesOf(message.ts), files };
  const inBlocks = new Set((message.blocks ?? []).map((block) => block.slack_file?.id));
  const loose = files.filter((file) => !inBlocks.has(file.id));
  const hasBlocks = Boolean(message.blocks?.length);
  const deleted = message.subtype === "tombstone";
  return h(
    "div",
    { class: `message-content${deleted ? " deleted" : ""}` },
    !hasBlocks && message.text && h("div", { class: "mrkdwn message-text" }, mrkdwn(message.text, store.names), Boolean(message.edited) && h("span", { class: "edited" }, " (edited)")),
    hasBlocks && h("div", { class: "blocks" }, renderBlocks(message.blocks ?? [], context)),
    (message.attachments ?? []).map((one) => attachment(one, context)),
    loose.length > 0 && h("div", { class: "loose-files" }, loose.map(fileNode)),
  );
}

/** @param {Block} one @param {BlockContext} context */
function attachment(one, context) {
  const colour = /^#?[0-9a-f]{6}$/i.test(one.color ?? "") ? `#${one.color.replace("#", "")}` : COLOURS[one.color];
  return h(
    "div",
    { class: "attachment", style: colour ? { borderLeftColor: colour } : {} },
    one.pretext && h("div", { class: "mrkdwn" }, mrkdwn(one.pretext, context.names)),
    one.title && h("strong", null, one.title),
    one.text && h("div", { class: "mrkdwn" }, mrkdwn(one.text, context.names)),
    one.blocks && h("div", { class: "blocks" }, renderBlocks(one.blocks, context)),
  );
}

/** @param {FileInfo} file */
function fileNode(file) {
  const src = `/files/${encodeURIComponent(file.id)}`;
  const name = file.title || file.name;
  if (file.mimetype.startsWith("image/")) {
    return figure({ src, alt: file.alt_txt || name, title: name, width: file.original_w, height: file.original_h }, [document.createTextNode(name)]);
  }
  const about = [file.mimetype, sizeOf(file.size)].filter(Boolean).join(" · ");
  return h("a", { class: "file-card", href: src, target: "_blank", rel: "noopener" }, icon("file"), h("span", null, h("strong", null, name), h("small", null, about)));
}

/** @param {Message} message @param {Store} store */
function threadLink(message, store) {
  return h(
    "button",
    { class: "thread-link", type: "button", onclick: () => store.go({ thread: message.ts }) },
    (message.reply_users ?? []).slice(0, 4).map((id) => avatar(store.users.get(id), "tiny")),
    h("span", { class: "thread-count" }, replyCount(message.reply_count ?? 0)),
    message.latest_reply && h("span", { class: "thread-last" }, `Last reply ${dayAndClock(message.latest_reply)}`),
  );
}

/** @param {number} count */
export function replyCount(count) {
  return count === 1 ? "1 reply" : `${count} replies`;
}

/** The menu of what apps can do with a message. @param {Message} message @param {Setting} setting */
function moreActions(message, { store, channel }) {
  const options = store.shortcuts.map((one) => ({ value: one.callback_id, text: one.name, label: plainText(one.name), description: plainText(`${one.app}. ${one.description}`) }));
  const use = async (/** @type {string} */ callback) => {
    if (!store.me) return;
    const answer = await api.shortcut({ channel: channel.id, messageTs: message.ts, user: store.me.name, callback_id: callback });
    if (!answer.ok) notify(answer.error, "error");
  };
  const open = (/** @type {Event} */ event) => openMenu(/** @type {HTMLElement} */ (event.currentTarget), { options, label: "More actions", onPick: use });
  return iconButton("more", "More actions", open, { "aria-haspopup": "listbox", "aria-expanded": "false" });
}

/** @param {Message} message @param {Setting} setting */
function toolbar(message, setting) {
  const { store, channel, place } = setting;
  const root = message.thread_ts ?? message.ts;
  const copy = async () => {
    const link = new URL(store.linkTo({ channel: channel.name, thread: root }), location.href).href;
    // Pages that are not served over https or from this machine have no clipboard.
    await navigator.clipboard?.writeText(link).then(
      () => notify("Link copied."),
      () => notify(link),
    );
  };
  return h(
    "div",
    { class: "message-tools", role: "group", "aria-label": "Message actions" },
    place === "channel" && iconButton("reply", "Reply in thread", () => store.go({ thread: root })),
    iconButton("link", "Copy link", copy),
    message.subtype !== "tombstone" && store.shortcuts.length > 0 && moreActions(message, setting),
  );
}
