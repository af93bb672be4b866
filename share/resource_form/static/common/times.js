// The moments that the Hub has written into a page, in the user's time zone.

import { filled } from "./format.js";
import { clock, moment } from "./moments.js";

/** @import { Texts } from "./moments.js" */

/**
 * Puts the times of a piece of the page into words, and shows what stands hidden until they are known. How old something is has seconds.
 * @param {Element} root
 * @param {Texts} texts
 */
export function localTimes(root, texts) {
  for (const element of root.querySelectorAll("time")) {
    const when = moment(element.dateTime);
    if (!when) continue;
    element.textContent = clock(when, texts, new Date(), Boolean(element.closest(".resource-form-age")));
    element.closest("[hidden]")?.removeAttribute("hidden");
  }
  for (const option of /** @type {NodeListOf<HTMLOptionElement>} */ (root.querySelectorAll("option[data-moment]"))) {
    const when = moment(option.dataset.moment);
    if (when) option.textContent = filled(option.dataset.words || "", { moment: clock(when, texts) });
  }
}

/**
 * Puts the times of what the admin has to say into words.
 * @param {Texts} texts
 */
export function localNotices(texts) {
  for (const notice of document.querySelectorAll(".resource-form-notice")) localTimes(notice, texts);
}
