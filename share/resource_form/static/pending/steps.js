// The row of steps, and the bar below it.

import { within, write } from "../common/dom.js";
import { STAGES } from "./stages.js";

/** @import { Page } from "./page.js" */

/** The steps of the page, with the stages in each. */
const STEPS = [["submitting"], ["queue"], ["node", "environment", "server"], ["connected"]];

/** @param {string} stage */
export const stepOf = (stage) => Math.max(0, STEPS.findIndex((stages) => stages.includes(stage)));

const CLASSES = { done: "is-done", now: "is-current", stopped: "is-current is-stopped", next: "" };

/** @param {Page} page */
export function makeSteps(page) {
  const steps = [...page.place("steps").children];
  // A stage that was reached stays reached: a list that jumps back would be taken for a new start.
  let furthest = 0;

  /**
   * @param {number} index
   * @param {boolean} stopped
   */
  function stateOf(index, stopped) {
    const step = stepOf(STAGES[furthest]);
    if (index < step || page.phase === "ready") return "done";
    if (index > step) return "next";
    return stopped ? "stopped" : "now";
  }

  /**
   * @param {string} stage
   * @param {boolean} [stopped] it goes no further
   */
  function show(stage, stopped = false) {
    furthest = Math.max(furthest, STAGES.indexOf(stage));
    for (const [index, step] of steps.entries()) {
      const state = stateOf(index, stopped);
      step.className = CLASSES[state];
      if (state === "now") step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
      write(within(step, ".pending-state"), ` (${page.texts[state]})`);
    }
  }

  /** @param {number} progress of 100 */
  function showProgress(progress) {
    page.progressBar.setAttribute("aria-valuenow", String(Math.round(progress)));
    within(page.progressBar, ":scope > *").style.width = `${progress}%`;
  }

  return {
    show,
    showProgress,
    stop: () => show(STAGES[furthest], true),
    hasReached: (/** @type {string} */ stage) => furthest >= STAGES.indexOf(stage),
    label: () => within(steps[stepOf(STAGES[furthest])], ".pending-label").firstChild?.textContent || "",
  };
}

/** @typedef {ReturnType<typeof makeSteps>} Steps */
