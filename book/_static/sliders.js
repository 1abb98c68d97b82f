/* Sliders for the layer of Figure 3 and for the votes of Table 2. Without this file each shows its one state. */
document.addEventListener("DOMContentLoaded", () => {
  const dataOf = (box) => JSON.parse(box.querySelector("script[type='application/json']").textContent);

  /* Labelled sliders above a box; the page is told of every change, and of the state at the start. */
  const sliders = (box, ranges, changed) => {
    const controls = document.createElement("div");
    controls.className = "controls";
    const inputs = ranges.map(({ title, last }) => {
      const [control, label, input, output] = ["div", "label", "input", "output"].map((tag) =>
        document.createElement(tag),
      );
      Object.assign(input, { type: "range", min: 1, max: last, step: 1, autocomplete: "off" });
      input.value = last;
      output.setAttribute("aria-live", "off"); // the slider itself is read aloud
      label.append(title, input);
      control.append(label, output);
      controls.append(control);
      return { input, output };
    });
    const show = () => {
      for (const { input, output } of inputs) output.textContent = input.value;
      changed(...inputs.map(({ input }) => Number(input.value)));
    };
    controls.addEventListener("input", show);
    box.prepend(controls);
    show();
  };

  const layers = (box) => {
    const data = dataOf(box).layers;
    const status = box.querySelector("[role='status']");
    const examples = [...box.querySelectorAll(".examples > li")];
    sliders(box, [{ title: "Layer", last: data.length }], (layer) => {
      const { images, classes, same } = data[layer - 1];
      examples.forEach((example, place) => {
        const decoding = example.querySelector(".decoding");
        const caption = example.querySelector("span");
        decoding.src = images[place];
        decoding.alt = `its decoding of layer ${layer}, read as ${classes[place]}`;
        caption.textContent = `read as ${classes[place]}`;
        for (const element of [decoding, caption]) element.classList.toggle("differs", !same[place]);
      });
      const kept = same.filter(Boolean).length;
      status.querySelector("b").textContent = `${kept} of ${same.length}`;
      status.querySelector("sub").textContent = layer;
    });
  };

  /* Labels as half bytes, the upper half first: image by image, then by depth, then by path. */
  const unpack = (text) => {
    const bytes = atob(text);
    const labels = new Uint8Array(2 * bytes.length);
    for (let i = 0; i < bytes.length; i++) {
      labels[2 * i] = bytes.charCodeAt(i) >> 4;
      labels[2 * i + 1] = bytes.charCodeAt(i) & 15;
    }
    return labels;
  };

  /* Entropies of the first paths' votes, in whole millionths of a nat, so that equal ones tie as they do in Python. */
  const entropies = (labels, data, depth, paths) => {
    const image = data.depth * data.paths;
    const found = [];
    for (let start = (depth - 1) * data.paths; start + data.paths <= labels.length; start += image) {
      const counts = new Array(data.num_classes).fill(0);
      for (let path = 0; path < paths; path++) counts[labels[start + path]] += 1;
      counts.sort((a, b) => a - b);
      let entropy = 0;
      for (const count of counts) if (count) entropy -= (count / paths) * Math.log(count / paths);
      found.push(Math.round(entropy * 1e6));
    }
    return found;
  };

  /* The chance that an outlier scores above an inlier, ties counted half. */
  const auroc = (inliers, outliers) => {
    const count = (values) => values.reduce((all, value) => all.set(value, (all.get(value) ?? 0) + 1), new Map());
    const [own, others] = [count(inliers), count(outliers)];
    let below = 0;
    let wins = 0;
    for (const value of [...new Set([...inliers, ...outliers])].sort((a, b) => a - b)) {
      const ties = own.get(value) ?? 0;
      wins += (others.get(value) ?? 0) * (below + ties / 2);
      below += ties;
    }
    return wins / (inliers.length * outliers.length);
  };

  const votes = (box) => {
    const data = dataOf(box);
    const roles = ["inliers", "outliers"];
    const labels = roles.map((role) => unpack(data[role]));
    const result = box.querySelector("[role='status']");
    const examples = result.textContent.split(", on ")[1];
    const { bottom, full } = box.querySelector("svg").dataset;
    const bars = roles.map((role) => [...box.querySelectorAll(`rect.${role}`)]);
    const rows = [...box.querySelectorAll("tbody > tr")].map((row) => row.querySelectorAll("td"));
    const ranges = [
      { title: "Voting depth", last: data.depth },
      { title: "Number of paths", last: data.paths },
    ];
    sliders(box, ranges, (depth, paths) => {
      const values = labels.map((part) => entropies(part, data, depth, paths));
      values.forEach((part, group) => {
        const counts = new Array(rows.length).fill(0);
        for (const value of part) counts[Math.floor(value / data.bin)] += 1;
        counts.forEach((count, place) => {
          const height = (full * count) / part.length;
          bars[group][place].setAttribute("y", bottom - height);
          bars[group][place].setAttribute("height", height);
          rows[place][group].textContent = count;
        });
      });
      const bold = document.createElement("b");
      bold.textContent = `AUROC ${auroc(...values).toFixed(4)}`;
      const counted = `depth ${depth} with ${paths} ${paths === 1 ? "path, which has nobody to disagree with" : "paths"}`;
      result.replaceChildren(bold, ` at ${counted}, on ${examples}`);
    });
  };

  document.querySelectorAll(".decnn-layers").forEach(layers);
  document.querySelectorAll(".decnn-votes").forEach(votes);
});
