// What can be had beside the verdict: a link to this form.

import { LOOK } from "./fields.js";

/** @import { Fields } from "./fields.js" */
/** @import { Page } from "./page.js" */

/**
 * The address of a form that is filled like this one.
 * @param {URL} form
 * @param {Record<string, string>} values
 */
export function linkTo(form, values) {
  const url = new URL(form);
  for (const [name, value] of Object.entries(values)) {
    if (value || !["preset", "start_folder", ...LOOK].includes(name)) url.searchParams.set(`opt-${name}`, value);
  }
  return url.href;
}

/**
 * @param {Page} page
 * @param {Fields} fields
 */
export function offerTools({ form, find, place, texts }, fields) {
  const said = place("said");

  async function copyLink() {
    const link = linkTo(new URL(form.dataset.linkUrl || "", window.location.href), fields.values());
    try {
      await navigator.clipboard.writeText(link);
      said.textContent = texts.copied;
    } catch {
      showLink(link);
    }
  }

  /**
   * Without https a browser has no clipboard for scripts.
   * @param {string} link
   */
  function showLink(link) {
    const field = document.createElement("input");
    field.className = "form-control form-control-sm";
    field.readOnly = true;
    field.value = link;
    field.setAttribute("aria-label", texts.copy);
    said.replaceChildren(texts.copy, field);
    field.select();
  }

  find("link")?.addEventListener("click", copyLink);
}
