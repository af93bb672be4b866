// What the cards and the list say of sessions, and which stand where.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { choicesOf, isChosen, sorted } from "../../share/resource_form/static/sessions/columns.js";
import { dayInWords } from "../../share/resource_form/static/common/moments.js";
import { byDay } from "../../share/resource_form/static/sessions/days.js";
import { refusalInWords } from "../../share/resource_form/static/sessions/copies.js";
import { neverStarted, shownOf } from "../../share/resource_form/static/sessions/home.js";
import { startBody } from "../../share/resource_form/static/sessions/hub.js";
import { copyLink, formLink, safeLink, viewLink } from "../../share/resource_form/static/sessions/links.js";
import * as model from "../../share/resource_form/static/sessions/model.js";
import { isDone } from "../../share/resource_form/static/sessions/orders.js";
import { ranFor } from "../../share/resource_form/static/sessions/rows.js";
import { numbersAfter, numbersOf } from "../../share/resource_form/static/sessions/tabs.js";
import { changed, makeWords } from "../../share/resource_form/static/sessions/words.js";

const HERE = "https://hub.example/hub/home";
const MOMENTS = JSON.parse(readFileSync(new URL("../fixtures/moments.json", import.meta.url), "utf8")).texts.en;
const TEXTS = {
  ...MOMENTS,
  busy_cores: "CPU",
  busy_memory: "Memory",
  cores: "{number} of {all} cores",
  cores_only: "{number} cores",
  memory: "{number} of {all}",
  idle: "Idle since {time}.",
  idle_stops: "Stopped at {time}.",
  idle_asks: "Stop it.",
  left: "{duration} left",
  time_is_up: "Time is up.",
  said: "{name}: {state}. {sentence}",
  units: "{number} {unit}",
  limit_words: "{number} of {most}.",
};
const words = makeWords(TEXTS, { running: "Running", ended: "Ended", failed: "Failed" }, "en");

/** A running session of ada's, but for what is given. */
function session(values = {}) {
  const spawn = "/hub/spawn/ada/one";
  const request = { cores: 4, memory: "8G", preset: "small", name: "Mine", profile: "a line" };
  const fixed = { user: "ada", name: "one", display_name: "Mine", id: "7", kind: "running", state: "running", request, spawn_url: spawn };
  return { ...fixed, sentence: "It runs.", submitted: "2026-11-29T10:00:00Z", ...values };
}

describe("a session", () => {
  test("that has failed is one that has ended among the others", () => {
    assert.equal(model.stateOf(session({ state: "ended", kind: "others" })), "failed");
    assert.equal(model.stateOf(session({ state: "ended", kind: "finished" })), "ended");
    assert.equal(model.toneOf(session({ state: "ended", kind: "others" })), "bad");
    assert.equal(model.toneOf(session({ state: "stopping" })), "plain");
  });

  test("says what it used once it is over", () => {
    const used = { memory_mb: 3174, sentence: "Used 3.1 of 32 GB." };
    assert.equal(words.usedInAll(session({ state: "ended", used })), "Used 3.1 of 32 GB.");
    assert.equal(words.usedInAll(session({ state: "ended", used: null })), "");
    assert.equal(words.usedInAll(session({ state: "running", used })), "");
  });

  test("is not shown anew for what changes by time passing alone", () => {
    const before = model.signature(session({ seconds_left: 60, seconds_waited: 1, gpus: null, cost: { per_hour: 2, used: 1, unit: "u" } }));
    const after = { seconds_left: 59, seconds_waited: 2, gpus: { age: 1, devices: [] }, cost: { per_hour: 2, used: 1.5, unit: "u" } };
    assert.equal(model.signature(session(after)), before);
    assert.notEqual(model.signature(session({ ...after, node: "g001" })), before);
    assert.notEqual(model.signature(session({ ...after, cost: { per_hour: 3, used: 1, unit: "u" } })), before);
  });

  test("is called as its user calls it, and not as what it is", () => {
    assert.equal(model.calledBy(session({ named: true })), "Mine");
    assert.equal(model.calledBy(session({ display_name: "JupyterLab · 4 cores · g100_int", named: false })), "");
  });

  test("that is over has a cost that is shown anew", () => {
    const over = (used) => model.signature(session({ state: "ended", cost: { per_hour: 2, used, unit: "u" } }));
    assert.notEqual(over(1), over(2));
  });

  test("is found by any of its words, by its user and by its state", () => {
    const found = (filter) => model.matches(session({ node: "g001" }), { text: "", user: "", state: "", ...filter });
    assert.ok(found({}));
    assert.ok(found({ text: " G001 " }));
    assert.ok(found({ user: "AD", state: "running", text: "mine" }));
    assert.ok(!found({ user: "ben" }));
    assert.ok(!found({ state: "ended" }));
    assert.ok(!found({ text: "g002" }));
  });
});

