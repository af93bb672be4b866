// Times in the user's time zone.

import { clock } from "../common/moments.js";

/**
 * Puts the times of a piece of the page into words, and shows what stands hidden until they are known. How old something is has seconds.
 * @param {Element} root
 * @param {Record<string, string>} texts
 */
export function localTimes(root, texts) {
  for (const element of root.querySelectorAll("time")) {
    const when = new Date(element.dateTime);
    if (Number.isNaN(when.getTime())) continue;
    element.textContent = clock(when, texts, new Date(), Boolean(element.closest(".resource-form-age")));
    element.closest("[hidden]")?.removeAttribute("hidden");
  }
}
