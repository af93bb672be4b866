// The table of what is free, which refreshes in the open page.

import { askForHtml } from "../common/api.js";
import { element, parsed, within } from "../common/dom.js";
import { localTimes } from "./times.js";

/** @import { Page } from "./page.js" */

/**
 * @param {Page} page
 * @returns {() => Promise<void>} what refreshes it
 */
export function followAvailability({ form, availability, texts, find }) {
  let asked = 0;

  function markUnrefreshed() {
    const section = /** @type {HTMLElement | null} */ (availability.querySelector(".resource-form-availability"));
    if (!section || section.dataset.unrefreshed) return;
    section.dataset.unrefreshed = "true";
    section.classList.add("resource-form-stale");
    const note = element("p", { class: "alert alert-warning py-2", role: "status", text: texts.unrefreshed });
    (section.querySelector(".resource-form-age") || within(section, ":scope > *")).after(note);
  }

  /** @param {string | null} html */
  function show(html) {
    const opened = availability.querySelector("details")?.open;
    const section = html === null ? null : parsed(html).querySelector(".resource-form-availability");
    if (!section) {
      markUnrefreshed();
      return;
    }
    const details = section.querySelector("details");
    if (details && opened) details.open = true;
    localTimes(section, form.lang);
    availability.replaceChildren(section);
  }

  function address() {
    const url = new URL(form.dataset.availabilityUrl || "", window.location.href);
    for (const name of ["reservation", "partition"]) {
      const { value } = /** @type {HTMLSelectElement} */ (find(name) || {});
      if (value) url.searchParams.set(name, value);
    }
    // On a large cluster the GPUs of the nodes are sent to those only who look at them.
    const nodes = /** @type {HTMLDetailsElement | null} */ (availability.querySelector(".resource-form-nodes"));
    if (nodes?.open) url.searchParams.set("devices", "all");
    return url;
  }

  async function refresh() {
    const mine = ++asked;
    const html = await askForHtml(address()).catch(() => null);
    if (mine === asked) show(html);
  }

  // The event does not bubble: it is heard on its way down.
  availability.addEventListener(
    "toggle",
    ({ target }) => {
      if (target instanceof HTMLDetailsElement && target.open && target.dataset.devices === "left-out") refresh();
    },
    true,
  );
  for (const name of ["reservation", "partition"]) find(name)?.addEventListener("change", refresh);
  return refresh;
}
