// The last lines of the job's log, and the way to all of it.

import { write } from "../common/dom.js";

/** @import { Page } from "./page.js" */
/** @import { Steps } from "./steps.js" */

const AT_THE_END_PX = 8;

/**
 * @param {Page} page
 * @param {string[] | undefined} lines
 */
export function showLog({ place }, lines) {
  if (!Array.isArray(lines) || !lines.length) return;
  const box = place("log");
  const where = place("log-lines");
  const atEnd = box.hidden || where.scrollTop + where.clientHeight >= where.scrollHeight - AT_THE_END_PX;
  box.hidden = false;
  write(where, lines.join("\n"));
  if (atEnd) where.scrollTop = where.scrollHeight;
}

/**
 * @param {Page} page
 * @param {Steps} steps
 */
export function showLogLinks(page, steps) {
  const job = page.session.job_id;
  // A job that has not run has no log.
  if (!job || !steps.hasReached("environment")) return;
  const url = new URL(page.logUrl, window.location.href);
  url.searchParams.set("job", String(job));
  url.searchParams.set("user", page.user);
  const link = page.place("log-link", HTMLAnchorElement);
  const button = page.place("log-button", HTMLAnchorElement);
  link.href = button.href = url.href;
  link.hidden = false;
  button.hidden = page.phase !== "failed";
}
