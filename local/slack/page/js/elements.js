/** Interactive elements of Block Kit that act at once: buttons, selects, overflow menus, pickers. */
import { askConfirm } from "./dialog.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { plainText, textObject } from "./mrkdwn.js";

/** @typedef {import("./types.js").Block} Block */
/** @typedef {import("./types.js").BlockContext} BlockContext */
/** @typedef {import("./menu.js").Option} Option */
/** @typedef {(value: any, at: HTMLElement) => void} OnValue */

/** Where a value is kept while the view is open. @param {Block} block @param {Block} element */
export function slotOf(block, element) {
  return `${block.block_id ?? ""}/${element.action_id ?? ""}`;
}

/** Every element of a block that a person can use. @param {Block} block @returns {Block[]} */
export function elementsOf(block) {
  if (block.type === "input") return [block.element];
  return [...(block.type === "actions" ? block.elements : []), ...(block.accessory ? [block.accessory] : [])];
}

/**
 * Draws an element that stands in a section or an actions block.
 *
 * @param {Block} block the block around it
 * @param {Block} element
 * @param {BlockContext} context
 * @returns {HTMLElement | null}
 */
export function actionElement(block, element, context) {
  if (element.type === "button") return button(block, element, context);
  if (element.type === "overflow") return overflow(block, element, context);
  const label = element.accessibility_label ?? element.placeholder?.text ?? block.text?.text ?? "Choose";
  return valueElement(block, element, context, label, (value, at) => context.act(block, element, detailOf(element, value), at));
}

/**
 * Draws an element that holds a value; `onValue` hears of every change.
 *
 * @param {Block} block
 * @param {Block} element
 * @param {BlockContext} context
 * @param {string} label what a screen reader calls it
 * @param {OnValue} [onValue]
 * @returns {HTMLElement | null}
 */
export function valueElement(block, element, context, label, onValue = () => {}) {
  const slot = slotOf(block, element);
  if (!context.values.has(slot)) context.values.set(slot, initialOf(element));
  const change = (/** @type {any} */ value, /** @type {HTMLElement} */ at) => {
    context.values.set(slot, value);
    confirmed(element, context, () => onValue(value, at));
  };
  return VALUE_ELEMENTS[element.type]?.({ slot, element, context, label, change, value: context.values.get(slot) }) ?? null;
}

/**
 * @typedef {{slot: string, element: Block, context: BlockContext, label: string, change: OnValue, value: any}} Field
 * @type {Record<string, (field: Field) => HTMLElement>}
 */
const VALUE_ELEMENTS = {
  static_select: select,
  external_select: select,
  users_select: select,
  channels_select: select,
  conversations_select: select,
  multi_static_select: multiSelect,
  multi_users_select: multiSelect,
  multi_channels_select: multiSelect,
  multi_conversations_select: multiSelect,
  radio_buttons: (field) => choices(field, "radio"),
  checkboxes: (field) => choices(field, "checkbox"),
  datepicker: (field) => native(field, "date"),
  timepicker: (field) => native(field, "time"),
  datetimepicker: (field) => native(field, "datetime-local"),
};

/** Asks first when the element wants it. @param {Block} element @param {BlockContext} context @param {() => void} then */
async function confirmed(element, context, then) {
  if (!element.confirm || (await askConfirm(element.confirm, context.names))) then();
}

/** The value an element starts with, as view_submit wants it. @param {Block} element */
function initialOf(element) {
  if (element.initial_options) return element.initial_options.map((/** @type {Block} */ option) => option.value);
  const initial =
    element.initial_option?.value ?? element.initial_value ?? element.initial_date ?? element.initial_time ?? element.initial_user ??
    element.initial_users ?? element.initial_channel ?? element.initial_channels ?? element.initial_conversation ?? null;
  if (initial !== null) return initial;
  return element.type.startsWith("multi_") || element.type === "checkboxes" ? [] : null;
}

