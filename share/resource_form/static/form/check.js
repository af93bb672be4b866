// What becomes of the request while it is being made. All rules are the Hub's: this asks and shows.

import { ask } from "../common/api.js";
import { parsed, within, write } from "../common/dom.js";
import { localTimes } from "../common/times.js";
import { makeEstimate } from "./estimate.js";
import { replaceAround } from "./hint.js";
import { announcer } from "./page.js";

/** @import { Fields } from "./fields.js" */
/** @import { Page } from "./page.js" */

const PAUSE_MS = 150;
const PATIENCE_MS = 1000; // after that, what the panel says is no longer about what stands in the form

/** The event that tells the form what has been answered. */
export const JUDGED = "resource-form-judged";

/**
 * The name of the server that a form is for, by the address to which it is sent; null for the default server.
 * @param {string} action
 */
export function serverOf(action) {
  const path = action.split("?")[0].split("/spawn/")[1];
  return path?.includes("/") ? decodeURIComponent(path.split("/")[1]) : null;
}

/**
 * What asks the Hub about the request as it stands in the form.
 * @param {Page} page
 * @param {Fields} fields
 */
export function asker({ form, whole }, fields) {
  /** @param {Record<string, string>} parameters */
  return (parameters) => {
    const url = new URL(form.dataset.checkUrl || "", window.location.href);
    url.searchParams.set("user", form.dataset.user || "");
    const server = serverOf(whole.action);
    if (server !== null) url.searchParams.set("server", server);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    const xsrf = new URL(whole.action, window.location.href).searchParams.get("_xsrf") || "";
    return ask(url, { method: "POST", xsrf, body: fields.values() });
  };
}

/** @typedef {ReturnType<typeof asker>} Ask */

const REFUSALS = [401, 403, 404];

/**
 * Whether the Hub has an answer of its own, as to somebody who was logged out meanwhile.
 * @param {{ status: number } | null} answer
 */
export const isRefusal = (answer) => answer !== null && REFUSALS.includes(answer.status);

/**
 * @param {Page} page
 * @param {HTMLElement} panel
 * @param {Fields} fields
 * @param {Ask} askHub
 */
export function makeCheck(page, panel, fields, askHub) {
  const script = /** @type {HTMLDetailsElement} */ (page.place("script"));
  const announce = announcer(page);
  const estimate = makeEstimate(page, panel, fields, askHub);
  let latest = 0;
  let pending = 0;

  /**
   * Asks, and shows the answer unless another question followed.
   * @param {string} [changed] the field that the user has changed, "" for several
   * @returns {Promise<void>}
   */
  async function check(changed) {
    const mine = ++latest;
    panel.classList.add("resource-form-checking");
    const impatient = window.setTimeout(() => mine === latest && showUnknown(page.texts.checking), PATIENCE_MS);
    const answer = await askHub({ changed: changed || "", panel: "1", script: script.open ? "1" : "0" }).catch(() => null);
    window.clearTimeout(impatient);
    if (mine !== latest) return;
    if (answer?.tooOften) {
      // The last change is what counts, and it is asked about as soon as it may be.
      window.setTimeout(() => mine === latest && check(changed), 1000 * answer.again);
      return;
    }
    panel.classList.remove("resource-form-checking");
    if (answer?.ok) show(answer.body, changed);
    else showUnknown((isRefusal(answer) && answer?.body.message) || page.texts.unchecked);
  }

  /**
   * @param {any} said
   * @param {string | undefined} changed
   */
  function show(said, changed) {
    const moved = fields.showSaid(said, changed);
    const decision = within(parsed(said.panel), ":scope > *");
    localTimes(decision, page.texts);
    replaceAround(panel, decision);
    if (said.holding !== undefined) page.place("holding").replaceChildren(...parsed(said.holding).childNodes);
    if (said.storage !== undefined) page.find("storage")?.replaceChildren(...parsed(said.storage).childNodes);
    const sentence = said.ok ? within(decision, ".resource-form-sentence").textContent : said.sentence;
    if (changed !== undefined) announce([...moved, sentence].join(" "));
    if (said.script) showScript(said);
    const line = page.find("own-line");
    if (line) write(line, said.words);
    estimate.follow();
    page.form.dispatchEvent(new CustomEvent(JUDGED, { detail: said }));
  }

  /** @param {string} sentence */
  function showUnknown(sentence) {
    const decision = /** @type {HTMLElement | null} */ (panel.querySelector(".resource-form-decision"));
    if (!decision) return;
    decision.className = "resource-form-decision resource-form-is-unknown";
    decision.dataset.verdict = "unknown";
    within(decision, ".resource-form-mark").textContent = "?";
    within(decision, ".resource-form-sentence").textContent = sentence;
    decision.querySelectorAll(".resource-form-alternatives, .resource-form-line, .resource-form-estimate").forEach((part) => part.remove());
    page.form.dispatchEvent(new CustomEvent(JUDGED, { detail: { verdict: "unknown", fits: [] } }));
  }

  /** @param {{ command: string, script: string, environment: Record<string, string> }} said */
  function showScript(said) {
    page.place("script-command").textContent = said.command;
    page.place("script-text").textContent = said.script;
    const environment = Object.entries(said.environment).map(([name, value]) => `${name}=${value}`);
    page.place("script-environment").textContent = environment.join("\n");
  }

  /**
   * Asks once the user pauses.
   * @param {string} changed
   */
  function checkSoon(changed) {
    window.clearTimeout(pending);
    page.place("said").textContent = "";
    pending = window.setTimeout(() => check(changed), PAUSE_MS);
  }

  script.addEventListener("toggle", () => {
    if (script.open) check("");
  });

  return { check, checkSoon };
}

/** @typedef {ReturnType<typeof makeCheck>} Check */
