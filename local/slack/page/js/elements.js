/** Interactive elements of Block Kit that act at once: buttons, selects, overflow menus, pickers. */
import { askConfirm } from "./dialog.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { plainText, textObject } from "./mrkdwn.js";

/** @typedef {(value: any, at: HTMLElement) => void} OnValue */
/** @typedef {{slot: string, element: Block, context: BlockContext, label: string, change: OnValue, value: any}} Field */

/** What a payload calls the value of an element; for all others it is `value`. */
const VALUE_KEYS = /** @type {Record<string, string>} */ ({
  static_select: "selected_option", external_select: "selected_option", radio_buttons: "selected_option", overflow: "selected_option",
  multi_static_select: "selected_options", checkboxes: "selected_options",
  users_select: "selected_user", multi_users_select: "selected_users",
  channels_select: "selected_channel", multi_channels_select: "selected_channels",
  conversations_select: "selected_conversation", multi_conversations_select: "selected_conversations",
  datepicker: "selected_date", timepicker: "selected_time", datetimepicker: "selected_date_time",
});

const VALUE_ELEMENTS = /** @type {Record<string, (field: Field) => HTMLElement>} */ ({
  static_select: select,
  external_select: select,
  users_select: select,
  channels_select: select,
  conversations_select: select,
  multi_static_select: select,
  multi_users_select: select,
  multi_channels_select: select,
  multi_conversations_select: select,
  radio_buttons: (field) => choices(field, "radio"),
  checkboxes: (field) => choices(field, "checkbox"),
  datepicker: (field) => picker(field, "date"),
  timepicker: (field) => picker(field, "time"),
  datetimepicker: (field) => picker(field, "datetime-local"),
});

/** Where a value is kept while the view is open. @param {Block} block @param {Block} element */
export function slotOf(block, element) {
  return `${block.block_id}/${element.action_id}`;
}

/** Every element of a block that a person can use. @param {Block} block @returns {Block[]} */
export function elementsOf(block) {
  if (block.type === "input") return [block.element];
  return [...(block.type === "actions" ? block.elements : []), ...(block.accessory ? [block.accessory] : [])];
}

/** Draws an element of a section or an actions block. @param {Block} block @param {Block} element @param {BlockContext} context @returns {HTMLElement | null} */
export function actionElement(block, element, context) {
  if (element.type === "button") return button(block, element, context);
  if (element.type === "overflow") return overflow(block, element, context);
  const label = element.placeholder?.text ?? block.text?.text ?? "Choose";
  return valueElement(block, element, context, label, (value, at) => context.act(block, element, detailOf(element, value), at));
}

/**
 * Draws an element that holds a value; `onValue` hears of every change. Null for a kind this page does not know.
 *
 * @param {Block} block
 * @param {Block} element
 * @param {BlockContext} context
 * @param {string} label what a screen reader calls it
 * @param {OnValue} onValue
 * @returns {HTMLElement | null}
 */
export function valueElement(block, element, context, label, onValue) {
  const slot = slotOf(block, element);
  if (!context.values.has(slot)) context.values.set(slot, initialOf(element));
  const change = (/** @type {any} */ value, /** @type {HTMLElement} */ at) => {
    context.values.set(slot, value);
    confirmed(element, context, () => onValue(value, at));
  };
  return VALUE_ELEMENTS[element.type]?.({ slot, element, context, label, change, value: context.values.get(slot) }) ?? null;
}

/** Asks first when the element wants it. @param {Block} element @param {BlockContext} context @param {() => void} then */
async function confirmed(element, context, then) {
  if (!element.confirm || (await askConfirm(element.confirm, context.names))) then();
}

/** The value an element starts with, as view_submit wants it. @param {Block} element */
export function initialOf(element) {
  const key = VALUE_KEYS[element.type] ?? "value";
  const initial = element[`initial_${key.replace("selected_", "")}`];
  if (key === "selected_options") return (initial ?? []).map((/** @type {Block} */ option) => option.value);
  if (key === "selected_option") return initial?.value ?? null;
  return initial ?? (key.endsWith("s") ? [] : null);
}

/** What Slack's block_actions payload says about a value. @param {Block} element @param {any} value */
export function detailOf(element, value) {
  const key = VALUE_KEYS[element.type] ?? "value";
  const options = element.options ?? (element.option_groups ?? []).flatMap((/** @type {Block} */ group) => group.options);
  const find = (/** @type {string} */ wanted) => options.find((/** @type {Block} */ option) => option.value === wanted) ?? { value: wanted };
  if (key === "selected_options") return { [key]: value.map(find) };
  return { [key]: key === "selected_option" && value !== null ? find(value) : value };
}

/** @param {Block} block @param {Block} element @param {BlockContext} context */
function button(block, element, context) {
  // The block id changes with every redraw of a card, so it is no part of the key: the button stays, and with it the focus.
  const shared = { class: `button ${element.style ?? ""}`, "data-key": `button/${element.action_id}/${element.value ?? ""}`, "aria-label": element.accessibility_label ?? null };
  const onclick = (/** @type {any} */ { currentTarget }) => confirmed(element, context, () => context.act(block, element, { value: element.value, text: element.text }, currentTarget));
  const words = textObject(element.text, context.names);
  if (element.url) return h("a", { ...shared, href: /^https?:/i.test(element.url) ? element.url : null, target: "_blank", rel: "noopener noreferrer", onclick }, words, icon("open"));
  return h("button", { ...shared, type: "button", onclick }, words);
}

