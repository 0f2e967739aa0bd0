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
  if (SHOWN.includes(STATE.item)) LIST.setAttribute("aria-activedescendant", `row-${STATE.item.index}`);
  else LIST.removeAttribute("aria-activedescendant");
}

function row(item, place) {
  const value = chosenMean(item);
  const troubles = chosenAnswers(item).filter(hasTrouble).length;
  const text = item.input ?? "No longer in the split";
  return make(
    "div",
    {
      class: "row",
      id: `row-${item.index}`,
      role: "option",
      style: { top: `${place * ROW}px` },
      "aria-selected": String(item === STATE.item),
      "aria-setsize": SHOWN.length,
      "aria-posinset": place + 1,
      onclick: () => openItem(item),
    },
    make("span", { class: value === null ? "score none" : "score" }, tight(value)),
    make(
      "span",
      { class: "words" },
      make("span", { class: "id" }, said(item.id, CHOICE.query), troubles > 0 && make("b", many(troubles, "failure"))),
      said(text.slice(0, 240), CHOICE.query, "span", { class: "snippet" }),
    ),
    strip(item),
  );
}

function nothing() {
  const clear = button({ onclick: clearChoice }, "Show all items");
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

let frame = 0;
function listSoon() {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(paintList);
}

// One item's scores at a glance: a line from the lowest possible score to the highest, a dot a run, a bar at the mean.

const STRIP = { width: 84, row: 14, inset: 4, most: 4 };

function strip(item) {
  const { arms, means } = FIGURES[item.index];
  const rows = chosenArms().slice(0, STRIP.most);
  const height = rows.length * STRIP.row;
  const at = (value) => STRIP.inset + ((value - AXIS[0]) / (AXIS[1] - AXIS[0])) * (STRIP.width - 2 * STRIP.inset);
  const words = rows
    .map((arm) => `${ARMS[arm]}: mean ${score(means[arm])} of ${many(arms[arm].length, "run")}`)
    .join("; ");
  return draw(
    "svg",
    { class: "strip", viewBox: `0 0 ${STRIP.width} ${height}`, height, role: "img", "aria-label": words },
    draw("title", words),
    rows.map((arm, place) => stripRow(arms[arm], means[arm], at, (place + 0.5) * STRIP.row)),
  );
}

function stripRow(values, middle, at, y) {
  return [
    draw("line", { class: "axis", x1: STRIP.inset, x2: STRIP.width - STRIP.inset, y1: y, y2: y }),
    values.map((value) => draw("circle", { class: "run", cx: at(value), cy: y, r: 3.2 })),
    middle !== null && draw("line", { class: "mean", x1: at(middle), x2: at(middle), y1: y - 5, y2: y + 5 }),
  ];
}