/** What Slack's block_actions payload says about a value. @param {Block} element @param {any} value */
export function detailOf(element, value) {
  const find = (/** @type {string} */ wanted) => allOptions(element).find((option) => option.value === wanted) ?? { value: wanted };
  const type = element.type;
  if (type === "checkboxes" || type === "multi_static_select") return { selected_options: value.map(find) };
  if (type === "multi_users_select") return { selected_users: value };
  if (type === "multi_channels_select") return { selected_channels: value };
  if (type === "multi_conversations_select") return { selected_conversations: value };
  if (type === "users_select") return { selected_user: value };
  if (type === "channels_select") return { selected_channel: value };
  if (type === "conversations_select") return { selected_conversation: value };
  if (type === "datepicker") return { selected_date: value };
  if (type === "timepicker") return { selected_time: value };
  if (type === "datetimepicker") return { selected_date_time: value };
  if (type.endsWith("select") || type === "radio_buttons" || type === "overflow") return { selected_option: value === null ? null : find(value) };
  return { value };
}

/** @param {Block} element @returns {Block[]} */
function allOptions(element) {
  return element.options ?? (element.option_groups ?? []).flatMap((/** @type {Block} */ group) => group.options);
}

/** @param {Block} block @param {Block} element @param {BlockContext} context */
function button(block, element, context) {
  const style = element.style === "primary" || element.style === "danger" ? element.style : "";
  // The block id changes with every redraw of a card, so it is no part of the key: the button stays, and with it the focus.
  const shared = { class: `button ${style}`, "data-key": `button/${element.action_id ?? ""}/${element.value ?? ""}`, "aria-label": element.accessibility_label ?? null };
  const act = (/** @type {Event} */ event) => {
    const at = /** @type {HTMLElement} */ (event.currentTarget);
    confirmed(element, context, () => context.act(block, element, { value: element.value, text: element.text }, at));
  };
  const words = textObject(element.text, context.names);
  if (element.url) return h("a", { ...shared, href: /^https?:/i.test(element.url) ? element.url : null, target: "_blank", rel: "noopener noreferrer", onclick: act }, words, icon("open"));
  return h("button", { ...shared, type: "button", onclick: act }, words);
}

/** @param {Block} block @param {Block} element @param {BlockContext} context */
function overflow(block, element, context) {
  const options = element.options.map((/** @type {Block} */ option) => menuOption(option, context));
  const open = (/** @type {Event} */ event) => {
    const at = /** @type {HTMLElement} */ (event.currentTarget);
    openMenu(at, {
      options,
      label: "More actions",
      onPick: (value) => confirmed(element, context, () => context.act(block, element, detailOf(element, value), at)),
    });
  };
  const key = `overflow/${element.action_id ?? ""}`;
  return h("button", { class: "button overflow", type: "button", "data-key": key, "aria-label": "More actions", title: "More actions", "aria-haspopup": "listbox", "aria-expanded": "false", onclick: open }, icon("more"));
}

/** @param {Block} option @param {BlockContext} context @param {Node[]} [group] @returns {Option} */
function menuOption(option, context, group) {
  return {
    value: option.value,
    text: option.text?.text ?? option.value,
    label: textObject(option.text, context.names),
    description: option.description ? textObject(option.description, context.names) : undefined,
    group,
  };
}

/** The options of any select: its own, or the people and channels of the workspace. @param {Block} element @param {BlockContext} context @returns {Option[]} */
function selectOptions(element, context) {
  const named = (/** @type {{id: string, name: string}} */ one, /** @type {string} */ sign) => ({ value: one.id, text: one.name, label: plainText(sign + one.name, false) });
  if (element.type.includes("users")) return context.names.people().map((user) => named(user, "@"));
  if (element.type.includes("channels") || element.type.includes("conversations")) return context.names.channels().map((channel) => named(channel, "#"));
  if (element.options) return element.options.map((/** @type {Block} */ option) => menuOption(option, context));
  return (element.option_groups ?? []).flatMap((/** @type {Block} */ group) => {
    const label = textObject(group.label, context.names);
    return group.options.map((/** @type {Block} */ option) => menuOption(option, context, label));
  });
}

