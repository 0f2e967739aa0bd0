// What the person chose to see, and which items that leaves in which order.

const ALL = { low: null, high: null, failures: false, label: null, kind: null, query: "" };
const CHOICE = { grader: 0, arm: -1, sort: "worst", ...ALL };

const KINDS = {
  missed: (item, answer, label) => item.expected.has(label) && !named(answer).includes(label),
  added: (item, answer, label) => !item.expected.has(label) && named(answer).includes(label),
};

let FIGURES = [];
let AXIS = [0, 1];
let SHOWN = [];

/** Scores of the chosen grader: once for each choice of grader. */
function measure() {
  FIGURES = ITEMS.map((item) => {
    const arms = ARMS.map(() => []);
    for (const answer of item.answers) {
      const value = answer.scores[CHOICE.grader];
      if (isNumber(value)) arms[answer.arm].push(value);
    }
    return { arms, means: arms.map(mean) };
  });
  const all = FIGURES.flatMap((figures) => figures.arms.flat());
  AXIS = all.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [0, 1]);
}

const isChosenArm = (arm) => CHOICE.arm < 0 || CHOICE.arm === arm;
const chosenArms = () => ARMS.map((_, arm) => arm).filter(isChosenArm);
const chosenScores = (item) => FIGURES[item.index].arms.filter((_, arm) => isChosenArm(arm));
const chosenMean = (item) => mean(chosenScores(item).flat());
const chosenAnswers = (item) => item.answers.filter((answer) => isChosenArm(answer.arm));

function isWanted(item, value) {
  const { low, high, failures, label, kind, query } = CHOICE;
  if (low !== null && !(value !== null && value >= low)) return false;
  if (high !== null && !(value !== null && value <= high)) return false;
  if (failures && !chosenAnswers(item).some(hasTrouble)) return false;
  if (label !== null && !chosenAnswers(item).some((each) => canCount(item, each) && KINDS[kind](item, each, label)))
    return false;
  return !query || wordsOf(item).includes(query);
}

/** How far apart the arms' means are, as a negative number. */
function gap(item) {
  const means = FIGURES[item.index].means.filter(isNumber);
  return means.length < 2 ? null : Math.min(...means) - Math.max(...means);
}

const most = (of) => (item) => {
  const value = of(item);
  return value === null ? null : -value;
};

/** By name: how it is called, and the figure that sorts the items, the lowest first. */
const SORTS = {
  worst: ["Worst first", chosenMean],
  best: ["Best first", most(chosenMean)],
  spread: ["Least consistent first", most((item) => Math.max(...chosenScores(item).map((each) => spread(each) ?? -1)))],
  gap: ["Arms differ most first", gap],
  order: ["As in the split", (item) => item.index],
  tokens: ["Most output tokens first", most((item) => meanOf(chosenAnswers(item), (answer) => answer.tokens[1]))],
  latency: ["Slowest first", most((item) => meanOf(chosenAnswers(item), (answer) => answer.latency))],
};

/** Choose and sort again; items without the figure that sorts come last. */
function choose() {
  const key = SORTS[CHOICE.sort][1];
  SHOWN = ITEMS.filter((item) => isWanted(item, chosenMean(item)))
    .map((item) => ({ item, key: key(item) }))
    .sort((a, b) => (a.key === null) - (b.key === null) || a.key - b.key || a.item.index - b.item.index)
    .map(({ item }) => item);
}

// The choice stands in the address, so that it can be shared and survives a reload.
function choiceAsHash(itemId) {
  const words = new URLSearchParams();
  if (itemId !== null) words.set("item", itemId);
  if (CHOICE.grader) words.set("grader", GRADERS[CHOICE.grader]);
  if (CHOICE.arm >= 0) words.set("arm", ARMS[CHOICE.arm]);
  if (CHOICE.sort !== "worst") words.set("sort", CHOICE.sort);
  if (CHOICE.failures) words.set("failures", "only");
  for (const name of ["low", "high", "label", "kind", "query"])
    if (CHOICE[name] !== null && CHOICE[name] !== "") words.set(name, CHOICE[name]);
  return words.toString();
}

/** Take the choice from the address; return the id of the item it names, or null. */
function choiceFromHash() {
  const words = new URLSearchParams(location.hash.slice(1));
  const bound = (name) => (words.has(name) && isNumber(Number(words.get(name))) ? Number(words.get(name)) : null);
  const known = (name, names) => (Object.hasOwn(names, words.get(name) ?? "") ? words.get(name) : null);
  CHOICE.grader = Math.max(0, GRADERS.indexOf(words.get("grader")));
  CHOICE.arm = ARMS.indexOf(words.get("arm"));
  CHOICE.sort = known("sort", SORTS) ?? "worst";
  CHOICE.failures = words.get("failures") === "only";
  CHOICE.low = bound("low");
  CHOICE.high = bound("high");
  CHOICE.kind = known("kind", KINDS);
  CHOICE.label = CHOICE.kind ? words.get("label") : null;
  CHOICE.query = folded(words.get("query") ?? "");
  return words.get("item");
}
