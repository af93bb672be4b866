// The table of what is free, which refreshes in the open page.

import { askForHtml } from "../common/api.js";
import { element, parsed, within } from "../common/dom.js";
import { localTimes } from "../common/times.js";
import { JUDGED } from "./check.js";
import { FILLED } from "./fields.js";

/** @import { Page } from "./page.js" */

/** The event that tells the form that another table stands on the page. */
export const REFRESHED = "resource-form-refreshed";

/**
 * @param {Page} page
 * @returns {() => Promise<void>} what refreshes it
 */
export function followAvailability({ form, availability, panel, texts, find }) {
  let asked = 0;
  let where = "";
  let isKnown = !panel?.querySelector('[data-verdict="unknown"]');

  /** @param {string} sentence */
  function markUnrefreshed(sentence) {
    const section = /** @type {HTMLElement | null} */ (availability.querySelector(".resource-form-availability"));
    if (!section || section.dataset.unrefreshed) return;
    section.dataset.unrefreshed = "true";
    section.classList.add("resource-form-stale");
    const note = element("p", { class: "alert alert-warning py-2", role: "status", text: sentence });
    (section.querySelector(".resource-form-age") || within(section, ":scope > *")).after(note);
  }

  /** @param {{ html: string | null, isLoggedOut: boolean }} answer */
  function show({ html, isLoggedOut }) {
    const opened = availability.querySelector("details")?.open;
    const section = html === null ? null : parsed(html).querySelector(".resource-form-availability");
    if (!section) {
      markUnrefreshed(isLoggedOut ? texts.logged_out : texts.unrefreshed);
      return;
    }
    const details = section.querySelector("details");
    if (details && opened) details.open = true;
    localTimes(section, texts);
    availability.replaceChildren(section);
    form.dispatchEvent(new CustomEvent(REFRESHED));
  }

  /**
   * What is chosen; without the field, as on a page of presets only, what the preset says.
   * @param {string} name
   */
  function chosen(name) {
    const field = /** @type {HTMLSelectElement | null} */ (find(name));
    const preset = /** @type {HTMLElement | null} */ (form.querySelector("[data-preset].active"));
    return field ? field.value : JSON.parse(preset?.dataset.values || "{}")[name] || "";
  }

  function address() {
    const url = new URL(form.dataset.availabilityUrl || "", window.location.href);
    for (const name of ["reservation", "partition"]) if (chosen(name)) url.searchParams.set(name, chosen(name));
    // On a large cluster the GPUs of the nodes are sent to those only who look at them.
    const nodes = /** @type {HTMLDetailsElement | null} */ (availability.querySelector(".resource-form-nodes"));
    if (nodes?.open) url.searchParams.set("devices", "all");
    return url;
  }

  /** What the table depends on. */
  const place = () => ["reservation", "partition"].map(chosen).join(" ");

  async function refresh() {
    const mine = ++asked;
    where = place();
    const answer = await askForHtml(address()).catch(() => ({ html: null, isLoggedOut: false }));
    if (mine === asked) show(answer);
  }

  function refreshElsewhere() {
    if (place() !== where) refresh();
  }

  // The event does not bubble: it is heard on its way down.
  availability.addEventListener(
    "toggle",
    ({ target }) => {
      if (target instanceof HTMLDetailsElement && target.open && target.dataset.devices === "left-out") refresh();
    },
    true,
  );
  where = place();
  form.addEventListener("change", refreshElsewhere);
  // A preset, an alternative, or what had to follow another field fills fields in without a change of the user's.
  form.addEventListener(FILLED, refreshElsewhere);
  form.addEventListener(JUDGED, (event) => {
    // The verdict and the table come of the same answers of Slurm, so that they age together.
    const isKnownNow = /** @type {CustomEvent<{ verdict: string }>} */ (event).detail.verdict !== "unknown";
    if (isKnownNow !== isKnown) refresh();
    isKnown = isKnownNow;
  });
  return refresh;
}
