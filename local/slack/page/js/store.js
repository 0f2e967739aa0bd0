/** What the page knows of the workspace, kept fresh by hints from the stream. Nothing here draws. */
import { api, follow } from "./api.js";
import { formatRoute, parseRoute } from "./route.js";
import { Unread } from "./unread.js";

/** Says what the workspace itself has to say: that a command failed, that an app did not answer. */
const SLACKBOT = { id: "USLACKBOT", name: "workspace", is_bot: true, color: "#5a6172" };

const LAST_USER = "workspace.user";

/** What leaving a channel or an app leaves behind. */
const NOWHERE = { channel: null, app: null, thread: null, tab: null };

export class Store {
  workspace = { id: "", name: "Local workspace" };
  /** @type {Map<string, User>} */
  users = new Map();
  /** @type {Channel[]} */
  channels = [];
  /** @type {UserGroup[]} */
  usergroups = [];
  /** @type {App[]} */
  apps = [];
  /** The modal on top, and the Home, of each person by name. @type {Record<string, View>} */
  views = {};
  /** @type {Record<string, View>} */
  homes = {};
  /** @type {Map<string, Message[]>} */
  messages = new Map();
  /** @type {Message[]} */
  ephemerals = [];
  /** Whose they are: after a switch of accounts the old ones are gone before the new ones are known. */
  ephemeralsOf = "";
  /** @type {Set<string>} */
  dismissed = new Set();
  /** @type {Map<string, Map<string, any>>} */
  values = new Map();
  online = true;
  loaded = false;
  /** Grows when names or colours may have changed, so that texts which mention them are drawn again. */
  generation = 0;
  route = parseRoute(location.hash);
  unread = new Unread();
  loadState = latestOnly(() => this.#fetchState());
  loadEphemerals = latestOnly(() => this.#fetchEphemerals());
  /** @type {(() => void)[]} */
  #listeners = [];
  #scheduled = false;
  #lastNames = "";
  /** @type {Map<string, () => Promise<void>>} */
  #channelLoaders = new Map();

  /** @param {() => void} listener called once for any number of changes made in one go */
  onChange(listener) {
    this.#listeners.push(listener);
  }

  changed() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      for (const listener of this.#listeners) listener();
    });
  }

  /** Starts following; the first connection loads everything, and so does each one after a break. */
  start() {
    window.addEventListener("hashchange", () => this.#routeChanged());
    follow({
      onChange: (change) => this.#hinted(change),
      onOnline: () => {
        this.online = true;
        this.loadAll();
      },
      onOffline: () => {
        this.online = false;
        this.changed();
      },
    });
  }

  async loadAll() {
    await this.loadState();
    await Promise.all([this.loadEphemerals(), ...this.channels.map((channel) => this.loadMessages(channel.id))]);
    if (!this.loaded && this.channels.length) {
      this.loaded = true;
      this.unread.startAt(this.people(), this.messages);
      this.changed();
    }
  }

  /** @param {string} id @returns {Promise<void>} */
  loadMessages(id) {
    const load = this.#channelLoaders.get(id) ?? latestOnly(() => this.#fetchMessages(id));
    this.#channelLoaders.set(id, load);
    return load();
  }

  /** @param {import("./api.js").Change} change */
  #hinted({ kind, channel }) {
    if (kind === "ephemeral") this.loadEphemerals();
    else if (kind === "view" || kind === "home") this.loadState();
    else if (channel && kind !== "channel" && this.names.channel(channel)) this.loadMessages(channel);
    else this.loadAll();
  }

  async #fetchState() {
    const state = await api.state();
    this.workspace = state.workspace;
    this.users = new Map([SLACKBOT, ...state.users].map((user) => [user.id, user]));
    this.channels = state.channels;
    this.usergroups = state.usergroups;
    this.apps = state.apps;
    this.views = state.open_views;
    this.homes = state.homes;
    const names = JSON.stringify([state.users, state.channels, state.usergroups]);
    if (names !== this.#lastNames) this.generation += 1;
    this.#lastNames = names;
    this.changed();
  }

