// How the items' mean scores are distributed; a bar chooses its items.

const BINS = 10;

function histogram() {
  const width = (AXIS[1] - AXIS[0]) / BINS;
  const counts = Array(BINS).fill(0);
  for (const item of ITEMS) {
    const value = chosenMean(item);
    if (value !== null) counts[Math.min(BINS - 1, Math.floor((value - AXIS[0]) / width + 1e-9))] += 1;
  }
  const most = Math.max(1, ...counts);
  const edge = (bin) => Number((AXIS[0] + bin * width).toFixed(3));
  const bars = counts.map((count, bin) => {
    const [low, high] = [edge(bin), edge(bin + 1)];
    const isOn =
      (CHOICE.low !== null || CHOICE.high !== null) &&
      low >= (CHOICE.low ?? -Infinity) - 1e-9 &&
      high <= (CHOICE.high ?? Infinity) + 1e-9;
    const words = `${many(count, "item")} from ${low} to ${high}`;
    const only = isOn && CHOICE.low === low && CHOICE.high === high;
    const level = make("i");
    level.style.height = `${count ? Math.max(5, (100 * count) / most) : 0}%`;
    return make(
      "button",
      {
        type: "button",
        title: words,
        "aria-label": words,
        "aria-pressed": String(isOn),
        onclick: () => change(only ? { low: null, high: null } : { low, high }),
      },
      level,
    );
  });
  return make("div", { class: "bars" }, bars);
}

function range() {
  const field = (name, words) =>
    make("input", {
      type: "number",
      step: "0.05",
      "aria-label": words,
      placeholder: name === "low" ? score(AXIS[0], 1) : score(AXIS[1], 1),
      value: CHOICE[name] ?? "",
      onchange: (event) => change({ [name]: event.target.value === "" ? null : Number(event.target.value) }),
    });
  const isFailing = CHOICE.high !== null && CHOICE.high === EVAL.threshold && CHOICE.low === null;
  const below =
    isNumber(EVAL.threshold) &&
    GRADERS[CHOICE.grader] === EVAL.reward &&
    make(
      "button",
      {
        type: "button",
        "aria-pressed": String(isFailing),
        onclick: () => change(isFailing ? { high: null } : { low: null, high: EVAL.threshold }),
      },
      `Up to ${EVAL.threshold}`,
    );
  return make(
    "div",
    { class: "range" },
    "Score",
    field("low", "Lowest mean score"),
    "to",
    field("high", "Highest mean score"),
    below,
  );
}
