/** The `input` block: a label, a field, a hint, and the sentence that says what is wrong with it. */
import { h } from "./dom.js";
import { elementsOf, slotOf, valueElement } from "./elements.js";
import { icon } from "./icons.js";
import { textObject } from "./mrkdwn.js";

/** @typedef {import("./types.js").Block} Block */
/** @typedef {import("./types.js").BlockContext} BlockContext */

const TEXT_TYPES = /** @type {Record<string, string>} */ ({ plain_text_input: "text", email_text_input: "email", url_text_input: "url", number_input: "number" });

/** Elements made of several controls, which a label cannot point at. */
const GROUPED = new Set(["radio_buttons", "checkboxes"]);

/**
 * @param {Block} block
 * @param {BlockContext} context
 * @returns {HTMLElement}
 */
export function inputBlock(block, context) {
  const element = block.element;
  const label = block.label?.text ?? "Field";
  const error = context.errors?.[block.block_id];
  const onValue = (/** @type {any} */ value, /** @type {HTMLElement} */ at) => {
    if (block.dispatch_action) context.act(block, element, { value }, at);
  };
  const field = element.type in TEXT_TYPES ? textField(block, context, label) : valueElement(block, element, context, label, onValue);
  const ids = describe(field, block, error);
  return h(
    "div",
    { class: `field${error ? " invalid" : ""}`, "data-block": block.block_id },
    h(
      GROUPED.has(element.type) ? "div" : "label",
      { class: "field-label", for: GROUPED.has(element.type) ? null : ids.field },
      textObject(block.label, context.names),
      block.optional && h("span", { class: "field-optional" }, " (optional)"),
    ),
    field ?? h("p", { class: "unknown-block" }, `A field of type ${element.type} cannot be shown here.`),
    error && h("p", { class: "field-error", id: ids.error, role: "alert" }, icon("alert"), error),
    block.hint && h("p", { class: "field-hint", id: ids.hint }, textObject(block.hint, context.names)),
  );
}

/** Ties field, label, hint and error together for screen readers. @param {HTMLElement | null} field @param {Block} block @param {string | undefined} error */
function describe(field, block, error) {
  const base = `field-${block.block_id ?? ""}`;
  const ids = { field: base, error: `${base}-error`, hint: `${base}-hint` };
  if (!field) return ids;
  field.id = ids.field;
  const described = [error && ids.error, block.hint && ids.hint].filter(Boolean).join(" ");
  if (described) field.setAttribute("aria-describedby", described);
  if (error) field.setAttribute("aria-invalid", "true");
  if (!block.optional) field.setAttribute("aria-required", "true");
  return ids;
}

/** @param {Block} block @param {BlockContext} context @param {string} label */
function textField(block, context, label) {
  const element = block.element;
  const slot = slotOf(block, element);
  if (!context.values.has(slot)) context.values.set(slot, element.initial_value ?? "");
  const multiline = element.type === "plain_text_input" && element.multiline;
  const dispatch = (/** @type {HTMLElement} */ at) => block.dispatch_action && context.act(block, element, { value: context.values.get(slot) }, at);
  return h(multiline ? "textarea" : "input", {
    class: "text-input",
    type: multiline ? null : TEXT_TYPES[element.type],
    rows: multiline ? "4" : null,
    "aria-label": label,
    "data-slot": slot,
    "data-key": `text/${slot}`,
    placeholder: element.placeholder?.text ?? null,
    maxlength: element.max_length ?? null,
    min: element.min_value ?? null,
    max: element.max_value ?? null,
    step: element.is_decimal_allowed ? "any" : null,
    autofocus: element.focus_on_load ?? null,
    value: context.values.get(slot),
    oninput: (/** @type {any} */ event) => context.values.set(slot, event.currentTarget.value),
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && block.dispatch_action && !multiline) {
        event.preventDefault();
        dispatch(/** @type {HTMLElement} */ (event.currentTarget));
      }
    },
  });
}

/**
 * Collects what a view holds, in the shape /_control/view_submit reads: one plain value by block id for input blocks,
 * by action id for fields elsewhere.
 *
 * @param {Block[]} blocks
 * @param {Map<string, any>} values
 * @returns {Record<string, any>}
 */
export function submission(blocks, values) {
  const found = /** @type {Record<string, any>} */ ({});
  for (const block of blocks) {
    if (block.type === "input") {
      const value = values.get(slotOf(block, block.element));
      found[block.block_id] = value === "" ? null : (value ?? null);
      continue;
    }
    for (const element of elementsOf(block)) {
      const slot = slotOf(block, element);
      if (values.has(slot)) found[element.action_id] = values.get(slot);
    }
  }
  return found;
}

/** Required fields that are empty, with a sentence each, so that a form is not sent in vain. @param {Block[]} blocks @param {Map<string, any>} values @returns {Record<string, string>} */
export function missing(blocks, values) {
  const found = /** @type {Record<string, string>} */ ({});
  for (const block of blocks) {
    if (block.type !== "input" || block.optional) continue;
    const value = values.get(slotOf(block, block.element));
    const empty = value === null || value === undefined || (typeof value === "string" ? value.trim() === "" : Array.isArray(value) && value.length === 0);
    if (empty) found[block.block_id] = "Please complete this required field.";
    else if (block.element.min_length && String(value).length < block.element.min_length) found[block.block_id] = `Please enter at least ${block.element.min_length} characters.`;
  }
  return found;
}
