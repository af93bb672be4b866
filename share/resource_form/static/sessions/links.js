// Addresses of a session.

import { asText } from "../common/variables.js";

/** @import { Session } from "./model.js" */

const FIELDS = [
  ...["reservation", "account", "partition", "cores", "memory", "gpus", "walltime", "release", "interface", "environment"],
  "shared_memory",
  "color",
];

/**
 * An address that the Hub made; nothing if it is none. With JupyterHub's subdomain_host a session is on another host than this page.
 * @param {string | undefined} address
 * @param {string} here
 */
export function safeLink(address, here) {
  if (!address) return "";
  const url = new URL(address, here);
  return ["http:", "https:"].includes(url.protocol) ? url.href : "";
}

/**
 * The form, filled with the request of a session and what makes sense to change in it.
 * @param {Session} session
 * @param {string} here
 */
export function formLink(session, here) {
  const change = session.change || {};
  const fields = [...FIELDS, "name", ...(Object.keys(change).length ? [] : ["preset"])];
  return withOptions(new URL(session.spawn_url, here), { ...session.request, ...change }, fields);
}

/**
 * The form of another session, filled with the request of this one.
 * @param {Session} session
 * @param {string} name of what is copied
 * @param {string} here
 * @param {string} base the Hub's path
 */
export function copyLink(session, name, here, base) {
  const url = new URL(`${base}resource-form/new`, here);
  url.searchParams.set("copy_of", name);
  return withOptions(url, session.request, [...FIELDS, "preset"]);
}

/**
 * @param {URL} url
 * @param {Record<string, unknown>} values
 * @param {string[]} fields
 */
function withOptions(url, values, fields) {
  for (const field of fields) {
    const value = values[field];
    const text = value && typeof value === "object" ? asText(Object.entries(value)) : String(value);
    if (value !== undefined) url.searchParams.set(`opt-${field}`, text);
  }
  return url.href;
}

/**
 * The page of its start.
 * @param {Session} session
 * @param {string} base the Hub's path
 */
export const viewLink = (session, base) => session.spawn_url.replace(`${base}spawn/`, `${base}spawn-pending/`);
