/** The field to write in: Enter sends, Shift+Enter breaks the line, `/` offers the commands; files go along. */
import { api } from "./api.js";
import { Attachments } from "./attachments.js";
import { h } from "./dom.js";
import { icon, iconButton } from "./icons.js";

const TALLEST = 200;

export class Composer {
  /** @type {Map<string, {text: string, files: File[]}>} */
  #drafts = new Map();
  #place = "";
  #selected = 0;
  #sending = false;

  /** @param {Store} store @param {{id: string, commands: boolean, threadTs: () => string | null, onSent: () => void}} options */
  constructor(store, options) {
    this.store = store;
    this.options = options;
    const listId = `${options.id}-commands`;
    this.field = h("textarea", {
      class: "composer-field",
      rows: "1",
      id: options.id,
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": listId,
      oninput: () => this.#typed(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
      onblur: () => this.#hideCommands(),
      onfocus: () => this.#typed(),
    });
    this.commands = h("div", { class: "commands", id: listId, role: "listbox", "aria-label": "Commands", hidden: true });
    this.hint = h("div", { class: "composer-hint", "aria-live": "polite" });
    this.error = h("div", { class: "composer-error", role: "alert", hidden: true });
    this.sendButton = h("button", { class: "send", type: "submit", "aria-label": "Send", title: "Send" }, icon("send"));
    this.attachments = new Attachments(() => this.#typed());
    const slash = iconButton("slash", "Commands", () => this.#startCommand());
    this.element = h(
      "form",
      {
        class: "composer",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          this.#send();
        },
      },
      this.commands,
      this.error,
      h("div", { class: "composer-box" }, this.field, this.attachments.list, h("div", { class: "composer-bar" }, this.attachments.button, options.commands && slash, this.hint, this.sendButton)),
    );
    this.attachments.acceptOn(this.element);
    this.#typed();
  }

  /** Shows the composer for a place; what was half written elsewhere waits there. @param {string} place @param {string} label */
  moveTo(place, label) {
    this.field.placeholder = label;
    this.field.setAttribute("aria-label", label);
    if (place === this.#place) return;
    this.#drafts.set(this.#place, { text: this.field.value, files: this.attachments.files });
    this.#place = place;
    const draft = this.#drafts.get(place);
    this.field.value = draft?.text ?? "";
    this.attachments.show(draft?.files ?? []);
    this.#typed();
    this.#hideCommands();
  }

  #startCommand() {
    if (!this.field.value) this.field.value = "/";
    this.field.focus();
    this.#typed();
  }

  #typed() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(TALLEST, this.field.scrollHeight)}px`;
    this.sendButton.disabled = this.#sending || !(this.field.value.trim() || this.attachments.files.length);
    this.#selected = 0;
    this.#say(null);
    this.#drawCommands();
    this.#drawHint();
  }

