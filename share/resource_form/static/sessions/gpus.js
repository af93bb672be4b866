// What the GPUs of a session do: each in a line, with its last hour as a small picture.

import { element } from "../common/dom.js";
import { amount, duration, filled, gigabytes, percent } from "../common/format.js";
import { HEIGHT, HOUR, isKnown, pictureOf, WIDTH, withHistory } from "./gpu_history.js";
import { keyOf } from "./model.js";

/** @import { Device, Gpus } from "./gpu_history.js" */
/** @import { Session } from "./model.js" */
/** @import { Page } from "./page.js" */

/** @typedef {{ gpus: Gpus | null, at: number }} Heard what GPUs do, and when that was heard, in milliseconds */

const OLD_SECONDS = 120;
const ALMOST_AN_HOUR = HOUR - 300;
const SVG = "http://www.w3.org/2000/svg";
/** @type {Heard} */
const NOTHING = { gpus: null, at: 0 };

/** @param {Heard} heard */
const isOld = ({ gpus, at }) => Boolean(gpus) && (!isKnown(gpus?.age) || gpus.age + (Date.now() - at) / 1000 > OLD_SECONDS);

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...Element} children
 */
function drawing(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * A dash, which says it to the eye only, and the words for everybody else.
 * @param {string} words
 */
function unknown(words) {
  const dash = element("span", { "aria-hidden": "true", text: "—" });
  return element("span", {}, dash, element("span", { class: "visually-hidden", text: words }));
}

/** @param {Page} page */
export function makeGpus({ texts, lang }) {
  /** @type {Map<string, Heard>} */
  let heard = new Map();

  /**
   * Learns from the whole answer about sessions.
   * @param {Session[]} sessions
   */
  function take(sessions) {
    const told = sessions.filter((session) => session.gpus);
    heard = new Map(told.map((session) => [keyOf(session), { gpus: session.gpus || null, at: Date.now() }]));
  }

  /**
   * Learns the news of some.
   * @param {Session[]} sessions
   */
  function hear(sessions) {
    for (const session of sessions) {
      const before = heard.get(keyOf(session)) || NOTHING;
      if (!session.gpus) heard.delete(keyOf(session));
      else heard.set(keyOf(session), { gpus: withHistory(before.gpus, session.gpus, (Date.now() - before.at) / 1000), at: Date.now() });
    }
  }

  /** @param {NonNullable<ReturnType<typeof pictureOf>>} picture */
  function titleOf({ isUse, low, high, longest }) {
    const words = (/** @type {number} */ value) =>
      isUse ? percent(value, lang) : filled(texts.gpu_gigabytes, { number: gigabytes(value, lang, 1) });
    const [hour, since] = isUse ? [texts.gpu_use_hour, texts.gpu_use] : [texts.gpu_memory_hour, texts.gpu_memory_since];
    const values = { low: words(low), high: words(high), duration: duration(longest, lang) };
    return filled(longest > ALMOST_AN_HOUR ? hour : since, values);
  }

  /** @param {Device} device */
  function historyOf(device) {
    const picture = pictureOf(device);
    if (!picture) return null;
    const title = titleOf(picture);
    const hint = drawing("title", {});
    hint.textContent = title;
    const lines = picture.lines.flatMap((part) => [
      drawing("polygon", { points: part.area }),
      drawing("polyline", { points: part.line }),
    ]);
    const viewBox = `0 0 ${WIDTH} ${HEIGHT}`;
    const attributes = { class: "sessions-gpu-history", viewBox, preserveAspectRatio: "none", role: "img", "aria-label": title };
    return drawing("svg", attributes, hint, ...lines);
  }

  /**
   * @param {number | null | undefined} used
   * @param {number | null | undefined} all
   */
  function memoryOf(used, all) {
    if (!isKnown(used)) return unknown(texts.gpu_memory_unknown);
    const words = isKnown(all) ? texts.gpu_memory : texts.gpu_gigabytes;
    return element("span", { text: filled(words, { number: gigabytes(used, lang, 1), all: gigabytes(all || 0, lang, 0) }) });
  }

  /** @param {Device} device */
  function valuesOf({ utilisation, memory_used_mb: used, memory_total_mb: all, temperature }) {
    const use = isKnown(utilisation) ? element("span", { text: percent(utilisation, lang) }) : unknown(texts.gpu_use_unknown);
    const values = [use, memoryOf(used, all)];
    if (isKnown(temperature)) values.push(element("span", { text: amount(temperature, "celsius", lang) }));
    return values.flatMap((value, index) => (index ? ["\u00a0· ", value] : [value]));
  }

  /** @param {Device} device */
  function barOf({ utilisation: value }) {
    return isKnown(value) ? element("progress", { class: "sessions-use-bar", max: 100, value, "aria-hidden": "true" }) : null;
  }

  /** @param {Device} device */
  function line(device) {
    const name = filled(texts.gpu, { number: device.index });
    if (device.faulty) return element("li", { class: "sessions-gpu sessions-gpu-failed", text: filled(texts.gpu_failed, { gpu: name }) });
    const kind = [device.label, device.shared ? texts.gpu_shared : ""].filter(Boolean).join(", ");
    const head = element("span", { class: "sessions-gpu-name" }, element("b", { text: name }), kind ? ` · ${kind}` : "");
    const values = element("span", { class: "sessions-gpu-values" }, ...valuesOf(device));
    return element("li", { class: "sessions-gpu" }, element("div", {}, head, values), historyOf(device) || barOf(device));
  }

  /** @param {Heard} entry */
  function contentOf(entry) {
    const { gpus } = entry;
    if (!gpus) return [];
    if (isOld(entry)) return [element("p", { text: texts.gpus_silent })];
    if (gpus.devices.length) return [element("ul", { "aria-label": texts.gpus }, ...gpus.devices.map(line))];
    const values = element("span", { class: "sessions-gpu-values" }, unknown(texts.gpus_unknown));
    const name = element("b", { class: "sessions-gpu-name", text: texts.gpus });
    return [element("p", { class: "sessions-gpu" }, element("div", {}, name, values))];
  }

  const place = () => element("div", { class: "sessions-gpus", hidden: true });

  /** @type {WeakMap<Element, { entry: Heard, old: boolean }>} */
  const shown = new WeakMap();

  /**
   * Called each second: the place is filled anew only if there is something new.
   * @param {HTMLElement} where
   * @param {Session} session
   */
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
}

/** @typedef {ReturnType<typeof makeGpus>} GpuLines */
