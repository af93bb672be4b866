// Elements: found, made and written.

/**
 * What finds a page's own elements, whose ids begin alike.
 * @param {string} prefix
 */
export function places(prefix) {
  /** @param {string} name */
  const find = (name) => document.getElementById(`${prefix}${name}`);

  /**
   * Finds one without which the page is broken.
   * @template {HTMLElement} [T=HTMLElement]
   * @param {string} name
   * @param {new () => T} [type]
   * @returns {T}
   */
  function place(name, type) {
    const found = find(name);
    if (!(found instanceof (type || HTMLElement))) throw new Error(`The page has no #${prefix}${name}`);
    return /** @type {T} */ (found);
  }

  return { find, place };
}

/**
 * Finds one element within another without which the page is broken.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} where
 * @param {string} selector
 * @returns {T}
 */
export function within(where, selector) {
  const found = where.querySelector(selector);
  if (!found) throw new Error(`The page has no ${selector}`);
  return /** @type {T} */ (found);
}

/**
 * Nothing is written that stands there already: what did not change is not a change to a screen reader either.
 * @param {Element} place
 * @param {string} text
 */
export function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/**
 * Writes, and hides what has nothing to say.
 * @param {HTMLElement} place
 * @param {string} text
 */
export function show(place, text) {
  write(place, text);
  place.hidden = !text;
}

/** @typedef {string | number | boolean | null | undefined} Property */

/**
 * Makes an element. The properties "class" and "text" are what they say, the others attributes. Children that are null are left out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, Property>} [properties]
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") made.className = String(value);
    else if (name === "text") made.textContent = value === null || value === undefined ? "" : String(value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(...present(children));
  return made;
}

/**
 * @template T
 * @param {(T | null | undefined)[]} entries
 * @returns {T[]}
 */
export function present(entries) {
  return /** @type {T[]} */ (entries.filter((entry) => entry !== null && entry !== undefined));
}

/**
 * Reads HTML that the Hub has made. Nothing in it runs.
 * @param {string} html
 */
export function parsed(html) {
  return new DOMParser().parseFromString(html, "text/html").body;
}

/**
 * Fills a place with these children in their order, and moves none that stands where it should.
 * @param {Element} place
 * @param {Element[]} children
 */
export function arrange(place, children) {
  for (const [index, child] of children.entries()) {
    if (place.children[index] !== child) place.insertBefore(child, place.children[index] || null);
  }
}
