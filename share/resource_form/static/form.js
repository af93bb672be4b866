// Adds to the form what HTML alone cannot: what becomes of the request while it is being made, the fields that follow each other, the
// table that refreshes in the open page, times in the user's time zone. All rules are the Hub's: this script asks and shows.
"use strict";

(() => {
  const REFRESH_MS = 20000;
  const PAUSE_MS = 150;
  const LOOK = ["name", "color"]; // what becomes of a request does not depend on them
  const form = document.getElementById("resource-form");
  const availability = document.getElementById("resource-form-availability");
  if (!form || !availability) return;
  const whole = form.closest("form");
  const texts = JSON.parse(form.dataset.texts);
  const panel = document.getElementById("resource-form-panel");
  const announcement = document.getElementById("resource-form-announcement");
  const said = document.getElementById("resource-form-said");
  const byId = (name) => document.getElementById(`resource-form-${name}`);

  function localTimes(root) {
    for (const element of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(element.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      const today = moment.toDateString() === new Date().toDateString();
      const clock = moment.toLocaleTimeString("en-GB", element.closest(".resource-form-ends") ? { hour: "2-digit", minute: "2-digit" } : {});
      element.textContent = today ? clock : `${moment.toLocaleDateString(form.lang, { weekday: "short", day: "numeric", month: "short" })}, ${clock}`;
      element.closest("[hidden]")?.removeAttribute("hidden");
    }
  }

  function parsed(html) {
    return new DOMParser().parseFromString(html, "text/html").body;
  }

  let spoken = "";
  function announce(sentence) {
    if (!sentence || sentence === spoken) return;
    spoken = sentence;
    announcement.textContent = sentence;
  }

  // --- the values ---

  const names = [...new Set([...form.querySelectorAll("[name]")].map((element) => element.name))];

  function values() {
    const data = new FormData(whole);
    return Object.fromEntries(names.filter((name) => data.has(name)).map((name) => [name, String(data.get(name))]));
  }

  function setValue(name, value) {
    const radios = form.querySelectorAll(`input[type=radio][name="${name}"]`);
    for (const radio of radios) radio.checked = radio.value === value;
    if (radios.length) return;
    const field = form.querySelector(`[name="${name}"]`);
    if (field && field.value !== value) field.value = value;
  }

  function showError(name, sentence) {
    const place = byId(`${name}-error`);
    if (!place) return;
    place.textContent = sentence;
    place.hidden = !sentence;
    const field = byId(name);
    field.classList.toggle("is-invalid", Boolean(sentence) && field.tagName !== "FIELDSET");
    if (sentence) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }

  // --- what becomes of the request ---

  let rooms = null;
  let number = 0;
  let pending = 0;

  function checkUrl(parameters) {
    const url = new URL(form.dataset.checkUrl, window.location.href);
    url.searchParams.set("user", form.dataset.user);
    const path = whole.action.split("?")[0].split("/spawn/")[1];
    if (path?.includes("/")) url.searchParams.set("server", decodeURIComponent(path.split("/")[1]));
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url;
  }

  async function ask(parameters) {
    const token = new URL(whole.action, window.location.href).searchParams.get("_xsrf") || "";
    return fetch(checkUrl(parameters), {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-XSRFToken": token },
      body: JSON.stringify(values()),
    });
  }

  // Slurm's forms of a time, and 90m and 2h; null for what is not (yet) a time.
  function minutesOf(text) {
    const short = /^\s*([0-9]+)\s*(m|h|d)?\s*$/i.exec(text);
    if (short) return Number(short[1]) * { m: 1, h: 60, d: 1440 }[(short[2] || "m").toLowerCase()];
    const long = /^\s*(?:([0-9]+)-)?([0-9]+):([0-9]{1,2})(?::([0-9]{1,2}))?\s*$/.exec(text);
    if (!long) return null;
    const [days, first, second, third] = long.slice(1).map((part) => Number(part || 0));
    // Without a day, two numbers are minutes and seconds (sbatch(1), --time).
    if (long[1] === undefined && long[4] === undefined) return first + (second ? 1 : 0);
    return days * 1440 + first * 60 + second + (third ? 1 : 0);
  }

  // What is free on a node, at least and at most: whole GPUs add up, of all types where none is named; a part has to come from one card.
  function freeOf(room, gres, type) {
    if (gres === "gpu") {
      const free = Object.entries(room.gpus).reduce((sum, [name, number]) => sum + (type && type !== name ? 0 : number), 0);
      return [free, free];
    }
    const parts = room.parts.filter((part) => part.gres === gres && (!type || type === part.type));
    return [Math.max(0, ...parts.map((part) => part.least)), Math.max(0, ...parts.map((part) => part.most))];
  }

  // Counts at once, without a round trip; the sentence follows from the Hub.
  function count() {
    const place = panel.querySelector(".resource-form-count");
    if (!rooms || !place) return;
    const chosen = values();
    const memory = /^\s*([0-9]+(?:\.[0-9]+)?)\s*(G|GB|GiB|M|MB|MiB)?\s*$/i.exec(chosen.memory || "");
    const gpus = /^(?:(gpu|shard|mps):)?(?:([^:]+):)?([0-9]+)$/.exec(chosen.gpus || "0");
    const cores = Number(chosen.cores);
    const minutes = minutesOf(chosen.walltime || "");
    if (!memory || !gpus || !Number.isInteger(cores) || minutes === null) return;
    const megabytes = Number(memory[1]) * (/^M/i.test(memory[2] || "G") ? 1 : 1024);
    const [, gres = "gpu", type, asked] = gpus;
    let fitting = 0;
    let perhaps = false;
    for (const room of rooms) {
      const lasts = room.minutes === null || room.minutes >= minutes;
      if (room.cores < cores || room.memory_mb < megabytes || !lasts) continue;
      const [least, most] = freeOf(room, gres, type);
      if (least >= Number(asked)) fitting += room.nodes;
      else if (most >= Number(asked)) perhaps = true;
    }
    // Nobody knows it of some nodes, and the Hub says so.
    if (!fitting && perhaps) return;
    const words = fitting === 0 ? texts.fits_none : fitting === 1 ? texts.fits_one : texts.fits_many.replace("{number}", fitting);
    place.textContent = words;
  }

  function showFields(answer, changed) {
    for (const [name, moved] of Object.entries(answer.moved)) setValue(name, moved.value);
    for (const [name, field] of Object.entries(answer.fields)) {
      if (field.range !== undefined && byId(`${name}-range`)) byId(`${name}-range`).textContent = field.range;
      const input = byId(name);
      if (input?.type === "number") {
        input.min = field.minimum;
        if (field.maximum !== null) input.max = field.maximum;
      }
      if (!field.values || !input) continue;
      for (const option of input.querySelectorAll("option, input[type=radio]")) {
        option.disabled = !field.values.includes(option.value) && !option.checked && !option.selected;
      }
    }
    // What Slurm itself has refused stays until the user does something about it.
    if (changed !== undefined) for (const name of names) showError(name, answer.errors[name] || "");
    const moved = Object.values(answer.moved).map((entry) => entry.sentence);
    const note = byId("moved");
    if (moved.length) note.textContent = moved.join(" ");
    note.hidden = !moved.length && (note.hidden || Boolean(changed));
    return moved;
  }

  async function check(changed) {
    const mine = ++number;
    panel.classList.add("resource-form-checking");
    let answer;
    try {
      const response = await ask({ changed: changed || "", panel: 1, script: byId("script").open ? 1 : 0 });
      if (mine !== number) return;
      if (response.status === 429) {
        // The page asked too often; the last change is what counts, and it is asked about as soon as it may be.
        window.setTimeout(() => mine === number && check(changed), 1000 * Number(response.headers.get("Retry-After") || 1));
        return;
      }
      if (!response.ok) throw new Error(String(response.status));
      answer = await response.json();
    } catch {
      if (mine === number) showUnchecked();
      return;
    }
    if (mine !== number) return;
    panel.classList.remove("resource-form-checking");
    rooms = answer.rooms;
    const moved = showFields(answer, changed);
    const decision = parsed(answer.panel).firstElementChild;
    localTimes(decision);
    panel.replaceChildren(decision);
    if (answer.holding !== undefined) byId("holding").replaceChildren(...parsed(answer.holding).childNodes);
    if (changed !== undefined) announce([...moved, answer.sentence].join(" "));
    if (answer.script) showScript(answer);
    count();
  }

  function showUnchecked() {
    panel.classList.remove("resource-form-checking");
    const decision = panel.querySelector(".resource-form-decision");
    if (!decision) return;
    decision.className = "resource-form-decision resource-form-is-unknown";
    decision.dataset.verdict = "unknown";
    decision.querySelector(".resource-form-mark").textContent = "?";
    decision.querySelector(".resource-form-sentence").textContent = texts.unchecked;
    decision.querySelector(".resource-form-alternatives")?.remove();
  }

  function checkSoon(changed) {
    window.clearTimeout(pending);
    said.textContent = "";
    count();
    pending = window.setTimeout(() => check(changed), PAUSE_MS);
  }

  function fill(entries) {
    for (const [name, value] of Object.entries(entries)) setValue(name, String(value));
  }

  // --- presets and last requests ---

  const preset = byId("preset");

  function choosePreset(name) {
    if (!preset) return;
    preset.value = name;
    for (const link of form.querySelectorAll("[data-preset]")) {
      link.classList.toggle("active", link.dataset.preset === name);
      if (link.dataset.preset === name) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    form.querySelector(".resource-form-custom").hidden = Boolean(name);
  }

  form.addEventListener("click", (event) => {
    const shortcut = event.target.closest("a[data-values]");
    if (shortcut) {
      event.preventDefault();
      fill(JSON.parse(shortcut.dataset.values));
      choosePreset(shortcut.dataset.preset || "");
      check("");
      return;
    }
    const alternative = event.target.closest("button[data-change]");
    if (!alternative) return;
    fill(JSON.parse(alternative.dataset.change));
    choosePreset("");
    check("").then(() => form.querySelector(".resource-form-start")?.focus());
  });

  form.addEventListener("input", (event) => {
    if (!names.includes(event.target.name)) return;
    if (LOOK.includes(event.target.name)) {
      showError(event.target.name, "");
      return;
    }
    choosePreset("");
    checkSoon(event.target.name);
  });

  // --- when, link, script ---

  async function when() {
    said.textContent = texts.asking;
    try {
      const response = await ask({ when: 1, script: 0 });
      const answer = await response.json();
      said.textContent = response.ok ? answer.estimate_sentence : answer.message;
    } catch {
      said.textContent = texts.unchecked;
    }
  }

  async function copyLink() {
    const url = new URL(form.dataset.linkUrl, window.location.href);
    const chosen = values();
    for (const [name, value] of Object.entries(chosen)) {
      if (value || !["preset", ...LOOK].includes(name)) url.searchParams.set(`opt-${name}`, value);
    }
    try {
      await navigator.clipboard.writeText(url.href);
      said.textContent = texts.copied;
    } catch {
      // Without https a browser has no clipboard for scripts.
      const field = document.createElement("input");
      field.className = "form-control form-control-sm";
      field.readOnly = true;
      field.value = url.href;
      field.setAttribute("aria-label", texts.copy);
      said.replaceChildren(texts.copy, field);
      field.select();
    }
  }

  function showScript(answer) {
    byId("script-command").textContent = answer.command;
    byId("script-text").textContent = answer.script;
    byId("script-environment").textContent = Object.entries(answer.environment).map(([name, value]) => `${name}=${value}`).join("\n");
  }

  byId("when")?.addEventListener("click", when);
  byId("link")?.addEventListener("click", copyLink);
  byId("script")?.addEventListener("toggle", (event) => {
    if (event.target.open) check("");
  });

  // --- what is free ---

  function markUnrefreshed() {
    const section = availability.querySelector(".resource-form-availability");
    if (!section || section.dataset.unrefreshed) return;
    section.dataset.unrefreshed = "true";
    section.classList.add("resource-form-stale");
    const note = document.createElement("p");
    note.className = "alert alert-warning py-2";
    note.setAttribute("role", "status");
    note.textContent = texts.unrefreshed;
    const age = section.querySelector(".resource-form-age");
    (age || section.firstElementChild).after(note);
  }

  function show(html) {
    const opened = availability.querySelector("details")?.open;
    const section = parsed(html).querySelector(".resource-form-availability");
    if (!section) {
      markUnrefreshed();
      return;
    }
    const details = section.querySelector("details");
    if (details && opened) details.open = true;
    localTimes(section);
    availability.replaceChildren(section);
  }

  let asked = 0;

  async function refresh() {
    const mine = ++asked;
    const url = new URL(form.dataset.availabilityUrl, window.location.href);
    for (const name of ["reservation", "partition"]) {
      if (byId(name)?.value) url.searchParams.set(name, byId(name).value);
    }
    // On a large cluster the GPUs of the nodes are sent to those only who look at them.
    if (availability.querySelector(".resource-form-nodes")?.open) url.searchParams.set("devices", "all");
    try {
      const answer = await fetch(url, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (mine !== asked) return;
      if (answer.ok && !answer.redirected) show(await answer.text());
      else markUnrefreshed();
    } catch {
      if (mine === asked) markUnrefreshed();
    }
  }

  // The event does not bubble: it is heard on its way down.
  availability.addEventListener(
    "toggle",
    (event) => {
      if (event.target.open && event.target.dataset.devices === "left-out") refresh();
    },
    true,
  );

  let timer = 0;

  function refreshAll() {
    refresh();
    if (panel) check();
  }

  function schedule() {
    window.clearInterval(timer);
    if (!document.hidden) timer = window.setInterval(refreshAll, REFRESH_MS);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refreshAll();
    schedule();
  });
  for (const name of ["reservation", "partition"]) byId(name)?.addEventListener("change", refresh);

  // One press, one session: a second one while the first is on its way does nothing.
  const start = form.querySelector(".resource-form-start");
  if (whole && start) {
    whole.addEventListener("submit", () => {
      window.setTimeout(() => {
        start.disabled = true;
        start.textContent = texts.starting;
      }, 0);
    });
    // The browser keeps the pressed button when the user comes back with its Back button.
    window.addEventListener("pageshow", () => {
      start.disabled = false;
      start.textContent = texts.start;
    });
  }

  document.querySelector(".spawn-error-msg")?.focus();
  localTimes(form);
  if (panel) {
    form.querySelector(".resource-form-tools").hidden = false;
    check();
  }
  schedule();
})();
