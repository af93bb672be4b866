// The line that names partition, account, reservation, QOS and constraint; the fields themselves are folded behind it.

import { FILLED } from "./fields.js";

/** @import { Page } from "./page.js" */

const WITH_UNIT = new Set(["memory", "nodes", "tasks"]);

/**
 * A field's value as the line has it.
 * @param {HTMLInputElement | HTMLSelectElement} field
 * @param {Record<string, string>} texts what the line says in place of no reservation, and of a QOS or a constraint
 */
export function shownIn(field, texts) {
  if (field.name === "reservation" && !field.value) return texts.no_reservation;
  if (field.name === "qos") return field.value && texts.qos.replace("{name}", field.value);
  if (field.name === "constraint") return field.value && texts.constraint.replace("{feature}", field.value);
  if (WITH_UNIT.has(field.name)) return withUnit(field);
  return field instanceof HTMLSelectElement ? field.selectedOptions[0]?.textContent?.trim() || "" : field.value;
}

/**
 * A plain number with the unit that stands behind it, as the Hub writes it; one node and one task are nothing to name.
 * @param {HTMLInputElement | HTMLSelectElement} field
 */
function withUnit({ name, value, parentElement }) {
  if (name !== "memory" && value === "1") return "";
  const unit = parentElement?.querySelector(".input-group-text")?.textContent?.trim() || "";
  return /^\d+$/.test(value) ? `${value} ${unit}`.trim() : value;
}

/** @param {Page} page */
export function followWhere({ form, texts, find }) {
  const details = /** @type {HTMLDetailsElement | null} */ (find("where"));
  const line = find("where-line");
  if (!details || !line) return;
  // Radio buttons and fields of other kinds that an admin has folded are named as the Hub has written them.
  const named = "select[name], .form-control[name]";
  const folded = /** @type {NodeListOf<HTMLInputElement | HTMLSelectElement>} */ (details.querySelectorAll(named));
  const follows = !details.querySelector("input[type=radio]");

  function show() {
    if (!follows || !line) return;
    const values = [...folded].map((field) => shownIn(field, texts)).filter(Boolean);
    line.textContent = values.join(" · ");
  }

  form.addEventListener("input", show);
  form.addEventListener(FILLED, show);
}
