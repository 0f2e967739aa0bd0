// On paper: the overview, then the chosen items in their order, as many as one would still leaf through.

const MOST_ON_PAPER = 100;

addEventListener("beforeprint", () => {
  const some = SHOWN.slice(0, MOST_ON_PAPER);
  const note =
    SHOWN.length > some.length &&
    make(
      "p",
      { class: "note" },
      `The first ${some.length} of ${whole(SHOWN.length)} chosen items follow; choose fewer to print others.`,
    );
  const first = make("div", null, overview(), note);
  find(".paper").replaceChildren(first, ...some.map((item) => make("section", null, itemPage(item, true))));
});
addEventListener("afterprint", () => find(".paper").replaceChildren());
