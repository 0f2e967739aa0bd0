// What one arm answered to one item: run by run as a table, or one card for each different text.

function runTable(item, answers, onPaper) {
  const rows = answers.flatMap((answer) => {
    const shown = STATE.texts || answer.labels === null;
    const text =
      answer.text === null
        ? null
        : make(
            "tr",
            { class: "text", hidden: !shown || onPaper },
            make("td", { colspan: GRADERS.length + 7 }, answerText(answer.text)),
          );
    return [runRow(answer, text), text];
  });
  const heads = ["Run", ...GRADERS, "Tokens in", "out", "reasoning", "Latency"];
  const head = make(
    "tr",
    null,
    heads.map((name) => make("th", { scope: "col" }, name)),
    make("th", { scope: "col", class: "left" }, "Finish"),
    make("th", null),
  );
  return make(
    "div",
    { class: "scroll" },
    make("table", { class: "runs" }, make("thead", null, head), make("tbody", null, rows)),
  );
}

function runRow(answer, text) {
  if (answer.failure !== null && answer.text === null) {
    const why = make("td", { class: "why bad", colspan: GRADERS.length + 3 }, "No answer: ", said(answer.failure));
    return make(
      "tr",
      null,
      make("td", null, answer.run),
      why,
      make("td", null, seconds(answer.latency)),
      make("td", { class: "left" }, answer.finish ?? ""),
      make("td", null),
    );
  }
  const toggle = (event) => {
    text.hidden = !text.hidden;
    event.target.textContent = text.hidden ? "Show" : "Hide";
  };
  return make(
    "tr",
    null,
    make("td", null, answer.run),
    GRADERS.map((grader, index) => scoreCell(grader, answer.scores[index], answer.errors)),
    answer.tokens.map((count) => make("td", null, whole(count))),
    make("td", null, seconds(answer.latency)),
    make("td", { class: "left" }, answer.finish ?? DASH),
    make(
      "td",
      null,
      text &&
        make(
          "button",
          { type: "button", class: "text", onclick: toggle, "aria-label": `Answer of run ${answer.run}` },
          text.hidden ? "Show" : "Hide",
        ),
    ),
  );
}

function scoreCell(grader, value, errors) {
  if (typeof value === "string")
    return make("td", { class: "bad", title: "not a finite number: counted as no score" }, value);
  if (value === null && errors?.[grader])
    return make("td", { class: "bad", title: "the grader failed: counted as no score" }, errors[grader]);
  return make("td", null, score(value));
}

function answerText(text) {
  const shown = readable(text);
  return long(shown, CHOICE.query, "pre", {
    class: shown === text && !/^\s*[[{]/.test(text) ? "answer prose" : "answer",
  });
}

/** Answers that are texts: equal ones stand together. */
function cards(answers) {
  const groups = new Map();
  for (const answer of answers) {
    const key = answer.text === null ? `failure ${answer.failure}` : `text ${answer.text}`;
    groups.set(key, [...(groups.get(key) ?? []), answer]);
  }
  return [...groups.values()].map(card);
}

function card(group) {
  const [first] = group;
  const runs = `${group.length > 1 ? "Runs" : "Run"} ${runList(group.map((answer) => answer.run))}`;
  const figure = (index) => mean(group.map((answer) => answer.scores[index]).filter(isNumber));
  const tokens = mean(group.map((answer) => answer.tokens[1]).filter(isNumber));
  const head = [
    make("strong", null, runs),
    GRADERS.map((grader, index) => make("span", null, `${grader} ${score(figure(index))}`)),
    tokens !== null && make("span", null, `${whole(tokens)} tokens out`),
    make("span", null, seconds(mean(group.map((answer) => answer.latency).filter(isNumber)))),
    make("span", null, first.finish ?? ""),
  ];
  const body =
    first.text === null
      ? make("p", { class: "failure" }, "No answer: ", said(first.failure ?? "no reason given"))
      : answerText(first.text);
  return make("section", { class: "card" }, make("header", null, head), body);
}
