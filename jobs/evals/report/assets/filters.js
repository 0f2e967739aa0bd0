// The filters above the list.

const SEARCH = make("input", {
  type: "search",
  class: "wide",
  placeholder: "Search inputs, references, answers  /",
  "aria-label": "Search",
  autocomplete: "off",
  spellcheck: "false",
});
const CHIPS = make("div", { class: "chips wide" });
const SCORES = make("div", { class: "histogram wide" });
const SELECTS = {};

const search = (text) => change({ query: folded(text.trim()) });

function selectOf(name, words, options) {
  const onchange = ({ target }) => change({ [name]: name === "sort" ? target.value : Number(target.value) });
  SELECTS[name] = make(
    "select",
    { "aria-label": words, onchange },
    options.map(([value, text]) => make("option", { value }, text)),
  );
  return make("label", { class: ARMS.length > 1 ? "third" : "" }, words, SELECTS[name]);
}

function buildFilters() {
  const sorts = Object.entries(SORTS)
    .filter(([name]) => (name !== "gap" || ARMS.length > 1) && (name !== "spread" || RUNS > 1))
    .map(([name, [words]]) => [name, words]);
  const form = fill(find(".controls"), [
    SEARCH,
    selectOf("sort", "Order", sorts),
    selectOf("grader", "Grader", [...GRADERS.entries()]),
    ARMS.length > 1 && selectOf("arm", "Arm", [[-1, "All arms"], ...ARMS.entries()]),
    SCORES,
    CHIPS,
  ]);
  form.onsubmit = (event) => event.preventDefault();
  let waits = 0;
  SEARCH.oninput = () => {
    clearTimeout(waits);
    waits = setTimeout(() => search(SEARCH.value), 120);
  };
}

const TROUBLED = ITEMS.filter((item) => item.answers.some(hasTrouble)).length;

function paintFilters() {
  for (const [name, select] of Object.entries(SELECTS)) select.value = CHOICE[name];
  if (folded(SEARCH.value.trim()) !== CHOICE.query) SEARCH.value = CHOICE.query;
  const isTyping = SCORES.contains(document.activeElement) && document.activeElement.tagName === "INPUT";
  if (isTyping) SCORES.firstChild.replaceWith(histogram()); // a bound is being typed: its field stays
  else SCORES.replaceChildren(histogram(), range());
  CHIPS.replaceChildren(...chips());
  const isAll = SHOWN.length === ITEMS.length;
  const count = isAll ? many(ITEMS.length, "item") : `${whole(SHOWN.length)} of ${many(ITEMS.length, "item")}`;
  find(".count").replaceChildren(count);
  if (!isAll) find(".count").append(button({ class: "text", onclick: clearChoice }, "Show all"));
}

const toggle = (attributes, isOn, changes, ...inside) =>
  button({ "aria-pressed": String(isOn), onclick: () => change(changes), ...attributes }, ...inside);

function chips() {
  const { failures, kind, label } = CHOICE;
  return [
    (TROUBLED > 0 || failures) && toggle({}, failures, { failures: !failures }, `Only failures (${whole(TROUBLED)})`),
    label !== null && toggle({}, true, { label: null, kind: null }, `${kind}: ${label}  ×`),
  ].filter(Boolean);
}

const clearChoice = () => change(ALL);

// How the items' mean scores are distributed; a bar chooses its items.

const BINS = 10;

function histogram() {
  const width = (AXIS[1] - AXIS[0]) / BINS;
  const counts = Array(BINS).fill(0);
  for (const value of ITEMS.map(chosenMean).filter(isNumber))
    counts[Math.min(BINS - 1, Math.floor((value - AXIS[0]) / width + 1e-9))] += 1;
  const edge = (bin) => Number((AXIS[0] + bin * width).toFixed(3));
  return make(
    "div",
    { class: "bars" },
    counts.map((count, bin) => bar(count, Math.max(1, ...counts), edge(bin), edge(bin + 1))),
  );
}

function bar(count, highest, low, high) {
  const { low: from, high: to } = CHOICE;
  const isOn = (from !== null || to !== null) && low >= (from ?? -Infinity) - 1e-9 && high <= (to ?? Infinity) + 1e-9;
  const words = `${many(count, "item")} from ${low} to ${high}`;
  const changes = from === low && to === high ? { low: null, high: null } : { low, high };
  const height = `${count ? Math.max(5, (100 * count) / highest) : 0}%`;
  return toggle({ title: words, "aria-label": words }, isOn, changes, make("i", { style: { height } }));
}

function range() {
  const field = (name, words, placeholder) =>
    make("input", {
      type: "number",
      step: "0.05",
      "aria-label": words,
      placeholder: score(placeholder, 1),
      value: CHOICE[name] ?? "",
      onchange: ({ target }) => change({ [name]: target.value === "" ? null : Number(target.value) }),
    });
  const { threshold } = EVAL;
  const isFailing = CHOICE.high !== null && CHOICE.high === threshold && CHOICE.low === null;
  const failing = { low: null, high: isFailing ? null : threshold };
  return make(
    "div",
    { class: "range" },
    "Score",
    field("low", "Lowest mean score", AXIS[0]),
    "to",
    field("high", "Highest mean score", AXIS[1]),
    isNumber(threshold) &&
      GRADERS[CHOICE.grader] === EVAL.reward &&
      toggle({}, isFailing, failing, `Up to ${threshold}`),
  );
}
