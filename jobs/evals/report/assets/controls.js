// The filters above the list.

const CONTROLS = find(".controls");
const SEARCH = make("input", {
  type: "search",
  class: "wide",
  placeholder: "Search inputs, references, answers  /",
  "aria-label": "Search",
  autocomplete: "off",
  spellcheck: "false",
});
const REST = make("div", { class: "chips wide" });
const SCORES = make("div", { class: "histogram wide" });
const PICKS = {};

function pick(name, words, options, get, set) {
  const select = make(
    "select",
    { "aria-label": words, onchange: () => change({ [name]: set(select.value) }) },
    options.map(([value, text]) => make("option", { value }, text)),
  );
  PICKS[name] = () => (select.value = get());
  return make("label", { class: ARMS.length > 1 ? "third" : "" }, words, select);
}

function buildControls() {
  const asNumber = (name) => [() => String(CHOICE[name]), Number];
  const sorts = Object.entries(SORTS).filter(
    ([name]) => (name !== "gap" || ARMS.length > 1) && (name !== "spread" || RUNS > 1),
  );
  CONTROLS.append(
    SEARCH,
    pick("sort", "Order", sorts, () => CHOICE.sort, String),
    pick(
      "grader",
      "Grader",
      GRADERS.map((name, index) => [index, name]),
      ...asNumber("grader"),
    ),
    ARMS.length > 1
      ? pick("arm", "Arm", [[-1, "All arms"], ...ARMS.map((name, index) => [index, name])], ...asNumber("arm"))
      : "",
    SCORES,
    REST,
  );
  CONTROLS.onsubmit = (event) => event.preventDefault();
  let waits = 0;
  SEARCH.oninput = () => {
    clearTimeout(waits);
    waits = setTimeout(() => change({ query: folded(SEARCH.value.trim()) }), 120);
  };
}

const TROUBLED = ITEMS.filter((item) => item.answers.some(hasTrouble)).length;

function paintControls() {
  for (const paint of Object.values(PICKS)) paint();
  if (folded(SEARCH.value.trim()) !== CHOICE.query) SEARCH.value = CHOICE.query;
  if (!SCORES.contains(document.activeElement) || document.activeElement.tagName === "BUTTON")
    SCORES.replaceChildren(histogram(), range());
  else SCORES.firstChild.replaceWith(histogram()); // a bound is being typed: its field stays
  REST.replaceChildren(...chips());
  const isAll = SHOWN.length === ITEMS.length;
  const clear = !isAll && make("button", { type: "button", class: "text", onclick: clearChoice }, "Show all");
  find(".count").replaceChildren(
    ...[isAll ? many(ITEMS.length, "item") : `${whole(SHOWN.length)} of ${many(ITEMS.length, "item")}`, clear].filter(
      Boolean,
    ),
  );
}

function chips() {
  const chip = (text, isOn, changes) =>
    make("button", { type: "button", "aria-pressed": String(isOn), onclick: () => change(changes) }, text);
  return [
    (TROUBLED > 0 || CHOICE.failures) &&
      chip(`Only failures (${whole(TROUBLED)})`, CHOICE.failures, { failures: !CHOICE.failures }),
    CHOICE.label !== null && chip(`${CHOICE.kind}: ${CHOICE.label}  ×`, true, { label: null, kind: null }),
  ].filter(Boolean);
}

const clearChoice = () => change({ low: null, high: null, failures: false, label: null, kind: null, query: "" });
