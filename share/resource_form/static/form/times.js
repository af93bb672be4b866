// Times in the user's time zone.

import { dated } from "../common/format.js";

/**
 * @param {Date} when
 * @param {string} lang
 * @param {boolean} brief without seconds
 */
export function timeInWords(when, lang, brief, now = new Date()) {
  return dated(when, when.toLocaleTimeString("en-GB", brief ? { hour: "2-digit", minute: "2-digit" } : {}), lang, now);
}

/**
 * Puts the times of a piece of the page into words, and shows what stands hidden until they are known.
 * @param {Element} root
 * @param {string} lang
 */
export function localTimes(root, lang) {
  for (const element of root.querySelectorAll("time")) {
    const when = new Date(element.dateTime);
    if (Number.isNaN(when.getTime())) continue;
    element.textContent = timeInWords(when, lang, Boolean(element.closest(".resource-form-ends")));
    element.closest("[hidden]")?.removeAttribute("hidden");
  }
}
