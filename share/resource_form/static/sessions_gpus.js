// What the GPUs of a session do, on its card: each in a line, with its last hour as a small picture. For sessions.js, which gives what it
// has itself: texts, numbers in the user's language, elements.
"use strict";

window.resourceFormGpus = ({ texts, lang, filled, amount, duration, element, keyOf }) => {
  const OLD_SECONDS = 120;
  const HOUR = 3600;
  const SHORTEST = 600; // the picture of a session that has just begun
  const GAP_SECONDS = 150; // a history has one value a minute: between these two nobody knows
  const WIDTH = 60;
  const HEIGHT = 20;
  const SVG = "http://www.w3.org/2000/svg";
  const NOTHING = { gpus: null, at: 0 };

  const isKnown = (value) => typeof value === "number";
  const percent = (value) => new Intl.NumberFormat(lang, { style: "percent", maximumFractionDigits: 0 }).format(value / 100);
  const gigabytes = (megabytes, digits) => new Intl.NumberFormat(lang, { maximumFractionDigits: digits }).format(megabytes / 1024);

  // --- what is known ---

  let heard = new Map(); // what GPUs do, and when that was heard, by the key of the session

  // The whole answer about sessions.
  function take(sessions) {
    heard = new Map(sessions.filter((session) => session.gpus).map((session) => [keyOf(session), { gpus: session.gpus, at: Date.now() }]));
  }

  // News of some: the history is there once a minute only, and stays as it was meanwhile.
  function hear(sessions) {
    for (const session of sessions) {
      const before = heard.get(keyOf(session)) || NOTHING;
      const passed = (Date.now() - before.at) / 1000;
      const kept = new Map((before.gpus?.devices || []).map((device) => [device.index, device.history || []]));
      const devices = (session.gpus?.devices || []).map((device) => ({
        ...device,
        history: device.history || (kept.get(device.index) || []).map(([ago, ...values]) => [Math.round(ago + passed), ...values]),
      }));
      if (session.gpus) heard.set(keyOf(session), { gpus: { ...session.gpus, devices }, at: Date.now() });
      else heard.delete(keyOf(session));
    }
  }

  // --- the picture ---

  function drawing(tag, attributes, ...children) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  // The last hour as [seconds ago, value] in parts without a gap, the oldest first.
  function partsOf(history, column) {
    const parts = [];
    let last = Infinity;
    for (const sample of history) {
      const [ago, value] = [sample[0], sample[column]];
      if (!isKnown(value) || ago > HOUR + GAP_SECONDS) continue;
      if (last - ago > GAP_SECONDS) parts.push([]);
      parts.at(-1).push([ago, value]);
      last = ago;
    }
    return parts;
  }

  function historyOf(device) {
    const samples = device.history || [];
    const column = samples.some((sample) => isKnown(sample[1])) ? 1 : 2;
    const parts = partsOf(samples, column);
    const values = parts.flat().map(([, value]) => value);
    if (values.length < 2) return null;
    const words = column === 1 ? percent : (value) => filled(texts.gpu_gigabytes, { number: gigabytes(value, 1) });
    const low = words(Math.min(...values));
    const high = words(Math.max(...values));
    const longest = parts[0][0][0];
    const sentence = column === 1 ? [texts.gpu_use_hour, texts.gpu_use] : [texts.gpu_memory_hour, texts.gpu_memory_since];
    const title = filled(sentence[longest > HOUR - 300 ? 0 : 1], { low, high, duration: duration(longest) });
    const most = column === 1 ? 100 : device.memory_total_mb || Math.max(...values) || 1;
    const span = Math.min(HOUR, Math.max(SHORTEST, longest));
    const x = (ago) => ((1 - Math.min(ago, span) / span) * WIDTH).toFixed(2);
    const y = (value) => (HEIGHT - 1 - (Math.min(value, most) / most) * (HEIGHT - 2)).toFixed(2);
    const lines = parts.flatMap((part) => {
      const [ago, value] = part.at(-1);
      const ends = [...part, [Math.max(0, ago - 60), value]]; // a value is that of the whole minute
      const line = ends.map(([at, height]) => `${x(at)},${y(height)}`).join(" ");
      const under = `${x(ends[0][0])},${HEIGHT} ${line} ${x(ends.at(-1)[0])},${HEIGHT}`;
      return [drawing("polygon", { points: under }), drawing("polyline", { points: line })];
    });
    const picture = { class: "sessions-gpu-history", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": title };
    const hint = drawing("title", {});
    hint.textContent = title;
    return drawing("svg", picture, hint, ...lines);
  }

  // --- the line ---

  // A dash says it to the eye only.
  function unknown(words) {
    return element("span", {}, element("span", { "aria-hidden": "true", text: "—" }), element("span", { class: "visually-hidden", text: words }));
  }

  function valuesOf(device) {
    const { utilisation, memory_used_mb: used, memory_total_mb: all, temperature } = device;
    const values = [isKnown(utilisation) ? element("span", { text: percent(utilisation) }) : unknown(texts.gpu_use_unknown)];
    if (!isKnown(used)) values.push(unknown(texts.gpu_memory_unknown));
    else {
      const words = isKnown(all) ? texts.gpu_memory : texts.gpu_gigabytes;
      values.push(element("span", { text: filled(words, { number: gigabytes(used, 1), all: gigabytes(all, 0) }) }));
    }
    if (isKnown(temperature)) values.push(element("span", { text: amount(temperature, "celsius") }));
    return values.flatMap((value, index) => (index ? ["\u00a0· ", value] : [value]));
  }

  function line(device) {
    const name = filled(texts.gpu, { number: device.index });
    if (device.faulty) return element("li", { class: "sessions-gpu sessions-gpu-failed", text: filled(texts.gpu_failed, { gpu: name }) });
    const kind = [device.label, device.shared ? texts.gpu_shared : ""].filter(Boolean).join(", ");
    const head = element("span", { class: "sessions-gpu-name" }, element("b", { text: name }), kind ? ` · ${kind}` : "");
    const values = element("span", { class: "sessions-gpu-values" }, ...valuesOf(device));
    return element("li", { class: "sessions-gpu" }, element("div", {}, head, values), historyOf(device));
  }

  const isOld = ({ gpus, at }) => Boolean(gpus) && (!isKnown(gpus.age) || gpus.age + (Date.now() - at) / 1000 > OLD_SECONDS);

  function contentOf(entry) {
    const { gpus } = entry;
    if (!gpus) return [];
    if (isOld(entry)) return [element("p", { text: texts.gpus_silent })];
    if (!gpus.devices.length) {
      const values = element("span", { class: "sessions-gpu-values" }, unknown(texts.gpus_unknown));
      return [element("p", { class: "sessions-gpu" }, element("div", {}, element("b", { class: "sessions-gpu-name", text: texts.gpus }), values))];
    }
    return [element("ul", { "aria-label": texts.gpus }, ...gpus.devices.map(line))];
  }

  const place = () => element("div", { class: "sessions-gpus", hidden: true });

  // Called each second: the place is filled anew only if there is something new.
  const shown = new WeakMap();
  function show(where, session) {
    const entry = heard.get(keyOf(session)) || NOTHING;
    const old = isOld(entry);
    const before = shown.get(where);
    if (before?.entry === entry && before.old === old) return;
    shown.set(where, { entry, old });
    const content = contentOf(entry);
    where.hidden = !content.length;
    where.replaceChildren(...content);
  }

  return { take, hear, place, show };
};
