/** The sidebar: the workspace, its channels and apps, and who you act as. */
import { avatar } from "./avatars.js";
import { fill, h } from "./dom.js";
import { icon, iconButton } from "./icons.js";
import { theme, toggleTheme } from "./theme.js";

export class Sidebar {
  /** @param {Store} store @param {() => void} closeDrawer */
  constructor(store, closeDrawer) {
    this.store = store;
    this.closeDrawer = closeDrawer;
    this.element = h("nav", { class: "sidebar", "aria-label": "Workspace" });
  }

  draw() {
    const { store } = this;
    const rooms = store.myChannels();
    // Visiting an app's Home opens a direct message with it; while nobody has said anything there it is only noise.
    const direct = rooms.filter((channel) => channel.is_im && store.messages.get(channel.id)?.length);
    fill(
      this.element,
      this.#head(),
      h(
        "div",
        { class: "sidebar-scroll" },
        section("Channels", rooms.filter((channel) => !channel.is_im).map((channel) => this.#room(channel, icon("hash"), channel.name))),
        direct.length > 0 && section("Direct messages", direct.map((channel) => this.#room(channel, avatar(store.partnerIn(channel), "tiny"), store.partnerIn(channel)?.name ?? channel.name))),
        store.apps.length > 0 && section("Apps", store.apps.map((app) => this.#link({ key: `app/${app.id}`, href: store.linkTo({ app: app.name }), current: store.app === app, sign: avatar(store.users.get(app.bot_user), "tiny"), name: app.name }))),
      ),
      this.#accounts(),
    );
  }

  #head() {
    const next = theme() === "dark" ? "light" : "dark";
    const toggle = () => {
      toggleTheme();
      this.store.changed();
    };
    const name = this.store.workspace.name;
    return h(
      "div",
      { class: "sidebar-head" },
      h("span", { class: "workspace-mark", "aria-hidden": "true" }, name.slice(0, 1).toUpperCase()),
      h("span", { class: "workspace-name" }, name),
      iconButton(next === "dark" ? "moon" : "sun", `Switch to the ${next} theme`, toggle, { class: "icon-button theme" }),
      iconButton("close", "Close the sidebar", this.closeDrawer, { class: "icon-button drawer-close" }),
    );
  }

  /** @param {Channel} channel @param {Element} sign @param {string} name */
  #room(channel, sign, name) {
    const { store } = this;
    return this.#link({ key: `room/${channel.id}`, href: store.linkTo({ channel: channel.name }), current: store.channel === channel, sign, name, unread: store.unreadIn(channel) });
  }

  /** @param {{key: string, href: string, current: boolean, sign: Element, name: string, unread?: number}} link */
  #link({ key, href, current, sign, name, unread = 0 }) {
    return h(
      "a",
      { class: `room${unread ? " unread" : ""}`, "data-key": key, href, "aria-current": current ? "page" : null, "aria-label": unread ? `${name}, ${unread} unread` : name, onclick: this.closeDrawer },
      sign,
      h("span", { class: "room-name" }, name),
      unread > 0 && h("span", { class: "count", "aria-hidden": "true" }, unread > 99 ? "99+" : unread),
    );
  }

  #accounts() {
    const { store } = this;
    const me = store.me;
    if (!me) return null;
    return h(
      "div",
      { class: "accounts" },
      h("div", { class: "accounts-label", id: "accounts-label" }, "Acting as"),
      h("div", { class: "accounts-row", role: "radiogroup", "aria-labelledby": "accounts-label", onkeydown: (/** @type {KeyboardEvent} */ event) => this.#accountKey(event) }, store.people().map((user) => this.#account(user, user.id === me.id))),
    );
  }

  /** @param {User} user @param {boolean} current */
  #account(user, current) {
    const { route } = this.store;
    return h(
      "button",
      {
        class: "account",
        type: "button",
        role: "radio",
        "data-key": `account/${user.id}`,
        "aria-checked": String(current),
        tabindex: current ? "0" : "-1",
        title: user.real_name ?? user.name,
        onclick: () => this.store.go({ as: user.name, ...(route.app ? { app: route.app, tab: route.tab } : {}) }),
      },
      avatar(user, "medium"),
      h("span", { class: "account-name" }, user.name),
    );
  }

  /** As in any radio group, the arrow keys move the choice. @param {KeyboardEvent} event */
  #accountKey(event) {
    const step = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 })[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = /** @type {HTMLElement[]} */ ([...this.element.querySelectorAll(".account")]);
    const at = buttons.findIndex((button) => button.getAttribute("aria-checked") === "true");
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next.click();
    next.focus();
  }
}

/** @param {string} title @param {HTMLElement[]} rows */
function section(title, rows) {
  return h("section", { class: "sidebar-section", "data-key": title }, h("h2", null, title), rows);
}
