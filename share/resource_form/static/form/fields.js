// The form's fields: their values, and what the Hub says of them.

import { write } from "../common/dom.js";
import { hoursAsTyped } from "./amounts.js";
import { unfoldWhatIsWrong } from "./folds.js";

/** @import { Page } from "./page.js" */
/** @typedef {HTMLInputElement | HTMLSelectElement} Field */
/** @import { Useful } from "./useful.js" */
/** @typedef {{ range?: string, minimum?: number, maximum?: number | null, values?: string[], useful?: Useful[] }} Limits of a field */

/**
 * What the Hub says of the fields.
 * @typedef {object} Said
 * @property {Record<string, string>} errors
 * @property {Record<string, { value: string, sentence: string }>} moved what had to follow another field
 * @property {Record<string, Limits>} fields
 */

export const LOOK = ["name", "color"]; // what becomes of a request does not depend on them

/** The event that tells the form that its fields were filled in; with what they may be, where the Hub has said it. */
export const FILLED = "resource-form-filled";

/**
 * Whether a field holds something else than what the Hub has written into it.
 * @param {Field} field
 */
function isTouched(field) {
  if (field instanceof HTMLSelectElement) {
    const options = [...field.options];
    return options.some((option) => option.defaultSelected) && options.some((option) => option.selected !== option.defaultSelected);
  }
  return field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
}

/** @param {Page} page */
export function makeFields({ form, whole, find, place }) {
  const named = /** @type {NodeListOf<Field>} */ (form.querySelectorAll("[name]"));
  const names = [...new Set([...named].map((element) => element.name))];

  /** @returns {Record<string, string>} */
  function values() {
    const data = new FormData(whole);
    const entries = names.filter((name) => data.has(name)).map((name) => [name, String(data.get(name))]);
    return Object.fromEntries(entries.map(([name, value]) => [name, name === "walltime" ? hoursAsTyped(value) : value]));
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  function set(name, value) {
    const radios = /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll(`input[type=radio][name="${name}"]`));
    for (const radio of radios) radio.checked = radio.value === value;
    if (radios.length) return;
    const field = /** @type {Field | null} */ (form.querySelector(`[name="${name}"]`));
    if (field && field.value !== value) field.value = value;
  }

  /** @param {Record<string, unknown>} entries */
  function fill(entries) {
    for (const [name, value] of Object.entries(entries)) set(name, String(value));
    form.dispatchEvent(new CustomEvent(FILLED));
  }

  /**
   * @param {string} name
   * @param {string} sentence
   */
  function showError(name, sentence) {
    const where = find(`${name}-error`);
    if (!where) return;
    where.textContent = sentence;
    where.hidden = !sentence;
    const field = place(name);
    field.classList.toggle("is-invalid", Boolean(sentence) && field.tagName !== "FIELDSET");
    if (sentence) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }

  /**
   * @param {string} name
   * @param {Limits} limits
   */
  function showLimits(name, limits) {
    const range = find(`${name}-range`);
    if (limits.range !== undefined && range) range.textContent = limits.range;
    const input = find(name);
    if (input instanceof HTMLInputElement && input.type === "number") {
      input.min = String(limits.minimum);
      if (limits.maximum !== null) input.max = String(limits.maximum);
    }
    if (input && limits.values) showChoices(input, limits.values);
  }

  /**
   * @param {Element} field
   * @param {string[]} possible
   */
  function showChoices(field, possible) {
    for (const option of field.querySelectorAll("option")) option.disabled = !possible.includes(option.value) && !option.selected;
    const radios = /** @type {NodeListOf<HTMLInputElement>} */ (field.querySelectorAll("input[type=radio]"));
    for (const radio of radios) radio.disabled = !possible.includes(radio.value) && !radio.checked;
  }

  /**
   * Only a release in a container has shared memory to choose.
   * @param {string} range
   */
  function showShared(range) {
    const field = /** @type {HTMLInputElement | null} */ (find("shared_memory"));
    if (field) place("shared").hidden = !range && !field.value;
  }

  /**
   * Shows what the Hub says.
   * @param {Said} said
   * @param {string | undefined} changed the field that the user has changed, "" for several; undefined if nobody did anything
   * @returns {string[]} what was moved, in sentences
   */
  function showSaid(said, changed) {
    for (const [name, moved] of Object.entries(said.moved)) set(name, moved.value);
    for (const [name, limits] of Object.entries(said.fields)) showLimits(name, limits);
    // What Slurm itself has refused stays until the user does something about it.
    for (const name of names) if (changed !== undefined || said.errors[name]) showError(name, said.errors[name] || "");
    const moved = Object.values(said.moved).map((entry) => entry.sentence);
    const note = place("moved");
    if (moved.length) write(note, moved.join(" "));
    note.hidden = !moved.length && (note.hidden || Boolean(changed));
    showShared(said.fields.shared_memory?.range || "");
    unfoldWhatIsWrong(form);
    form.dispatchEvent(new CustomEvent(FILLED, { detail: said.fields }));
    return moved;
  }

  return { names, values, set, fill, showError, showSaid, touched: () => [...named].some(isTouched) };
}

/** @typedef {ReturnType<typeof makeFields>} Fields */