/** @param {Field} field @param {Node[] | HTMLElement[]} shown @param {(event: Event) => void} open @param {boolean} empty */
function selectButton(field, shown, open, empty) {
  return h(
    "button",
    { class: `select${empty ? " empty" : ""}`, type: "button", "data-key": `select/${field.element.action_id ?? ""}`, "data-slot": field.slot, role: "combobox", "aria-haspopup": "listbox", "aria-expanded": "false", "aria-label": field.label, onclick: open },
    h("span", { class: "select-value" }, shown),
    icon("down"),
  );
}

/** @param {Field} field */
function select(field) {
  const options = selectOptions(field.element, field.context);
  const chosen = options.find((option) => option.value === field.value);
  const open = (/** @type {Event} */ event) => {
    const at = /** @type {HTMLElement} */ (event.currentTarget);
    openMenu(at, {
      options,
      selected: field.value === null ? [] : [field.value],
      label: field.label,
      onPick: (value) => {
        field.value = value;
        at.querySelector(".select-value")?.replaceChildren(...clone(options.find((option) => option.value === value)));
        at.classList.remove("empty");
        field.change(value, at);
      },
    });
  };
  return selectButton(field, chosen ? clone(chosen) : plainText(field.element.placeholder?.text ?? "Choose an option"), open, !chosen);
}

/** @param {Option | undefined} option */
function clone(option) {
  return (option?.label ?? []).map((node) => node.cloneNode(true));
}

/** @param {Field} field */
function multiSelect(field) {
  const options = selectOptions(field.element, field.context);
  const shown = () => {
    const chosen = options.filter((option) => field.value.includes(option.value));
    return chosen.length ? chosen.map((option) => h("span", { class: "chip" }, clone(option))) : plainText(field.element.placeholder?.text ?? "Choose options");
  };
  const open = (/** @type {Event} */ event) => {
    const at = /** @type {HTMLElement} */ (event.currentTarget);
    openMenu(at, {
      options,
      selected: field.value,
      multiple: true,
      label: field.label,
      onPick: (value) => {
        field.value = field.value.includes(value) ? field.value.filter((/** @type {string} */ one) => one !== value) : [...field.value, value];
        at.querySelector(".select-value")?.replaceChildren(...shown());
        at.classList.toggle("empty", field.value.length === 0);
        field.change(field.value, at);
      },
    });
  };
  return selectButton(field, shown(), open, field.value.length === 0);
}

/** @param {Field} field @param {"radio" | "checkbox"} kind */
function choices(field, kind) {
  const isOn = (/** @type {Block} */ option) => (kind === "radio" ? field.value === option.value : field.value.includes(option.value));
  const onchange = (/** @type {Block} */ option) => (/** @type {Event} */ event) => {
    const at = /** @type {HTMLInputElement} */ (event.currentTarget);
    if (kind === "radio") field.value = option.value;
    else field.value = at.checked ? [...field.value, option.value] : field.value.filter((/** @type {string} */ one) => one !== option.value);
    field.change(field.value, at);
  };
  return h(
    "div",
    { class: "choices", role: kind === "radio" ? "radiogroup" : "group", "aria-label": field.label, "data-key": `choices/${field.slot}` },
    field.element.options.map((/** @type {Block} */ option) =>
      h(
        "label",
        { class: "choice" },
        h("input", { type: kind, name: field.slot, checked: isOn(option), onchange: onchange(option) }),
        h("span", { class: "choice-text" }, textObject(option.text, field.context.names), option.description && h("small", null, textObject(option.description, field.context.names))),
      ),
    ),
  );
}

/** @param {Field} field @param {"date" | "time" | "datetime-local"} type */
function native(field, type) {
  const onchange = (/** @type {Event} */ event) => {
    const at = /** @type {HTMLInputElement} */ (event.currentTarget);
    const value = type === "datetime-local" && at.value ? Math.round(new Date(at.value).getTime() / 1000) : at.value;
    field.change(value || null, at);
  };
  return h("input", { class: "text-input short", type, value: field.value ?? "", "aria-label": field.label, "data-slot": field.slot, "data-key": `native/${field.slot}`, onchange });
}
