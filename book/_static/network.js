/* A released DecNN in plain JavaScript: the classifier f, the decoder g, and their composition along paths.

   decnnNetwork(bytes) reads a safetensors file (half precision), folds each batch normalisation into the convolution
   before it, and computes in float32, as decnn/compose.py does. An image is a Float32Array of 32 x 32 in [0, 1].
   The function stands alone, so that touch.js can hand its text to a worker. */
function decnnNetwork(bytes) {
  const SIZE = 32;

  /* Half to single precision: sign, 5 bits of exponent, 10 of mantissa. */
  const half = (bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const mantissa = bits & 1023;
    if (exponent === 0) return sign * mantissa * 2 ** -24;
    if (exponent === 31) return mantissa ? NaN : sign * Infinity;
    return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
  };

  /* safetensors: the length of a JSON header, the header, the tensors one after the other. */
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const tensor = (name) => {
    const { dtype, data_offsets: offsets, shape } = header[name];
    if (dtype !== "F16") throw new Error(`expected half precision for ${name}, got ${dtype}`);
    const values = new Float32Array((offsets[1] - offsets[0]) / 2);
    for (let i = 0; i < values.length; i++) values[i] = half(view.getUint16(8 + length + offsets[0] + 2 * i, true));
    return { values, shape };
  };

  const linear = (name) => ({ weight: tensor(`${name}.weight`), bias: tensor(`${name}.bias`).values });

  /* A convolution without bias and the normalisation after it, as one convolution with bias. */
  const convolution = (name, norm) => {
    const { values, shape } = tensor(`${name}.weight`);
    const [outputs, inputs, side] = shape;
    const bias = new Float32Array(outputs);
    if (norm) {
      const [gain, shift, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(
        (part) => tensor(`${norm}.${part}`).values,
      );
      const each = values.length / outputs;
      for (let o = 0; o < outputs; o++) {
        const scale = gain[o] / Math.sqrt(variance[o] + 1e-5);
        bias[o] = shift[o] - mean[o] * scale;
        for (let i = 0; i < each; i++) values[o * each + i] *= scale;
      }
    }
    return { values, bias, inputs, outputs, side };
  };

  const count = (pattern) => Object.keys(header).filter((name) => pattern.test(name)).length;
  const layers = Array.from({ length: count(/^classifier\.layers\.\d+\.bias$/) }, (_, l) => linear(`classifier.layers.${l}`));
  const head = linear("classifier.head");
  const grow = linear("decoder.linear");
  const blocks = Array.from({ length: count(/^decoder\.blocks\.\d+\.conv1\.weight$/) }, (_, b) => {
    const at = `decoder.blocks.${b}`;
    const up = `${at}.shortcut.weight` in header;
    return {
      conv1: convolution(`${at}.conv1`, `${at}.norm1`),
      conv2: convolution(`${at}.conv2`, `${at}.norm2`),
      shortcut: up ? convolution(`${at}.shortcut`, `${at}.shortcut_norm`) : null,
    };
  });
  const last = convolution("decoder.head", null);

  const dense = ({ weight, bias }, x, relu) => {
    const out = new Float32Array(bias.length);
    for (let o = 0; o < out.length; o++) {
      let sum = bias[o];
      for (let i = 0, at = o * x.length; i < x.length; i++) sum += weight.values[at + i] * x[i];
      out[o] = relu && sum < 0 ? 0 : sum;
    }
    return out;
  };

  /* 3x3 with a border of zeros, or 1x1, on maps of size x size; channels first. */
  const convolve = ({ values, bias, inputs, outputs, side }, x, size) => {
    const area = size * size;
    const out = new Float32Array(outputs * area);
    for (let o = 0; o < outputs; o++) out.fill(bias[o], o * area, (o + 1) * area);
    if (side === 1) {
      for (let o = 0; o < outputs; o++)
        for (let c = 0; c < inputs; c++) {
          const w = values[o * inputs + c];
          for (let i = 0; i < area; i++) out[o * area + i] += w * x[c * area + i];
        }
      return out;
    }
    const wide = size + 2;
    const padded = new Float32Array(inputs * wide * wide);
    for (let c = 0; c < inputs; c++)
      for (let y = 0; y < size; y++)
        padded.set(x.subarray(c * area + y * size, c * area + (y + 1) * size), (c * wide + y + 1) * wide + 1);
    for (let o = 0; o < outputs; o++)
      for (let c = 0; c < inputs; c++) {
        const k = (o * inputs + c) * 9;
        const [a, b, d, e, f, g, h, i, j] = values.subarray(k, k + 9);
        for (let y = 0; y < size; y++) {
          let r0 = (c * wide + y) * wide;
          let r1 = r0 + wide;
          let r2 = r1 + wide;
          for (let at = o * area + y * size, end = at + size; at < end; at++, r0++, r1++, r2++)
            out[at] +=
              a * padded[r0] + b * padded[r0 + 1] + d * padded[r0 + 2] +
              e * padded[r1] + f * padded[r1 + 1] + g * padded[r1 + 2] +
              h * padded[r2] + i * padded[r2 + 1] + j * padded[r2 + 2];
        }
      }
    return out;
  };

  const rectify = (x) => {
    for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = 0;
    return x;
  };

  /* Nearest: every value four times. */
  const double = (x, size) => {
    const out = new Float32Array(4 * x.length);
    const rows = x.length / size;
    for (let y = 0; y < 2 * rows; y++)
      for (let i = 0; i < 2 * size; i++) out[y * 2 * size + i] = x[(y >> 1) * size + (i >> 1)];
    return out;
  };

  /* f: logits and [h_1, ..., h_L]. */
  const activations = (x) => {
    const found = [];
    for (const layer of layers) found.push(dense(layer, found.at(-1) ?? x, true));
    return { logits: dense(head, found.at(-1), false), layers: found };
  };

  /* g: one activation to an image. */
  const decode = (h) => {
    let size = 4;
    let x = dense(grow, h, false);
    for (const { conv1, conv2, shortcut } of blocks) {
      let inner = rectify(convolve(conv1, x, size));
      if (shortcut) {
        inner = double(inner, size);
        x = double(convolve(shortcut, x, size), size);
        size *= 2;
      }
      inner = convolve(conv2, inner, size);
      for (let i = 0; i < x.length; i++) inner[i] += x[i];
      x = rectify(inner);
    }
    return convolve(last, x, size);
  };

  const largest = (values) => values.indexOf(Math.max(...values));

  return {
    numLayers: layers.length,
    size: SIZE,
    activations,
    decode,

    /* x_0 = x, x_d = g(h_l(x_{d-1})) with l = path[d-1]: image and logits at each depth. */
    walk(x, path) {
      const steps = [{ image: x, ...activations(x) }];
      for (const layer of path) {
        const image = decode(steps.at(-1).layers[layer - 1]);
        steps.push({ image, ...activations(image) });
      }
      return steps.map(({ image, logits }) => ({ image, logits }));
    },

    /* The class that each path names at each depth 1..D: (N, D). Common beginnings are walked once. */
    votes(x, paths) {
      const seen = new Map([["", activations(x)]]);
      return paths.map((path) =>
        path.map((layer, place) => {
          const before = path.slice(0, place).join();
          const here = path.slice(0, place + 1).join();
          if (!seen.has(here)) seen.set(here, activations(decode(seen.get(before).layers[layer - 1])));
          return largest([...seen.get(here).logits]);
        }),
      );
    },
  };
}
