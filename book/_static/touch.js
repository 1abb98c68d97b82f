/* Draw a digit, walk a path: the page around network.js. The network runs in a worker, so that the page stays free. */
const decnnTouch = (() => {
  const SIZE = 32;
  const DEPTH = 8;
  const PATHS = 10;
  const NAMES = [..."0123456789"];

  /* ---- The worker, made from the text of network.js: a page from the disk may not load one from a file. ---- */
  let worker = null;
  const waiting = new Map();
  let asked = 0;

  const script = (name) =>
    new Promise((resolve, reject) => {
      const tag = document.createElement("script");
      tag.src = new URL(name, document.querySelector("script[src$='touch.js']").src);
      tag.onload = resolve;
      tag.onerror = () => reject(new Error(`${name} is not there: run decnn pages, then build the book`));
      document.head.append(tag);
    });

  const answer = () => {
    let network = null;
    const kinds = {
      load: (text) => {
        network = decnnNetwork(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
        return network.numLayers;
      },
      read: (image) => {
        const { logits, layers } = network.activations(image);
        const decodings = layers.map(network.decode);
        return { logits, decodings, readings: decodings.map((x) => network.activations(x).logits) };
      },
      walk: (image, path) => network.walk(image, path),
      votes: (image, paths) => network.votes(image, paths),
    };
    self.onmessage = ({ data: { id, kind, payload } }) => {
      try {
        self.postMessage({ id, result: kinds[kind](...payload) });
      } catch (error) {
        self.postMessage({ id, error: `${kind}: ${error.message}` });
      }
    };
  };

  const send = (kind, ...payload) =>
    new Promise((resolve, reject) => {
      asked += 1;
      waiting.set(asked, { resolve, reject });
      worker.postMessage({ id: asked, kind, payload });
    });

  let loading = null;
  const load = async () => {
    await script("touch-weights.js");
    const text = `${decnnNetwork}\n(${answer})();`;
    worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
    worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = waiting.get(id);
      waiting.delete(id);
      if (error) reject(new Error(error));
      else resolve(result);
    };
    return send("load", decnnWeights);
  };

  /* kind: read, with an image; votes, with an image and paths; walk, with an image and a path.
     The weights come with the first question; a page without them is asked again. */
  const ask = async (kind, ...payload) => {
    loading ??= load();
    try {
      await loading;
    } catch (error) {
      loading = null;
      throw error;
    }
    return send(kind, ...payload);
  };

  /* ---- Numbers ---- */
  const softmax = (logits) => {
    const top = Math.max(...logits);
    const powers = [...logits].map((value) => Math.exp(value - top));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((value) => value / sum);
  };
  const largest = (values) => values.indexOf(Math.max(...values));
  const tally = (votes) => NAMES.map((_, k) => votes.filter((vote) => vote === k).length);
  const entropy = (votes) =>
    tally(votes).reduce((sum, n) => (n ? sum - (n / votes.length) * Math.log(n / votes.length) : sum), 0);
  const randomPaths = (layers) =>
    Array.from({ length: PATHS }, () => Array.from({ length: DEPTH }, () => 1 + Math.floor(Math.random() * layers)));

  /* ---- Images ---- */
  const pixels = (text) => Float32Array.from(atob(text), (letter) => letter.charCodeAt(0) / 255);
  const noise = () => Float32Array.from({ length: SIZE * SIZE }, () => Math.random());

  const paint = (canvas, image) => {
    canvas.width = canvas.height = SIZE;
    const context = canvas.getContext("2d");
    const data = context.createImageData(SIZE, SIZE);
    image.forEach((value, i) => data.data.set([255, 255, 255, 0].map((v, c) => (c < 3 ? 255 * value : 255)), 4 * i));
    context.putImageData(data, 0, 0);
    return canvas;
  };

  /* As MNIST was made: the longer side to 20 pixels, the centre of mass to the centre of 28 x 28; then 32 x 32,
     bilinear, as our data are. null without ink. */
  const normalised = (canvas) => {
    const { width, height } = canvas;
    const ink = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    let [left, right, top, bottom] = [width, -1, height, -1];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        if (ink[4 * (y * width + x)] > 20) {
          left = Math.min(left, x);
          right = Math.max(right, x);
          top = Math.min(top, y);
          bottom = Math.max(bottom, y);
        }
    if (right < 0) return null;
    const small = document.createElement("canvas");
    small.width = small.height = 28;
    const context = small.getContext("2d", { willReadFrequently: true });
    const scale = 20 / Math.max(right - left + 1, bottom - top + 1);
    const drawn = (dx, dy) => {
      context.fillStyle = "#000";
      context.fillRect(0, 0, 28, 28);
      context.imageSmoothingQuality = "high";
      const [w, h] = [right - left + 1, bottom - top + 1];
      context.drawImage(canvas, left, top, w, h, 14 - (w * scale) / 2 + dx, 14 - (h * scale) / 2 + dy, w * scale, h * scale);
      return context.getImageData(0, 0, 28, 28).data;
    };
    const first = drawn(0, 0);
    let [mass, mx, my] = [0, 0, 0];
    for (let i = 0; i < 784; i++) {
      mass += first[4 * i];
      mx += first[4 * i] * ((i % 28) + 0.5);
      my += first[4 * i] * (Math.floor(i / 28) + 0.5);
    }
    const data = drawn(14 - mx / mass, 14 - my / mass);
    const at = (x, y) => data[4 * (Math.min(27, Math.max(0, y)) * 28 + Math.min(27, Math.max(0, x)))] / 255;
    return Float32Array.from({ length: SIZE * SIZE }, (_, i) => {
      const [x, y] = [((i % SIZE) + 0.5) * (28 / SIZE) - 0.5, (Math.floor(i / SIZE) + 0.5) * (28 / SIZE) - 0.5];
      const [x0, y0] = [Math.floor(x), Math.floor(y)];
      const [fx, fy] = [x - x0, y - y0];
      return (
        (1 - fy) * ((1 - fx) * at(x0, y0) + fx * at(x0 + 1, y0)) + fy * ((1 - fx) * at(x0, y0 + 1) + fx * at(x0 + 1, y0 + 1))
      );
    });
  };

  return { ask, softmax, largest, tally, entropy, randomPaths, pixels, noise, paint, normalised, NAMES, DEPTH, PATHS };
})();
