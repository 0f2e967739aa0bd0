/** An app's own page: its Home, which it publishes for each person, and what it offers. */
import { api } from "./api.js";
import { avatar } from "./avatars.js";
import { renderBlocks } from "./blocks.js";
import { fill, h } from "./dom.js";
import { iconButton } from "./icons.js";
import { plainText } from "./mrkdwn.js";
import { clickHandler } from "./element_clicks.js";

const TABS = /** @type {const} */ ([["home", "Home"], ["about", "About"]]);

export class HomePane {
  #opened = "";

  /** @param {Store} store @param {() => void} openDrawer */
  constructor(store, openDrawer) {
    this.store = store;
    this.openDrawer = openDrawer;
    this.element = h("main", { class: "pane home", hidden: true });
  }

  draw() {
    const { app, me } = this.store;
    this.element.hidden = !app;
    if (!app || !me) {
      this.#opened = "";
      return;
    }
    this.#tellOpened(app.id, me.name);
    const tab = this.store.route.tab === "about" ? "about" : "home";
    fill(
      this.element,
      this.#header(app),
      h("div", { class: "tabs", role: "tablist", "aria-label": app.name }, TABS.map(([id, name]) => this.#tab(id, name, tab === id))),
      h("div", { class: "scroller", role: "tabpanel", tabindex: "0", "aria-label": tab === "home" ? "Home" : "About" }, h("div", { class: "home-content" }, tab === "home" ? this.#home(app) : this.#about(app))),
    );
  }

  /** Apps learn of each visit, and usually publish the Home then. @param {string} app @param {string} user */
  #tellOpened(app, user) {
    const visit = `${app}/${user}`;
    if (visit === this.#opened) return;
    this.#opened = visit;
    api.openHome({ user });
  }

  /** @param {App} app */
  #header(app) {
    return h(
      "header",
      { class: "pane-header" },
      iconButton("menu", "Open the sidebar", this.openDrawer, { class: "icon-button drawer-button" }),
      avatar(this.store.users.get(app.bot_user), "small"),
      h("div", { class: "pane-titles" }, h("h1", { class: "pane-title" }, app.name, h("span", { class: "badge" }, "APP"))),
    );
  }

  /** @param {string} id @param {string} name @param {boolean} current */
  #tab(id, name, current) {
    const go = () => this.store.go({ app: this.store.route.app, tab: id === "home" ? null : id });
    return h("button", { class: "tab", type: "button", role: "tab", "aria-selected": String(current), onclick: go }, name);
  }

  /** @param {App} app */
  #home(app) {
    const view = this.store.home;
    if (!view) return h("div", { class: "intro" }, h("p", null, `${app.name} has not published a Home for you yet.`));
    const context = { names: this.store.names, act: clickHandler(this.store, { view }), values: this.store.valuesOf(view.id) };
    return h("div", { class: "blocks" }, renderBlocks(view.blocks, context));
  }

  /** @param {App} app */
  #about(app) {
    return h(
      "div",
      null,
      h("h2", { class: "about-title" }, "Commands"),
      h("dl", { class: "about-commands" }, app.commands.map((command) => [h("dt", null, command.command), h("dd", null, plainText(command.description), usages(command))])),
    );
  }
}

/** A hint such as "list | status <job>" names several ways to use a command; each gets its line. @param {Command} command */
function usages(command) {
  const ways = command.usage_hint.split(" | ").filter(Boolean);
  return h("ul", { class: "usages" }, ways.map((way) => h("li", null, h("code", null, `${command.command} ${way}`))));
}