describe("the cards", () => {
  const old = session({ id: "5", state: "ended", ended: "2026-11-28T10:00:00Z" });
  const older = session({ id: "4", state: "ended", ended: "2026-11-27T10:00:00Z" });
  const servers = ["", "one", "two"].map((name) => ({ name, display_name: name, spawn_url: `/hub/spawn/ada/${name}` }));

  test("show the session that is there, else the last one", () => {
    assert.equal(model.currentOf([older, old], "ada", "one"), old);
    assert.equal(model.currentOf([older, session(), old], "ada", "one").id, "7");
    assert.equal(model.currentOf([session({ user: "ben" })], "ada", "one"), undefined);
  });

  test("begin with what runs, and end with what is over, the latest first", () => {
    const states = ["ended", "stopping", "waiting", "running"];
    const sessions = states.map((state, index) => session({ name: String(index), state, ended: state === "ended" ? old.ended : null }));
    assert.deepEqual([...sessions, { ...older, name: "4" }].sort(model.byRank).map((each) => each.name), ["3", "2", "1", "0", "4"]);
  });

  test("have a place for a server that was never started, but the default one, which is always there", () => {
    assert.deepEqual(shownOf([session()], servers, "ada").map((each) => each.name), ["one", "two"]);
    assert.equal(neverStarted(servers[0], "ada"), null);
    assert.ok(model.isNew(neverStarted(servers[2], "ada")));
  });
});

describe("the lists", () => {
  const now = new Date(2026, 10, 29, 12);
  const inWords = (day) => dayInWords(day, { today: "Today", yesterday: "Yesterday" }, now);

  test("have a group for each day, in their order", () => {
    const ended = [new Date(2026, 10, 29, 9), new Date(2026, 10, 29, 8), new Date(2026, 10, 28)];
    const sessions = ended.map((day, index) => session({ id: String(index), state: "ended", ended: day.toISOString() }));
    const days = byDay([...sessions, session({ id: "3", submitted: null })], inWords);
    const found = [...days].map(([day, group]) => [day, group.map(({ id }) => id).join("")]);
    assert.deepEqual(found, [["Today", "01"], ["Yesterday", "2"], ["", "3"]]);
  });

  test("tell how long a session ran, of one that did", () => {
    assert.equal(ranFor({ started: "2026-11-29T10:00:00Z", ended: "2026-11-29T11:57:00Z" }), 7020);
    assert.equal(ranFor({ started: null, ended: "2026-11-29T11:57:00Z" }), null);
    assert.equal(ranFor({ started: "2026-11-29T10:00:00Z", ended: null }), null);
  });

  test("have numbers, which follow what ends", () => {
    const over = (kind) => session({ state: "ended", kind });
    assert.deepEqual(numbersOf([session(), over("finished"), over("others"), over("others")]), { running: 1, finished: 1, others: 2 });
    const before = { running: 1, finished: 7, others: 2 };
    assert.deepEqual(numbersAfter(before, [session()], [over("finished")]), { running: 0, finished: 8, others: 2 });
    assert.deepEqual(numbersAfter(before, [], [over("finished"), session({ name: "two" })]), before);
    assert.deepEqual(numbersAfter(before, [over("others")], [over("others")]), { ...before, running: 0 });
  });
});

