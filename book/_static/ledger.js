/* Filters the claim ledger by section, verdict and profile. Without this file the page shows every claim. */
document.addEventListener("DOMContentLoaded", () => {
  const ledger = document.querySelector(".decnn-ledger tbody[data-verdicts]")?.closest(".decnn-ledger");
  if (!ledger) return;
  const claims = [...ledger.querySelectorAll(":scope > table > tbody")].map((body) => ({
    body,
    section: body.dataset.section,
    verdicts: body.dataset.verdicts.split("|").map((pair) => pair.split(":")),
  }));
  const distinct = (values) => [...new Set(values)];

  const form = document.createElement("form");
  form.className = "decnn-filter";
  const choice = (title, values) => {
    const label = document.createElement("label");
    const select = document.createElement("select");
    select.append(new Option("all", ""), ...values.map((value) => new Option(value, value)));
    label.append(title, select);
    form.append(label);
    return select;
  };
  const section = choice("Section ", distinct(claims.map((claim) => claim.section)));
  const verdict = choice("Verdict ", distinct(claims.flatMap((claim) => claim.verdicts.map((pair) => pair[1]))));
  const profile = choice("Profile ", distinct(claims.flatMap((claim) => claim.verdicts.map((pair) => pair[0]))));
  const count = document.createElement("output");
  form.append(count);

  const show = () => {
    let shown = 0;
    for (const claim of claims) {
      const at = claim.verdicts.filter(([name]) => !profile.value || name === profile.value);
      const fits =
        (!section.value || claim.section === section.value) &&
        (!verdict.value || at.some(([, state]) => state === verdict.value));
      claim.body.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${claims.length} claims`;
  };
  /* A link to a claim has to reach it, whatever is filtered. */
  const reach = () => {
    const target = claims.find((claim) => `#${claim.body.id}` === decodeURIComponent(location.hash));
    if (!target) return;
    if (target.body.hidden) {
      form.reset();
      show();
    }
    target.body.querySelector("details")?.setAttribute("open", "");
    target.body.scrollIntoView();
  };
  form.addEventListener("change", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", reach);
  ledger.before(form);
  show();
  reach();
});
