// Values of cores, memory and time to press beside the field that holds them.

import { megabytesOf, minutesOf } from "./amounts.js";
import { FILLED } from "./fields.js";

/** @import { Page } from "./page.js" */
/** @typedef {{ value: string, label: string, number: number }} Useful */

/**
 * The number that a field holds: cores, MB or minutes. null where it is none (yet).
 * @param {string} name
 * @param {string} text
 */
export function numberOf(name, text) {
  if (name === "memory") return megabytesOf(text);
  if (name === "walltime") return minutesOf(text);
  return /^\s*[0-9]+\s*$/.test(text) ? Number(text) : null;
}

/**
 * @param {HTMLElement} row
 * @returns {NodeListOf<HTMLButtonElement>}
 */
const buttonsOf = (row) => row.querySelectorAll("button[data-number]");

/**
 * Shows which of the values the field holds.
 * @param {Page} page
 * @param {HTMLElement} row
 */
function showPressed({ place }, row) {
  const name = row.dataset.for || "";
  const held = numberOf(name, /** @type {HTMLInputElement} */ (place(name)).value);
  for (const button of buttonsOf(row)) button.setAttribute("aria-pressed", String(Number(button.dataset.number) === held));
}

/**
 * Offers other values, where they are others: what is under the pointer stays there otherwise.
 * @param {HTMLElement} row
 * @param {Useful[]} values
 */
export function offer(row, values) {
  const before = [...buttonsOf(row)];
  if (before.map((button) => button.dataset.number).join() === values.map(({ number }) => number).join()) return;
  const buttons = values.map(({ value, label, number }) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-outline-secondary";
    Object.assign(button.dataset, { value, number });
    button.textContent = label;
    return button;
  });
  row.replaceChildren(...buttons);
}

/** @param {Page} page */
export function followUseful(page) {
  const rows = /** @type {NodeListOf<HTMLElement>} */ (page.form.querySelectorAll(".resource-form-useful"));

  function showAll() {
    for (const row of rows) showPressed(page, row);
  }

  for (const row of rows) {
    row.addEventListener("click", (event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("button");
      const field = /** @type {HTMLInputElement} */ (page.place(row.dataset.for || ""));
      if (!button) return;
      field.value = button.dataset.value || "";
      // As if it had been typed: whoever listens to the field hears of it.
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
  page.form.addEventListener("input", showAll);
  page.form.addEventListener(FILLED, (event) => {
    const limits = /** @type {CustomEvent<Record<string, { useful?: Useful[] }>>} */ (event).detail || {};
    for (const row of rows) {
      const values = limits[row.dataset.for || ""]?.useful;
      if (values) offer(row, values);
    }
    showAll();
  });
}
