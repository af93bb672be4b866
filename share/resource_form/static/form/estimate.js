// When Slurm thinks that it would start, asked for by itself where it waits.

import { parsed } from "../common/dom.js";
import { localTimes } from "../common/times.js";

/** @import { Ask } from "./check.js" */
/** @import { Fields } from "./fields.js" */
/** @import { Page } from "./page.js" */

const QUIET_MS = 700; // each question takes the controller's locks, so only what a person stays with is asked about
const HOLDS_MS = 120_000;

/**
 * @param {Page} page
 * @param {HTMLElement} panel
 * @param {Fields} fields
 * @param {Ask} askHub
 */
export function makeEstimate({ form, texts }, panel, fields, askHub) {
  let timer = 0;
  let told = { request: "", at: 0, sentence: "" };

  /** @param {string} sentence */
  function write(sentence) {
    const place = panel.querySelector(".resource-form-estimate");
    if (place && place.textContent !== sentence) place.textContent = sentence;
  }

  /** @param {string} html */
  function inWords(html) {
    const words = parsed(html);
    localTimes(words, texts);
    return words.textContent || "";
  }

  /** @param {string} request */
  async function tell(request) {
    const answer = await askHub({ when: "html", script: "0" }).catch(() => null);
    if (request !== JSON.stringify(fields.values())) return;
    const sentence = inWords(answer?.ok ? answer.body.estimate_html || "" : "");
    told = { request, at: Date.now(), sentence };
    write(sentence);
  }

  /** Asks about the request as it stands, where the panel has a place for the answer; what is known of it already is said at once. */
  function follow() {
    window.clearTimeout(timer);
    if (!form.dataset.estimates || !panel.querySelector(".resource-form-estimate")) return;
    const request = JSON.stringify(fields.values());
    const isKnown = told.request === request && told.sentence;
    write(isKnown ? told.sentence : texts.estimating);
    if (!isKnown || Date.now() - told.at > HOLDS_MS) timer = window.setTimeout(() => tell(request), QUIET_MS);
  }

  return { follow };
}