describe("the table", () => {
  const of = (user, partition, values = {}) => session({ user, request: { partition, account: "a", release: "2026.10" }, ...values });
  const sessions = [of("ben10", "gpu"), of("ben9", "cpu", { state: "waiting" }), of("ada", "gpu")];
  const users = (found) => found.map(({ user }) => user);

  test("is sorted by a column, up and down, numbers as numbers", () => {
    assert.deepEqual(users(sorted(sessions, "user", false)), ["ada", "ben9", "ben10"]);
    assert.deepEqual(users(sorted(sessions, "user", true)), ["ben10", "ben9", "ada"]);
    assert.deepEqual(users(sorted(sessions, "partition", false)), ["ben9", "ben10", "ada"]);
    const over = ["11:00", "10:30"].map((time) =>
      session({ user: time, state: "ended", started: "2026-11-29T10:00:00Z", ended: `2026-11-29T${time}:00Z` }));
    assert.deepEqual(users(sorted(over, "time", false)), ["10:30", "11:00"]);
    assert.deepEqual(users(sorted(over, "since", true)), ["11:00", "10:30"]);
  });

  test("is filtered by what there is", () => {
    assert.deepEqual(choicesOf(sessions, "partition"), ["cpu", "gpu"]);
    assert.deepEqual(choicesOf(sessions, "state"), ["running", "waiting"]);
    const found = (values) => users(sessions.filter((each) => isChosen(each, values)));
    assert.deepEqual(found({ partition: "gpu", state: "" }), ["ben10", "ada"]);
    assert.deepEqual(found({ partition: "", state: "waiting" }), ["ben9"]);
    assert.deepEqual(found({ account: "b" }), []);
  });
});

describe("a change", () => {
  const told = (before, after) => changed(before, after, words.warnings).map(words.said);

  test("is told of once, in a sentence", () => {
    const over = session({ state: "ended", kind: "finished", sentence: "It was stopped.", what_to_do: "Start it again." });
    assert.deepEqual(told([session()], [over]), ["Mine: Ended. It was stopped. Start it again."]);
    assert.deepEqual(told([session()], [session({ seconds_left: 5 })]), []);
  });

  test("is a session that is new and not over, and one that got its id", () => {
    assert.equal(told([], [session()]).length, 1);
    assert.equal(told([], [session({ state: "ended" })]).length, 0);
    assert.equal(told([session({ id: "" })], [session()]).length, 0);
  });

  test("is a warning", () => {
    const killed = session({ killed: { number: 1, sentence: "A kernel was killed." } });
    assert.deepEqual(told([session()], [killed]), ["Mine: Running. It runs. A kernel was killed."]);
  });
});

describe("what is said of a session", () => {
  test("warns of idle GPUs, and says whether it is stopped for them", () => {
    const idle = (stops) => words.idle(session({ idle_gpus: { since: "2026-11-29T10:00:00Z", stops_at: stops } }));
    assert.match(idle(null), /^Idle since .*\. Stop it\.$/);
    assert.match(idle("2026-11-29T11:00:00Z"), /^Idle since .*\. Stopped at .*\.$/);
    assert.equal(words.warnings(session({ state: "ended", idle_gpus: { since: "2026-11-29T10:00:00Z", stops_at: null } })), "");
  });

  test("counts the cost on while it runs, and not of one whose cost is not known", () => {
    const cost = { per_hour: 2, used: 1, unit: "units" };
    assert.equal(words.used(session({ cost }), 1, 1 + 1800000), "2 units");
    assert.equal(words.used(session({ cost, state: "ended" }), 1, 1 + 1800000), "1 units");
    assert.equal(words.used(session({ cost: { ...cost, used: null } }), 1, 2), "");
    assert.equal(words.used(session({ cost, state: "waiting" }), 1, 2), "");
    assert.equal(words.used(session(), 1, 2), "");
  });

  test("has what is in use, of what it has as far as that is known", () => {
    const used = { cores: 1.5, memory_mb: 2048 };
    const usage = (found) => words.usage(found).map(({ label, value, share }) => [label, value, share]);
    const held = [{ name: "cores", amount: 4 }, { name: "memory", amount: 8192 }];
    assert.deepEqual(usage(session({ usage: used, held })), [["CPU", "1.5 of 4 cores", 0.375], ["Memory", "2 GB of 8 GB", 0.25]]);
    assert.deepEqual(usage(session({ usage: used })), [["CPU", "1.5 cores", null], ["Memory", "2 GB", null]]);
    assert.deepEqual(usage(session({ usage: null })), []);
  });

  test("has the time that is left", () => {
    assert.equal(words.left(90), "1 min left");
    assert.equal(words.left(0), "Time is up.");
  });
});

