// What would start now instead, a press away each: the job that waits is cancelled, and the other one submitted in its place.

import { token } from "../common/api.js";
import { element, within } from "../common/dom.js";

/** @import { Page } from "./page.js" */
/** @import { Offer } from "./stages.js" */

/**
 * @param {Page} page
 * @param {() => void} stopFollowing
 */
export function makeOffers(page, stopFollowing) {
  const { place, texts } = page;
  const box = place("offers");
  const list = place("offers-list");
  let shown = "";

  /**
   * @param {string} name
   * @param {string} value
   */
  const hidden = (name, value) => element("input", { type: "hidden", name, value });

  /**
   * @param {Offer} offer
   * @param {number} index
   */
  function row({ sentence, price, change }, index) {
    const id = `pending-offer-${index}`;
    const words = element("span", { id }, sentence, price ? element("small", { text: ` ${price}` }) : null);
    const button = element("button", { class: "btn btn-outline-secondary", "aria-describedby": id, text: texts.switch });
    const fields = Object.entries({ job: String(page.session.job_id), _xsrf: token(page.xsrf), ...change });
    const form = element("form", { method: "post", action: page.switchUrl }, ...fields.map(([name, value]) => hidden(name, value)));
    form.append(words, button);
    return element("li", {}, form);
  }

  function show() {
    const { offers, stage, job_id: job } = page.session;
    if (!offers && stage === "queue") return; // nobody has said yet
    const there = (stage === "queue" && job && offers) || [];
    const said = JSON.stringify([job, there]);
    if (said === shown) return;
    shown = said;
    const focused = [...list.querySelectorAll("button")].findIndex((button) => button === document.activeElement);
    list.replaceChildren(...there.map(row));
    box.hidden = !there.length;
    list.querySelectorAll("button")[focused]?.focus();
  }

  /** @param {SubmitEvent} event */
  function take(event) {
    if (page.phase !== "starting" || !(event.target instanceof HTMLFormElement)) {
      event.preventDefault();
      return;
    }
    page.phase = "switching";
    stopFollowing();
    within(event.target, "[name=_xsrf]").setAttribute("value", token(page.xsrf));
    const after = new URLSearchParams(window.location.search).get("next");
    if (after) event.target.append(hidden("next", after));
    // Not disabled: that would take the focus away from whoever came here with the keyboard.
    for (const button of [page.cancelButton, ...list.querySelectorAll("button")]) button.setAttribute("aria-disabled", "true");
    page.line("error", "");
    page.headline(texts.switching);
    page.say("unknown", texts.being_switched);
  }

  list.addEventListener("submit", take);

  return { show };
}

/** @typedef {ReturnType<typeof makeOffers>} Offers */
