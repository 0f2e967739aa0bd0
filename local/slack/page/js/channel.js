/** The channel in view: header, messages, composer. */
import { avatar } from "./avatars.js";
import { fill, h, reconcile } from "./dom.js";
import { icon, iconButton } from "./icons.js";
import { MessagePane } from "./message_pane.js";
import { messageItems } from "./messages.js";
import { byTime } from "./store.js";
import { inChannel } from "./unread.js";

export class ChannelPane extends MessagePane {
  #shown = "";
  /** The message above the "New" line, which stays while the channel is open. Infinity: no such line. */
  #newFrom = Infinity;

  /** @param {Store} store @param {() => void} openDrawer */
  constructor(store, openDrawer) {
    super(store, { tag: "main", class: "channel", label: "Messages of the channel", listLabel: "Messages", jumpText: "Latest messages", composerId: "composer", commands: true, threadTs: () => null });
    this.openDrawer = openDrawer;
    document.addEventListener("visibilitychange", () => store.changed());
  }

  draw() {
    const { store } = this;
    const { channel, me } = store;
    this.element.hidden = !channel;
    if (!channel || !me) return;
    const all = store.messages.get(channel.id) ?? [];
    const place = `${me.id}/${channel.id}`;
    const arrived = place !== this.#shown;
    if (arrived && store.loaded) {
      this.#shown = place;
      this.#newFrom = Infinity;
      this.pinned = true;
    }
    // What comes while the reader looks at the end of the channel is not news to be found.
    const watching = document.visibilityState === "visible" && this.pinned;
    if ((arrived || !watching) && this.#newFrom === Infinity && store.unreadIn(channel) > 0) this.#newFrom = store.unread.readUpTo(me.id, channel.id);
    const title = channel.is_im ? (store.partnerIn(channel)?.name ?? channel.name) : channel.name;
    const name = channel.is_im ? title : `#${title}`;
    fill(this.header, this.#header(channel, title));
    this.composer.moveTo(place, `Message ${name}`);
    const shown = byTime([...all.filter(inChannel), ...store.ephemeralsIn(channel.id, null)]);
    reconcile(this.list, [intro(name, channel.id, store.loaded), ...messageItems(shown, { store, channel, place: "channel", all }, this.#newFrom)]);
    this.keepEnd();
    if (store.loaded && watching && store.unread.markRead(me.id, channel.id, all)) store.changed();
  }

  /** @param {Channel} channel @param {string} title */
  #header(channel, title) {
    const members = channel.members.map((id) => this.store.users.get(id));
    const names = members.map((user) => user?.name).join(", ");
    return [
      iconButton("menu", "Open the sidebar", this.openDrawer, { class: "icon-button drawer-button" }),
      h("div", { class: "pane-titles" }, h("h1", { class: "pane-title" }, !channel.is_im && icon("hash"), title), channel.topic && h("p", { class: "pane-topic", title: channel.topic }, channel.topic)),
      h("div", { class: "members", title: names, role: "img", "aria-label": `${members.length} members: ${names}` }, members.slice(0, 3).map((user) => avatar(user, "small")), h("span", null, members.length)),
    ];
  }
}

/** @param {string} name @param {string} id @param {boolean} loaded */
function intro(name, id, loaded) {
  const text = loaded ? `This is the very beginning of ${name}. Type / to see what you can do here.` : "Loading…";
  return { key: "intro", signature: `${id}/${text}`, build: () => h("div", { class: "intro" }, h("h2", null, name), h("p", null, text)) };
}
