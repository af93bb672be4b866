// Variables of the environment as rows, in place of the text that holds them without this script and is what is posted.

import { element, write } from "../common/dom.js";
import { asText, looksSecret, MASK, readText } from "../common/variables.js";
import { FILLED } from "./fields.js";

/** @import { Page } from "./page.js" */
/** @import { Variable } from "../common/variables.js" */
/** @typedef {{ row: HTMLElement, name: HTMLInputElement, value: HTMLTextAreaElement, takeOut: HTMLButtonElement, isKept: boolean }} Row */

/**
 * @param {string} look
 * @param {string} words
 */
const button = (look, words) => element("button", { type: "button", class: `btn btn-sm btn-${look}`, text: words });

/** @param {Page} page */
export function offerVariables({ form, find, place, texts }) {
  const text = /** @type {HTMLTextAreaElement | null} */ (find("environment-text"));
  if (!text) return;
  const patterns = JSON.parse(form.dataset.secrets || "{}");
  const list = element("div", { class: "resource-form-variables" });
  const add = button("outline-secondary", texts.variable_added);
  const clear = button("link", texts.variables_cleared);
  /** @type {Row[]} */
  let rows = [];

  /** @returns {Variable[]} */
  const variables = () =>
    rows
      .map(({ name, value, isKept }) => /** @type {Variable} */ ([name.value.trim(), isKept ? MASK : value.value]))
      .filter(([name, value]) => name || value);

  /**
   * What a row looks like, by what is in it.
   * @param {Row} row
   */
  function show({ name, value, takeOut, isKept }) {
    const label = (/** @type {string} */ words) => words.replace("{name}", name.value.trim() || "…");
    value.setAttribute("aria-label", label(texts.variable_value));
    takeOut.setAttribute("aria-label", label(texts.variable_removed));
    value.placeholder = isKept ? texts.variable_is_kept : "";
    value.classList.toggle("resource-form-secret", looksSecret(name.value, value.value, patterns));
  }

  function showAll() {
    clear.hidden = rows.length < 2;
    write(place("environment-names"), readText(text?.value || "").map(([name]) => name).join(", "));
  }

  /** The text is what the form posts and is judged by: it hears of a change as if it had been typed there. */
  function changed() {
    if (!text) return;
    text.value = asText(variables());
    showAll();
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** @param {Variable} variable */
  function append([name, value]) {
    const isKept = value === MASK;
    const attributes = { autocomplete: "off", autocapitalize: "off", spellcheck: "false" };
    const box = "form-control form-control-sm font-monospace";
    /** @type {Row} */
    const made = {
      row: element("div", { class: "resource-form-variable" }),
      name: element("input", { ...attributes, type: "text", class: box, "aria-label": texts.variable_name, placeholder: "NAME" }),
      value: element("textarea", { ...attributes, class: box, rows: 1 }),
      takeOut: button("outline-secondary", "×"),
      isKept,
    };
    made.name.value = name;
    made.value.value = isKept ? "" : value;
    made.name.addEventListener("input", () => (show(made), changed()));
    made.name.addEventListener("paste", (event) => pasted(event, made));
    made.value.addEventListener("input", () => ((made.isKept = false), show(made), changed()));
    made.takeOut.addEventListener("click", () => remove(made));
    made.row.append(made.name, made.value, made.takeOut);
    list.append(made.row);
    rows.push(made);
    show(made);
    return made;
  }

  /**
   * Whoever has lines of NAME=value at hand pastes them at once.
   * @param {ClipboardEvent} event
   * @param {Row} into
   */
  function pasted(event, into) {
    const given = event.clipboardData?.getData("text") || "";
    if (!given.includes("=") || into.name.value) return;
    event.preventDefault();
    drop(into);
    const made = readText(given).map(append);
    made.at(-1)?.value.focus();
    changed();
  }

  /** @param {Row} row */
  function drop(row) {
    row.row.remove();
    rows = rows.filter((other) => other !== row);
  }

  /** @param {Row} row */
  function remove(row) {
    const next = rows[rows.indexOf(row) + 1] || rows[rows.indexOf(row) - 1];
    drop(row);
    (next ? next.takeOut : add).focus();
    changed();
  }

  function rebuild() {
    if (!text || text.value === asText(variables())) return;
    for (const row of rows) row.row.remove();
    rows = [];
    readText(text.value).forEach(append);
    showAll();
  }

  add.addEventListener("click", () => append(["", ""]).name.focus());
  clear.addEventListener("click", () => {
    for (const row of rows) row.row.remove();
    rows = [];
    add.focus();
    changed();
  });
  // A variable's name and value are the form's, not fields of their own.
  list.addEventListener("input", (event) => event.stopPropagation());
  form.addEventListener(FILLED, rebuild);
  place("environment-lines").hidden = true;
  place("environment-lines").before(list, element("p", { class: "mb-1" }, add, clear));
  rebuild();
  showAll();
}
