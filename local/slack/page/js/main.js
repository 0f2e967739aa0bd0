/** Puts the page together: one store, five panes, one redraw for every change. */
import { ChannelPane } from "./channel.js";
import { h } from "./dom.js";
import { HomePane } from "./home.js";
import { Modal } from "./modal.js";
import { ThreadNotices } from "./notices.js";
import { Sidebar } from "./sidebar.js";
import { Store } from "./store.js";
import { startTheme } from "./theme.js";
import { ThreadPane } from "./thread.js";

const store = new Store();
const drawer = (/** @type {boolean} */ open) => {
  const was = document.body.classList.contains("drawer-open");
  document.body.classList.toggle("drawer-open", open);
  if (open) /** @type {HTMLElement | null} */ (document.querySelector(".drawer-close"))?.focus();
  else if (was) /** @type {HTMLElement | null} */ (document.querySelector(".pane:not([hidden]) .drawer-button"))?.focus();
};

const sidebar = new Sidebar(store, () => drawer(false));
const channel = new ChannelPane(store, () => drawer(true));
const home = new HomePane(store, () => drawer(true));
const thread = new ThreadPane(store);
const modal = new Modal(store);
const threadNotices = new ThreadNotices(store);
const offline = h("div", { class: "offline", role: "status", hidden: true }, h("span", { class: "spinner", "aria-hidden": "true" }), "Reconnecting");
const shade = h("div", { class: "shade", onclick: () => drawer(false) });

document.querySelector("#app")?.replaceChildren(sidebar.element, channel.element, home.element, thread.element, shade, offline);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.body.classList.contains("drawer-open")) drawer(false);
});

/** How many messages wait in all channels; in front of the title, where browsers show it on the tab. */
function title() {
  const unread = store.myChannels().reduce((sum, one) => sum + store.unreadIn(one), 0);
  const place = store.app?.name ?? (store.channel ? `#${store.channel.name}` : "");
  return `${unread ? `(${unread}) ` : ""}${place ? `${place} · ` : ""}${store.workspace.name}`;
}

store.onChange(() => {
  sidebar.draw();
  channel.draw();
  home.draw();
  thread.draw();
  modal.draw();
  threadNotices.draw();
  offline.hidden = store.online;
  document.title = title();
});
startTheme(() => store.changed());
store.start();
