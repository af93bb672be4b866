// The page of a session that does not run: when it ended, and what the Hub starts again by itself.

import { clock } from "../common/format.js";

/** @param {HTMLElement} root */
function begin(root) {
  const start = /** @type {HTMLAnchorElement | null} */ (document.getElementById("start"));
  const seconds = Number(root.dataset.implicitSeconds);
  if (start) start.href += window.location.hash;
  for (const element of /** @type {NodeListOf<HTMLTimeElement>} */ (root.querySelectorAll("time[data-epoch]"))) {
    const when = new Date(Number(element.dataset.epoch) * 1000);
    element.dateTime = when.toISOString();
    element.textContent = clock(when, root.lang);
    element.hidden = false;
  }
  if (start && seconds) window.setTimeout(() => window.location.assign(start.href), seconds * 1000);
  // For tests of the Hub's own, as its pages do.
  Object.assign(window, { _jupyterhub_page_loaded: true });
}

const root = document.getElementById("resource-form-ended");
if (root) begin(root);
