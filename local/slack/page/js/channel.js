/** The channel in view: header, messages, composer. */
import { avatar } from "./avatars.js";
import { Composer } from "./composer.js";
import { fill, h, reconcile } from "./dom.js";
import { icon } from "./icons.js";
import { messageItems } from "./messages.js";
import { EndPin } from "./scroll.js";
import { inChannel } from "./unread.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./types.js").Message} Message */

export class ChannelPane {
  #shown = "";
  /** After which message the "New" line stands; it stays there while the channel is open. Infinity: nothing was missed. */
  #newFrom = Infinity;

  /** @param {Store} store @param {() => void} openDrawer */
  constructor(store, openDrawer) {
    this.store = store;
    this.openDrawer = openDrawer;
    this.header = h("header", { class: "pane-header" });
    this.list = h("div", { class: "message-list", role: "log", "aria-label": "Messages", "aria-relevant": "additions" });
    this.scroller = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Messages of the channel" }, this.list);
    this.jump = h("button", { class: "jump", type: "button", hidden: true, onclick: () => this.pin.toEnd() }, icon("down"), h("span", null, "Latest messages"));
    this.composer = new Composer(store, { id: "composer", commands: true, threadTs: () => null, onSent: () => this.pin.toEnd() });
    this.element = h("main", { class: "pane channel" }, this.header, h("div", { class: "scroll-area" }, this.scroller, this.jump), this.composer.element);
    this.pin = new EndPin(this.scroller, this.list, () => {
      this.jump.hidden = this.pin.pinned;
      store.changed();
    });
    document.addEventListener("visibilitychange", () => store.changed());
  }

  draw() {
    const { store } = this;
    const channel = store.channel;
    this.element.hidden = !channel;
    if (!channel || !store.me) return;
    const all = store.messages.get(channel.id) ?? [];
    const place = `${store.me.id}/${channel.id}`;
    const arrived = place !== this.#shown;
    if (arrived && store.loaded) {
      this.#shown = place;
      this.#newFrom = Infinity;
      this.pin.pinned = true;
    }
    // What comes while the reader looks at the end of the channel is not news to be found.
    const watching = !arrived && document.visibilityState === "visible" && this.pin.pinned;
    const missed = store.loaded && !watching && store.unread.count(store.me.id, channel.id, all) > 0;
    if (missed && this.#newFrom === Infinity) this.#newFrom = store.unread.readUpTo(store.me.id, channel.id);
    fill(this.header, ...this.#header(channel));
    this.composer.moveTo(place, channel.is_im ? `Message ${this.#title(channel)}` : `Message #${channel.name}`);
    reconcile(this.list, [
      intro(channel.is_im ? this.#title(channel) : `#${channel.name}`, channel.id, store.loaded),
      ...messageItems(visible(all, store, channel.id), { store, channel, place: "channel", all }, this.#newFrom),
    ]);
    this.pin.keep();
    if (store.loaded && document.visibilityState === "visible" && this.pin.pinned && store.unread.markRead(store.me.id, channel.id, all)) store.changed();
  }

  /** @param {import("./types.js").Channel} channel */
  #title(channel) {
    if (!channel.is_im) return channel.name;
    const other = channel.members?.find((id) => id !== this.store.me?.id);
    return this.store.users.get(other ?? "")?.name ?? channel.name;
  }

  /** @param {import("./types.js").Channel} channel */
  #header(channel) {
    const members = (channel.members ?? []).map((id) => this.store.users.get(id)).filter(Boolean);
    return [
      h("button", { class: "icon-button drawer-button", type: "button", "aria-label": "Open the sidebar", onclick: this.openDrawer }, icon("menu")),
      h("div", { class: "pane-titles" }, h("h1", { class: "pane-title" }, !channel.is_im && icon("hash"), this.#title(channel)), channel.topic && h("p", { class: "pane-topic", title: channel.topic }, channel.topic)),
      members.length > 0 &&
        h(
          "div",
          { class: "members", title: members.map((user) => user?.name).join(", "), role: "img", "aria-label": `${members.length} members: ${members.map((user) => user?.name).join(", ")}` },
          members.slice(0, 3).map((user) => avatar(user, "small")),
          h("span", null, members.length),
        ),
    ];
  }
}

/** What the channel itself shows: no plain thread replies, but what only I can see. @param {Message[]} all @param {Store} store @param {string} channel */
function visible(all, store, channel) {
  const whispers = store.ephemerals.filter((one) => one.channel === channel && !one.thread_ts && !store.dismissed.has(one.ts));
  return [...all.filter(inChannel), ...whispers].sort((a, b) => Number(a.ts) - Number(b.ts));
}

/** @param {string} name @param {string} id @param {boolean} loaded */
function intro(name, id, loaded) {
  const text = loaded ? `This is the very beginning of ${name}. Type / to see what you can do here.` : "Loading…";
  return { key: "intro", signature: `${id}/${text}`, build: () => h("div", { class: "intro" }, h("h2", null, name), h("p", null, text)) };
}