describe("a link", () => {
  const options = (link) => Object.fromEntries(new URL(link).searchParams);

  test("to the form has the request, and what makes sense to change instead of the preset", () => {
    const all = { "opt-cores": "4", "opt-memory": "8G", "opt-preset": "small", "opt-name": "Mine" };
    assert.deepEqual(options(formLink(session(), HERE)), all);
    const changedOne = options(formLink(session({ change: { memory: "16G" } }), HERE));
    assert.deepEqual(changedOne, { "opt-cores": "4", "opt-memory": "16G", "opt-name": "Mine" });
  });

  test("to a copy has the request without the name", () => {
    const link = copyLink(session({ change: { memory: "16G" } }), "Mine", HERE, "/hub/");
    assert.ok(link.startsWith("https://hub.example/hub/resource-form/new?"));
    assert.deepEqual(options(link), { copy_of: "Mine", "opt-cores": "4", "opt-memory": "8G", "opt-preset": "small" });
  });

  test("is none to what is no page", () => {
    assert.equal(safeLink("javascript:alert(1)", HERE), "");
    assert.equal(safeLink("", HERE), "");
    assert.equal(safeLink("/user/ada/", HERE), "https://hub.example/user/ada/");
    assert.equal(safeLink("https://ada.hub.example/", HERE), "https://ada.hub.example/");
    assert.equal(viewLink(session(), "/hub/"), "/hub/spawn-pending/ada/one");
  });
});

test("a start has a name to show where JupyterHub knows and takes it", () => {
  assert.deepEqual(startBody({ name: "My run" }, true), { display_name: "My run", user_options: { name: "My run" } });
  for (const name of [" leading", "two  blanks", "", undefined]) assert.deepEqual(startBody({ name }, true), { name });
  assert.deepEqual(startBody({ name: "My run" }, false), { name: "My run" });
});

test("an order is over once the session stands otherwise; one to stop not before it stops", () => {
  assert.ok(!isDone({ what: "start", state: "ended" }, "ended"));
  assert.ok(isDone({ what: "start", state: "ended" }, "waiting"));
  assert.ok(!isDone({ what: "stop", state: "waiting" }, "running"));
  assert.ok(isDone({ what: "stop", state: "running" }, "stopping"));
  assert.ok(isDone({ what: "stop", state: "running" }, "ended"));
});

test("JupyterHub's limit of named servers is said in our words, any other refusal in its own", () => {
  const why = "User ada already has the maximum of 3 named servers. One must be deleted.";
  assert.equal(refusalInWords(why, 3, 2, TEXTS), "3 of 3.");
  assert.equal(refusalInWords(why, 0, 2, TEXTS), why);
  assert.equal(refusalInWords("No.", 3, 2, TEXTS), "No.");
});

test("what may be done with a session is told by its user, or by its server alone", () => {
  const guest = { users: ["ada"], servers: ["ben/", "ben/second"] };
  const allowed = [["ada", ""], ["ada", "any"], ["ben", ""], ["ben", "second"]];
  const not = [["ben", "third"], ["be", "n/"], ["eve", ""], ["", "ada"]];
  for (const [user, name] of allowed) assert.ok(model.reaches(guest, { user, name }), `${user}/${name}`);
  for (const [user, name] of not) assert.ok(!model.reaches(guest, { user, name }), `${user}/${name}`);
  assert.ok(model.reaches({ users: null, servers: [] }, { user: "eve", name: "" }));
  assert.ok(!model.reaches({ users: [], servers: [] }, { user: "eve", name: "" }));
});
