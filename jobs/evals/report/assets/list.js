// The list of items. Only the rows that can be seen exist, so that 50,000 items scroll like 50.

const ROW = 76;
const SPARE = 4;
const LIST = find(".list");
const SPACE = find(".list-space");

function paintList() {
  const first = Math.max(0, Math.floor(LIST.scrollTop / ROW) - SPARE);
  const last = Math.min(SHOWN.length, Math.ceil((LIST.scrollTop + LIST.clientHeight) / ROW) + SPARE);
  SPACE.style.height = `${SHOWN.length * ROW}px`;
  SPACE.replaceChildren(...SHOWN.slice(first, last).map((item, offset) => row(item, first + offset)));
  if (!SHOWN.length) SPACE.replaceChildren(nothing());
  const current = SHOWN.indexOf(STATE.item);
  if (current < 0) LIST.removeAttribute("aria-activedescendant");
  else LIST.setAttribute("aria-activedescendant", `row-${STATE.item.index}`);
}

function row(item, place) {
  const value = chosenMean(item);
  const troubles = chosenAnswers(item).filter(hasTrouble).length;
  const text = item.input ?? "No longer in the split";
  const element = make(
    "div",
    {
      class: "row",
      id: `row-${item.index}`,
      role: "option",
      "aria-selected": String(item === STATE.item),
      "aria-setsize": SHOWN.length,
      "aria-posinset": place + 1,
      onclick: () => openItem(item),
    },
    make("span", { class: value === null ? "score none" : "score" }, tight(value)),
    make(
      "span",
      { class: "words" },
      make(
        "span",
        { class: "id" },
        said(item.id, CHOICE.query),
        troubles > 0 && make("b", null, many(troubles, "failure")),
      ),
      said(text.slice(0, 240), CHOICE.query, "span", { class: "snippet" }),
    ),
    strip(item),
  );
  element.style.top = `${place * ROW}px`;
  return element;
}

function nothing() {
  const clear = make("button", { type: "button", onclick: clearChoice }, "Show all items");
  return make("div", { class: "nothing" }, ITEMS.length ? ["No item matches.", clear] : "There are no items yet.");
}

/** Scroll just far enough that the item's row can be seen. */
function reveal(item) {
  const place = SHOWN.indexOf(item);
  if (place < 0) return;
  const top = place * ROW;
  if (top < LIST.scrollTop) LIST.scrollTop = top;
  else if (top + ROW > LIST.scrollTop + LIST.clientHeight) LIST.scrollTop = top + ROW - LIST.clientHeight;
}

let listWaits = false;
function listSoon() {
  if (listWaits) return;
  listWaits = true;
  requestAnimationFrame(() => {
    listWaits = false;
    paintList();
  });
}
