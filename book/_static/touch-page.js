/* The page: an image is drawn or chosen; below it what the layers decode to, ten votes, and a path to walk. */
document.addEventListener("DOMContentLoaded", () => {
  const page = document.querySelector("#decnn-touch");
  if (!page) return;
  const { ask, softmax, largest, tally, entropy, randomPaths, pixels, noise, paint, normalised, NAMES, DEPTH, PATHS } = decnnTouch;
  const find = (name) => page.querySelector(`[data-part="${name}"]`);
  const make = (tag, text = "", attributes = {}) => {
    const made = document.createElement(tag);
    made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  const percent = (value) => `${(100 * value).toFixed(value > 0.995 || value < 0.1 ? 1 : 0)} %`;

  let layers = 0;
  let image = null;
  let path = [];
  let read = []; // probabilities of the first pass
  let byDepth = []; // votes of the random paths at each depth
  let turn = 0; // answers to an image that has gone are dropped

  /* ---- An image with what is read in it ---- */
  const tile = (picture, title, logits, first) => {
    const shares = softmax(logits);
    const k = largest(shares);
    const figure = make("figure", "", { class: "touch-tile" });
    const alt = `${title}: read as ${NAMES[k]}, ${percent(shares[k])}`;
    figure.append(paint(make("canvas", "", { role: "img", "aria-label": alt }), picture));
    const caption = make("figcaption", `${title} `);
    caption.append(make(k === first ? "span" : "strong", `${NAMES[k]}, ${percent(shares[k])}`));
    figure.append(caption);
    return figure;
  };

  /* A bar for each class from shares (10,), and what each says. */
  const bars = (shares, words, label) => {
    const list = make("ol", "", { class: "touch-bars", "aria-label": label });
    shares.forEach((share, k) => {
      const item = make("li", "", { style: `--share: ${share}`, "aria-label": `${NAMES[k]}: ${words(share)}` });
      item.append(make("span", NAMES[k], { "aria-hidden": "true" }));
      list.append(item);
    });
    return list;
  };
  const counted = (votes, label) => bars(tally(votes).map((n) => n / votes.length), (share) => Math.round(share * PATHS), label);

  /* What goes wrong is said where the answer would stand. */
  const saying = (work) => async (...given) => {
    try {
      await work(...given);
    } catch (error) {
      find("status").textContent = `No answer: ${error.message}`;
    }
  };

  /* ---- Read, decode, vote ---- */
  const show = saying(async () => {
    const mine = ++turn;
    const start = performance.now();
    find("status").textContent = "reading ...";
    const { logits, decodings, readings } = await ask("read", image);
    if (mine !== turn) return;
    layers = decodings.length;
    read = softmax(logits);
    const first = largest(read);
    find("input").replaceChildren(tile(image, "input", logits, first), bars(read, percent, "Probability of each class"));
    find("decodings").replaceChildren(...decodings.map((x, i) => tile(x, `h${i + 1}`, readings[i], first)));
    startWalk(logits);
    await vote(mine, start);
  });

  /* Ten new paths; at each depth what they say. */
  const vote = async (mine, start) => {
    const first = largest(read);
    const votes = await ask("votes", image, randomPaths(layers));
    if (mine !== turn) return;
    byDepth = Array.from({ length: DEPTH }, (_, d) => votes.map((path) => path[d]));
    const last = byDepth.at(-1);
    find("votes").replaceChildren(counted(last, `Votes of ${PATHS} paths of depth ${DEPTH}`));
    find("entropy").textContent = `${entropy(last).toFixed(2)} nats of at most ${Math.log(NAMES.length).toFixed(2)}`;
    find("depths").replaceChildren(
      ...byDepth.map((of, d) => {
        const row = make("tr");
        const cell = make("td");
        cell.append(counted(of, `Votes at depth ${d + 1}`));
        row.append(make("th", d + 1, { scope: "row" }), cell, make("td", entropy(of).toFixed(2)));
        return row;
      }),
    );
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const agree = last.filter((k) => k === first).length;
    find("status").textContent =
      `Read as ${NAMES[first]}, ${percent(read[first])}. ${agree} of ${PATHS} paths agree; ` +
      `entropy ${entropy(last).toFixed(2)} nats. ${seconds} s.`;
    page.dataset.done = mine;
    if (path.length) await walkTo(path); // its tiles count the votes at their depth
  };

  /* ---- The path walker ---- */
  const startWalk = (logits) => {
    path = [];
    find("walk").replaceChildren(tile(image, "x, depth 0", logits, largest([...logits])));
    find("layers").replaceChildren(
      ...Array.from({ length: layers }, (_, i) => {
        const button = make("button", `h${i + 1}`, { type: "button", "aria-label": `decode layer ${i + 1}` });
        button.addEventListener("click", () => walkTo([...path, i + 1]));
        return button;
      }),
    );
    buttons();
  };

  const buttons = () => {
    find("back").disabled = path.length === 0;
    for (const button of find("layers").children) button.disabled = path.length >= DEPTH;
    find("path").textContent = path.length ? `path: ${path.join(", ")}` : "choose the first layer";
  };

  const walkTo = saying(async (chosen) => {
    const mine = turn;
    path = chosen;
    buttons();
    const steps = await ask("walk", image, chosen);
    if (mine !== turn || path !== chosen) return;
    const first = largest([...steps[0].logits]);
    find("walk").replaceChildren(
      ...steps.map(({ image: x, logits }, d) => {
        const figure = tile(x, d ? `h${path[d - 1]}, depth ${d}` : "x, depth 0", logits, first);
        const alike = byDepth[d - 1]?.filter((k) => k === largest([...logits])).length;
        if (alike !== undefined) figure.lastChild.append(make("small", `${alike} of ${PATHS} votes`));
        return figure;
      }),
    );
    page.dataset.walked = path.join();
  });

  /* ---- Where images come from ---- */
  const take = (x) => {
    image = x;
    show();
  };
  const canvas = find("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const clear = () => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
  };
  let from = null;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
  };
  const line = (event) => {
    if (!from) return;
    const to = place(event);
    Object.assign(context, { strokeStyle: "#fff", lineWidth: 22, lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
    from = to;
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    from = place(event);
    line(event);
  });
  canvas.addEventListener("pointermove", line);
  canvas.addEventListener("pointercancel", () => {
    from = null;
  });
  canvas.addEventListener("pointerup", () => {
    from = null;
    const drawn = normalised(canvas);
    if (drawn) take(drawn);
  });
  find("clear").addEventListener("click", clear);
  clear();

  const choice = find("samples");
  const group = (title, items) => {
    const options = make("optgroup", "", { label: title });
    for (const { name, pixels: text } of items) options.append(make("option", name, { value: text }));
    choice.append(options);
  };
  group("test digits", decnnSamples.digits);
  if (decnnSamples.garments) group("garments", decnnSamples.garments);
  else find("missing").textContent = `No garments: ${decnnSamples.missing.replaceAll("`", "")}`;
  find("model").textContent = decnnSamples.model;
  choice.addEventListener("change", () => choice.value && take(pixels(choice.value)));
  find("noise").addEventListener("click", () => take(noise()));
  const again = saying(() => vote(turn, performance.now()));
  find("again").addEventListener("click", () => image && again());
  find("back").addEventListener("click", () => walkTo(path.slice(0, -1)));
  find("restart").addEventListener("click", () => image && walkTo([]));
  page.hidden = false;
});
