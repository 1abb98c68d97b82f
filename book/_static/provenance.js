/* A number of ours in a table opens a panel: what was run, where, how long, its records, the command that makes it.
   The page carries all of it (decnn/study/pages/provenance.py), so no server is needed. Without this file the numbers are
   plain text, and the folded lists at the foot of each page name the records. */
document.addEventListener("DOMContentLoaded", () => {
  const records = {};
  const commands = {};
  for (const script of document.querySelectorAll("script.decnn-records")) {
    const content = JSON.parse(script.textContent);
    Object.assign(records, content.records);
    Object.assign(commands, content.commands);
  }
  const root = document.documentElement.dataset.content_root || "./";

  const element = (tag, text = "", attributes = {}) => {
    const made = document.createElement(tag);
    made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  const digits = { maximumFractionDigits: 8 }; // the default of 3 would show a learning rate of 0.0001 as 0
  const words = (fields) =>
    Object.entries(fields)
      .map(([name, value]) => `${name.replaceAll("_", " ")} ${value.toLocaleString("en", digits)}`)
      .join(", ");

  const dialog = element("dialog", "", { class: "decnn-panel", "aria-labelledby": "decnn-panel-title" });
  document.body.append(dialog);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // a click beside the panel
  });

  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation(); // sphinx_highlight.js takes Escape for itself, and the panel would stay
    dialog.close();
  });

  const seeds = (found, values) => {
    const table = element("table");
    const head = element("tr");
    const columns = ["seed", "value", "record", "commit", "training, s", "evaluation, s"];
    head.append(...columns.map((name) => element("th", name, { scope: "col" })));
    const body = element("tbody");
    found.forEach((record, place) => {
      const row = element("tr");
      const cell = element("td");
      if (record.file) cell.append(element("a", record.file.split("/")[1].split(/-|\./).at(-2), { href: root + record.file }));
      else cell.textContent = "not kept";
      row.append(
        element("th", record.seed, { scope: "row" }),
        element("td", values[place] ?? "-"),
        cell,
        element("td", record.commit),
        element("td", record.training),
        element("td", record.evaluation),
      );
      body.append(row);
    });
    const top = element("thead");
    top.append(head);
    table.append(top, body);
    const scroll = element("div", "", { class: "decnn-scroll", tabindex: "0", role: "region", "aria-label": "Records by seed" });
    scroll.append(table);
    return scroll;
  };

  const copying = (command) => {
    const line = element("p", "", { class: "decnn-command" });
    const code = element("code", command);
    const button = element("button", "Copy", { type: "button" });
    const said = element("output");
    button.addEventListener("click", async () => {
      const select = () => getSelection().selectAllChildren(code);
      try {
        await navigator.clipboard.writeText(command);
        said.textContent = "copied";
      } catch {
        select(); // a page from the disk may not be let to the clipboard
        said.textContent = document.execCommand("copy") ? "copied" : "selected: press Ctrl+C";
      }
    });
    line.append(code, button, said);
    return line;
  };

  const open = (cell) => {
    const keys = cell.dataset.records;
    const found = keys.split(" ").map((key) => records[key]);
    const [first] = found;
    const smoke = !first.file;
    const distinct = (name) => [...new Set(found.map((record) => record[name]))].join(", ");
    const list = element("dl");
    const say = (term, text) => list.append(element("dt", term), element("dd", text));
    say("what", cell.dataset.metric.replaceAll("/", " / "));
    say("n", words(first.examples));
    say("trained", words(first.trained));
    say("asked", words(first.asked));
    say("device", `${distinct("device")}; ${distinct("date")}`);
    if (first.together > 1) say("seconds", `of training are shares of ${first.together} runs trained side by side`);
    const taken = found.filter((record) => record.weights);
    if (taken.length) say("weights", `${taken[0].weights} (${taken.length} of ${found.length} seeds)`);
    const close = element("button", "Close", { type: "button", class: "decnn-close" });
    close.addEventListener("click", () => dialog.close());
    dialog.replaceChildren(
      element("h2", cell.dataset.name, { id: "decnn-panel-title" }),
      ...(smoke ? [element("p", "A smoke run, no finding: its record is not kept in the repository.")] : []),
      seeds(found, (cell.dataset.values || "").split(" ").filter(Boolean)),
      list,
      copying(commands[keys]),
      close,
    );
    dialog.showModal();
  };

  for (const cell of document.querySelectorAll("td[data-records]")) {
    if (!cell.dataset.records.split(" ").every((key) => key in records)) continue;
    const button = element("button", cell.textContent, { type: "button", class: "decnn-number", "aria-haspopup": "dialog" });
    button.title = "Where this number comes from";
    button.addEventListener("click", () => open(cell));
    cell.replaceChildren(button);
  }
});
