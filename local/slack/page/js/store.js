/** What the page knows of the workspace, kept fresh by hints from the stream. Nothing here draws. */
import { api, follow } from "./api.js";
import { formatRoute, parseRoute } from "./route.js";
import { Unread } from "./unread.js";

/** @typedef {import("./types.js").User} User */
/** @typedef {import("./types.js").Channel} Channel */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").App} App */
/** @typedef {import("./types.js").Names} Names */
/** @typedef {import("./types.js").Command} Command */

/** Who says what the workspace itself has to say: that a command failed, that an app did not answer. */
const SYSTEM = { id: "USLACKBOT", name: "workspace", is_bot: true, color: "#5a6172" };

const LAST_USER = "workspace.user";

export class Store {
  workspace = { id: "", name: "Local workspace" };
  /** @type {Map<string, User>} */
  users = new Map();
  /** @type {Channel[]} */
  channels = [];
  /** @type {import("./types.js").UserGroup[]} */
  usergroups = [];
  /** @type {App[]} */
  apps = [];
  /** @type {Record<string, View>} */
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
  /** Grows when names or colours may have changed, so that texts which mention them are drawn anew. */
  generation = 0;
  route = parseRoute(location.hash);
  unread = new Unread();
  /** @type {(() => void)[]} */
  listeners = [];
  scheduled = false;
  loadState = latestOnly(() => this.#fetchState());
  loadEphemerals = latestOnly(() => this.#fetchEphemerals());
  /** @type {Map<string, () => Promise<void>>} */
  #channelLoaders = new Map();

  /** @param {() => void} listener called once for any number of changes made in one go */
  onChange(listener) {
    this.listeners.push(listener);
  }

  changed() {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      for (const listener of this.listeners) listener();
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
    let load = this.#channelLoaders.get(id);
    if (!load) {
      load = latestOnly(() => this.#fetchMessages(id));
      this.#channelLoaders.set(id, load);
    }
    return load();
  }

  /** @param {import("./api.js").Change} change */
  #hinted(change) {
    if (["message", "message_changed", "message_deleted", "file"].includes(change.kind)) {
      const known = change.channel ? this.channels.filter((channel) => channel.id === change.channel || channel.name === change.channel) : this.channels;
      if (!known.length) this.loadAll();
      for (const channel of known) this.loadMessages(channel.id);
    } else if (change.kind === "ephemeral") {
      this.loadEphemerals();
    } else if (change.kind === "view" || change.kind === "home") {
      this.loadState();
    } else {
      this.loadAll();
    }
  }

  async #fetchState() {
    const state = await api.state();
    this.workspace = state.workspace ?? this.workspace;
    this.users = new Map((state.users ?? []).map((/** @type {User} */ user) => [user.id, user]));
    if (!this.users.has(SYSTEM.id)) this.users.set(SYSTEM.id, SYSTEM);
    this.channels = state.channels ?? [];
    this.usergroups = state.usergroups ?? [];
    this.apps = state.apps ?? [];
    this.views = state.open_views ?? {};
    this.homes = state.homes ?? {};
    const names = JSON.stringify([state.users, state.channels, state.usergroups]);
    if (names !== this.lastNames) this.generation += 1;
    this.lastNames = names;
    this.changed();
  }

  lastNames = "";

  /** @param {string} id */
  async #fetchMessages(id) {
    const found = await api.messages(id);
    this.messages.set(id, found.sort((a, b) => Number(a.ts) - Number(b.ts)));
    this.changed();
  }

  async #fetchEphemerals() {
    const user = this.me;
    if (!user) return;
    const found = await api.ephemerals(user.name);
    if (user.id !== this.me?.id) return;
    this.ephemeralsOf = user.id;
    this.ephemerals = found.map((one) => ({ ...one, ephemeral: true }));
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

  /**
   * Goes somewhere; what is not named stays as it is, except that leaving a channel closes its thread.
   *
   * @param {Partial<import("./route.js").Route>} to
   */
  go(to) {
    const leaves = "channel" in to || "app" in to;
    const base = leaves ? { channel: null, app: null, thread: null, tab: null } : { channel: this.channel?.name ?? null };
    location.hash = formatRoute({ ...this.route, as: this.me?.name ?? null, ...base, ...to });
  }

  /** @param {Partial<import("./route.js").Route>} to @returns {string} the address that `go` would lead to */
  linkTo(to) {
    const clean = { channel: null, app: null, thread: null, tab: null };
    return formatRoute({ ...clean, as: this.me?.name ?? null, ...to });
  }

  people() {
    return [...this.users.values()].filter((user) => !user.is_bot);
  }

  /** @returns {User | undefined} */
  get me() {
    const wanted = this.route.as ?? localStorage.getItem(LAST_USER);
    const people = this.people();
    return people.find((user) => user.name === wanted || user.id === wanted) ?? people[0];
  }

  /** The app whose Home is shown, if one is. @returns {App | undefined} */
  get app() {
    return this.route.app ? this.apps.find((app) => app.name === this.route.app || app.id === this.route.app) : undefined;
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
    return this.channels.filter((channel) => !channel.is_im || channel.user === this.me?.id || channel.members?.includes(this.me?.id ?? ""));
  }

  /** @returns {Command[]} */
  get commands() {
    return this.apps.flatMap((app) => (app.commands ?? []).map((command) => ({ ...command, app: app.name })));
  }

  /** What apps offer to do with a message, each under its app's name. */
  get shortcuts() {
    return this.apps.flatMap((app) => (app.shortcuts ?? []).map((shortcut) => ({ ...shortcut, app: app.name })));
  }

  /** @returns {View | undefined} the modal on top for the acting user */
  get view() {
    return this.#mine(this.views);
  }

  /** @returns {View | undefined} */
  get home() {
    return this.#mine(this.homes);
  }

  /** @param {Record<string, View>} byUser @returns {View | undefined} */
  #mine(byUser) {
    return (this.me && (byUser[this.me.name] ?? byUser[this.me.id])) || undefined;
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
    const known = this.values.get(key);
    if (known) return known;
    const fresh = new Map();
    this.values.set(key, fresh);
    return fresh;
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