  /** @param {string} id */
  async #fetchMessages(id) {
    this.messages.set(id, byTime(await api.messages(id)));
    this.changed();
  }

  async #fetchEphemerals() {
    const user = this.me;
    if (!user) return;
    const found = await api.ephemerals(user.name);
    if (user.id !== this.me?.id) return;
    this.ephemeralsOf = user.id;
    this.ephemerals = found;
    this.changed();
  }

  #routeChanged() {
    const before = this.me?.id;
    const next = parseRoute(location.hash);
    // A link inside a text names only the channel; who I am stays.
    this.route = { ...next, as: next.as ?? this.route.as };
    if (next.as) localStorage.setItem(LAST_USER, next.as);
    if (this.me?.id !== before) {
      this.ephemerals = [];
      this.ephemeralsOf = "";
      this.loadEphemerals();
    }
    this.changed();
  }

  /** Goes somewhere; what is not named stays as it is, except that leaving a channel closes its thread. @param {Partial<import("./route.js").Route>} to */
  go(to) {
    const base = "channel" in to || "app" in to ? NOWHERE : { channel: this.channel?.name ?? null };
    location.hash = formatRoute({ ...this.route, as: this.me?.name ?? null, ...base, ...to });
  }

  /** The address of a place, seen as the acting user. @param {Partial<import("./route.js").Route>} to */
  linkTo(to) {
    return formatRoute({ ...NOWHERE, as: this.me?.name ?? null, ...to });
  }

  people() {
    return [...this.users.values()].filter((user) => !user.is_bot);
  }

  /** Who acts. @returns {User | undefined} */
  get me() {
    const wanted = this.route.as ?? localStorage.getItem(LAST_USER);
    const people = this.people();
    return people.find((user) => user.name === wanted || user.id === wanted) ?? people[0];
  }

  /** The app whose Home is shown, if one is. @returns {App | undefined} */
  get app() {
    return this.apps.find((app) => app.name === this.route.app || app.id === this.route.app);
  }

  /** @returns {Channel | undefined} */
  get channel() {
    if (this.app) return undefined;
    const wanted = this.route.channel;
    const mine = this.myChannels();
    return mine.find((channel) => channel.name === wanted || channel.id === wanted) ?? mine.find((channel) => channel.name === "rft") ?? mine[0];
  }

  /** Channels everybody sees, and direct messages of the acting user. */
  myChannels() {
    return this.channels.filter((channel) => !channel.is_im || channel.user === this.me?.id);
  }

  /** The other side of a direct message, as the acting user sees it. @param {Channel} channel */
  partnerIn(channel) {
    return this.users.get(channel.members.find((id) => id !== this.me?.id) ?? "");
  }

  /** How many messages the acting user has not read. @param {Channel} channel */
  unreadIn(channel) {
    return this.me && this.loaded ? this.unread.count(this.me.id, channel.id, this.messages.get(channel.id) ?? []) : 0;
  }

  /** What only the acting user sees in a channel itself, or in one of its threads. @param {string} channel @param {string | null} thread */
  ephemeralsIn(channel, thread) {
    return this.ephemerals.filter((one) => one.channel === channel && (one.thread_ts ?? null) === thread && !this.dismissed.has(one.ts));
  }

  /** @returns {Command[]} */
  get commands() {
    return this.apps.flatMap((app) => app.commands.map((command) => ({ ...command, app: app.name })));
  }

  /** What apps offer to do with a message, each under its app's name. */
  get shortcuts() {
    return this.apps.flatMap((app) => app.shortcuts.map((shortcut) => ({ ...shortcut, app: app.name })));
  }

  /** The modal on top for the acting user. @returns {View | undefined} */
  get view() {
    return this.views[this.me?.name ?? ""];
  }

  /** @returns {View | undefined} */
  get home() {
    return this.homes[this.me?.name ?? ""];
  }

  /** Forgets a modal at once, without waiting for the server to confirm that it is closed. @param {string} id */
  dropView(id) {
    this.views = Object.fromEntries(Object.entries(this.views).filter(([, view]) => view.id !== id));
    this.changed();
  }

  /** @param {string} ts */
  dismiss(ts) {
    this.dismissed.add(ts);
    this.changed();
  }

  /** What has been chosen or typed in one message or view. @param {string} key */
  valuesOf(key) {
    const values = this.values.get(key) ?? new Map();
    this.values.set(key, values);
    return values;
  }

  /** @type {Names} */
  names = {
    user: (id) => this.users.get(id),
    channel: (id) => this.channels.find((channel) => channel.id === id),
    usergroup: (id) => this.usergroups.find((group) => group.id === id),
    people: () => this.people(),
    channels: () => this.channels.filter((channel) => !channel.is_im),
  };
}

/** @param {Message[]} messages */
export function byTime(messages) {
  return messages.sort((a, b) => Number(a.ts) - Number(b.ts));
}

/**
 * Runs `load` once at a time; calls that come meanwhile lead to one more run, so the last state is always fetched.
 * A failed load is not an error of its own: the stream notices the break and loads everything on its return.
 *
 * @param {() => Promise<void>} load
 * @returns {() => Promise<void>}
 */
function latestOnly(load) {
  let running = /** @type {Promise<void> | null} */ (null);
  let again = false;
  const run = async () => {
    do {
      again = false;
      await load().catch((error) => console.warn("load failed", error));
    } while (again);
    running = null;
  };
  return () => {
    if (running) again = true;
    else running = run();
    return running;
  };
}
