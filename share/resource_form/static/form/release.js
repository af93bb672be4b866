// What is in the chosen release, and the folds in which releases stand that most people do not want.

import { parsed, within } from "../common/dom.js";
import { JUDGED } from "./check.js";
import { FILLED } from "./fields.js";

/** @import { Page } from "./page.js" */

/** @param {Page} page */
export function followRelease({ form, find }) {
  const place = find("release-is");

  /** @param {string | undefined} html */
  function show(html) {
    if (!place || !html) return;
    const release = within(parsed(html), ":scope > *");
    const before = /** @type {HTMLElement | null} */ (place.querySelector("[data-tag]"));
    // What somebody reads stays, folds and all.
    if (before?.dataset.tag !== release.dataset.tag) place.replaceChildren(release);
  }

  form.addEventListener(JUDGED, (event) => show(/** @type {CustomEvent} */ (event).detail.release));
  form.addEventListener(FILLED, () => {
    const folds = /** @type {NodeListOf<HTMLDetailsElement>} */ (form.querySelectorAll(".resource-form-more"));
    for (const fold of folds) fold.open ||= fold.querySelector("input:checked") !== null;
  });
}
