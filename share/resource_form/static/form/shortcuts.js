// Presets, last requests, and what would start now instead: one press fills the form.

import { LOOK } from "./fields.js";
import { startButton } from "./page.js";

/** @import { Check } from "./check.js" */
/** @import { Fields } from "./fields.js" */
/** @import { Page } from "./page.js" */

/**
 * Shows which preset is chosen.
 * @param {Page} page
 * @param {string} name "" for none
 */
export function choosePreset({ form, find }, name) {
  const preset = /** @type {HTMLInputElement | null} */ (find("preset"));
  if (!preset) return;
  preset.value = name;
  for (const link of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-preset]"))) {
    link.classList.toggle("active", link.dataset.preset === name);
    if (link.dataset.preset === name) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

/**
 * @param {Page} page
 * @param {Fields} fields
 * @param {Check} check
 */
export function followTheFields(page, fields, { check, checkSoon }) {
  page.form.addEventListener("click", (event) => {
    const pressed = /** @type {Element} */ (event.target);
    const shortcut = /** @type {HTMLElement | null} */ (pressed.closest("a[data-values]"));
    const alternative = /** @type {HTMLElement | null} */ (pressed.closest("button[data-change]"));
    if (shortcut) {
      event.preventDefault();
      fields.fill(JSON.parse(shortcut.dataset.values || "{}"));
      choosePreset(page, shortcut.dataset.preset || "");
      check("");
    } else if (alternative) {
      fields.fill(JSON.parse(alternative.dataset.change || "{}"));
      choosePreset(page, "");
      check("").then(() => startButton(page)?.focus());
    }
  });

  page.form.addEventListener("input", (event) => {
    const { name } = /** @type {HTMLInputElement} */ (event.target);
    if (!fields.names.includes(name)) return;
    if (LOOK.includes(name)) {
      fields.showError(name, "");
      return;
    }
    choosePreset(page, "");
    checkSoon(name);
  });
}
