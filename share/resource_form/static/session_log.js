// Shows the log of a session and follows it. Whatever is in a log is put into the page as text, never as markup. The page keeps the pieces
// that it has fetched in their order, each with its place in the log, and lets go of those at the far end when there are too many lines.
"use strict";

(() => {
  const MOST_LINES = 5000;
  const POLL_MS = 2000;
  const QUIET_POLL_MS = 6000;
  const QUIET_AFTER_MS = 60000;
  const AT_THE_BOTTOM_PX = 40;
  const root = document.getElementById("session-log");
  if (!root) return;
  const texts = JSON.parse(root.dataset.texts);
  const byId = (name) => document.getElementById(`session-log-${name}`);
  const [box, partial, state, pause, older, later, toEnd] = ["text", "partial", "state", "pause", "older", "later", "end"].map(byId);

  let pieces = [];
  let size = 0;
  let inode = "";
  let live = false;
  let paused = false;
  let elsewhere = false;
  let query = "";
  let timer = 0;
  let changedAt = Date.now();
  let asking = null;
  let generation = 0;

  const first = () => (pieces.length ? pieces[0].start : 0);
  const last = () => (pieces.length ? pieces[pieces.length - 1].end : 0);

  // --- saying how it stands ---

  function say(sentence, kind = "") {
    if (state.textContent !== sentence) state.textContent = sentence;
    state.dataset.kind = kind;
  }

  function sayHowItStands() {
    const empty = !pieces.length && !partial.textContent;
    if (elsewhere) say(texts.elsewhere);
    else if (paused) say(texts.paused);
    else if (live) say(empty ? `${texts.empty} ${texts.following}` : texts.following);
    else say(texts.over);
    older.hidden = first() === 0;
    later.hidden = !elsewhere || last() >= size;
    toEnd.hidden = !elsewhere;
    pause.hidden = elsewhere;
    pause.textContent = paused ? texts.go_on : live ? texts.pause : texts.again;
  }

  // --- text, and what was searched for in it ---

  function fill(element, text) {
    element.textContent = "";
    if (!query) {
      element.textContent = text;
      return;
    }
    const wanted = query.toLowerCase();
    const lowered = text.toLowerCase();
    // A few letters change their length with their case; then their places do not fit, and nothing is marked.
    let at = lowered.length === text.length ? lowered.indexOf(wanted) : -1;
    let from = 0;
    const parts = document.createDocumentFragment();
    while (at >= 0) {
      parts.append(text.slice(from, at));
      const mark = document.createElement("mark");
      mark.textContent = text.slice(at, at + wanted.length);
      parts.append(mark);
      from = at + wanted.length;
      at = lowered.indexOf(wanted, from);
    }
    parts.append(text.slice(from));
    element.append(parts);
  }

  function pieceOf(answer) {
    const element = document.createElement("div");
    fill(element, answer.text);
    return { start: answer.from, end: answer.to, lines: answer.text.split("\n").length - 1 || 1, text: answer.text, element };
  }

  function showPartial(text) {
    partial.dataset.text = text;
    fill(partial, text);
  }

  function letGo(fromTheEnd) {
    let lines = pieces.reduce((sum, piece) => sum + piece.lines, 0);
    while (lines > MOST_LINES && pieces.length > 1) {
      const piece = fromTheEnd ? pieces.pop() : pieces.shift();
      piece.element.remove();
      lines -= piece.lines;
      if (fromTheEnd) {
        elsewhere = true;
        showPartial("");
      }
    }
  }

  const isAtTheBottom = () => box.scrollHeight - box.scrollTop - box.clientHeight < AT_THE_BOTTOM_PX;

  function append(answer) {
    const follow = isAtTheBottom() && !elsewhere;
    const height = box.scrollHeight;
    if (answer.text) {
      const piece = pieceOf(answer);
      pieces.push(piece);
      box.insertBefore(piece.element, partial);
      letGo(false);
    }
    showPartial(answer.partial);
    if (follow) box.scrollTop = box.scrollHeight;
    else if (box.scrollHeight < height) box.scrollTop = Math.max(0, box.scrollTop - (height - box.scrollHeight));
  }

  function prepend(answer) {
    if (!answer.text) return;
    const fromBottom = box.scrollHeight - box.scrollTop;
    const piece = pieceOf(answer);
    pieces.unshift(piece);
    box.insertBefore(piece.element, box.firstChild);
    box.scrollTop = box.scrollHeight - fromBottom;
    letGo(true);
  }

  function begin(answer) {
    for (const piece of pieces) piece.element.remove();
    pieces = [];
    showPartial("");
    append(answer);
  }

  // --- asking ---

  async function ask(parameters) {
    const url = new URL(root.dataset.url, window.location.href);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    const answer = await fetch(url, {
      headers: { Accept: "application/json", "X-XSRFToken": window.jhdata?.xsrf_token || "" },
      credentials: "same-origin",
    });
    let body = {};
    try {
      body = await answer.json();
    } catch {
      // The proxy's own page, while the Hub is away.
    }
    return { ok: answer.ok, status: answer.status, body };
  }

  function again(milliseconds) {
    window.clearTimeout(timer);
    timer = window.setTimeout(follow, milliseconds);
  }

  function take(body) {
    live = body.live;
    const anew = pieces.length > 0 && (body.inode !== inode || body.from !== last());
    if (anew || !pieces.length) begin(body);
    else append(body);
    if (body.size !== size) changedAt = Date.now();
    ({ size, inode } = body);
    sayHowItStands();
    if (anew) say(`${texts.began_anew} ${state.textContent}`);
    return body.to < size && !body.partial && body.text !== "";
  }

  async function follow() {
    window.clearTimeout(timer);
    if (asking || paused || elsewhere || document.hidden) return;
    const mine = generation;
    let next = 0;
    asking = ask(pieces.length ? { offset: last() } : {});
    try {
      const answer = await asking;
      if (mine !== generation) return;
      if (answer.ok && !answer.body.reason) {
        const more = take(answer.body);
        if (more) next = 1;
        else if (live) next = Date.now() - changedAt > QUIET_AFTER_MS ? QUIET_POLL_MS : POLL_MS;
      } else if (answer.body.reason) {
        live = answer.body.live;
        sayHowItStands();
        say(answer.body.message, answer.body.reason === "no_log_yet" ? "" : "trouble");
        next = live ? QUIET_POLL_MS : 0;
      } else if (answer.status === 403 || answer.status === 404) {
        say(texts.not_allowed, "trouble");
      } else {
        say(texts.no_answer, "trouble");
        next = QUIET_POLL_MS;
      }
    } catch {
      say(texts.no_answer, "trouble");
      next = QUIET_POLL_MS;
    } finally {
      asking = null;
      if (next && mine === generation) again(next);
      else if (mine !== generation && !elsewhere && !paused) again(1);
    }
  }

  async function fetchPiece(parameters, use, button) {
    if (button) button.disabled = true;
    try {
      const answer = await ask(parameters);
      if (answer.ok) {
        use(answer.body);
        sayHowItStands();
      } else {
        say(answer.body.message || texts.no_answer, "trouble");
      }
    } catch {
      say(texts.no_answer, "trouble");
    } finally {
      if (button) button.disabled = false;
    }
  }

  // --- what can be pressed ---

  pause.addEventListener("click", () => {
    if (live || paused) paused = !paused;
    sayHowItStands();
    if (!paused) follow();
  });

  older.addEventListener("click", () => fetchPiece({ before: first() }, prepend, older));

  later.addEventListener("click", () =>
    fetchPiece({ offset: last() }, (body) => {
      if (body.from !== last()) return;
      ({ size } = body);
      append(body);
      if (last() >= size) elsewhere = false;
    }, later).then(() => {
      if (!elsewhere) follow();
    }),
  );

  toEnd.addEventListener("click", () => {
    elsewhere = false;
    paused = false;
    generation += 1;
    for (const piece of pieces) piece.element.remove();
    pieces = [];
    showPartial("");
    box.focus();
    box.scrollTop = box.scrollHeight;
    follow();
  });

  function showAround(at) {
    elsewhere = true;
    generation += 1;
    window.clearTimeout(timer);
    fetchPiece({ around: at }, (body) => {
      ({ size, inode } = body);
      live = body.live;
      begin(body);
      elsewhere = true;
      box.scrollTop = 0;
      const marks = [...box.querySelectorAll("mark")];
      const offset = marks.find((mark) => bytesBefore(mark) >= at - body.from) || marks[0];
      if (offset) box.scrollTop = offset.offsetTop - box.offsetTop - box.clientHeight / 3;
      box.focus({ preventScroll: true });
    });
  }

  function bytesBefore(mark) {
    const range = document.createRange();
    range.setStart(box, 0);
    range.setEndBefore(mark);
    return new TextEncoder().encode(range.toString()).length;
  }

  function refill() {
    for (const piece of pieces) fill(piece.element, piece.text);
    fill(partial, partial.dataset.text || "");
  }

  function matchButton(match) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    fill(button, match.line || " ");
    button.addEventListener("click", () => showAround(match.at));
    item.append(button);
    return item;
  }

  byId("search").addEventListener("submit", async (event) => {
    event.preventDefault();
    query = byId("query").value.trim();
    refill();
    byId("found").hidden = !query;
    byId("matches").textContent = "";
    byId("number").textContent = "";
    if (!query) return;
    await fetchPiece({ search: query }, (body) => {
      const shown = body.matches.length;
      const sentence = body.number === 0 ? texts.found_none : body.number > shown ? texts.found_many : texts.found_some;
      const counted = sentence.replace("{number}", body.number).replace("{shown}", shown);
      byId("number").textContent = body.whole ? counted : `${counted} ${texts.found_in_part}`;
      byId("matches").append(...body.matches.map(matchButton));
    });
  });

  byId("clear").addEventListener("click", () => {
    query = "";
    byId("query").value = "";
    byId("found").hidden = true;
    refill();
    byId("query").focus();
  });

  document.addEventListener("visibilitychange", follow);
  showPartial("");
  follow();
})();