/** @param {Block} block @param {Block} element @param {BlockContext} context */
function overflow(block, element, context) {
  const options = element.options.map((/** @type {Block} */ option) => menuOption(option, context));
  const onclick = (/** @type {any} */ { currentTarget }) =>
    openMenu(currentTarget, {
      options,
      label: "More actions",
      onPick: (value) => confirmed(element, context, () => context.act(block, element, detailOf(element, value), currentTarget)),
    });
  const names = { "aria-label": "More actions", title: "More actions", "aria-haspopup": "listbox", "aria-expanded": "false" };
  return h("button", { class: "button overflow", type: "button", "data-key": `overflow/${element.action_id}`, ...names, onclick }, icon("more"));
}

/** @param {Block} option @param {BlockContext} context @param {Node[]} [group] @returns {Option} */
function menuOption(option, context, group) {
  const description = option.description && textObject(option.description, context.names);
  return { value: option.value, text: option.text.text, label: textObject(option.text, context.names), description, group };
}

/** The options of any select: its own, or the people and channels of the workspace. @param {Field} field @returns {Option[]} */
function selectOptions({ element, context }) {
  const named = (/** @type {string} */ sign) => (/** @type {{id: string, name: string}} */ one) => ({ value: one.id, text: one.name, label: plainText(sign + one.name, false) });
  if (element.type.includes("users")) return context.names.people().map(named("@"));
  if (/channels|conversations/.test(element.type)) return context.names.channels().map(named("#"));
  if (element.options) return element.options.map((/** @type {Block} */ option) => menuOption(option, context));
  return (element.option_groups ?? []).flatMap((/** @type {Block} */ group) => {
    const label = textObject(group.label, context.names);
    return group.options.map((/** @type {Block} */ option) => menuOption(option, context, label));
  });
}

/** @param {Field} field */
function select(field) {
  const { element, label } = field;
  const many = element.type.startsWith("multi_");
  const options = selectOptions(field);
  const chosen = () => options.filter((option) => (many ? field.value.includes(option.value) : field.value === option.value));
  const shown = () => {
    const labels = chosen().map((option) => option.label.map((node) => node.cloneNode(true)));
    if (!labels.length) return plainText(element.placeholder?.text ?? (many ? "Choose options" : "Choose an option"));
    return many ? labels.map((nodes) => h("span", { class: "chip" }, nodes)) : labels[0];
  };
  const onclick = (/** @type {any} */ { currentTarget }) =>
    openMenu(currentTarget, {
      options,
      selected: chosen().map((option) => option.value),
      multiple: many,
      label,
      onPick: (value) => {
        field.value = many ? toggled(field.value, value) : value;
        currentTarget.querySelector(".select-value").replaceChildren(...shown());
        currentTarget.classList.toggle("empty", chosen().length === 0);
        field.change(field.value, currentTarget);
      },
    });
  return h(
    "button",
    { class: `select${chosen().length ? "" : " empty"}`, type: "button", "data-key": `select/${element.action_id}`, role: "combobox", "aria-haspopup": "listbox", "aria-expanded": "false", "aria-label": label, onclick },
    h("span", { class: "select-value" }, shown()),
    icon("down"),
  );
}

/** @param {string[]} values @param {string} value */
function toggled(values, value) {
  return values.includes(value) ? values.filter((one) => one !== value) : [...values, value];
}

/** @param {Field} field @param {"radio" | "checkbox"} kind */
function choices(field, kind) {
  const { names } = field.context;
  const choice = (/** @type {Block} */ option) => {
    const onchange = (/** @type {any} */ { currentTarget }) => {
      field.value = kind === "radio" ? option.value : toggled(field.value, option.value);
      field.change(field.value, currentTarget);
    };
    const checked = kind === "radio" ? field.value === option.value : field.value.includes(option.value);
    return h(
      "label",
      { class: "choice" },
      h("input", { type: kind, name: field.slot, checked, onchange }),
      h("span", { class: "choice-text" }, textObject(option.text, names), option.description && h("small", null, textObject(option.description, names))),
    );
  };
  return h("div", { class: "choices", role: kind === "radio" ? "radiogroup" : "group", "aria-label": field.label, "data-key": `choices/${field.slot}` }, field.element.options.map(choice));
}

/** The browser's own picker. @param {Field} field @param {"date" | "time" | "datetime-local"} type */
function picker(field, type) {
  const isMoment = type === "datetime-local";
  const onchange = (/** @type {any} */ { currentTarget }) => {
    const { value } = currentTarget;
    field.change((isMoment && value ? Math.round(new Date(value).getTime() / 1000) : value) || null, currentTarget);
  };
  // Swedish writes a local time as the input wants it, but for the T.
  const value = isMoment && field.value ? new Date(field.value * 1000).toLocaleString("sv-SE").slice(0, 16).replace(" ", "T") : (field.value ?? "");
  return h("input", { class: "text-input short", type, value, "aria-label": field.label, "data-key": `picker/${field.slot}`, onchange });
}
