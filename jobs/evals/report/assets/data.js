// The data blocks of this file, as items with their answers. Columns as report_data.py writes them.

const read = (kind) =>
  [...document.querySelectorAll(`script[data-block="${kind}"]`)].flatMap((block) => JSON.parse(block.textContent));

const EVAL = read("eval")[0];
const ARMS = EVAL.arms;
const GRADERS = EVAL.graders;

const ITEMS = read("items").map(([id, input, reference, labels], index) => ({
  index,
  id,
  input,
  reference,
  labels,
  expected: labels && new Set(labels),
  answers: [],
  failures: 0,
  words: null,
}));

for (const [item, arm, run, text, labels, scores, errors, failure, tokens, latency, finish] of read("answers")) {
  const of = ITEMS[item];
  of.answers.push({ arm, run, text, labels, scores, errors, failure, tokens, latency, finish });
  if (failure !== null) of.failures += 1;
}
for (const item of ITEMS) item.answers.sort((a, b) => a.arm - b.arm || a.run - b.run);

const ANSWERS = ITEMS.reduce((sum, item) => sum + item.answers.length, 0);
const HAS_SETS = ITEMS.some((item) => item.labels !== null);
const RUNS = ITEMS.reduce(
  (most, item) => item.answers.reduce((top, answer) => Math.max(top, answer.run), most),
  EVAL.runs,
);

/** An answer that has no labels to read names none, as it is to the graders; one that is missing says nothing. */
const canCount = (item, answer) => item.labels !== null && answer.text !== null;
const named = (answer) => answer.labels ?? [];
const added = (item, answer) => named(answer).filter((label) => !item.expected.has(label));

/** What can be searched of an item, once it is first searched. */
function wordsOf(item) {
  item.words ??= folded(
    [
      item.id,
      item.input ?? "",
      JSON.stringify(item.reference),
      ...item.answers.map((each) => each.text ?? each.failure),
    ].join("\n"),
  );
  return item.words;
}
