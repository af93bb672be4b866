// The form's page: its elements, and what the Hub has written into it.

import { places, within } from "../common/dom.js";

/**
 * @typedef {ReturnType<typeof places> & {
 *   form: HTMLElement, whole: HTMLFormElement, availability: HTMLElement, panel: HTMLElement | null, texts: Record<string, string>,
 * }} Page `whole` is the Hub's form around ours; `panel` says what becomes of the request, and is missing where nothing can be asked for
 */

/**
 * Reads the page; null where there is no form on it.
 * @returns {Page | null}
 */
export function readPage() {
  const { find, place } = places("resource-form-");
  const form = document.getElementById("resource-form");
  const availability = find("availability");
  const whole = form?.closest("form");
  if (!form || !availability || !whole) return null;
  return { find, place, form, whole, availability, panel: find("panel"), texts: JSON.parse(form.dataset.texts || "{}") };
}

/**
 * What a screen reader is told, once for as long as it is the same.
 * @param {Page} page
 */
export function announcer(page) {
  let spoken = "";
  /** @param {string} sentence */
  return (sentence) => {
    if (!sentence || sentence === spoken) return;
    spoken = sentence;
    page.place("announcement").textContent = sentence;
  };
}

/** @param {Page} page */
export const startButton = (page) => /** @type {HTMLButtonElement | null} */ (page.form.querySelector(".resource-form-start"));

/** @param {Page} page */
export const tools = (page) => within(page.form, ".resource-form-tools");