  /** @returns {Command[]} */
  #matching() {
    const text = this.field.value;
    if (!/^\/\S*$/.test(text) || !this.options.commands) return [];
    return this.store.commands.filter((command) => command.command.startsWith(text));
  }

  #drawCommands() {
    const found = document.activeElement === this.field ? this.#matching() : [];
    this.commands.hidden = found.length === 0;
    this.field.setAttribute("aria-expanded", String(found.length > 0));
    const rows = found.map((command, at) =>
      h(
        "div",
        { class: "command", role: "option", id: `${this.options.id}-command-${at}`, "aria-selected": String(at === this.#selected), onclick: () => this.#complete(command) },
        h("div", { class: "command-line" }, h("strong", null, command.command), h("span", { class: "command-hint" }, command.usage_hint)),
        h("div", { class: "command-about" }, command.description, h("span", { class: "command-app" }, command.app ?? "")),
      ),
    );
    // A click would take the focus from the field first, which closes the list under the pointer.
    for (const row of rows) row.addEventListener("mousedown", (/** @type {Event} */ event) => event.preventDefault());
    this.commands.replaceChildren(...rows);
    if (found.length) this.field.setAttribute("aria-activedescendant", `${this.options.id}-command-${this.#selected}`);
    else this.field.removeAttribute("aria-activedescendant");
  }

  #drawHint() {
    const [word] = this.field.value.split(" ");
    const command = this.field.value.includes(" ") ? this.store.commands.find((one) => one.command === word) : undefined;
    this.hint.textContent = command?.usage_hint ? `${command.command} ${command.usage_hint}` : this.field.value ? "" : this.#keys();
    this.hint.title = this.hint.textContent;
  }

  #keys() {
    return `Enter sends · Shift+Enter for a new line${this.options.commands ? " · / for commands" : ""}`;
  }

  #hideCommands() {
    this.commands.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
  }

  /** @param {Command} command */
  #complete(command) {
    this.field.value = `${command.command} `;
    this.field.focus();
    this.#typed();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing) return;
    const found = this.commands.hidden ? [] : this.#matching();
    const exact = found.some((command) => command.command === this.field.value);
    if (found.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      this.#selected = (this.#selected + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length;
      this.#drawCommands();
      this.commands.children[this.#selected]?.scrollIntoView({ block: "nearest" });
    } else if (found.length && (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey && !exact))) {
      this.#complete(found[this.#selected]);
    } else if (found.length && event.key === "Escape") {
      this.#hideCommands();
    } else if (event.key === "Enter" && !event.shiftKey) {
      this.#send();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  async #send() {
    const text = this.field.value.trim();
    const files = this.attachments.files;
    const { me, channel } = this.store;
    if (!(text || files.length) || !me || !channel || this.#sending) return;
    const threadTs = this.options.threadTs();
    const wrong = text.startsWith("/") ? this.#commandProblem(text, threadTs) : null;
    if (wrong) return this.#say(wrong);
    this.#sending = true;
    this.sendButton.disabled = true;
    this.sendButton.setAttribute("aria-busy", "true");
    this.field.value = "";
    this.attachments.show([]);
    this.#typed();
    const answer = await this.#deliver({ text, files, user: me.name, channel: channel.id, threadTs });
    this.#sending = false;
    this.sendButton.removeAttribute("aria-busy");
    if (answer.ok) {
      this.options.onSent();
    } else if (!this.field.value && !this.attachments.files.length) {
      // What was typed comes back, so that it can be put right and sent again.
      this.field.value = text;
      this.attachments.show(files);
    }
    this.#typed();
    if (!answer.ok) this.#say(answer.error);
  }

  /** @param {{text: string, files: File[], user: string, channel: string, threadTs: string | null}} message @returns {Promise<Answer>} */
  #deliver({ text, files, user, channel, threadTs }) {
    if (text.startsWith("/")) {
      const cut = text.search(/\s|$/);
      return api.command({ channel, user, command: text.slice(0, cut), text: text.slice(cut).trim() });
    }
    const message = { channel, user, text: this.#escaped(text), ...(threadTs ? { thread_ts: threadTs } : {}) };
    return files.length ? api.upload(message, files) : api.message(message);
  }

  /** @param {string} text @param {string | null} threadTs @returns {string | null} */
  #commandProblem(text, threadTs) {
    const [word] = text.split(/\s/);
    if (this.attachments.files.length) return `${word} takes no files. Send them as a message first.`;
    if (threadTs) return `${word} does not work inside a thread. Use it in the channel.`;
    const known = [...this.store.commands.map((command) => command.command), "/invite"];
    if (!known.includes(word)) return `${word} is not a command here. There are: ${known.join(", ")}.`;
    return null;
  }

  /** As Slack's own client sends a text: three characters escaped, channels linked (the server links people). @param {string} text */
  #escaped(text) {
    const safe = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    const ids = new Map(this.store.names.channels().map((channel) => [channel.name, channel.id]));
    return safe.replace(/(^|\s)#([\w-]+)/g, (whole, gap, name) => (ids.has(name) ? `${gap}<#${ids.get(name)}>` : whole));
  }

  /** @param {string | null} problem */
  #say(problem) {
    this.error.hidden = !problem;
    this.error.textContent = problem ?? "";
  }
}
