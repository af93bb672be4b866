// What the user is told before a session ends, and of what went wrong in it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { makeNotices, toldOf, warningDue } from "../../share/resource_form/static/sessions/notices.js";

test("the warning that is due is the last whose time has come", () => {
  assert.equal(warningDue([30, 10, 5], 601), 30);
  assert.equal(warningDue([30, 10, 5], 600), 10);
  assert.equal(warningDue([30, 10, 5], 1801), null);
  assert.equal(warningDue(undefined, 1), null);
});

test("what was told is kept for the sessions that are there, each thing of its own", () => {
  const told = { "ada/one/7": 10, "ada/one/7/killed": "1", "ada/one/7/idle": "now", "ada/one/71": 5, "ada/two/8/idle": "now" };
  assert.deepEqual(Object.keys(toldOf(told, ["ada/one/7"])), ["ada/one/7", "ada/one/7/killed", "ada/one/7/idle"]);
});

test("a notification of a killed kernel says which session it is of, once, and not of one that is over", (context) => {
  const shown = [];
  class Notification {
    static permission = "granted";

    constructor(title, { body, tag }) {
      shown.push({ title, body, tag });
    }
  }
  const kept = new Map([["resource-form-notify", "yes"]]);
  const localStorage = { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) };
  Object.assign(globalThis, { Notification, window: { Notification, localStorage, isSecureContext: true } });
  context.after(() => {
    delete globalThis.Notification;
    delete globalThis.window;
  });

  const running = { user: "ada", name: "one", id: "7", display_name: "Mine", state: "running" };
  const killed = (number, values = {}) => ({ ...running, killed: { number, sentence: "A kernel was killed." }, ...values });
  const { tell } = makeNotices({ texts: {}, lang: "en", sessions: [running], find: () => null });
  tell(running);
  tell(killed(1, { state: "ended" }));
  assert.deepEqual(shown, []);
  tell(killed(1));
  tell(killed(1));
  assert.deepEqual(shown, [{ title: "Mine", body: "A kernel was killed.", tag: "ada/one/7/killed/1" }]);
  tell(killed(2));
  assert.equal(shown.length, 2);
});
