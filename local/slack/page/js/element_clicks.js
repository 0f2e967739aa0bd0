/** A click on an app's element: it shows that it waits, reaches the app, and says so when it did not. */
import { api } from "./api.js";
import { detailOf, elementsOf, slotOf } from "./elements.js";
import { notify } from "./notices.js";

/** @param {Store} store @param {{channel: string, messageTs: string} | {view: View}} where @returns {BlockContext["act"]} */
export function clickHandler(store, where) {
  return async (block, element, detail, at) => {
    if (at.dataset.waiting !== undefined || !store.me) return;
    at.dataset.waiting = "";
    at.setAttribute("aria-busy", "true");
    const action = { type: element.type, action_id: element.action_id, block_id: block.block_id, ...detail };
    const place = "view" in where ? { view_id: where.view.id, state: { values: stateOf(where.view, store) } } : where;
    const answer = await api.interact({ user: store.me.name, ...place, action });
    delete at.dataset.waiting;
    at.removeAttribute("aria-busy");
    if (!answer.ok) notify(answer.error, "error");
  };
}

/** What a view's fields hold, in the shape of Slack's own `state.values`. @param {View} view @param {Store} store */
function stateOf(view, store) {
  const known = store.valuesOf(view.id);
  const values = /** @type {Record<string, Record<string, any>>} */ ({});
  for (const block of view.blocks) {
    for (const element of elementsOf(block)) {
      const slot = slotOf(block, element);
      if (known.has(slot)) (values[block.block_id] ??= {})[element.action_id] = { type: element.type, ...detailOf(element, known.get(slot)) };
    }
  }
  return values;
}
