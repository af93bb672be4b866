// What the page of a session that does not run lacks without a script: when it ended, and what the Hub starts again by itself.

import { clock } from "../common/moments.js";

/** @param {HTMLElement} root */
export function showEnded(root) {
  const start = /** @type {HTMLAnchorElement | null} */ (document.getElementById("start"));
  /** @type {Record<string, string>} */
  const texts = JSON.parse(root.dataset.texts || "{}");
  const seconds = Number(root.dataset.implicitSeconds);
  if (start) start.href += window.location.hash;
  for (const element of /** @type {NodeListOf<HTMLTimeElement>} */ (root.querySelectorAll("time[data-epoch]"))) {
    const when = new Date(Number(element.dataset.epoch) * 1000);
    element.dateTime = when.toISOString();
    element.textContent = clock(when, texts);
    element.hidden = false;
  }
  if (start && seconds) window.setTimeout(() => window.location.assign(start.href), seconds * 1000);
}
