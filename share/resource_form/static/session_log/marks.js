// What is searched for, found in a text.

/**
 * Cuts a text where the words stand that are searched for: every second part is a place where they do, whatever their case.
 * @param {string} text
 * @param {string} query
 * @returns {string[]}
 */
export function cutAtMatches(text, query) {
  const wanted = query.toLowerCase();
  const lowered = text.toLowerCase();
  // A few letters change their length with their case; then their places do not fit, and nothing is marked.
  if (!wanted || lowered.length !== text.length) return [text];
  const parts = [];
  let from = 0;
  for (let at = lowered.indexOf(wanted); at >= 0; at = lowered.indexOf(wanted, from)) {
    parts.push(text.slice(from, at), text.slice(at, at + wanted.length));
    from = at + wanted.length;
  }
  return [...parts, text.slice(from)];
}

/**
 * Puts a text into the page, with marks where the words stand that are searched for.
 * @param {HTMLElement} place
 * @param {string} text
 * @param {string} query
 */
export function fill(place, text, query) {
  const parts = cutAtMatches(text, query).map((part, index) => {
    if (index % 2 === 0) return part;
    const mark = document.createElement("mark");
    mark.textContent = part;
    return mark;
  });
  place.replaceChildren(...parts);
}
