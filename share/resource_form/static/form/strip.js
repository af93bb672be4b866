// The picture of the nodes: which of them have room for the request, and one press to ask for the free GPUs of one.

import { gpusOf } from "./amounts.js";
import { REFRESHED } from "./availability.js";
import { JUDGED } from "./check.js";

/** @import { Check } from "./check.js" */
/** @import { Fields } from "./fields.js" */
/** @import { Page } from "./page.js" */

/**
 * The choice of the form that asks for most of what is free on a node; null where there is none.
 * @param {string[]} choices values of the field
 * @param {string} type of the GPUs, "" for none
 * @param {number} free
 */
export function choiceFor(choices, type, free) {
  let best = null;
  let most = 0;
  for (const value of choices) {
    const gpus = gpusOf(value);
    if (!gpus || gpus.gres !== "gpu" || gpus.number > free || (gpus.type && gpus.type !== type)) continue;
    // One that names the type is surer than one that does not.
    const rank = gpus.number * 2 + (gpus.type ? 1 : 0);
    if (gpus.number && rank > most) [best, most] = [value, rank];
  }
  return best;
}

/**
 * The values that the field of the GPUs has, those among them that cannot be had now.
 * @param {HTMLElement} form
 */
function choicesOf(form) {
  const radios = /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("input[type=radio][name=gpus]"));
  const options = /** @type {NodeListOf<HTMLOptionElement>} */ (form.querySelectorAll("select[name=gpus] option"));
  return [...radios, ...options].map((choice) => choice.value);
}

/**
 * @param {Page} page
 * @param {Fields} fields
 * @param {Check} check
 * @param {() => void} byHand tells that no preset is chosen any more
 */
export function followStrip({ form, availability }, fields, { check }, byHand) {
  /** @type {Set<string>} */
  let fitting = new Set();

  function mark() {
    const { partition } = fields.values();
    for (const node of /** @type {NodeListOf<HTMLElement>} */ (availability.querySelectorAll("button[data-node]"))) {
      const strip = /** @type {HTMLElement} */ (node.closest("[data-partition]"));
      const fits = fitting.has(node.dataset.node || "") && (!partition || strip.dataset.partition === partition);
      node.classList.toggle("resource-form-fits", fits);
      const words = /** @type {HTMLElement | null} */ (node.querySelector(".resource-form-fits-words"));
      if (words) words.hidden = !fits;
    }
  }

  form.addEventListener(JUDGED, (event) => {
    fitting = new Set(/** @type {CustomEvent<{ fits?: string[] }>} */ (event).detail.fits || []);
    mark();
  });
  form.addEventListener(REFRESHED, mark);

  availability.addEventListener("click", (event) => {
    const node = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("button[data-node]"));
    const strip = /** @type {HTMLElement | null} */ (node?.closest(".resource-form-strip") || null);
    if (!node || !strip) return;
    const gpus = choiceFor(choicesOf(form), strip.dataset.gpuType || "", Number(node.dataset.free));
    fields.fill({ partition: strip.dataset.partition || "", ...(gpus ? { gpus } : {}) });
    byHand();
    check("partition");
  });
}
