// What can be had beside the verdict: a link to this form.

import { asText, looksSecret, MASK, readText } from "../common/variables.js";
import { LOOK } from "./fields.js";

/** @import { Fields } from "./fields.js" */
/** @import { Page } from "./page.js" */

const LEFT_OUT_IF_EMPTY = ["preset", "start_folder", "shared_memory", "environment", ...LOOK];

/**
 * The variables as they may stand in an address: browsers and servers keep those.
 * @param {string} text
 * @param {import("../common/variables.js").Patterns} patterns
 */
export function withoutSecrets(text, patterns) {
  return asText(readText(text).map(([name, value]) => [name, looksSecret(name, value, patterns) ? MASK : value]));
}

/**
 * The address of a form that is filled like this one.
 * @param {URL} form
 * @param {Record<string, string>} values
 */
export function linkTo(form, values) {
  const url = new URL(form);
  for (const [name, value] of Object.entries(values)) {
    if (value || !LEFT_OUT_IF_EMPTY.includes(name)) url.searchParams.set(`opt-${name}`, value);
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
    const { environment = "", ...values } = fields.values();
    const variables = withoutSecrets(environment, JSON.parse(form.dataset.secrets || "{}"));
    const link = linkTo(new URL(form.dataset.linkUrl || "", window.location.href), { ...values, environment: variables });
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
