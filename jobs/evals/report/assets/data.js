// The data blocks of this file, as items with their answers. Columns as data.py writes them.

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
  words: null,
}));

for (const [item, arm, run, text, labels, scores, errors, failure, tokens, latency, finish, ungradable, people] of read("answers"))
  ITEMS[item].answers.push({ arm, run, text, labels, scores, errors, failure, tokens, latency, finish, ungradable, people });
for (const item of ITEMS) item.answers.sort((a, b) => a.arm - b.arm || a.run - b.run);

const ANSWERS = ITEMS.flatMap((item) => item.answers);
// References may hold lists that free text is graded by: without an answer that is a set, there is nothing to count.
if (ANSWERS.length && ANSWERS.every((answer) => answer.labels === null)) for (const item of ITEMS) item.labels = null;
const HAS_SETS = ITEMS.some((item) => item.labels !== null);
const RUNS = ANSWERS.reduce((most, answer) => Math.max(most, answer.run), EVAL.runs);

/** An answer that has no labels to read names none, as it is to the graders; one that is missing says nothing. */
const canCount = (item, answer) => item.labels !== null && answer.text !== null;
const named = (answer) => answer.labels ?? [];
const added = (item, answer) => named(answer).filter((label) => !item.expected.has(label));

/** An answer that is missing, that could not be graded, or on which a grader broke. */
const hasTrouble = (answer) =>
  answer.failure !== null ||
  answer.errors !== null ||
  answer.ungradable !== null || answer.scores.some((value) => typeof value === "string");

/** What can be searched of an item, once it is first searched. */
function wordsOf(item) {
  const answers = item.answers.map((each) => each.text ?? each.failure);
  item.words ??= folded([item.id, item.input ?? "", JSON.stringify(item.reference), ...answers].join("\n"));
  return item.words;
}
