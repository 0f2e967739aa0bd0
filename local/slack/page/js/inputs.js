/** The `input` block: a label, a field, a hint, and the sentence that says what is wrong with it. */
import { h } from "./dom.js";
import { elementsOf, initialOf, slotOf, valueElement } from "./elements.js";
import { icon } from "./icons.js";
import { textObject } from "./mrkdwn.js";

const TEXT_TYPES = /** @type {Record<string, string>} */ ({ plain_text_input: "text", email_text_input: "email", url_text_input: "url", number_input: "number" });

/** Elements made of several controls, which a label cannot point at. */
const GROUPED = new Set(["radio_buttons", "checkboxes"]);

/** @param {Block} block @param {BlockContext} context @returns {HTMLElement} */
export function inputBlock(block, context) {
  const { element } = block;
  const error = context.errors?.[block.block_id];
  const onValue = (/** @type {any} */ value, /** @type {HTMLElement} */ at) => block.dispatch_action && context.act(block, element, { value }, at);
  const field = element.type in TEXT_TYPES ? textField(block, context, onValue) : valueElement(block, element, context, block.label.text, onValue);
  const id = `field-${block.block_id}`;
  if (field) {
    // Ties field, label, hint and error together for screen readers.
    field.id = id;
    const described = [error && `${id}-error`, block.hint && `${id}-hint`].filter(Boolean).join(" ");
    if (described) field.setAttribute("aria-describedby", described);
    if (error) field.setAttribute("aria-invalid", "true");
    if (!block.optional) field.setAttribute("aria-required", "true");
  }
  const grouped = GROUPED.has(element.type);
  return h(
    "div",
    { class: `field${error ? " invalid" : ""}` },
    h(grouped ? "div" : "label", { class: "field-label", for: grouped ? null : id }, textObject(block.label, context.names), block.optional && h("span", { class: "field-optional" }, " (optional)")),
    field ?? h("p", { class: "unknown-block" }, `A field of type ${element.type} cannot be shown here.`),
    error && h("p", { class: "field-error", id: `${id}-error`, role: "alert" }, icon("alert"), error),
    block.hint && h("p", { class: "field-hint", id: `${id}-hint` }, textObject(block.hint, context.names)),
  );
}

/** @param {Block} block @param {BlockContext} context @param {(value: any, at: HTMLElement) => void} onEnter */
function textField(block, context, onEnter) {
  const { element } = block;
  const slot = slotOf(block, element);
  if (!context.values.has(slot)) context.values.set(slot, initialOf(element) ?? "");
  const multiline = Boolean(element.multiline);
  return h(multiline ? "textarea" : "input", {
    class: "text-input",
    type: multiline ? null : TEXT_TYPES[element.type],
    rows: multiline ? "4" : null,
    "aria-label": block.label.text,
    "data-key": `text/${slot}`,
    placeholder: element.placeholder?.text ?? null,
    maxlength: element.max_length ?? null,
    min: element.min_value ?? null,
    max: element.max_value ?? null,
    step: element.is_decimal_allowed ? "any" : null,
    autofocus: element.focus_on_load ?? null,
    value: context.values.get(slot),
    oninput: (/** @type {any} */ event) => context.values.set(slot, event.currentTarget.value),
    onkeydown: (/** @type {any} */ event) => {
      if (event.key !== "Enter" || !block.dispatch_action || multiline) return;
      event.preventDefault();
      onEnter(context.values.get(slot), event.currentTarget);
    },
  });
}

/**
 * Collects what a view holds, in the shape /_control/view_submit reads: one plain value by block id for input blocks,
 * by action id for fields elsewhere.
 *
 * @param {Block[]} blocks
 * @param {Map<string, any>} values
 */
export function submission(blocks, values) {
  const found = /** @type {Record<string, any>} */ ({});
  for (const block of blocks) {
    for (const element of elementsOf(block)) {
      const value = values.get(slotOf(block, element));
      if (block.type === "input") found[block.block_id] = value === "" ? null : (value ?? null);
      else if (value !== undefined) found[element.action_id] = value;
    }
  }
  return found;
}

/** Required fields that are empty, with a sentence each, so that a form is not sent in vain. @param {Block[]} blocks @param {Map<string, any>} values */
export function missing(blocks, values) {
  const found = /** @type {Record<string, string>} */ ({});
  for (const block of blocks) {
    if (block.type !== "input" || block.optional) continue;
    const text = String(values.get(slotOf(block, block.element)) ?? "").trim();
    const least = block.element.min_length ?? 0;
    if (!text) found[block.block_id] = "Please complete this required field.";
    else if (text.length < least) found[block.block_id] = `Please enter at least ${least} characters.`;
  }
  return found;
}
