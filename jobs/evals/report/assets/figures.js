// Numbers as people read them. What is absent is a dash, never 0.

const DASH = "–";
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const whole = (value) => (isNumber(value) ? Math.round(value).toLocaleString("en") : DASH);
const score = (value, digits = 2) => (isNumber(value) ? value.toFixed(digits) : DASH);
const tight = (value) =>
  score(value)
    .replace(/^0\./, ".")
    .replace(/^1\.00$/, "1")
    .replace(/^\.00$/, "0");
const seconds = (value) => (!isNumber(value) ? DASH : `${value < 10 ? value.toFixed(1) : whole(value)} s`);
const share = (value) => (isNumber(value) ? `${(100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0)}%` : DASH);
const many = (count, one, more = `${one}s`) => `${whole(count)} ${count === 1 ? one : more}`;
const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);

function spread(values) {
  if (values.length < 2) return null;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/** [1, 4, 5, 6] as "1, 4–6". */
function runList(runs) {
  const parts = [];
  for (const run of [...runs].sort((a, b) => a - b)) {
    const last = parts.at(-1);
    if (last && last[1] === run - 1) last[1] = run;
    else parts.push([run, run]);
  }
  return parts
    .map(([from, to]) => (from === to ? from : to === from + 1 ? `${from}, ${to}` : `${from}–${to}`))
    .join(", ");
}

function moment(time) {
  if (!isNumber(time)) return DASH;
  return new Date(time * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

/** JSON spread over lines where the text is JSON, else the text. */
function readable(text) {
  const first = text.trimStart()[0];
  if ((first !== "{" && first !== "[") || text.length > 200000) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
